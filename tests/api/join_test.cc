// Joining other agents, as far as one agent alone can.

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/api/agent_runtime.h"
#include "lib/env/sim_env.h"

namespace discovery::api {
namespace {

TEST_CASE("an agent joins itself by any of its names, and nobody else", "[api][join]") {
  env::Simulation world(1);
  env::SimEnv& machine = world.add_env("one");
  world.add_env("two");
  agent::Config config;
  config.node_name = "one";
  config.dev_mode = true;
  const std::string bind = GENERATE("0.0.0.0", "127.0.0.1");
  config.bind_addr = bind;
  config.advertise_addr = bind == "0.0.0.0" ? machine.address() : bind;
  AgentRuntime agent(machine, config, "40e4a748-2192-161a-0510-9bf59fe950b5");
  REQUIRE(agent.start().ok());
  const auto join = [&](const std::string& address, bool wan = false) {
    std::optional<Result<Unit>> result;
    agent.control().join(address, wan, {}).then([&](Result<Unit> done) { result.emplace(std::move(done)); });
    REQUIRE(world.run_until([&] { return result.has_value(); }, std::chrono::minutes(1)));
    return std::string(result->status().message());
  };
  CAPTURE(bind);
  for (const char* own : {"localhost", "localhost:8301", "127.0.0.1", "127.0.0.1:8301"}) {
    CAPTURE(own);
    CHECK(join(own).empty());
  }
  CHECK(join("localhost", true).empty());
  CHECK(join("127.0.0.1:8302", true).empty());
  if (bind == "0.0.0.0") CHECK(join("one").empty());
  CHECK(join("nowhere") ==
        "1 error occurred:\n\t* Failed to resolve nowhere: lookup nowhere: no such host\n\n");
  CHECK(join("localhost:x").find("Failed to resolve localhost:x: ") != std::string::npos);
  CHECK(join("two").find("Failed to join 10.0.0.2:8301: ") != std::string::npos);
  CHECK(join("10.0.0.2:99") ==
        "1 error occurred:\n\t* Failed to join 10.0.0.2:99: dial tcp 10.0.0.2:99: connect: connection "
        "refused\n\n");
}

}  // namespace
}  // namespace discovery::api
