#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;
using model::DeregisterCommand;
using model::RegisterCommand;

const Status kNoLeader(Code::kUnavailable, "No cluster leader");

TEST_CASE("The node's record is sent until the catalog has it, and no longer", "[anti_entropy]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("a", 1), {}));
  f.ok(f.agent->register_service(service_of("b", 1), {}));
  const auto commands = f.catalog.commands_of<RegisterCommand>();
  REQUIRE(commands.size() == 2);
  CHECK_FALSE(commands[0].skip_node_update);
  CHECK(commands[1].skip_node_update);
  CHECK(commands[1].datacenter == "dc1");
}

TEST_CASE("A comparison registers the node by itself", "[anti_entropy]") {
  Fixture f;
  f.agent->sync_after_start();
  REQUIRE(f.catalog.node);
  CHECK(f.catalog.node->meta == model::Labels{{"consul-network-segment", ""}});
  CHECK(f.catalog.commands.size() == 1);
  f.world.run_for(1h);
  CHECK(f.catalog.commands.size() == 1);
  CHECK(f.catalog.queries > 50);
  CHECK(f.catalog.queries < 125);
}

TEST_CASE("A change that fails is told with the next change, or soon", "[anti_entropy]") {
  Fixture f;
  f.agent->sync_after_start();
  f.catalog.fate = [] { return kNoLeader; };
  f.ok(f.agent->register_service(service_of("web", 1), {}));
  CHECK(f.catalog.services.empty());
  f.catalog.fate = [] { return Status(); };

  SECTION("with its next change") {
    f.ok(f.agent->register_service(service_of("web", 2), {}));
    CHECK(f.catalog.services.at("web").port == 2);
  }
  SECTION("not before a while") {
    f.world.run_for(14s);
    CHECK(f.catalog.services.empty());
    f.world.run_for(16s);
    CHECK(f.catalog.services.at("web").port == 1);
  }
}

TEST_CASE("While the catalog cannot be asked, the agent keeps trying, and says so once", "[anti_entropy]") {
  Fixture f;
  f.catalog.fate = [] { return kNoLeader; };
  f.agent->sync_after_start();
  f.ok(f.agent->register_service(service_of("web", 1, {ttl_check("", 10s)}), {}));
  f.world.run_for(10min);
  CHECK(f.catalog.queries >= 20);
  CHECK(f.catalog.queries <= 41);
  const auto warnings =
      std::count_if(f.env.log_lines().begin(), f.env.log_lines().end(), [](const auto& line) {
        return line.level == Level::kWarn && line.message.find("No cluster leader") != std::string::npos;
      });
  CHECK(warnings == 1);
  f.catalog.fate = [] { return Status(); };
  f.world.run_for(30s);
  CHECK(f.catalog.services.size() == 1);
  CHECK(f.catalog.checks.size() == 1);
}

TEST_CASE("A comparison mends what has been changed in the catalog", "[anti_entropy]") {
  Fixture f;
  f.agent->sync_after_start();
  f.ok(f.agent->register_service(service_of("web", 1, {ttl_check("", 24h)}), {}));
  f.ok(f.agent->register_check(ttl_check("disk", 24h), {}));
  const auto services = f.catalog.services;
  const auto checks = f.catalog.checks;

  SECTION("lost") {
    f.catalog.services.clear();
    f.catalog.checks.clear();
  }
  SECTION("the whole node") { f.catalog.node.reset(), f.catalog.services.clear(), f.catalog.checks.clear(); }
  SECTION("another's") {
    f.catalog.services["ghost"].id = "ghost";
    f.catalog.checks["ghost-check"].check_id = "ghost-check";
    f.catalog.checks["ghost-service-check"].check_id = "ghost-service-check";
    f.catalog.checks["ghost-service-check"].service_id = "ghost";
  }
  SECTION("edited") {
    f.catalog.services.at("web").port = 9;
    f.catalog.checks.at("disk").status = "passing";
    f.catalog.checks.at("service:web").notes = "edited";
    f.catalog.node->address = "10.9.9.9";
  }
  f.world.run_for(2min);
  CHECK(f.catalog.services.size() == services.size());
  for (const auto& [id, service] : services) CHECK(f.catalog.services[id].same_content(service));
  CHECK(f.catalog.checks.size() == checks.size());
  for (const auto& [id, check] : checks) CHECK(f.catalog.checks[id].same_content(check));
  REQUIRE(f.catalog.node);
  CHECK(f.catalog.node->address == "10.0.0.1");
}

