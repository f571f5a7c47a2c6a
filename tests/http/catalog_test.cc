#include <string>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

using namespace discovery;
using namespace discovery::http::testing;

namespace {

model::NodePtr node(std::string name) {
  auto node = std::make_shared<model::Node>();
  node->name = std::move(name);
  node->address = "10.0.0.1";
  node->datacenter = "dc1";
  node->meta.set("rack", "r1");
  node->index = {.create = 14, .modify = 15};
  return node;
}

model::ServicePtr service(std::string id) {
  auto service = std::make_shared<model::ServiceInstance>();
  service->id = std::move(id);
  service->name = "web";
  service->tags = {"v1"};
  service->port = 8001;
  service->index = {.create = 16, .modify = 16};
  return service;
}

constexpr const char* kNodeJson =
    R"({"ID":"","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1","TaggedAddresses":null,"Meta":{"rack":"r1"},)"
    R"("CreateIndex":14,"ModifyIndex":15})";

std::string service_json(const std::string& id) {
  return R"({"ID":")" + id +
         R"(","Service":"web","Tags":["v1"],"Address":"","Meta":null,"Port":8001,"Weights":{"Passing":1,"Warning":1},)"
         R"("EnableTagOverride":false,"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"CreateIndex":16,)"
         R"("ModifyIndex":16})";
}

}  // namespace

TEST_CASE("datacenters") {
  World world;
  world.backend.next = answer(model::Names{"dc1", "dc2"}, 0);
  const auto kept = world.ask("/v1/catalog/datacenters?dc=nope&index=zz");
  CHECK(kept->body() == R"(["dc1","dc2"])");
  CHECK(kept->header("X-Consul-Index") == "-");
  CHECK(world.backend.last_read().call.datacenter.empty());
}

TEST_CASE("nodes") {
  World world;
  world.backend.next = answer(model::Nodes{node("n1")}, 15);
  const auto kept = world.ask("/v1/catalog/nodes?node-meta=rack:r1&node-meta=os&node-meta=a:b:c");
  CHECK(kept->body() == "[" + std::string(kNodeJson) + "]");
  CHECK(world.backend.last_query<model::ListNodes>().node_meta ==
        model::Labels{{"rack", "r1"}, {"os", ""}, {"a", "b:c"}});
  world.backend.next = answer(model::Nodes(), 15);
  CHECK(world.ask("/v1/catalog/nodes")->body() == "[]");
}

TEST_CASE("services with their tags") {
  World world;
  world.backend.next = answer(model::ServiceTags{{"consul", {}}, {"web", {"v1", "v2"}}}, 17);
  const auto kept = world.ask("/v1/catalog/services?filter=ServiceName==web&node-meta=a:b");
  CHECK(kept->body() == R"({"consul":[],"web":["v1","v2"]})");
  CHECK(world.backend.last_read().filter.empty());
  CHECK(world.backend.last_query<model::ListServices>().node_meta == model::Labels{{"a", "b"}});
}

TEST_CASE("the instances of a service") {
  World world;
  world.backend.next = answer(model::ServiceNodes{{node("n1"), service("web1")}}, 16);
  const auto kept = world.ask("/v1/catalog/service/web?tag=v1&tag=&near=n1");
  CHECK(
      kept->body() ==
      R"([{"ID":"","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1","TaggedAddresses":null,)"
      R"("NodeMeta":{"rack":"r1"},"ServiceKind":"","ServiceID":"web1","ServiceName":"web","ServiceTags":["v1"],)"
      R"("ServiceAddress":"","ServiceWeights":{"Passing":1,"Warning":1},"ServiceMeta":{},"ServicePort":8001,)"
      R"("ServiceSocketPath":"","ServiceEnableTagOverride":false,)"
      R"("ServiceProxy":{"Mode":"","MeshGateway":{},"Expose":{}},"ServiceConnect":{},"CreateIndex":16,)"
      R"("ModifyIndex":16}])");
  const auto& query = world.backend.last_query<model::ListServiceInstances>();
  CHECK(query.service == "web");
  CHECK(query.tags == std::vector<std::string>{"v1", ""});
  CHECK(query.role == model::ServiceRole::kPlain);
  world.ask("/v1/catalog/connect/web/x");
  CHECK(world.backend.last_query<model::ListServiceInstances>().role == model::ServiceRole::kConnect);
  CHECK(world.backend.last_query<model::ListServiceInstances>().service == "web/x");
}

