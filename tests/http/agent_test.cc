#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

using namespace discovery;
using namespace discovery::http::testing;
using namespace std::chrono_literals;

namespace {

model::ServicePtr make(std::string id, std::string kind = {}) {
  auto service = std::make_shared<model::ServiceInstance>();
  service->id = std::move(id);
  service->name = "web";
  service->kind = std::move(kind);
  auto proxy = std::make_shared<model::ConnectProxy>();
  proxy->destination_service_name = "web";
  proxy->local_service_address = "127.0.0.1";
  service->proxy = proxy;
  return service;
}

constexpr const char* kDown =
    "Scripts are disabled on this agent from remote calls; to enable, configure "
    "'enable_script_checks' to true";

}  // namespace

TEST_CASE("the agent's services") {
  World world;
  auto full = std::make_shared<model::ServiceInstance>(*make("full"));
  full->tags = {"a"};
  full->meta.set("k", "v");
  full->tagged_addresses["lan"] = {.address = "10.0.0.6", .port = 81};
  full->connect.native = true;
  world.agent.service_list = {
      {full, "h1"}, {make("min"), "h2"}, {make("web-sidecar-proxy", "connect-proxy"), "h3"}};
  const auto kept = world.ask("/v1/agent/services?filter=Port%3D%3D1&token=t&dc=x");
  CHECK(kept->status() == 200);
  CHECK(
      kept->body() ==
      R"({"full":{"ID":"full","Service":"web","Tags":["a"],"Meta":{"k":"v"},"Port":0,"Address":"",)"
      R"("TaggedAddresses":{"lan":{"Address":"10.0.0.6","Port":81}},"Weights":{"Passing":1,"Warning":1},)"
      R"("EnableTagOverride":false,"Connect":{"Native":true},"Datacenter":"dc1"},)"
      R"("min":{"ID":"min","Service":"web","Tags":[],"Meta":{},"Port":0,"Address":"",)"
      R"("Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,"Datacenter":"dc1"},)"
      R"("web-sidecar-proxy":{"Kind":"connect-proxy","ID":"web-sidecar-proxy","Service":"web","Tags":[],"Meta":{},)"
      R"("Port":0,"Address":"","Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,)"
      R"("Proxy":{"DestinationServiceName":"web","LocalServiceAddress":"127.0.0.1","MeshGateway":{},"Expose":{}},)"
      R"("Datacenter":"dc1"}})");
  CHECK(world.agent.calls.back() == "services Port==1");
  CHECK(world.agent.callers.back().token == "t");
  CHECK(world.agent.callers.back().datacenter.empty());
  CHECK(kept->header("X-Consul-Index") == "-");
  world.agent.result = invalid_argument("bad filter");
  CHECK(world.ask("/v1/agent/services")->status() == 500);
  CHECK(world.ask("/v1/agent/services?ns=x")->status() == 400);
}

TEST_CASE("one of the agent's services, with its hash") {
  World world;
  world.agent.one_service = model::AgentService{make("min"), "634539255e0a1346"};
  const auto kept = world.ask("/v1/agent/service/min?hash=abc&wait=5s");
  CHECK(kept->header("X-Consul-Contenthash") == "634539255e0a1346");
  CHECK(
      kept->body() ==
      R"({"ID":"min","Service":"web","Tags":[],"Meta":{},"Port":0,"Address":"","Weights":{"Passing":1,"Warning":1},)"
      R"("EnableTagOverride":false,"ContentHash":"634539255e0a1346","Datacenter":"dc1"})");
  CHECK(world.agent.calls.back() == "service min abc 5000000000");
  CHECK(world.agent.callers.back().stop.stop_possible());
  world.ask("/v1/agent/service/min");
  CHECK_FALSE(world.agent.callers.back().stop.stop_possible());
  CHECK(world.ask("/v1/agent/service/min?wait=x")->body() == "Invalid wait time");
  world.agent.result = Status(Code::kNotFound, "unknown service ID: nope");
  const auto missing = world.ask("/v1/agent/service/nope");
  CHECK(missing->status() == 404);
  CHECK(missing->body() == "unknown service ID: nope");
}

