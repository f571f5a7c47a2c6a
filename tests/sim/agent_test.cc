// A whole agent in the simulated world: the production objects from the HTTP connection down to the state,
// under virtual time. Minutes of waiting cost milliseconds, and one seed makes one history.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "lib/api/agent_runtime.h"
#include "lib/env/sim_env.h"
#include "lib/http1/client.h"

namespace discovery::api {
namespace {

using namespace std::chrono_literals;

struct World {
  env::Simulation simulation;
  env::SimEnv& machine;
  env::SimEnv& client;
  std::unique_ptr<AgentRuntime> agent;

  explicit World(std::uint64_t seed = 1)
      : simulation(seed), machine(simulation.add_env("server")), client(simulation.add_env("client")) {
    agent::Config config;
    config.node_name = "one";
    config.dev_mode = true;
    config.bind_addr = machine.address();
    config.client_addr = {machine.address()};
    agent =
        std::make_unique<AgentRuntime>(machine, std::move(config), "8d85027d-1b8b-63af-a8a8-08c1179ed0a3");
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
    limits.timeout = 1h;
    call->fetch = http1::fetch(client, agent->http().at(0), std::move(request), limits,
                               [this, raw = call.get()](Result<http1::ClientResponse> response) {
                                 raw->result = std::move(response);
                                 raw->answered_at = simulation.now();
                               });
    return call;
  }
  http1::ClientResponse ask(std::string method, std::string target, std::string body = {}) {
    const auto call = begin(std::move(method), std::move(target), std::move(body));
    REQUIRE(simulation.run_until([&] { return call->result.has_value(); }, 10s));
    REQUIRE(call->result->ok());
    return **call->result;
  }
};

std::string index_of(const http1::ClientResponse& response) {
  return std::string(response.header("X-Consul-Index"));
}

TEST_CASE("a service with a TTL check lives and expires under virtual time", "[sim]") {
  World world;
  const std::string body = R"({"Name": "web", "Port": 80, "Check": {"TTL": "30s", "Status": "passing"}})";
  REQUIRE(world.ask("PUT", "/v1/agent/service/register", body).status == 200);
  const auto passing = world.ask("GET", "/v1/health/service/web?passing");
  REQUIRE(passing.body.find("\"Port\": 80") != std::string::npos);

  const auto waiting = world.begin("GET", "/v1/health/service/web?index=" + index_of(passing) + "&wait=10m");
  world.simulation.run_for(29s);
  REQUIRE_FALSE(waiting->result.has_value());
  world.simulation.run_for(2s);
  REQUIRE(waiting->result.has_value());
  REQUIRE(waiting->answered_at < 31s);
  REQUIRE((*waiting->result)->body.find("TTL expired") != std::string::npos);
  REQUIRE(world.ask("GET", "/v1/health/service/web?passing").body == "[]\n");

  REQUIRE(world.ask("PUT", "/v1/agent/check/pass/service:web").status == 200);
  REQUIRE(world.ask("GET", "/v1/health/service/web?passing").body != "[]\n");
}

TEST_CASE("a client that goes away frees what it waited with", "[sim]") {
  World world;
  const std::string index = index_of(world.ask("GET", "/v1/kv/a?keys"));
  auto waiting = world.begin("GET", "/v1/kv/a?index=" + index + "&wait=10m");
  world.simulation.run_for(1s);
  REQUIRE_FALSE(waiting->result.has_value());
  waiting->fetch.reset();
  world.simulation.run_for(1s);
  REQUIRE(world.ask("PUT", "/v1/kv/a", "x").body.find("true") == 0);
  world.simulation.run_for(1h);
  REQUIRE_FALSE(waiting->result.has_value());
}

TEST_CASE("the catalog is mended when somebody edits what the agent owns", "[sim]") {
  World world;
  REQUIRE(world.ask("PUT", "/v1/agent/service/register", R"({"Name": "web", "Port": 80})").status == 200);
  REQUIRE(world.ask("PUT", "/v1/catalog/deregister", R"({"Node": "one", "ServiceID": "web"})").status == 200);
  REQUIRE(world.ask("GET", "/v1/catalog/service/web").body == "[]\n");
  world.simulation.run_for(3min);
  REQUIRE(world.ask("GET", "/v1/catalog/service/web").body != "[]\n");
}

TEST_CASE("one seed makes one history", "[sim]") {
  const auto history = [](std::uint64_t seed) {
    World world(seed);
    for (int n = 0; n < 20; ++n) world.ask("PUT", "/v1/kv/k" + std::to_string(n), "v");
    world.simulation.run_for(5min);
    return world.simulation.trace();
  };
  REQUIRE(history(3) == history(3));
  REQUIRE(history(3) != history(4));
}

TEST_CASE("an agent that stops answers those who wait", "[sim]") {
  World world;
  const std::string index = index_of(world.ask("GET", "/v1/catalog/nodes"));
  const auto waiting = world.begin("GET", "/v1/catalog/nodes?wait=10m&index=" + index);
  world.simulation.run_for(1s);
  bool done = false;
  world.agent->shutdown(1s, [&] { done = true; });
  REQUIRE(world.simulation.run_until([&] { return done; }, 10s));
  world.agent.reset();
  world.simulation.run_for(20s);
  REQUIRE(waiting->result.has_value());
}

}  // namespace
}  // namespace discovery::api
