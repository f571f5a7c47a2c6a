#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

TEST_CASE("A service is completed and in the catalog when the answer comes", "[agent]") {
  Fixture f;
  auto spec = service_of("web", 80, {ttl_check("", 30s)});
  spec.service.address = "10.0.0.5";
  spec.service.tags = {"a", "b"};
  spec.service.tagged_addresses["lan"] = {"10.0.0.6", 81};
  f.ok(f.agent->register_service(spec, {}));

  REQUIRE(f.catalog.services.contains("web"));
  const auto& service = f.catalog.services.at("web");
  CHECK(service.name == "web");
  CHECK(service.weights == model::Weights{1, 1});
  CHECK(service.tagged_addresses ==
        std::map<std::string, model::ServiceAddress>{
            {"lan", {"10.0.0.6", 81}}, {"lan_ipv4", {"10.0.0.5", 80}}, {"wan_ipv4", {"10.0.0.5", 80}}});
  REQUIRE(f.catalog.checks.contains("service:web"));
  const auto& check = f.catalog.checks.at("service:web");
  CHECK(check.node == "n");
  CHECK(check.name == "Service 'web' check");
  CHECK(check.status == "critical");
  CHECK(check.type == "ttl");
  CHECK(check.service_id == "web");
  CHECK(check.service_name == "web");
  CHECK(check.service_tags == model::Tags{"a", "b"});
  CHECK(check.interval.empty());
  REQUIRE(f.catalog.node);
  CHECK(f.catalog.node->id == "40e4a748-2192-161a-0510-9bf59fe950b5");
  CHECK(f.catalog.node->address == "10.0.0.1");
  CHECK(f.catalog.commands.size() == 1);

  const auto local = *f.result(f.agent->service("web", {}, {}, {}));
  CHECK(local.service->same_content(service));
  CHECK(local.content_hash.size() == 16);
}

TEST_CASE("Addresses are tagged by their family", "[agent]") {
  Fixture f;
  auto spec = service_of("six", 1);
  spec.service.address = "fe80::1";
  f.ok(f.agent->register_service(spec, {}));
  CHECK(f.catalog.services.at("six").tagged_addresses ==
        std::map<std::string, model::ServiceAddress>{{"lan_ipv6", {"fe80::1", 1}},
                                                     {"wan_ipv6", {"fe80::1", 1}}});
  spec = service_of("name", 1);
  spec.service.address = "db.example.com";
  f.ok(f.agent->register_service(spec, {}));
  CHECK(f.catalog.services.at("name").tagged_addresses.empty());
}

TEST_CASE("Several checks of a service are numbered", "[agent]") {
  Fixture f;
  auto named = ttl_check("mine", 10s);
  named.id = "own-id";
  named.status = "passing";
  f.ok(f.agent->register_service(service_of("web", 80, {ttl_check("", 10s), named, ttl_check("", 10s)}), {}));
  std::vector<std::string> ids;
  for (const auto& check : f.checks()) ids.push_back(check->check_id.str());
  CHECK(ids == std::vector<std::string>{"own-id", "service:web:1", "service:web:3"});
  CHECK(f.check("own-id")->status == "passing");
}

TEST_CASE("Wrong services are refused with Consul's texts", "[agent]") {
  Fixture f;
  const auto refusal = [&](auto change) {
    auto spec = service_of("x", 1);
    change(spec);
    const auto result = f.result(f.agent->register_service(spec, {}));
    CHECK(result.status().code() == Code::kInvalidArgument);
    return std::string(result.status().message());
  };
  using Spec = model::ServiceSpec;
  CHECK(refusal([](Spec& s) { s.service.name.clear(); }) == "Missing service name");
  CHECK(refusal([](Spec& s) { s.service.address = "0.0.0.0"; }) == "Invalid service address");
  CHECK(refusal([](Spec& s) { s.service.address = "::"; }) == "Invalid service address");
  CHECK(refusal([](Spec& s) { s.service.weights.passing = -1; }) ==
        "Invalid Weights: Passing must be greater than 0");
  CHECK(refusal([](Spec& s) { s.service.weights.passing = 65536; }) ==
        "Invalid Weights: DNS Weight must be between 0 and 65535");
  CHECK(refusal([](Spec& s) {
          s.service.meta = {{"", "v"}};
        }) == "Invalid Service Meta: Couldn't load metadata pair ('', 'v'): Key cannot be blank");
  CHECK(
      refusal([](Spec& s) { s.service.kind = "connect-proxy"; }) ==
      "1 error occurred:\n\t* Proxy.DestinationServiceName must be non-empty for Connect proxy services\n\n");
  CHECK(refusal([](Spec& s) { s.checks = {ttl_check("", 0s)}; }) ==
        "Invalid check: TTL must be > 0 for TTL checks");
  CHECK(refusal([](Spec& s) {
          s.checks = {ttl_check("", 10s)};
          s.checks[0].status = "weird";
        }) == "Status for checks must 'passing', 'warning', 'critical'");
  CHECK(f.catalog.commands.empty());
  CHECK(f.result(f.agent->services({}, {}))->empty());
}