TEST_CASE("the agent's checks") {
  World world;
  auto check = std::make_shared<model::HealthCheck>();
  check->node = "agent-one";
  check->check_id = "ttl";
  world.agent.check_list = {check};
  const auto kept = world.ask("/v1/agent/checks?filter=x");
  CHECK(
      kept->body() ==
      R"({"ttl":{"Node":"agent-one","CheckID":"ttl","Name":"","Status":"","Notes":"","Output":"","ServiceID":"",)"
      R"("ServiceName":"","ServiceTags":[],"Type":"","Interval":"","Timeout":"","ExposedPort":0,"Definition":{},)"
      R"("CreateIndex":0,"ModifyIndex":0}})");
  CHECK(world.agent.calls.back() == "checks x");
  world.agent.check_list.clear();
  CHECK(world.ask("/v1/agent/checks")->body() == "{}");
}

TEST_CASE("long lists of the agent's are rendered off the loop, and are what short ones are") {
  World world;
  const auto list = [&world](std::size_t count) {
    world.agent.service_list.clear();
    world.agent.check_list.clear();
    for (std::size_t i = 0; i < count; ++i) {
      auto check = std::make_shared<model::HealthCheck>();
      check->check_id = "check-" + std::to_string(i);
      world.agent.check_list.push_back(check);
      world.agent.service_list.push_back({make("service-" + std::to_string(i)), "hash"});
    }
  };
  for (const std::string path : {"/v1/agent/services?pretty", "/v1/agent/checks"}) {
    CAPTURE(path);
    list(1);
    const std::string one = world.ask(path)->body();
    CHECK(world.env.posted.empty());
    list(1000);
    world.env.workers_busy = GENERATE(false, true);
    const auto answer = world.ask(path);
    CHECK(world.env.posted.empty() == world.env.workers_busy);
    while (!world.env.posted.empty()) world.env.run_posted();
    CHECK(answer->status() == 200);
    const std::string all = answer->body();
    const std::size_t end = one.find_last_of("}", one.find_last_of("}") - 1);
    CHECK(all.substr(0, end) == one.substr(0, end));
    for (const int i : {1, 499, 999}) {
      CAPTURE(i);
      CHECK(all.find("-" + std::to_string(i) + "\"") != std::string::npos);
    }
    CHECK(all.find("-1000\"") == std::string::npos);
  }
}

TEST_CASE("who the agent and its members are") {
  World world;
  world.agent.about.datacenter = "dc1";
  world.agent.about.node_name = "agent-one";
  world.agent.about.node_id = "id-1";
  world.agent.about.version = "1.2.3";
  world.agent.about.member.name = "agent-one";
  world.agent.about.member.port = 8301;
  world.agent.about.member.tags.set("role", "consul");
  world.agent.about.grpc_open = true;
  const std::string member =
      R"({"Name":"agent-one","Addr":"","Port":8301,"Tags":{"role":"consul"},"Status":1,"ProtocolMin":1,)"
      R"("ProtocolMax":5,"ProtocolCur":2,"DelegateMin":2,"DelegateMax":5,"DelegateCur":4})";
  CHECK(
      world.ask("/v1/agent/self")->body() ==
      R"({"Config":{"Datacenter":"dc1","PrimaryDatacenter":"","NodeName":"agent-one","NodeID":"id-1","Revision":"",)"
      R"("Server":true,"Version":"1.2.3"},"DebugConfig":{"Datacenter":"dc1","NodeID":"id-1","NodeMeta":{},)"
      R"("NodeName":"agent-one","PrimaryDatacenter":"","ServerMode":true,"Version":"1.2.3"},)"
      R"("Coord":{"Vec":[],"Error":1.5,"Adjustment":0,"Height":0.00001},"Member":)" +
          member + R"(,"Stats":{},"Meta":{},"xDS":{"SupportedProxies":{"envoy":[]}}})");
  CHECK(world.ask("/v1/agent/members")->body() == "[" + member + "]");
  world.ask("/v1/agent/members?wan=1");
  CHECK(world.agent.calls.back() == "members wan");
  world.ask("/v1/agent/members?wan&segment=_all");
  CHECK(world.agent.calls.back() == "members");
  CHECK(world.ask("/v1/agent/members?wan=1&segment=a")->body() == "Cannot provide a segment with wan=true");
  CHECK(world.ask("/v1/agent/members?segment=a")->status() == 500);
}

