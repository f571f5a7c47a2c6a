// Aliases of what another node has.

#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

struct AliasFixture : Fixture {
  /// Registers an alias of the node "far", or of a service there.
  void mirror(const std::string& service, const std::string& token = {}) {
    model::CheckSpec spec;
    spec.id = "alias";
    spec.name = "an alias";
    spec.alias_node = "far";
    spec.alias_service = service;
    spec.token = token;
    ok(agent->register_check(spec, {}));
    world.run_for(1ms);
  }
  void set_check(const std::string& id, const std::string& status, const std::string& service = {}) {
    auto& one = catalog.others["far"].checks[id];
    one.node = "far";
    one.check_id = id;
    one.name = "check " + id;
    one.status = status;
    one.output = "says so";
    one.service_id = service;
    show();
  }
  void show() {
    catalog.changed();
    world.run_for(1ms);
  }
  std::string status() { return check("alias")->status.str(); }
  std::string output() { return check("alias")->output.str(); }
};

TEST_CASE("A remote alias follows its node", "[alias]") {
  AliasFixture f;
  f.mirror({});
  CHECK(f.status() == "passing");
  CHECK(f.output() == "No checks found.");
  CHECK(f.check("alias")->type == "alias");
  f.set_check("serfHealth", "passing");
  CHECK(f.output() == "All checks passing.");
  f.set_check("serfHealth", "critical");
  CHECK(f.status() == "critical");
  CHECK(f.output() == "Aliased check \"check serfHealth\" failing: says so");
  CHECK(f.catalog.checks.at("alias").status == "critical");
  f.set_check("serfHealth", "passing");
  f.set_check("web", "critical", "web");  // a service's, which is not meant
  CHECK(f.status() == "passing");
}

TEST_CASE("A remote alias follows a service there", "[alias]") {
  AliasFixture f;
  f.mirror("web");
  CHECK(f.status() == "critical");
  CHECK(f.output() == "Service web could not be found on node far");
  f.catalog.others["far"].services["web"].id = "web";
  f.show();
  CHECK(f.status() == "passing");
  f.set_check("w", "warning", "web");
  CHECK(f.status() == "warning");
  f.set_check("other", "critical", "other");
  CHECK(f.status() == "warning");
  f.set_check("node", "critical");
  CHECK(f.status() == "critical");
  f.catalog.others["far"] = {};
  f.show();
  CHECK(f.status() == "critical");
  CHECK(f.output() == "Service web could not be found on node far");
}

TEST_CASE("A remote alias is critical while its node cannot be looked at", "[alias]") {
  AliasFixture f;
  f.mirror({}, "secret");
  CHECK(f.catalog.tokens.back() == "secret");
  f.catalog.fate = [] { return Status(Code::kUnavailable, "no leader"); };
  f.show();
  CHECK(f.status() == "critical");
  CHECK(f.output() == "Failure checking aliased node or service: no leader");
  f.catalog.fate = [] { return Status(); };
  f.world.run_for(1min);
  CHECK(f.status() == "passing");
}

TEST_CASE("A remote alias that goes, or becomes something else, is watched no more", "[alias]") {
  AliasFixture f;
  f.mirror("web");
  CHECK(f.catalog.watchers == 2);
  f.mirror({});
  CHECK(f.catalog.watchers == 1);
  auto ttl = ttl_check("now a TTL", 1h);
  ttl.id = "alias";
  f.ok(f.agent->register_check(ttl, {}));
  CHECK(f.catalog.watchers == 0);
  f.mirror({});
  f.ok(f.agent->deregister_check("alias", {}));
  CHECK(f.catalog.watchers == 0);
  f.set_check("serfHealth", "critical");
  CHECK(f.check("alias") == nullptr);
}

TEST_CASE("An alias lets go of a check that another service takes", "[alias]") {
  Fixture f;
  auto check = ttl_check("c", 1h);
  check.id = "c";
  f.ok(f.agent->register_service(service_of("web", 1, {check}), {}));
  model::CheckSpec alias;
  alias.name = "alias";
  alias.alias_service = "web";
  f.ok(f.agent->register_check(alias, {}));
  CHECK(f.check("alias")->status == "critical");
  f.ok(f.agent->register_service(service_of("db", 1, {check}), {}));
  CHECK(f.check("c")->service_id == "db");
  CHECK(f.check("alias")->status == "passing");
}

}  // namespace
}  // namespace discovery::agent
