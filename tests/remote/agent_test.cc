// The agent of a program that has none of its own.

#include <catch2/catch.hpp>

#include "lib/codec/json_reader.h"
#include "lib/remote/agent_forms.h"
#include "lib/remote/remote_agent.h"
#include "tests/remote/world.h"

namespace discovery::remote {
namespace {

using testing::health_of;
using testing::RemoteWorld;
using testing::Seen;
using namespace std::chrono_literals;

struct AgentWorld : RemoteWorld {
  AgentWorld() { remote = std::make_unique<RemoteAgent>(client, *backend); }
  ~AgentWorld() { remote.reset(); }
  AgentWorld(const AgentWorld&) = delete;
  AgentWorld& operator=(const AgentWorld&) = delete;

  model::LocalAgent& local() { return agent->local_agent(); }
  std::size_t count() {
    const auto services = wait_for(local().services("", {}));
    REQUIRE(services.ok());
    return services->size();
  }
  std::string check_status(const std::string& id) {
    const auto checks = wait_for(local().checks("", {}));
    REQUIRE(checks.ok());
    for (const auto& check : *checks) {
      if (check->check_id == id) return check->status.str();
    }
    return "missing";
  }

  std::unique_ptr<RemoteAgent> remote;
};

model::ServiceSpec a_service(const std::string& name) {
  model::ServiceSpec spec;
  spec.service.name = name;
  spec.service.id = name + "-1";
  spec.service.port = 8080;
  spec.service.tags = {"a", "b"};
  spec.service.meta = {{"k", "v"}};
  spec.service.weights = {10, 0};
  model::CheckSpec check;
  check.ttl = 30s;
  spec.checks = {check};
  return spec;
}

TEST_CASE("a service is registered with all it has, shown, reported on and removed") {
  AgentWorld it;
  model::ServiceSpec spec = a_service("web");
  spec.service.address = "192.0.2.7";
  spec.service.tagged_addresses = {{"wan", {"198.51.100.7", 80}}};
  spec.service.enable_tag_override = true;
  model::CheckSpec http;
  http.id = "http";
  http.name = "over HTTP";
  http.notes = "a note";
  http.http = "http://192.0.2.7/health";
  http.header = {{"X-A", {"1", "2"}}};
  http.interval = 10s;
  http.timeout = 1500ms;
  http.status = "passing";
  spec.checks.push_back(http);
  REQUIRE(it.wait_for(it.remote->register_service(spec, {})).ok());

  const auto services = it.wait_for(it.remote->services("", {}));
  REQUIRE(services.ok());
  REQUIRE(services->size() == 1);
  const model::ServiceInstance& service = *services->front().service;
  CHECK(service.name == "web");
  CHECK(service.port == 8080);
  CHECK(service.tags == model::Tags{"a", "b"});
  CHECK(service.meta == spec.service.meta);
  CHECK(service.weights == model::Weights{10, 0});
  CHECK(service.address == "192.0.2.7");
  CHECK(service.tagged_addresses.at("wan") == model::ServiceAddress{"198.51.100.7", 80});
  CHECK(service.enable_tag_override);
  CHECK(it.wait_for(it.remote->services("Service == \"other\"", {}))->empty());

  const auto checks = it.wait_for(it.remote->checks("", {}));
  REQUIRE(checks.ok());
  REQUIRE(checks->size() == 2);
  CHECK((*checks)[0]->check_id == "http");
  CHECK((*checks)[0]->notes == "a note");
  CHECK((*checks)[0]->status == "passing");
  CHECK((*checks)[1]->check_id == "service:web-1:1");

  REQUIRE(it.wait_for(it.remote->update_check("service:web-1:1", "passing", "fine", {})).ok());
  CHECK(it.check_status("service:web-1:1") == "passing");
  CHECK(it.wait_for(it.remote->update_check("none", "passing", "", {})).status().code() == Code::kNotFound);
  CHECK(it.wait_for(it.remote->update_check("none", "bogus", "", {})).status().code() ==
        Code::kInvalidArgument);

  auto health = it.wait_for(it.remote->service_health_by_id("web-1", {}));
  REQUIRE(health.ok());
  REQUIRE(health->size() == 1);
  CHECK(health->front().status == "passing");
  CHECK(health->front().checks.size() == 2);
  REQUIRE(it.wait_for(it.remote->update_check("service:web-1:1", "warning", "so so", {})).ok());
  CHECK(it.wait_for(it.remote->service_health_by_name("web", {}))->front().status == "warning");
  CHECK(it.wait_for(it.remote->service_health_by_name("none", {}))->empty());
  CHECK(it.wait_for(it.remote->service_health_by_id("none", {}))->empty());

  const auto history = it.wait_for(it.remote->check_history("service:web-1:1", {}));
  REQUIRE(history.ok());
  const auto own = it.wait_for(it.local().check_history("service:web-1:1", {}));
  REQUIRE(history->transitions.size() == own->transitions.size());
  CHECK(history->status == "warning");
  const auto& last = history->transitions.back();
  CHECK(last.from == "passing");
  CHECK(last.evidence.output == "so so");
  CHECK(last.time == std::chrono::floor<std::chrono::milliseconds>(own->transitions.back().time));
  CHECK(it.wait_for(it.remote->check_history("none", {})).status().code() == Code::kNotFound);

  REQUIRE(it.wait_for(it.remote->set_service_maintenance("web-1", true, "repairs", {})).ok());
  CHECK(it.check_status("_service_maintenance:web-1") == "critical");
  CHECK(it.wait_for(it.remote->service_health_by_id("web-1", {}))->front().status == "maintenance");
  REQUIRE(it.wait_for(it.remote->set_service_maintenance("web-1", false, "", {})).ok());
  CHECK(it.wait_for(it.remote->set_service_maintenance("none", true, "", {})).status().code() ==
        Code::kNotFound);
  REQUIRE(it.wait_for(it.remote->set_node_maintenance(true, "", {})).ok());
  CHECK(it.check_status("_node_maintenance") == "critical");
  REQUIRE(it.wait_for(it.remote->set_node_maintenance(false, "", {})).ok());

  REQUIRE(it.wait_for(it.remote->deregister_service("web-1", {})).ok());
  CHECK(it.count() == 0);
  REQUIRE(it.wait_for(it.remote->deregister_service("web-1", {})).ok());
}

TEST_CASE("what the agent refuses is said in its words") {
  AgentWorld it;
  model::ServiceSpec nameless;
  Status failure = it.wait_for(it.remote->register_service(nameless, {})).status();
  CHECK(failure.code() == Code::kInvalidArgument);
  CHECK(failure.message() == "Missing service name");
  model::CheckSpec orphan;
  orphan.name = "orphan";
  orphan.service_id = "none";
  orphan.ttl = 10s;
  failure = it.wait_for(it.remote->register_check(orphan, {})).status();
  CHECK(failure.code() == Code::kNotFound);
}

TEST_CASE("one service is waited for by its hash") {
  AgentWorld it;
  REQUIRE(it.wait_for(it.remote->register_service(a_service("web"), {})).ok());
  const auto first = it.wait_for(it.remote->service("web-1", "", 0s, {}));
  REQUIRE(first.ok());
  CHECK_FALSE(first->content_hash.empty());
  std::optional<Result<model::AgentService>> next;
  it.remote->service("web-1", first->content_hash, 1min, {}).then([&](auto got) {
    next.emplace(std::move(got));
  });
  it.simulation.run_for(5s);
  CHECK_FALSE(next);
  model::ServiceSpec changed = a_service("web");
  changed.service.port = 9090;
  REQUIRE(it.wait_for(it.remote->register_service(changed, {})).ok());
  REQUIRE(it.run_until([&] { return next.has_value(); }, 1s));
  REQUIRE(next->ok());
  CHECK((*next)->service->port == 9090);
  CHECK((*next)->content_hash != first->content_hash);
  CHECK(it.wait_for(it.remote->service("none", "", 0s, {})).status().code() == Code::kNotFound);
}

TEST_CASE("who the agent is, and who its members are") {
  AgentWorld it;
  REQUIRE(it.run_until([&] { return !it.remote->self().node_name.empty(); }, 1s));
  const model::AgentSelf self = it.remote->self();
  const model::AgentSelf own = it.local().self();
  CHECK(self.node_name == "one");
  CHECK(self.node_id == own.node_id);
  CHECK(self.datacenter == own.datacenter);
  CHECK(self.version == own.version);
  CHECK(self.server);
  CHECK(self.member.address == own.member.address);
  const auto members = it.wait_for(it.remote->members(false, {}));
  REQUIRE(members.ok());
  REQUIRE(members->size() == 1);
  CHECK(members->front().name == "one");
  CHECK(members->front().status == 1);
  CHECK(it.wait_for(it.remote->fetch_self({}))->node_name == "one");
}

TEST_CASE("an agent that cannot be asked at first says who it is when it is there") {
  RemoteWorld it;
  it.stop_agent();
  RemoteAgent remote(it.client, *it.backend);
  it.simulation.run_for(1min);
  CHECK(remote.self().node_name.empty());
  it.start_agent();
  REQUIRE(it.run_until([&] { return !remote.self().node_name.empty(); }, 16s));
  it.simulation.run_for(5min);
  CHECK(it.backend->facts().up);
}

TEST_CASE("an agent that was started anew is given again what it has forgotten") {
  AgentWorld it;
  REQUIRE(it.wait_for(it.remote->register_service(a_service("web"), {})).ok());
  REQUIRE(it.wait_for(it.remote->register_service(a_service("gone"), {})).ok());
  REQUIRE(it.wait_for(it.remote->deregister_service("gone-1", {})).ok());
  model::CheckSpec own;
  own.name = "disk";
  own.ttl = 1h;
  REQUIRE(it.wait_for(it.remote->register_check(own, {})).ok());
  model::CheckSpec more;
  more.id = "more";
  more.name = "more";
  more.service_id = "web-1";
  more.ttl = 1h;
  REQUIRE(it.wait_for(it.remote->register_check(more, {})).ok());
  REQUIRE(it.wait_for(it.remote->update_check("service:web-1", "passing", "fine", {})).ok());
  REQUIRE(it.wait_for(it.remote->update_check("more", "warning", "", {})).ok());
  it.simulation.run_for(1s);
  it.stop_agent();
  const bool at_once = GENERATE(true, false);
  if (!at_once) it.simulation.run_for(5min);
  it.start_agent();
  CHECK(it.count() == 0);
  REQUIRE(it.run_until([&] { return it.count() == 1; }, 16s));
  it.simulation.run_for(1s);
  CHECK(it.count() == 1);
  CHECK(it.check_status("service:web-1") == "passing");
  CHECK(it.check_status("more") == "warning");
  CHECK(it.check_status("disk") == "critical");
  it.simulation.run_for(10min);
  CHECK(it.count() == 1);
  REQUIRE(it.wait_for(it.remote->deregister_service("web-1", {})).ok());
  CHECK(it.count() == 0);
}

TEST_CASE("a report on a check that was forgotten brings it back") {
  AgentWorld it;
  REQUIRE(it.wait_for(it.remote->register_service(a_service("web"), {})).ok());
  // Somebody else removes it, of which nobody is told.
  REQUIRE(it.wait_for(it.local().deregister_service("web-1", {})).ok());
  it.simulation.run_for(1min);
  CHECK(it.count() == 0);
  REQUIRE(it.wait_for(it.remote->update_check("service:web-1", "passing", "fine", {})).ok());
  CHECK(it.count() == 1);
  CHECK(it.check_status("service:web-1") == "passing");
}

TEST_CASE("what could not be removed in an outage is removed after it") {
  AgentWorld it;
  REQUIRE(it.wait_for(it.remote->register_service(a_service("web"), {})).ok());
  it.simulation.block(it.machine, it.client);
  CHECK_FALSE(it.wait_for(it.remote->deregister_service("web-1", {})).ok());
  CHECK(it.count() == 1);
  it.simulation.unblock(it.machine, it.client);
  REQUIRE(it.run_until([&] { return it.count() == 0; }, 30s));
  it.simulation.run_for(10min);
  CHECK(it.count() == 0);
}

TEST_CASE("calls under way end with the backend") {
  AgentWorld it;
  it.simulation.block(it.machine, it.client);
  std::optional<Result<Unit>> result;
  it.remote->register_service(a_service("web"), {}).then([&](auto got) { result.emplace(std::move(got)); });
  it.simulation.run_for(10ms);
  it.remote.reset();
  it.backend.reset();
  REQUIRE(result.has_value());
  CHECK_FALSE(result->ok());
}

TEST_CASE("bodies have nothing in them that says nothing") {
  model::ServiceSpec spec;
  spec.service.name = "web";
  CHECK(service_body(spec) == R"({"Name":"web"})");
  model::CheckSpec check;
  check.id = "c";
  check.name = "c";
  check.h2ping = "h:1";
  check.h2ping_use_tls = false;
  check.interval = 10s;
  spec.checks = {check};
  spec.service.connect.native = true;
  spec.service.weights = {3, 0};
  CHECK(
      service_body(spec) ==
      R"({"Name":"web","Weights":{"Passing":3},"Connect":{"Native":true},"Checks":[{"CheckID":"c","Name":"c",)"
      R"("H2PING":"h:1","Interval":"10s","H2PingUseTLS":false}]})");
  spec = {};
  spec.service.name = "web";
  spec.sidecar.emplace();
  spec.sidecar->service.port = 20000;
  CHECK(service_body(spec) == R"({"Name":"web","Connect":{"SidecarService":{"Port":20000}}})");
  check = {};
  check.name = "own";
  check.service_id = "web";
  check.args = {"true"};
  check.token = "t";
  CHECK(check_body(check) == R"({"Name":"own","Args":["true"],"ServiceID":"web","Token":"t"})");
}

}  // namespace
}  // namespace discovery::remote