TEST_CASE("a service's definition is read in both spellings") {
  World world;
  for (
      const char* body :
      {R"({"ID":"w1","Name":"web","Tags":["a"],"Address":"10.0.0.5","Port":80,"Meta":{"k":"v"},"SocketPath":"/s",
            "TaggedAddresses":{"lan":{"address":"10.0.0.6","port":81}},"EnableTagOverride":true,
            "Weights":{"Passing":10},"Token":"t","Proxy":{"LocalServicePort":9,"Upstreams":[{"DestinationName":"x"}]},
            "Connect":{"Native":true},
            "Checks":[{"CheckID":"c2","TTL":"15s"}],
            "Check":{"CheckID":"c1","Name":"n","Notes":"o","TTL":30000000000,"Status":"passing","Timeout":"5s",
                     "DeregisterCriticalServiceAfter":"90m","OutputMaxSize":10}} extra)",
       R"({"id":"w1","name":"web","tags":["a"],"address":"10.0.0.5","port":80,"meta":{"k":"v"},"socketpath":"/s",
            "tagged_addresses":{"lan":{"Address":"10.0.0.6","Port":81}},"enable_tag_override":true,
            "weights":{"passing":10},"token":"t","proxy":{"local_service_port":9,
            "upstreams":[{"destination_name":"x"}]},"connect":{"native":true},
            "checks":[{"checkid":"c2","ttl":"15s"}],
            "check":{"checkid":"c1","name":"n","notes":"o","ttl":"30s","status":"passing","timeout":"5s",
                     "deregister_critical_service_after":"1h30m","outputmaxsize":10}})"}) {
    const auto kept = world.put("/v1/agent/service/register", body);
    CHECK(kept->status() == 200);
    CHECK(kept->body().empty());
    CHECK(kept->header("Content-Type") == "-");
    REQUIRE_FALSE(world.agent.registered.empty());
    const model::ServiceSpec& spec = world.agent.registered.back();
    CHECK(spec.service.id == "w1");
    CHECK(spec.service.name == "web");
    CHECK(spec.service.tags == model::Tags{"a"});
    CHECK(spec.service.address == "10.0.0.5");
    CHECK(spec.service.port == 80);
    CHECK(spec.service.meta == model::Labels{{"k", "v"}});
    CHECK(spec.service.socket_path == "/s");
    CHECK(spec.service.tagged_addresses.at("lan") == model::ServiceAddress{"10.0.0.6", 81});
    CHECK(spec.service.enable_tag_override);
    CHECK(spec.service.weights == model::Weights{10, 0});
    CHECK(spec.service.connect.native);
    REQUIRE(spec.service.proxy);
    CHECK(spec.service.proxy->local_service_port == 9);
    CHECK(spec.service.proxy->upstreams.at(0).destination_type == "service");
    CHECK(spec.token == "t");
    REQUIRE(spec.checks.size() == 2);
    CHECK(spec.checks[0].id == "c1");
    CHECK(spec.checks[0].name == "n");
    CHECK(spec.checks[0].notes == "o");
    CHECK(spec.checks[0].ttl == 30s);
    CHECK(spec.checks[0].status == "passing");
    CHECK(spec.checks[0].timeout == 5s);
    CHECK(spec.checks[0].deregister_critical_service_after == 90min);
    CHECK(spec.checks[0].output_max_size == 10);
    CHECK(spec.checks[1].id == "c2");
    CHECK(spec.checks[1].ttl == 15s);
  }
}

