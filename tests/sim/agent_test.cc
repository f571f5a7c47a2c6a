// A whole agent in the simulated world: the production objects from the HTTP connection down to the state,
// under virtual time. Minutes of waiting cost milliseconds, and one seed makes one history.

#include <string>

#include <catch2/catch.hpp>

#include "tests/sim/agent_world.h"

namespace discovery::api {
namespace {

using namespace std::chrono_literals;
using testing::World;

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