TEST_CASE("Wrong checks are refused with Consul's texts", "[agent]") {
  Fixture f;
  CHECK(f.failure(f.agent->register_check({}, {})) == "Missing check name");
  CHECK(f.failure(f.agent->register_check(ttl_check("x", 0s), {})) ==
        "Invalid check: TTL must be > 0 for TTL checks");
  CHECK(f.failure(f.agent->register_check(ttl_check("x", -1s), {})) ==
        "Invalid check: TTL must be > 0 for TTL checks");
  auto strange = ttl_check("x", 10s);
  strange.status = "strange";
  CHECK(f.failure(f.agent->register_check(strange, {})) == "Bad check status");
  const auto unknown = f.result(f.agent->register_check(ttl_check("x", 10s, "nope"), {}));
  CHECK(unknown.status() == Status(Code::kNotFound, "ServiceID \"nope\" does not exist"));
  CHECK(f.result(f.agent->update_check("nope", "passing", "", {})).status() ==
        Status(Code::kNotFound, "CheckID \"nope\" does not have associated TTL"));
  CHECK(f.failure(f.agent->update_check("nope", "strange", "", {})) == "Invalid check status: 'strange'");
}

TEST_CASE("A check may belong to the node or to a service", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 80), {}));
  auto spec = ttl_check("disk", 10s);
  spec.notes = "n";
  spec.timeout = 5s;
  f.ok(f.agent->register_check(spec, {}));
  f.ok(f.agent->register_check(ttl_check("ping", 10s, "web"), {}));
  CHECK(f.catalog.checks.at("disk").service_id.empty());
  CHECK(f.catalog.checks.at("disk").notes == "n");
  CHECK(f.catalog.checks.at("disk").interval == "0s");
  CHECK(f.catalog.checks.at("disk").timeout == "5s");
  CHECK(f.catalog.checks.at("ping").service_name == "web");

  f.ok(f.agent->deregister_service("web", {}));
  CHECK(f.catalog.services.empty());
  CHECK(f.catalog.checks.size() == 1);
  CHECK(f.check("ping") == nullptr);
  f.ok(f.agent->deregister_check("disk", {}));
  CHECK(f.catalog.checks.empty());
  f.ok(f.agent->deregister_check("disk", {}));
  f.ok(f.agent->deregister_service("web", {}));
  CHECK(f.catalog.commands.size() == 5);
}

TEST_CASE("A service that is registered again keeps its checks and their state", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 80, {ttl_check("a", 10s), ttl_check("b", 10s)}), {}));
  f.ok(f.agent->update_check("service:web:1", "passing", "fine", {}));

  auto again = service_of("web", 81);
  again.service.tags = {"new"};
  f.ok(f.agent->register_service(again, {}));
  CHECK(f.catalog.services.at("web").port == 81);
  CHECK(f.checks().size() == 2);
  CHECK(f.check("service:web:1")->service_tags == model::Tags{"new"});
  CHECK(f.catalog.checks.at("service:web:1").status == "passing");
  CHECK(f.catalog.checks.at("service:web:1").service_tags == model::Tags{"new"});

  again.replace_existing_checks = true;
  again.checks = {ttl_check("a", 20s)};
  again.checks[0].id = "service:web:1";
  again.checks[0].status = "warning";
  f.ok(f.agent->register_service(again, {}));
  CHECK(f.checks().size() == 1);
  CHECK(f.catalog.checks.size() == 1);
  CHECK(f.catalog.checks.at("service:web:1").status == "passing");
  CHECK(f.catalog.checks.at("service:web:1").output == "fine");
}

TEST_CASE("A check that is registered for another service moves there", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("a", 1, {ttl_check("", 10s)}), {}));
  f.ok(f.agent->register_service(service_of("b", 1), {}));
  auto moved = ttl_check("moved", 10s, "b");
  moved.id = "service:a";
  f.ok(f.agent->register_check(moved, {}));
  CHECK(f.catalog.checks.at("service:a").service_id == "b");
  f.ok(f.agent->deregister_service("a", {}));
  CHECK(f.check("service:a") != nullptr);
  CHECK(f.catalog.checks.size() == 1);
}

TEST_CASE("Lists are in order and can be filtered", "[agent]") {
  Fixture f;
  for (const char* name : {"b", "c", "a"}) f.ok(f.agent->register_service(service_of(name, name[0]), {}));
  const auto ids = [&](const std::string& filter) {
    std::string all;
    const auto services = f.result(f.agent->services(filter, {}));
    for (const auto& service : *services) all += service.service->id;
    return all;
  };
  CHECK(ids("") == "abc");
  CHECK(ids("Port != 98") == "ac");
  CHECK(f.failure(f.agent->services("Nope==v", {})) ==
        "Failed to create boolean expression evaluator: Selector \"Nope\" is not valid");
  f.ok(f.agent->register_check(ttl_check("x", 10s), {}));
  f.ok(f.agent->register_check(ttl_check("y", 10s), {}));
  CHECK(f.result(f.agent->checks("Name==y", {}))->size() == 1);
  CHECK(f.failure(f.agent->checks("Nope==v", {})) == "Selector \"Nope\" is not valid");
}

TEST_CASE("An agent knows itself", "[agent]") {
  Fixture f;
  CHECK(f.agent->self().node_name == "n");
  CHECK(f.result(f.agent->members(false, {}))->at(0).name == "n");
  CHECK(f.result(f.agent->members(true, {}))->at(0).name == "n.dc1");
}

}  // namespace
}  // namespace discovery::agent