TEST_CASE("a service may be no more than a name") {
  World world;
  CHECK(world.put("/v1/agent/service/register?token=t", R"({"Name":"x","Check":{},"Connect":null})")
            ->status() == 200);
  const model::ServiceSpec& spec = world.agent.registered.back();
  CHECK(spec.service.id == "x");
  CHECK(spec.service.weights == model::Weights{1, 1});
  CHECK_FALSE(spec.service.proxy);
  CHECK(spec.checks.empty());
  CHECK_FALSE(spec.replace_existing_checks);
  CHECK(world.agent.callers.back().token == "t");
  world.put("/v1/agent/service/register?replace-existing-checks", R"({"Name":"x"})");
  CHECK(world.agent.registered.back().replace_existing_checks);
  world.put("/v1/agent/service/register?replace-existing-checks=true", R"({"Name":"x"})");
  CHECK(world.agent.registered.back().replace_existing_checks);
  world.put("/v1/agent/service/register?replace-existing-checks=false", R"({"Name":"x"})");
  CHECK_FALSE(world.agent.registered.back().replace_existing_checks);
}

TEST_CASE("services that are refused") {
  World world;
  struct Row {
    const char* body;
    int status;
    const char* text;
  };
  const Row table[] = {
      {"", 400, "Request decode failed: EOF"},
      {"{", 400, "Request decode failed: unexpected EOF"},
      {"null", 400, "Missing service name"},
      {R"({"ID":"x"})", 400, "Missing service name"},
      {R"({"Name":"x","Unknown":1})", 400, "Request decode failed: json: unknown field \"Unknown\""},
      {R"({"Name":"x","Check":{"TTL":"abc"}})", 400, "Request decode failed: time: invalid duration \"abc\""},
      {R"({"Name":"x","Check":{"Script":"true"}})", 400,
       "Request decode failed: json: unknown field \"Script\""},
      {R"({"Name":"x","Check":{"Interval":"10s"}})", 400, "Invalid check: TTL must be > 0 for TTL checks"},
      {R"({"Name":"x","Checks":[{}]})", 400, "Invalid check: TTL must be > 0 for TTL checks"},
      {R"({"Name":"x","Check":{"HTTP":"http://x"}})", 400,
       "Invalid check: Interval must be > 0 for Script, HTTP, H2PING, or TCP checks"},
      {R"({"Name":"x","Check":{"TTL":"10s","HTTP":"http://x","Interval":"1s"}})", 400,
       "Invalid check: Interval and TTL cannot both be specified"},
      {R"({"Name":"x","Check":{"AliasService":"y","HTTP":"http://x","Interval":"1s"}})", 400,
       "Invalid check: Interval cannot be set for Alias checks"},
      {R"({"Name":"x","Check":{"AliasNode":"y","TTL":"1s"}})", 400,
       "Invalid check: TTL must be not be set for Alias checks"},
      {R"({"Name":"x","Check":{"TTL":"1s","OutputMaxSize":-1}})", 400,
       "Invalid check: MaxOutputMaxSize must be positive"},
      {R"({"Name":"x","Check":{"TTL":"10s","Status":"weird"}})", 400,
       "Status for checks must 'passing', 'warning', 'critical'"},
      {R"({"Name":"x","Connect":{"SidecarService":{"Check":{"TTL":"-1s"}}}})", 400,
       "Invalid check in sidecar_service: TTL must be > 0 for TTL checks"},
      {R"({"Name":"x","Connect":{"SidecarService":{"Check":{"TTL":"1s","Status":"weird"}}}})", 400,
       "Status for checks must 'passing', 'warning', 'critical'"},
      {R"({"Name":"x","Connect":{"SidecarService":{"Bogus":1}}})", 400,
       "Request decode failed: json: unknown field \"Bogus\""},
  };
  for (const Row& row : table) {
    CAPTURE(row.body);
    const auto kept = world.put("/v1/agent/service/register", row.body);
    CHECK(kept->status() == row.status);
    CHECK(kept->body() == row.text);
  }
  CHECK(world.agent.calls.empty());
  world.agent.result = invalid_argument("Invalid service address");
  const auto kept = world.put("/v1/agent/service/register", R"({"Name":"x","Address":"0.0.0.0"})");
  CHECK(kept->status() == 400);
  CHECK(kept->body() == "Invalid service address");
}

