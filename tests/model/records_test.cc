#include "lib/model/records.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/codec/msgpack.h"
#include "lib/model/describe_records.h"

namespace discovery::model {
namespace {

using namespace std::chrono_literals;

Node make_node() {
  Node node;
  node.name = "n1";
  node.address = "10.0.0.1";
  node.datacenter = "dc1";
  node.tagged_addresses = {{"wan", "198.18.0.1"}, {"lan", "10.0.0.1"}};
  node.meta = {{"rack", "r1"}, {"os", "linux"}};
  node.index = {14, 15};
  return node;
}

ServiceInstance make_service() {
  ServiceInstance service;
  service.id = "web1";
  service.name = "web";
  service.tags = {"v1", "primary"};
  service.address = "10.1.0.1";
  service.meta = {{"version", "1"}};
  service.port = 8001;
  service.weights = {10, 2};
  service.index = {14, 14};
  return service;
}

HealthCheck make_check() {
  HealthCheck check;
  check.node = "n1";
  check.check_id = "web1-http";
  check.name = "http";
  check.status = "passing";
  check.output = "ok";
  check.service_id = "web1";
  check.service_name = "web";
  check.service_tags = {"v1"};
  check.index = {14, 14};
  return check;
}

constexpr const char* kNodeJson =
    R"({"ID":"","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1",)"
    R"("TaggedAddresses":{"lan":"10.0.0.1","wan":"198.18.0.1"},"Meta":{"os":"linux","rack":"r1"},)"
    R"("CreateIndex":14,"ModifyIndex":15})";
constexpr const char* kServiceJson =
    R"({"ID":"web1","Service":"web","Tags":["v1","primary"],"Address":"10.1.0.1","Meta":{"version":"1"},)"
    R"("Port":8001,"Weights":{"Passing":10,"Warning":2},"EnableTagOverride":false,)"
    R"("Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"CreateIndex":14,"ModifyIndex":14})";
constexpr const char* kCheckJson =
    R"({"Node":"n1","CheckID":"web1-http","Name":"http","Status":"passing","Notes":"","Output":"ok",)"
    R"("ServiceID":"web1","ServiceName":"web","ServiceTags":["v1"],"Type":"","Interval":"","Timeout":"",)"
    R"("ExposedPort":0,"Definition":{},"CreateIndex":14,"ModifyIndex":14})";

TEST_CASE("records have Consul's JSON form") {
  CHECK(codec::to_json(make_node()) == kNodeJson);
  CHECK(codec::to_json(make_service()) == kServiceJson);
  CHECK(codec::to_json(make_check()) == kCheckJson);

  const auto node = std::make_shared<const Node>(make_node());
  const auto service = std::make_shared<const ServiceInstance>(make_service());
  const auto check = std::make_shared<const HealthCheck>(make_check());
  CHECK(codec::to_json(CheckServiceNode{node, service, {check}}) == std::string(R"({"Node":)") + kNodeJson +
                                                                        R"(,"Service":)" + kServiceJson +
                                                                        R"(,"Checks":[)" + kCheckJson + "]}");
  CHECK(
      codec::to_json(ServiceNode{node, service}) ==
      R"({"ID":"","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1",)"
      R"("TaggedAddresses":{"lan":"10.0.0.1","wan":"198.18.0.1"},"NodeMeta":{"os":"linux","rack":"r1"},)"
      R"("ServiceKind":"","ServiceID":"web1","ServiceName":"web","ServiceTags":["v1","primary"],)"
      R"("ServiceAddress":"10.1.0.1","ServiceWeights":{"Passing":10,"Warning":2},"ServiceMeta":{"version":"1"},)"
      R"("ServicePort":8001,"ServiceSocketPath":"","ServiceEnableTagOverride":false,)"
      R"("ServiceProxy":{"Mode":"","MeshGateway":{},"Expose":{}},"ServiceConnect":{},)"
      R"("CreateIndex":14,"ModifyIndex":14})");
}

TEST_CASE("maps without entries are null where Consul has null") {
  CHECK(codec::to_json(Node()) ==
        R"({"ID":"","Node":"","Address":"","Datacenter":"","TaggedAddresses":null,"Meta":null,)"
        R"("CreateIndex":0,"ModifyIndex":0})");
}

TEST_CASE("a check's definition is read and shown") {
  HealthCheck check;
  REQUIRE(
      codec::from_json(
          R"({"Definition":{"HTTP":"http://x","Header":{"A":["b"]},"Interval":"10s","Timeout":5000000000,)"
          R"("DeregisterCriticalServiceAfter":"1m30s"}})",
          check)
          .ok());
  REQUIRE(check.definition);
  CHECK(check.definition->http == "http://x");
  CHECK(check.definition->header == std::map<std::string, std::vector<std::string>>{{"A", {"b"}}});
  CHECK(check.definition->interval == 10s);
  CHECK(check.definition->timeout == 5s);
  CHECK(codec::to_json(*check.definition) ==
        R"({"HTTP":"http://x","Header":{"A":["b"]},"Interval":"10s","Timeout":"5s",)"
        R"("DeregisterCriticalServiceAfter":"1m30s"})");
}

