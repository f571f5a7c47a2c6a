#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

NodeAgent::Options with_scripts() {
  NodeAgent::Options options;
  options.enable_script_checks = true;
  return options;
}

model::CheckSpec script_check(const std::string& id, Duration interval = 10s) {
  auto spec = ttl_check(id, {});
  spec.args = {"script", id};
  spec.interval = interval;
  return spec;
}

TEST_CASE("Scripts run only where they may", "[checks]") {
  constexpr const char* kRemote =
      "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to "
      "true";
  constexpr const char* kLocal =
      "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or "
      "'enable_local_script_checks' to true";
  auto remote = script_check("a");
  auto local = script_check("b");
  local.origin = model::Origin::kConfig;
  {
    Fixture f;
    CHECK(f.failure(f.agent->register_check(remote, {})) == kRemote);
    CHECK(f.failure(f.agent->register_check(local, {})) == kLocal);
    CHECK(f.failure(f.agent->register_service(service_of("web", 1, {remote}), {})) == kRemote);
    CHECK((*f.result(f.agent->services({}, {}))).empty());
  }
  NodeAgent::Options options;
  options.enable_local_script_checks = true;
  Fixture f(1, options);
  CHECK(f.failure(f.agent->register_check(remote, {})) == kRemote);
  f.ok(f.agent->register_check(local, {}));
  CHECK(f.check("b")->type.empty());  // as Consul shows those of configuration files
  Fixture all(1, with_scripts());
  all.ok(all.agent->register_check(remote, {}));
  all.ok(all.agent->register_check(local, {}));
}

TEST_CASE("A check's run reaches the catalog in the same turn", "[checks]") {
  Fixture f(3, with_scripts());
  env::SimProgram run{.takes = 100ms, .exit_code = 2, .output = "broken"};
  f.env.set_program("script", [&](const env::ProcessOptions&) { return run; });
  auto spec = script_check("c");
  spec.status = "passing";
  f.ok(f.agent->register_check(spec, {}));
  CHECK(f.check("c")->status == "passing");
  CHECK(f.check("c")->interval == "10s");
  REQUIRE(f.world.run_until([&] { return f.check("c")->status == "critical"; }, 11s));
  CHECK(f.catalog.checks.at("c").status == "critical");
  CHECK(f.catalog.checks.at("c").output == "broken");
  run.exit_code = 0;
  run.output = "fine";
  f.world.run_for(11s);
  CHECK(f.catalog.checks.at("c").status == "passing");
  f.ok(f.agent->deregister_check("c", {}));
  const auto commands = f.catalog.commands.size();
  f.world.run_for(40s);
  CHECK(f.catalog.commands.size() == commands);
}

TEST_CASE("A history says what happened, on what evidence, and what comes", "[checks]") {
  Fixture f(3, with_scripts());
  env::SimProgram run{.takes = 100ms, .exit_code = 0, .output = "fine"};
  f.env.set_program("script", [&](const env::ProcessOptions&) { return run; });
  f.ok(f.agent->register_service(service_of("web", 1), {}));
  auto spec = script_check("c");
  spec.service_id = "web";
  spec.failures_before_critical = 2;
  spec.deregister_critical_service_after = 2min;
  f.ok(f.agent->register_check(spec, {}));
  f.world.run_for(15s);
  run.exit_code = 3;
  run.output = "broken";
  f.world.run_for(15s);
  auto history = *f.result(f.agent->check_history("c", {}));
  CHECK(history.status == "passing");
  CHECK(history.consecutive_failures >= 1);
  f.world.run_for(15s);
  history = *f.result(f.agent->check_history("c", {}));
  CHECK(history.service_id == "web");
  REQUIRE(history.transitions.size() == 3);
  CHECK(history.transitions[0].from.empty());
  CHECK(history.transitions[0].to == "critical");
  CHECK(history.transitions[1].to == "passing");
  const auto& last = history.transitions[2];
  CHECK(last.from == "passing");
  CHECK(last.to == "critical");
  CHECK(last.evidence.code == 3);
  CHECK(last.evidence.consecutive == 2);
  CHECK(last.evidence.latency == 100ms);
  CHECK(last.evidence.output == "broken");
  CHECK(last.next == "service web is deregistered after 2m0s unless the check recovers");
  CHECK(last.time > history.transitions[1].time);
  REQUIRE(history.next.size() >= 2);
  CHECK(history.next[0].starts_with("service web is deregistered in 1m"));
  CHECK(history.next.back().starts_with("runs again in "));
  CHECK(f.result(f.agent->check_history("nope", {})).status().code() == Code::kNotFound);
  f.world.run_for(3min);
  CHECK((*f.result(f.agent->services({}, {}))).empty());
  CHECK_FALSE(f.catalog.services.contains("web"));
}