TEST_CASE("deregistration takes the rest of the path") {
  World world;
  CHECK(world.ask("/v1/agent/service/deregister/a/b", {.method = "PUT"})->status() == 200);
  CHECK(world.agent.calls.back() == "deregister_service a/b");
  CHECK(world.ask("/v1/agent/check/deregister/c", {.method = "PUT"})->status() == 200);
  CHECK(world.agent.calls.back() == "deregister_check c");
  const auto service = world.ask("/v1/agent/service/deregister/", {.method = "PUT"});
  CHECK(service->status() == 500);
  CHECK(service->body() == "ServiceID missing");
  CHECK(world.ask("/v1/agent/check/deregister/", {.method = "PUT"})->body() == "CheckID missing");
}

TEST_CASE("checks of their own") {
  World world;
  const auto kept =
      world.put("/v1/agent/check/register",
                R"({"ID":"c","Name":"n","service_id":"w1","TTL":5.5,"Token":"t","Status":"warning"})");
  CHECK(kept->status() == 200);
  const model::CheckSpec& spec = world.agent.checks_registered.back();
  CHECK(spec.id == "c");
  CHECK(spec.name == "n");
  CHECK(spec.service_id == "w1");
  CHECK(spec.ttl == 5ns);
  CHECK(spec.token == "t");
  CHECK(spec.status == "warning");
  const std::pair<const char*, const char*> table[] = {
      {R"({"CheckID":"x","Name":"n"})", "Request decode failed: json: unknown field \"CheckID\""},
      {R"({"ID":"x","TTL":"10s"})", "Missing check name"},
      {R"({"Name":"x","TTL":"10s","Status":"strange"})", "Bad check status"},
      {R"({"Name":"x"})", "Invalid check: TTL must be > 0 for TTL checks"},
      {R"({"Name":"x","TTL":"-1s"})", "Invalid check: TTL must be > 0 for TTL checks"},
  };
  for (const auto& [body, text] : table) {
    CAPTURE(body);
    CHECK(world.put("/v1/agent/check/register", body)->status() == 400);
    CHECK(world.put("/v1/agent/check/register", body)->body() == text);
  }
  CHECK(world.put("/v1/agent/check/register", R"({"Name":"x","AliasNode":"n"})")->status() == 200);
  CHECK(world.agent.checks_registered.back().alias_node == "n");
  CHECK(world.put("/v1/agent/check/register", R"({"Name":"x","script_args":["a","b"],"Interval":"10s"})")
            ->status() == 200);
  CHECK(world.agent.checks_registered.back().args == std::vector<std::string>{"a", "b"});
  world.agent.result = Status(Code::kFailedPrecondition, "Scripts are disabled");
  const auto script = world.put("/v1/agent/check/register", R"({"Name":"x","Args":["a"],"Interval":"10s"})");
  CHECK(script->status() == 500);
  CHECK(script->body() == "Scripts are disabled");
  world.agent.result = Status(Code::kNotFound, "ServiceID \"nope\" does not exist");
  const auto orphan = world.put("/v1/agent/check/register", R"({"Name":"x","TTL":"1s","ServiceID":"nope"})");
  CHECK(orphan->status() == 500);
  CHECK(orphan->body() == "ServiceID \"nope\" does not exist");
}

