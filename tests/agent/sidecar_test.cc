#include "lib/agent/sidecar.h"

#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

model::ServiceSpec with_sidecar(std::string name, std::int64_t port = 0) {
  model::ServiceSpec spec = service_of(std::move(name), port);
  spec.sidecar.emplace();
  return spec;
}

NodeAgent::Options with_ports(int min, int max) {
  NodeAgent::Options options;
  options.sidecar_ports = {min, max};
  return options;
}

std::vector<std::string> service_ids(Fixture& f) {
  std::vector<std::string> ids;
  const auto services = f.result(f.agent->services({}, {}));
  for (const auto& service : *services) ids.push_back(service.service->id.str());
  return ids;
}

model::ServicePtr service(Fixture& f, const std::string& id) {
  const auto found = f.result(f.agent->service(id, {}, {}, {}));
  INFO(found.status().to_string());
  REQUIRE(found.ok());
  return found->service;
}

using Ids = std::vector<std::string>;

TEST_CASE("a sidecar follows from its parent", "[sidecar]") {
  Fixture f;
  auto spec = with_sidecar("web", 8080);
  spec.service.id = "web1";
  spec.service.tags = {"a"};
  spec.service.meta = {{"k", "v"}};
  spec.service.address = "10.0.0.7";
  spec.service.weights = {5, 2};
  f.ok(f.agent->register_service(spec, {}));
  const auto sidecar = service(f, "web1-sidecar-proxy");
  CHECK(sidecar->name == "web-sidecar-proxy");
  CHECK(sidecar->kind == "connect-proxy");
  CHECK(sidecar->port == 21000);
  CHECK(sidecar->tags == model::Tags{"a"});
  CHECK(sidecar->meta == model::Labels{{"k", "v"}});
  CHECK(sidecar->address == "10.0.0.7");
  CHECK(sidecar->weights == model::Weights{5, 2});
  REQUIRE(sidecar->proxy);
  CHECK(sidecar->proxy->destination_service_name == "web");
  CHECK(sidecar->proxy->destination_service_id == "web1");
  CHECK(sidecar->proxy->local_service_address == "127.0.0.1");
  CHECK(sidecar->proxy->local_service_port == 8080);
  REQUIRE(f.check("service:web1-sidecar-proxy:1"));
  CHECK(f.check("service:web1-sidecar-proxy:1")->name == "Connect Sidecar Listening");
  CHECK(f.check("service:web1-sidecar-proxy:1")->type == "tcp");
  REQUIRE(f.check("service:web1-sidecar-proxy:2"));
  CHECK(f.check("service:web1-sidecar-proxy:2")->name == "Connect Sidecar Aliasing web1");
  CHECK(f.check("service:web1-sidecar-proxy:2")->type == "alias");
  CHECK(f.check("service:web1-sidecar-proxy:2")->status == model::kPassing);
}

TEST_CASE("what a sidecar says itself counts", "[sidecar]") {
  Fixture f;
  auto spec = with_sidecar("web");
  spec.service.socket_path = "/run/web";
  model::SidecarSpec& nested = *spec.sidecar;
  nested.service.name = "front";
  nested.service.port = 7;
  nested.service.tags = {"own"};
  nested.service.meta = {{"o", "p"}};
  nested.service.address = "10.1.1.1";
  nested.weights = model::Weights{9, 9};
  model::ConnectProxy proxy;
  proxy.upstreams.emplace_back().destination_name = "db";
  proxy.upstreams[0].local_bind_port = 99;
  nested.service.proxy = std::make_shared<const model::ConnectProxy>(proxy);
  nested.checks = {ttl_check("alive", 10s)};
  f.ok(f.agent->register_service(spec, {}));
  const auto sidecar = service(f, "web-sidecar-proxy");
  CHECK(sidecar->name == "front");
  CHECK(sidecar->port == 7);
  CHECK(sidecar->tags == model::Tags{"own"});
  CHECK(sidecar->address == "10.1.1.1");
  CHECK(sidecar->weights == model::Weights{9, 9});
  CHECK(sidecar->proxy->local_service_socket_path == "/run/web");
  CHECK(sidecar->proxy->local_service_address.empty());
  CHECK(sidecar->proxy->upstreams[0].destination_type == "service");
  CHECK(f.checks().size() == 1);
  CHECK(f.check("service:web-sidecar-proxy"));
}