TEST_CASE("a proxy is read by Consul's names and the older ones") {
  ServiceInstance service;
  REQUIRE(codec::from_json(R"({"Kind":"connect-proxy","Proxy":{"destination_service_name":"web",
      "DestinationServiceID":"web1","LocalServicePort":9,"Config":{"b":1,"a":{"x":[true]}},
      "Upstreams":[{"destination_name":"db","local_bind_port":5000,"MeshGateway":{"Mode":"local"}}],
      "Expose":{"Paths":[{"listener_port":1,"Path":"/"}]}}})",
                           service)
              .ok());
  REQUIRE(service.proxy);
  CHECK(service.proxy->destination_service_name == "web");
  CHECK(service.proxy->config.json == R"({"a":{"x":[true]},"b":1})");
  REQUIRE(service.proxy->upstreams.size() == 1);
  CHECK(service.proxy->upstreams[0].local_bind_port == 5000);
  CHECK(service.proxy->upstreams[0].mesh_gateway.mode == "local");
  CHECK(service.proxy->expose.paths[0].listener_port == 1);
  CHECK(codec::to_json(*service.proxy) ==
        R"({"DestinationServiceName":"web","DestinationServiceID":"web1","LocalServicePort":9,"Mode":"",)"
        R"("Config":{"a":{"x":[true]},"b":1},"Upstreams":[{"DestinationType":"","DestinationName":"db",)"
        R"("Datacenter":"","LocalBindPort":5000,"MeshGateway":{"Mode":"local"}}],"MeshGateway":{},)"
        R"("Expose":{"Paths":[{"ListenerPort":1,"Path":"/"}]}})");
}

TEST_CASE("an empty proxy is none") {
  ServiceInstance service;
  REQUIRE(codec::from_json(R"({"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}}})", service).ok());
  CHECK(service.proxy == nullptr);
}

TEST_CASE("weights that are not given are one") {
  ServiceInstance service;
  REQUIRE(codec::from_json(R"({"Service":"web","Weights":{"Passing":5}})", service).ok());
  CHECK(service.weights == Weights{5, 0});  // in part, the rest is zero
  ServiceInstance with_null;
  REQUIRE(codec::from_json(R"({"Service":"web","Weights":null})", with_null).ok());
  CHECK(with_null.weights == Weights{1, 1});
  ServiceInstance again;
  REQUIRE(codec::from_msgpack(codec::to_msgpack(service), again).ok());
  CHECK(again.weights == Weights{5, 0});
  ServiceInstance from_log;
  REQUIRE(codec::from_msgpack("\x81\xA7Service\xA3web", from_log).ok());
  CHECK(from_log.name == "web");
  CHECK(from_log.weights == Weights{1, 1});
}

TEST_CASE("records are the same when their content is") {
  ServiceInstance a = make_service();
  ServiceInstance b = make_service();
  b.index.modify = 99;
  CHECK(a.same_content(b));
  ConnectProxy proxy;
  proxy.mode = "direct";
  a.proxy = std::make_shared<const ConnectProxy>(proxy);
  CHECK_FALSE(a.same_content(b));
  b.proxy = std::make_shared<const ConnectProxy>(*a.proxy);
  CHECK(a.same_content(b));
  b.tags.push_back("x");
  CHECK_FALSE(a.same_content(b));

  HealthCheck check = make_check();
  CheckDefinition definition;
  definition.http = "x";
  check.definition = std::make_shared<const CheckDefinition>(definition);
  CHECK_FALSE(check.same_content(make_check()));
  CHECK_FALSE(make_check().same_content(check));
  Node node = make_node();
  node.meta.set("rack", "r2");
  CHECK_FALSE(node.same_content(make_node()));
}

TEST_CASE("labels are sorted and have each key once") {
  Labels labels{{"b", "1"}, {"a", "2"}, {"b", "3"}};
  CHECK(labels.size() == 2);
  CHECK(labels.begin()->first == "a");
  REQUIRE(labels.find("b") != nullptr);
  CHECK(*labels.find("b") == "3");
  CHECK(labels.find("c") == nullptr);
  CHECK(labels.contains_all({{"a", "2"}}));
  CHECK(labels.contains_all({}));
  CHECK_FALSE(labels.contains_all({{"a", "3"}}));
  CHECK_FALSE(labels.contains_all({{"c", ""}}));
}

}  // namespace
}  // namespace discovery::model