TEST_CASE("TTL checks have a history as well", "[checks]") {
  Fixture f;
  f.ok(f.agent->register_check(ttl_check("c", 10s), {}));
  f.ok(f.agent->update_check("c", "passing", "ok", {}));
  f.ok(f.agent->update_check("c", "passing", "ok again", {}));
  f.world.run_for(11s);
  const auto history = *f.result(f.agent->check_history("c", {}));
  REQUIRE(history.transitions.size() == 3);
  CHECK(history.transitions[1].next == "critical unless it is reported on within 10s");
  CHECK(history.transitions[2].evidence.output ==
        "TTL expired (last output before timeout follows): ok again");
  CHECK(history.transitions[2].next == "waits for a report");
}

TEST_CASE("A local alias follows at once", "[checks]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 1, {ttl_check("", 1h)}), {}));
  auto alias = ttl_check("alias", {});
  alias.alias_service = "web";
  f.ok(f.agent->register_check(alias, {}));
  CHECK(f.check("alias")->status == "critical");
  CHECK(f.check("alias")->type == "alias");
  f.ok(f.agent->update_check("service:web", "passing", {}, {}));
  CHECK(f.check("alias")->status == "passing");
  CHECK(f.catalog.checks.at("alias").status == "passing");
  f.ok(f.agent->register_check(ttl_check("node", 1h), {}));
  CHECK(f.check("alias")->output == "Aliased check \"node\" failing: ");
  f.ok(f.agent->deregister_check("node", {}));
  CHECK(f.check("alias")->status == "passing");
  f.ok(f.agent->deregister_service("web", {}));
  CHECK(f.check("alias")->output == "Service web could not be found on node ");
  f.ok(f.agent->register_service(service_of("web", 1), {}));
  CHECK(f.check("alias")->status == "passing");
}

TEST_CASE("Aliases in a circle come to rest", "[checks]") {
  Fixture f;
  auto a = ttl_check("a", {});
  a.alias_service = "two";
  auto b = ttl_check("b", {});
  b.alias_service = "one";
  f.ok(f.agent->register_service(service_of("one", 1), {}));
  f.ok(f.agent->register_service(service_of("two", 1), {}));
  a.service_id = "one";
  b.service_id = "two";
  f.ok(f.agent->register_check(a, {}));
  f.ok(f.agent->register_check(b, {}));
  f.ok(f.agent->register_check(ttl_check("ttl", 1h, "one"), {}));
  f.ok(f.agent->update_check("ttl", "warning", "w", {}));
  f.ok(f.agent->update_check("ttl", "passing", "p", {}));
  CHECK(f.check("ttl")->status == "passing");
  CHECK(f.check("a")->output.size() < 1000);
}

TEST_CASE("Maintenance", "[checks]") {
  Fixture f;
  CHECK(f.failure(f.agent->set_service_maintenance("web", true, {}, {})) ==
        "No service registered with ID \"web\"");
  f.ok(f.agent->register_service(service_of("web", 1, {ttl_check("", 1h)}), {}));
  f.ok(f.agent->update_check("service:web", "passing", {}, {}));
  f.ok(f.agent->set_service_maintenance("web", true, "why", {}));
  f.ok(f.agent->set_service_maintenance("web", true, "another", {}));  // it stays
  CHECK(f.check("_service_maintenance:web")->notes == "why");
  CHECK(f.catalog.checks.at("_service_maintenance:web").status == "critical");
  CHECK((*f.result(f.agent->service_health_by_id("web", {})))[0].status == "maintenance");
  f.ok(f.agent->set_service_maintenance("web", false, {}, {}));
  CHECK_FALSE(f.catalog.checks.contains("_service_maintenance:web"));
  CHECK((*f.result(f.agent->service_health_by_name("web", {})))[0].status == "passing");
  f.ok(f.agent->set_node_maintenance(true, {}, {}));
  CHECK(f.check("_node_maintenance")->notes.str().starts_with("Maintenance mode is enabled for this node"));
  CHECK((*f.result(f.agent->service_health_by_id("web", {})))[0].status == "maintenance");
  f.ok(f.agent->set_node_maintenance(false, {}, {}));
  f.ok(f.agent->update_check("service:web", "warning", {}, {}));
  CHECK((*f.result(f.agent->service_health_by_id("web", {})))[0].status == "warning");
  CHECK((*f.result(f.agent->service_health_by_id("nope", {}))).empty());
}

TEST_CASE("Outputs may be discarded", "[checks]") {
  NodeAgent::Options options;
  options.discard_check_output = true;
  Fixture f(1, options);
  f.ok(f.agent->register_check(ttl_check("c", 10s), {}));
  f.ok(f.agent->update_check("c", "passing", "secret", {}));
  CHECK(f.check("c")->output.empty());
  CHECK(f.check("c")->status == "passing");
}

}  // namespace
}  // namespace discovery::agent