TEST_CASE("reports on TTL checks") {
  World world;
  const auto report = [&](const char* target) {
    CHECK(world.ask(target, {.method = "PUT"})->status() == 200);
    return world.agent.calls.back();
  };
  CHECK(report("/v1/agent/check/pass/c") == "update_check c passing ");
  CHECK(report("/v1/agent/check/warn/a/b?note=so%20so") == "update_check a/b warning so so");
  CHECK(report("/v1/agent/check/fail/c?note=bad") == "update_check c critical bad");
  CHECK(world.put("/v1/agent/check/update/c", R"({"Status":"warning","Output":"o"})")->status() == 200);
  CHECK(world.agent.calls.back() == "update_check c warning o");
  for (const char* body : {"{}", R"({"Output":"x"})", R"({"Status":""})"}) {
    CHECK(world.put("/v1/agent/check/update/c", body)->status() == 400);
    CHECK(world.put("/v1/agent/check/update/c", body)->body() == "Invalid check status: ''");
  }
  CHECK(world.put("/v1/agent/check/update/c", R"({"Status":"nope"})")->body() ==
        "Invalid check status: 'nope'");
  world.agent.result = Status(Code::kNotFound, "CheckID \"nope\" does not have associated TTL");
  const auto missing = world.ask("/v1/agent/check/pass/nope", {.method = "PUT"});
  CHECK(missing->status() == 500);
  CHECK(missing->body() == "CheckID \"nope\" does not have associated TTL");
}

TEST_CASE("a sidecar inside of a service's definition") {
  World world;
  CHECK(
      world
          .put(
              "/v1/agent/service/register",
              R"({"Name":"web","Port":80,"Connect":{"sidecar_service":{"Port":7,"Token":"t","Tags":["a"],)"
              R"("Weights":{"Passing":3},"Check":{"TTL":"10s"},"Proxy":{"upstreams":[{"destination_name":"db",)"
              R"("local_bind_port":1}]},"Connect":{"SidecarService":{"ID":"x"}}}}})")
          ->status() == 200);
  REQUIRE(world.agent.registered.size() == 1);
  const model::ServiceSpec& spec = world.agent.registered[0];
  REQUIRE(spec.sidecar);
  CHECK(spec.sidecar->service.id.empty());
  CHECK(spec.sidecar->service.port == 7);
  CHECK(spec.sidecar->token == "t");
  CHECK(spec.sidecar->weights == model::Weights{3, 0});
  CHECK(spec.sidecar->checks.size() == 1);
  CHECK(spec.sidecar->service.proxy->upstreams[0].destination_name == "db");
  CHECK(spec.sidecar->has_sidecar);
  for (const char* none : {R"({"Name":"web","Connect":{"SidecarService":null}})", R"({"Name":"web"})"}) {
    world.put("/v1/agent/service/register", none);
    CHECK_FALSE(world.agent.registered.back().sidecar);
  }
}

TEST_CASE("an agent without network coordinates says so") {
  World with;
  CHECK(with.ask("/v1/agent/self")->body().find("\"Coord\":{\"Vec\":[") != std::string::npos);
  CHECK(with.ask("/v1/coordinate/datacenters")->status() == 200);
  CHECK(with.ask("/v1/coordinate/node/")->status() == 404);
  http::Options options = default_options();
  options.coordinates = false;
  World without(options);
  CHECK(without.ask("/v1/agent/self")->body().find("\"Coord\":null,") != std::string::npos);
  for (const char* path : {"/v1/coordinate/datacenters", "/v1/coordinate/nodes", "/v1/coordinate/node/n1",
                           "/v1/coordinate/node/"}) {
    INFO(path);
    const auto kept = without.ask(path);
    CHECK(kept->status() == 401);
    CHECK(kept->body() == "Coordinate support disabled");
  }
  CHECK(without.put("/v1/coordinate/update", "nope")->status() == 401);
}