TEST_CASE("The server's own service and the gossip's check are left alone", "[anti_entropy]") {
  Fixture f;
  f.catalog.services["consul"].id = "consul";
  f.catalog.checks["serfHealth"].check_id = "serfHealth";
  f.agent->sync_after_start();
  f.world.run_for(10min);
  CHECK(f.catalog.services.size() == 1);
  CHECK(f.catalog.checks.size() == 1);
  CHECK(f.catalog.commands_of<DeregisterCommand>().empty());
}

TEST_CASE("Tags that the catalog may override are taken over", "[anti_entropy]") {
  Fixture f;
  auto spec = service_of("web", 1, {ttl_check("", 24h)});
  spec.service.tags = {"mine"};
  spec.service.enable_tag_override = true;
  f.ok(f.agent->register_service(spec, {}));
  const auto hash = f.result(f.agent->service("web", {}, {}, {}))->content_hash;
  const auto waiting = f.start(f.agent->service("web", hash, 10min, {}));
  f.catalog.services.at("web").tags = {"theirs"};
  f.agent->sync_after_start();
  f.world.run_for(2min);
  CHECK(f.catalog.services.at("web").tags == model::Tags{"theirs"});
  REQUIRE(waiting->has_value());
  CHECK((**waiting)->service->tags == model::Tags{"theirs"});
  CHECK(f.check("service:web")->service_tags == model::Tags{"theirs"});

  f.ok(f.agent->register_service(spec, {}));
  CHECK(f.catalog.services.at("web").tags == model::Tags{"mine"});
}

TEST_CASE("A slow catalog sees the latest only, one push after another", "[anti_entropy]") {
  Fixture f;
  f.catalog.delay = [] { return Duration(100ms); };
  for (int port = 1; port <= 50; ++port) f.ok(f.agent->register_service(service_of("web", port), {}));
  CHECK(f.catalog.commands.size() == 1);
  f.world.run_for(150ms);
  CHECK(f.catalog.commands.size() == 2);
  CHECK(f.catalog.services.at("web").port == 1);
  f.world.run_for(100ms);
  CHECK(f.catalog.services.at("web").port == 50);
  f.ok(f.agent->deregister_service("web", {}));
  f.ok(f.agent->register_service(service_of("web", 7), {}));
  f.ok(f.agent->deregister_service("web", {}));
  f.world.run_for(1s);
  CHECK(f.catalog.services.empty());
  CHECK(f.catalog.commands.size() == 4);
}

TEST_CASE("Pushes of many services go side by side, but not all at once", "[anti_entropy]") {
  Fixture f;
  f.catalog.delay = [] { return Duration(100ms); };
  for (int i = 0; i < 1000; ++i) f.ok(f.agent->register_service(service_of("s" + std::to_string(i), 1), {}));
  CHECK(f.catalog.commands.size() == AntiEntropy::kMaxPushes);
  f.world.run_for(450ms);
  CHECK(f.catalog.services.size() == 1000);
}

TEST_CASE("A service and its checks go together, in bounded pieces", "[anti_entropy]") {
  Fixture f;
  std::vector<model::CheckSpec> checks(1200, ttl_check("c", 24h));
  f.ok(f.agent->register_service(service_of("web", 1, checks), {}));
  const auto commands = f.catalog.commands_of<RegisterCommand>();
  REQUIRE(commands.size() == 3);
  CHECK(commands[0].service);
  CHECK(commands[0].checks.size() == LocalState::kMaxChecksPerPush);
  CHECK_FALSE(commands[1].service);
  CHECK(f.catalog.checks.size() == 1200);
}

