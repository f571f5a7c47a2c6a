#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

TEST_CASE("A TTL check is critical unless it is reported in time", "[agent]") {
  Fixture f;
  auto spec = ttl_check("c", 10s);
  spec.status = "passing";
  f.ok(f.agent->register_check(spec, {}));
  f.world.run_for(9s);
  CHECK(f.catalog.checks.at("c").status == "passing");
  f.ok(f.agent->update_check("c", "passing", "fine", {}));
  f.world.run_for(9s);
  CHECK(f.check("c")->status == "passing");
  CHECK(f.check("c")->output == "fine");
  f.world.run_for(1s);
  CHECK(f.catalog.checks.at("c").status == "critical");
  CHECK(f.catalog.checks.at("c").output == "TTL expired (last output before timeout follows): fine");
  f.ok(f.agent->update_check("c", "warning", "", {}));
  CHECK(f.catalog.checks.at("c").status == "warning");
  f.world.run_for(10s);
  CHECK(f.catalog.checks.at("c").output == "TTL expired");
}

TEST_CASE("A removed check does not expire", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 80, {ttl_check("", 10s)}), {}));
  f.ok(f.agent->deregister_service("web", {}));
  const auto commands = f.catalog.commands.size();
  f.world.run_for(1min);
  CHECK(f.catalog.commands.size() == commands);
}

TEST_CASE("Of many checks each expires at its own time", "[agent]") {
  Fixture f;
  constexpr int kChecks = 5000;
  for (int i = 0; i < kChecks; ++i) {
    auto spec = ttl_check("c" + std::to_string(i), 10s + i * 1ms);
    spec.status = "passing";
    f.ok(f.agent->register_check(spec, {}));
  }
  const auto critical = [&] {
    return std::count_if(f.catalog.checks.begin(), f.catalog.checks.end(),
                         [](const auto& entry) { return entry.second.status == "critical"; });
  };
  f.world.run_for(10s + 1000ms);
  CHECK(critical() == 1001);
  // Those that are reported stay.
  for (int i = 3000; i < kChecks; ++i)
    f.ok(f.agent->update_check("c" + std::to_string(i), "passing", "", {}));
  f.world.run_for(9s);
  CHECK(critical() == 3000);
  f.world.run_for(1min);
  CHECK(critical() == kChecks);
}

TEST_CASE("New output alone is told later", "[agent]") {
  Fixture f;
  auto spec = ttl_check("c", 24h);
  spec.status = "passing";
  f.ok(f.agent->register_check(spec, {}));
  for (int i = 0; i < 100; ++i) {
    f.ok(f.agent->update_check("c", "passing", "run " + std::to_string(i), {}));
    f.world.run_for(1s);
  }
  CHECK(f.catalog.checks.at("c").output.empty());
  CHECK(f.check("c")->output == "run 99");
  // Neither does a comparison tell it early.
  f.agent->sync_after_start();
  CHECK(f.catalog.checks.at("c").output.empty());
  f.world.run_for(450s);
  CHECK(f.catalog.checks.at("c").output == "run 99");
  CHECK(f.catalog.commands_of<model::RegisterCommand>().size() == 2);

  f.ok(f.agent->update_check("c", "passing", "later", {}));
  f.ok(f.agent->update_check("c", "warning", "now", {}));
  CHECK(f.catalog.checks.at("c").output == "now");
  const auto commands = f.catalog.commands.size();
  f.world.run_for(450s);
  CHECK(f.catalog.commands.size() == commands);
}

TEST_CASE("Without a check update interval output is told at once", "[agent]") {
  NodeAgent::Options options;
  options.check_update_interval = {};
  Fixture f(1, options);
  f.ok(f.agent->register_check(ttl_check("c", 1min), {}));
  f.ok(f.agent->update_check("c", "critical", "bad", {}));
  CHECK(f.catalog.checks.at("c").output == "bad");
  const auto commands = f.catalog.commands.size();
  f.ok(f.agent->update_check("c", "critical", "bad", {}));
  CHECK(f.catalog.commands.size() == commands);
}

TEST_CASE("Long output is cut, for a check at its own limit", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_check(ttl_check("c", 1min), {}));
  auto small = ttl_check("small", 1min);
  small.output_max_size = 3;
  f.ok(f.agent->register_check(small, {}));
  f.ok(f.agent->update_check("c", "passing", std::string(5000, 'x'), {}));
  f.ok(f.agent->update_check("small", "passing", "abcdef", {}));
  CHECK(f.check("c")->output == std::string(4096, 'x') + " ... (captured 4096 of 5000 bytes)");
  CHECK(f.check("small")->output == "abc ... (captured 3 of 6 bytes)");
}

TEST_CASE("A service goes when its check was critical for too long", "[agent]") {
  Fixture f;
  auto check = ttl_check("", 24h);
  check.deregister_critical_service_after = 90s;
  f.ok(f.agent->register_service(service_of("web", 80, {check}), {}));
  check.deregister_critical_service_after = 1s;  // counts as a minute
  check.status = "passing";
  f.ok(f.agent->register_service(service_of("api", 80, {check}), {}));
  f.world.run_for(80s);
  f.ok(f.agent->update_check("service:web", "passing", "", {}));
  f.ok(f.agent->update_check("service:api", "critical", "", {}));
  f.world.run_for(59s);
  CHECK(f.catalog.services.size() == 2);
  f.world.run_for(1s);
  CHECK(f.catalog.services.size() == 1);
  CHECK(f.check("service:api") == nullptr);
  f.ok(f.agent->update_check("service:web", "critical", "", {}));
  f.world.run_for(90s);
  CHECK(f.catalog.services.empty());
  CHECK(f.catalog.checks.empty());
}

}  // namespace
}  // namespace discovery::agent
