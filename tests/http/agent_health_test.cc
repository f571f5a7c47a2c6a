#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

using namespace discovery;
using namespace discovery::http::testing;
using namespace std::chrono_literals;

namespace {

model::ServiceHealth health(std::string id, std::string status) {
  auto service = std::make_shared<model::ServiceInstance>();
  service->id = id;
  service->name = "web";
  auto check = std::make_shared<model::HealthCheck>();
  check->check_id = "service:" + id;
  check->status = status == "maintenance" ? "critical" : status;
  return {service, {check}, std::move(status)};
}

}  // namespace

TEST_CASE("a check's history shows what happened, on what evidence, and what comes") {
  World world;
  world.agent.history.check_id = "mem";
  world.agent.history.service_id = "web-1";
  world.agent.history.status = "critical";
  world.agent.history.consecutive_failures = 3;
  world.agent.history.transitions.push_back({.time = std::chrono::system_clock::time_point(1s),
                                             .from = "passing",
                                             .to = "critical",
                                             .evidence = {.code = 503, .latency = 2ms, .output = "no"},
                                             .next = "runs again"});
  world.agent.history.next = {"runs again in 7s"};
  const auto kept = world.ask("/v1/agent/check/mem/history?token=t");
  CHECK(kept->status() == 200);
  CHECK(kept->body() ==
        R"({"CheckID":"mem","ServiceID":"web-1","Status":"critical","ConsecutiveSuccesses":0,)"
        R"("ConsecutiveFailures":3,"Forgotten":0,"Transitions":[{"Time":"1970-01-01T00:00:01.000Z",)"
        R"("From":"passing","To":"critical","Evidence":{"Code":503,"Latency":"2ms","Consecutive":0,)"
        R"("Output":"no"},"Next":"runs again"}],"Next":["runs again in 7s"]})");
  CHECK(world.agent.calls.back() == "check_history mem");
  CHECK(world.agent.callers.back().token == "t");
}

TEST_CASE("a history is asked for by GET, below a check that there is") {
  World world;
  CHECK(world.put("/v1/agent/check/mem/history", "")->status() == 404);
  CHECK(world.ask("/v1/agent/check/history")->status() == 404);
  CHECK(world.ask("/v1/agent/check/mem/else")->status() == 404);
  CHECK(world.agent.calls.empty());
  // Ids may hold slashes.
  CHECK(world.ask("/v1/agent/check/a/b/history")->status() == 200);
  CHECK(world.agent.calls.back() == "check_history a/b");
  world.agent.result = Status(Code::kNotFound, "Unknown check \"mem\"");
  CHECK(world.ask("/v1/agent/check/mem/history")->status() == 404);
}

TEST_CASE("health of a service is a status code and a word, for load balancers") {
  World world;
  const std::vector<std::pair<std::string, int>> codes = {
      {"passing", 200}, {"warning", 429}, {"critical", 503}, {"maintenance", 503}};
  for (const auto& [word, code] : codes) {
    world.agent.health_list = {health("web-1", word)};
    const auto text = world.ask("/v1/agent/health/service/id/web-1?format=text");
    CHECK(text->status() == code);
    CHECK(text->body() == word);
    CHECK(text->header("X-Consul-Reason") == word);
    CHECK(text->header("Content-Type") == "text/plain");
    CHECK(world.agent.calls.back() == "service_health_by_id web-1");
  }
  world.agent.health_list.clear();
  CHECK(world.ask("/v1/agent/health/service/id/nope")->status() == 404);
}

TEST_CASE("health by name is that of the worst instance") {
  World world;
  world.agent.health_list = {health("web-1", "passing"), health("web-2", "maintenance"),
                             health("web-3", "critical")};
  const auto kept = world.ask("/v1/agent/health/service/name/web?format=text");
  CHECK(kept->status() == 503);
  CHECK(kept->body() == "maintenance");
  world.agent.health_list.pop_back();
  world.agent.health_list.back() = health("web-2", "warning");
  CHECK(world.ask("/v1/agent/health/service/name/web")->status() == 429);
  world.agent.health_list.clear();
  CHECK(world.ask("/v1/agent/health/service/name/nope")->header("X-Consul-Reason") ==
        "ServiceName nope Not Found");
}

TEST_CASE("maintenance is switched on and off, and says what it does not understand") {
  World world;
  CHECK(world.put("/v1/agent/maintenance?enable=true&reason=broken%20disk", "")->status() == 200);
  CHECK(world.agent.calls.back() == "set_node_maintenance on broken disk");
  CHECK(world.put("/v1/agent/service/maintenance/web-1?enable=0", "")->status() == 200);
  CHECK(world.agent.calls.back() == "set_service_maintenance web-1 off ");
  CHECK(world.put("/v1/agent/maintenance", "")->body() == "Missing value for enable");
  CHECK(world.put("/v1/agent/maintenance?enable=", "")->body() == "Invalid value for enable: \"\"");
  CHECK(world.put("/v1/agent/maintenance?enable=maybe", "")->body() == "Invalid value for enable: \"maybe\"");
  CHECK(world.put("/v1/agent/service/maintenance/?enable=true", "")->body() == "Missing service ID");
}
