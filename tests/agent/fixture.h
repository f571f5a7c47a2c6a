#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/agent/local_agent.h"
#include "lib/env/sim_env.h"
#include "tests/agent/fake_catalog.h"

namespace discovery::agent {

inline AgentIdentity identity_of(const std::string& node) {
  AgentIdentity identity;
  identity.self.node_name = node;
  identity.self.node_id = "40e4a748-2192-161a-0510-9bf59fe950b5";
  identity.self.datacenter = "dc1";
  identity.self.node_meta = {{"consul-network-segment", ""}};
  identity.self.member.name = node;
  identity.wan_member.emplace().name = node + ".dc1";
  identity.address = "10.0.0.1";
  identity.tagged_addresses = {{"lan", "10.0.0.1"}};
  return identity;
}

inline model::CheckSpec ttl_check(std::string name, Duration ttl, std::string service_id = {}) {
  model::CheckSpec spec;
  spec.name = std::move(name);
  spec.ttl = ttl;
  spec.service_id = std::move(service_id);
  return spec;
}

inline model::ServiceSpec service_of(std::string name, std::int64_t port = 0,
                                     std::vector<model::CheckSpec> checks = {}) {
  model::ServiceSpec spec;
  spec.service.name = std::move(name);
  spec.service.port = port;
  spec.checks = std::move(checks);
  return spec;
}

/// An agent over a fake catalog in a simulated world.
struct Fixture {
  explicit Fixture(std::uint64_t seed = 1, NodeAgent::Options options = {})
      : world(seed),
        env(world.add_env("one")),
        catalog(env),
        agent(new NodeAgent(env, catalog, identity_of("n"), options)) {}

  /// The result of an operation that must be over by `limit`.
  template <class T>
  Result<T> result(Async<T> operation, Duration limit = Duration::zero()) {
    auto result = start(std::move(operation));
    world.run_until([&] { return result->has_value(); }, limit);
    REQUIRE(result->has_value());
    return **result;
  }
  /// An operation that may go on; what is pointed to has its result some day.
  template <class T>
  std::shared_ptr<std::optional<Result<T>>> start(Async<T> operation) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    std::move(operation).then([result](Result<T> value) {
      REQUIRE_FALSE(result->has_value());
      result->emplace(std::move(value));
    });
    return result;
  }
  template <class T>
  void ok(Async<T> operation) {
    const auto done = result(std::move(operation));
    INFO(done.status().to_string());
    REQUIRE(done.ok());
  }
  template <class T>
  std::string failure(Async<T> operation) {
    return std::string(result(std::move(operation)).status().message());
  }

  std::vector<model::CheckPtr> checks() { return *result(agent->checks({}, {})); }
  model::CheckPtr check(const std::string& id) {
    for (const auto& check : checks()) {
      if (check->check_id == id) return check;
    }
    return nullptr;
  }

  env::Simulation world;
  env::SimEnv& env;
  FakeCatalog catalog;
  std::unique_ptr<NodeAgent> agent;
};

}  // namespace discovery::agent