TEST_CASE("sidecars get the first free port, and keep it", "[sidecar]") {
  Fixture f(1, with_ports(3000, 3002));
  f.ok(f.agent->register_service(with_sidecar("a"), {}));
  f.ok(f.agent->register_service(service_of("other", 3001), {}));
  f.ok(f.agent->register_service(with_sidecar("b"), {}));
  CHECK(service(f, "a-sidecar-proxy")->port == 3000);
  CHECK(service(f, "b-sidecar-proxy")->port == 3002);
  const std::string full =
      "Invalid SidecarService: no port provided for sidecar_service and none left in the configured range "
      "[3000, 3002]";
  CHECK(f.failure(f.agent->register_service(with_sidecar("c"), {})) == full);
  CHECK(service_ids(f) == Ids{"a", "a-sidecar-proxy", "b", "b-sidecar-proxy", "other"});
  f.ok(f.agent->deregister_service("a", {}));
  f.ok(f.agent->register_service(with_sidecar("b"), {}));
  CHECK(service(f, "b-sidecar-proxy")->port == 3002);
  f.ok(f.agent->register_service(with_sidecar("c"), {}));
  CHECK(service(f, "c-sidecar-proxy")->port == 3000);

  Fixture off(1, with_ports(-1, -1));
  CHECK(
      off.failure(off.agent->register_service(with_sidecar("a"), {})) ==
      "Invalid SidecarService: no port provided for sidecar_service and auto-assignment disabled in config");
  auto given = with_sidecar("a");
  given.sidecar->service.port = 5;
  off.ok(off.agent->register_service(given, {}));
}

TEST_CASE("a sidecar goes with its parent, in the catalog too", "[sidecar]") {
  Fixture f;
  f.ok(f.agent->register_service(with_sidecar("web"), {}));
  f.ok(f.agent->register_service(service_of("web", 1), {}));  // without it: that stays
  CHECK(service_ids(f) == Ids{"web", "web-sidecar-proxy"});
  f.ok(f.agent->deregister_service("web", {}));
  f.world.run_for(1s);
  CHECK(service_ids(f).empty());
  CHECK(f.checks().empty());
  Ids removed;
  for (const auto& command : f.catalog.commands_of<model::DeregisterCommand>())
    removed.push_back(command.service_id);
  CHECK(removed == Ids{"web", "web-sidecar-proxy"});

  // One of the same name that stands by itself stays.
  f.ok(f.agent->register_service(with_sidecar("web"), {}));
  auto alone = service_of("web-sidecar-proxy", 5);
  f.ok(f.agent->register_service(alone, {}));
  f.ok(f.agent->deregister_service("web", {}));
  CHECK(service_ids(f) == Ids{"web-sidecar-proxy"});
}

TEST_CASE("a sidecar goes when its parent is reaped", "[sidecar]") {
  Fixture f;
  auto spec = with_sidecar("web");
  spec.checks = {ttl_check("c", 10s)};
  spec.checks[0].deregister_critical_service_after = 60s;
  f.ok(f.agent->register_service(spec, {}));
  f.world.run_for(2min);
  CHECK(service_ids(f).empty());
}

TEST_CASE("definitions of sidecars that are refused change nothing", "[sidecar]") {
  Fixture f;
  auto spec = with_sidecar("web");
  spec.sidecar->service.id = "own";
  spec.sidecar->has_sidecar = true;
  CHECK(
      f.failure(f.agent->register_service(spec, {})) ==
      "2 errors occurred:\n\t* A SidecarService cannot specify an ID as this is managed by the agent\n\t* A "
      "SidecarService cannot have a nested SidecarService\n\n");
  spec = with_sidecar("web");
  spec.sidecar->service.meta = {{"consul-x", "1"}};
  CHECK(
      f.failure(f.agent->register_service(spec, {}))
          .starts_with("Invalid SidecarService: Couldn't load metadata pair ('consul-x', '1'): Key prefix"));
  spec = with_sidecar("web");
  spec.service.kind = "mesh-gateway";
  spec.service.port = 1;
  CHECK(f.failure(f.agent->register_service(spec, {})) ==
        "1 error occurred:\n\t* A mesh-gateway cannot have a sidecar service defined\n\n");
  spec = with_sidecar("web");
  spec.sidecar->checks.emplace_back().args = {"/bin/true"};
  spec.sidecar->checks[0].interval = 1s;
  CHECK(f.failure(f.agent->register_service(spec, {})).starts_with("Scripts are disabled on this agent"));
  CHECK(service_ids(f).empty());
}

TEST_CASE("what the checks of a sidecar will be called", "[sidecar]") {
  auto spec = with_sidecar("web");
  spec.service.id = "w1";
  CHECK(sidecar_check_ids(spec) == Ids{"service:w1-sidecar-proxy:1", "service:w1-sidecar-proxy:2"});
  spec.sidecar->checks = {ttl_check("a", 1s)};
  CHECK(sidecar_check_ids(spec) == Ids{"service:w1-sidecar-proxy"});
  spec.sidecar->checks.push_back(ttl_check("b", 1s));
  spec.sidecar->checks[0].id = "own";
  CHECK(sidecar_check_ids(spec) == Ids{"own", "service:w1-sidecar-proxy:2"});
  CHECK(sidecar_check_ids(service_of("web")).empty());
  CHECK(parent_of_sidecar("a-sidecar-proxy") == "a");
  CHECK(parent_of_sidecar("a").empty());
}

}  // namespace
}  // namespace discovery::agent
