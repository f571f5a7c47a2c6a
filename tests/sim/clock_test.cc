// A machine whose wall clock jumps: what depends on how much time has passed does not notice.

#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "tests/sim/agent_world.h"

namespace discovery::api {
namespace {

using namespace std::chrono_literals;
using testing::World;

/// "1970", of an answer's date.
std::string year_of(const http1::ClientResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "Date") return value.substr(value.size() - 17 + 5, 4);  // "Mon, 01 Jan 2024 00:00:00 GMT"
  }
  return "none";
}

bool has(const http1::ClientResponse& response, const std::string& part) {
  return response.body.find(part) != std::string::npos;
}

TEST_CASE("a wall clock that jumps moves no deadline", "[sim]") {
  World world;
  REQUIRE(world
              .ask("PUT", "/v1/agent/service/register",
                   R"({"Name": "web", "Check": {"TTL": "30s", "Status": "passing"}})")
              .status == 200);
  const auto session = world.ask("PUT", "/v1/session/create", R"({"TTL": "20s", "LockDelay": "15s"})");
  const std::string id = session.body.substr(session.body.find(": \"") + 3, 36);
  REQUIRE(has(world.ask("PUT", "/v1/kv/lock?acquire=" + id, "x"), "true"));
  const std::string index = std::to_string(1U << 20U);
  const auto waiting = world.begin("GET", "/v1/kv/lock?wait=25s&index=" + index);
  world.simulation.run_for(1s);

  const std::chrono::hours jump = GENERATE(24h * 365 * 60, -24h * 365 * 60, 1h, -1h);
  world.machine.set_wall_skew(jump);
  world.simulation.run_for(15s);
  CHECK(year_of(world.ask("GET", "/v1/status/leader")).size() == 4);
  CHECK(has(world.ask("GET", "/v1/session/info/" + id), id));
  CHECK(has(world.ask("GET", "/v1/health/service/web?passing"), "\"web\""));
  CHECK_FALSE(waiting->result);
  CHECK(has(world.ask("GET", "/v1/agent/check/service:web/history"), "["));
  CHECK(world.ask("GET", "/v1/agent/metrics").status == 200);

  world.machine.set_wall_skew(-jump);
  world.simulation.run_for(16s);
  CHECK(waiting->result);  // after 25 s and up to a sixteenth
  CHECK(has(world.ask("GET", "/v1/health/state/critical"), "service:web"));
  world.simulation.run_for(10s);
  CHECK_FALSE(has(world.ask("GET", "/v1/session/info/" + id), id));
  CHECK_FALSE(has(world.ask("GET", "/v1/kv/lock"), "Session"));
  world.machine.set_wall_skew(0s);
  CHECK(world.ask("GET", "/v1/agent/metrics").status == 200);
}

}  // namespace
}  // namespace discovery::api