TEST_CASE("What was registered with a token is pushed with it", "[anti_entropy]") {
  Fixture f;
  auto spec = service_of("web", 1, {ttl_check("a", 24h), ttl_check("b", 24h)});
  spec.token = "service-token";
  spec.checks[1].token = "check-token";
  f.ok(f.agent->register_service(spec, {}));
  CHECK(f.catalog.checks.size() == 2);
  CHECK(f.catalog.tokens == std::vector<std::string>{"service-token", "check-token"});
  f.ok(f.agent->deregister_check("service:web:2", {}));
  f.ok(f.agent->deregister_service("web", {}));
  CHECK(f.catalog.tokens ==
        std::vector<std::string>{"service-token", "check-token", "check-token", "service-token"});
}

TEST_CASE("What is denied waits for the next comparison", "[anti_entropy]") {
  Fixture f;
  f.agent->sync_after_start();
  f.catalog.fate = [] { return Status(Code::kPermissionDenied, "Permission denied"); };
  f.ok(f.agent->register_service(service_of("web", 1), {}));
  f.catalog.fate = [] { return Status(); };
  f.world.run_for(40s);
  CHECK(f.catalog.services.empty());
  f.world.run_for(80s);
  CHECK(f.catalog.services.size() == 1);
}

TEST_CASE("What is gone already counts as removed", "[anti_entropy]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 1), {}));
  f.catalog.fate = [] { return Status(Code::kNotFound, "Unknown service"); };
  f.ok(f.agent->deregister_service("web", {}));
  f.world.run_for(1h);
  CHECK(f.catalog.commands.size() == 2);
}

TEST_CASE("Nothing happens after the agent has gone", "[anti_entropy]") {
  Fixture f;
  f.catalog.delay = [] { return Duration(1s); };
  f.agent->sync_after_start();
  f.ok(f.agent->register_service(service_of("web", 1, {ttl_check("", 10s)}), {}));
  auto late = f.agent->services({}, {});
  f.agent.reset();
  CHECK(f.result(std::move(late)).status().code() == Code::kCancelled);
  const auto commands = f.catalog.commands.size();
  f.world.run_for(1h);
  CHECK(f.catalog.commands.size() == commands);
}

TEST_CASE("Other metadata of the node reaches the catalog", "[anti_entropy][reload]") {
  Fixture f;
  f.agent->sync_after_start();
  f.world.run_for(1s);
  REQUIRE(f.catalog.node);
  const auto pushes = f.catalog.commands.size();
  NodeAgent::Reloadable fresh{.node_meta = f.agent->self().node_meta};
  f.agent->reconfigure(fresh);
  CHECK(f.catalog.commands.size() == pushes);  // nothing is another
  fresh.node_meta.set("rack", "7");
  f.agent->reconfigure(fresh);
  CHECK(f.catalog.node->meta == fresh.node_meta);
  CHECK(f.agent->self().node_meta == fresh.node_meta);
  f.world.run_for(5min);
  CHECK(f.catalog.node->meta == fresh.node_meta);
}

TEST_CASE("Other metadata reaches a catalog that fails at first", "[anti_entropy][reload]") {
  Fixture f;
  f.agent->sync_after_start();
  f.world.run_for(1s);
  f.catalog.fate = [] { return Status(Code::kUnavailable, "no leader"); };
  NodeAgent::Reloadable fresh{.node_meta = {{"rack", "7"}}};
  f.agent->reconfigure(fresh);
  f.catalog.fate = [] { return Status(); };
  CHECK_FALSE(f.catalog.node->meta == fresh.node_meta);
  f.world.run_for(1min);
  CHECK(f.catalog.node->meta == fresh.node_meta);
}

TEST_CASE("Outputs are discarded, and kept again, from a reload on", "[reload]") {
  Fixture f;
  f.ok(f.agent->register_check(ttl_check("c", 1h), {}));
  NodeAgent::Reloadable fresh{.node_meta = f.agent->self().node_meta, .discard_check_output = true};
  f.agent->reconfigure(fresh);
  f.ok(f.agent->update_check("c", "passing", "loud", {}));
  CHECK(f.check("c")->output.empty());
  fresh.discard_check_output = false;
  f.agent->reconfigure(fresh);
  f.ok(f.agent->update_check("c", "warning", "loud", {}));
  CHECK(f.check("c")->output == "loud");
}

}  // namespace
}  // namespace discovery::agent
