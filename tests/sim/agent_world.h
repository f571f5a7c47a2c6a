#pragma once

/// \file
/// A whole agent on a simulated machine, and another machine that asks it.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "lib/api/agent_runtime.h"
#include "lib/env/sim_env.h"
#include "lib/http1/client.h"

namespace discovery::api::testing {

struct World {
  env::Simulation simulation;
  env::SimEnv& machine;
  env::SimEnv& client;
  std::unique_ptr<AgentRuntime> agent;

  explicit World(std::uint64_t seed = 1) : World(seed, agent::Config(), AgentRuntime::Around()) {}
  World(std::uint64_t seed, agent::Config config, AgentRuntime::Around around)
      : simulation(seed), machine(simulation.add_env("server")), client(simulation.add_env("client")) {
    config.node_name = "one";
    config.dev_mode = true;
    config.bind_addr = machine.address();
    config.client_addr = {machine.address()};
    agent = std::make_unique<AgentRuntime>(machine, std::move(config), "8d85027d-1b8b-63af-a8a8-08c1179ed0a3",
                                           std::move(around));
    REQUIRE(agent->start().ok());
  }

  /// A request from another machine.
  struct Call {
    std::optional<Result<http1::ClientResponse>> result;
    Duration answered_at{};
    std::unique_ptr<http1::Fetch> fetch;
  };
  std::unique_ptr<Call> begin(std::string method, std::string target, std::string body = {}) {
    auto call = std::make_unique<Call>();
    http1::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.host = "agent";
    request.body = std::move(body);
    http1::ClientLimits limits;
    limits.timeout = std::chrono::hours(1);
    call->fetch = http1::fetch(client, agent->http().at(0), std::move(request), limits,
                               [this, raw = call.get()](Result<http1::ClientResponse> response) {
                                 raw->result = std::move(response);
                                 raw->answered_at = simulation.now();
                               });
    return call;
  }
  http1::ClientResponse ask(std::string method, std::string target, std::string body = {}) {
    const auto call = begin(std::move(method), std::move(target), std::move(body));
    REQUIRE(simulation.run_until([&] { return call->result.has_value(); }, std::chrono::seconds(10)));
    REQUIRE(call->result->ok());
    return **call->result;
  }
};

}  // namespace discovery::api::testing