TEST_CASE("one node's services are shown as an object and as a list") {
  World world;
  // Both views render the same answer; neither may be given the other's bytes.
  world.backend.next = answer(model::NodeServices{node("n1"), {service("a"), service("b")}}, 17);
  for (int round = 0; round < 2; ++round) {
    CHECK(world.ask("/v1/catalog/node/n1")->body() == R"({"Node":)" + std::string(kNodeJson) +
                                                          R"(,"Services":{"a":)" + service_json("a") +
                                                          R"(,"b":)" + service_json("b") + "}}");
    CHECK(world.ask("/v1/catalog/node-services/n1")->body() == R"({"Node":)" + std::string(kNodeJson) +
                                                                   R"(,"Services":[)" + service_json("a") +
                                                                   "," + service_json("b") + "]}");
  }
  CHECK(world.backend.last_query<model::GetNodeServices>().node == "n1");
  world.backend.next = answer(model::NodeServices(), 1);
  const auto unknown = world.ask("/v1/catalog/node/nope");
  CHECK(unknown->status() == 200);
  CHECK(unknown->body() == "null");
  CHECK(world.ask("/v1/catalog/node-services/nope")->body() == R"({"Node":null,"Services":null})");
}

TEST_CASE("no gateway is bound to a service") {
  World world;
  world.backend.next = answer(model::ServiceNodes(), 0);
  const auto kept = world.ask("/v1/catalog/gateway-services/gw?filter=x");
  CHECK(kept->body() == "null");
  CHECK(kept->header("X-Consul-Index") == "1");
  CHECK(kept->header("X-Consul-Effective-Consistency") == "leader");
}

TEST_CASE("missing names in catalog paths") {
  World world;
  const std::pair<const char*, const char*> table[] = {
      {"/v1/catalog/service/", "Missing service name"},
      {"/v1/catalog/connect/", "Missing service name"},
      {"/v1/catalog/node/", "Missing node name"},
      {"/v1/catalog/node-services/", "Missing node name"},
      {"/v1/catalog/gateway-services/", "Missing gateway name"},
  };
  for (const auto& [target, text] : table) {
    const auto kept = world.ask(target);
    CHECK(kept->status() == 400);
    CHECK(kept->body() == text);
    CHECK(kept->header("X-Consul-Index") == "-");
  }
}

TEST_CASE("registrations") {
  World world;
  const auto kept =
      world.put("/v1/catalog/register?dc=ignored&token=t",
                R"({"node":"n","Address":"1.1.1.1","NodeMeta":{"a":"b"},)"
                R"("Service":{"Service":"web","Port":80,"Tags":["x"]},)"
                R"("Check":{"CheckID":"c","Status":"passing","Definition":{"Interval":"5s"}}})");
  CHECK(kept->status() == 200);
  CHECK(kept->body() == "true");
  const auto& command = world.backend.last_command<model::RegisterCommand>();
  CHECK(command.node == "n");
  CHECK(command.datacenter == "dc1");
  CHECK(command.service->port == 80);
  CHECK(command.check->check_id == "c");
  CHECK(world.backend.commands.back().second.token == "t");
  CHECK(world.backend.commands.back().second.datacenter == "dc1");

  world.put("/v1/catalog/deregister", R"({"Node":"n","CheckID":"c","Datacenter":"dc9"})");
  CHECK(world.backend.last_command<model::DeregisterCommand>().check_id == "c");
  CHECK(world.backend.commands.back().second.datacenter == "dc9");

  world.backend.outcome = invalid_argument("Must provide node");
  const auto refused = world.put("/v1/catalog/register", "{}");
  CHECK(refused->status() == 500);
  CHECK(refused->body() == "Must provide node");
}

TEST_CASE("registrations that cannot be decoded") {
  World world;
  const std::pair<const char*, const char*> table[] = {
      {"", "Request decode failed: EOF"},
      {"{", "Request decode failed: unexpected EOF"},
      {R"({"Node":"x","Bogus":1})", "Request decode failed: json: unknown field \"Bogus\""},
      {R"({"Node":"x","Namespace":"y"})",
       "Request decode failed: json: unknown field \"Namespace\" - Namespaces are a Consul Enterprise "
       "feature"},
  };
  for (const char* path : {"/v1/catalog/register", "/v1/catalog/deregister"}) {
    for (const auto& [body, text] : table) {
      CAPTURE(path, body);
      const auto kept = world.put(path, body);
      CHECK(kept->status() == 400);
      CHECK(kept->body() == text);
    }
  }
  const auto typed = world.put("/v1/catalog/register", R"({"Service":{"Port":"80"}})");
  CHECK(typed->body().starts_with(
      "Request decode failed: json: cannot unmarshal string into Go struct field "));
  CHECK(world.put("/v1/catalog/register?ns=x", "{}")->status() == 400);
  CHECK(world.backend.commands.empty());
}
