#include <string>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

using namespace discovery;
using namespace discovery::http::testing;

namespace {

model::CheckPtr check(std::string id) {
  auto check = std::make_shared<model::HealthCheck>();
  check->node = "n1";
  check->check_id = std::move(id);
  check->name = "alive";
  check->status = "passing";
  check->index = {.create = 14, .modify = 14};
  return check;
}

constexpr const char* kCheckJson =
    R"({"Node":"n1","CheckID":"c","Name":"alive","Status":"passing","Notes":"","Output":"","ServiceID":"",)"
    R"("ServiceName":"","ServiceTags":[],"Type":"","Interval":"","Timeout":"","ExposedPort":0,"Definition":{},)"
    R"("CreateIndex":14,"ModifyIndex":14})";

model::CheckServiceNodes rows() {
  auto node = std::make_shared<model::Node>();
  node->name = "n1";
  auto service = std::make_shared<model::ServiceInstance>();
  service->id = service->name = "db";
  return {{node, service, {check("c")}}};
}

}  // namespace

TEST_CASE("lists of checks") {
  World world;
  world.backend.next = answer(model::Checks{check("c")}, 16);
  const auto node = world.ask("/v1/health/node/n1?filter=x");
  CHECK(node->body() == "[" + std::string(kCheckJson) + "]");
  CHECK(node->header("X-Consul-Effective-Consistency") == "leader");
  CHECK(world.backend.last_query<model::ListNodeChecks>().node == "n1");
  CHECK(world.backend.last_read().filter == "x");
  world.ask("/v1/health/checks/web?node-meta=rack:r1");
  CHECK(world.backend.last_query<model::ListServiceChecks>().service == "web");
  CHECK(world.backend.last_query<model::ListServiceChecks>().node_meta == model::Labels{{"rack", "r1"}});
  world.ask("/v1/health/state/PASSING?node-meta=rack:r1");
  CHECK(world.backend.last_query<model::ListChecksInState>().state == "PASSING");
  world.backend.next = answer(model::Checks(), 16);
  CHECK(world.ask("/v1/health/node/nope")->body() == "[]");
}

TEST_CASE("the health of a service") {
  World world;
  world.backend.next = answer(rows(), 16);
  const auto kept = world.ask("/v1/health/service/db?tag=v1&tag=v2&node-meta=os:linux");
  CHECK(
      kept->body() ==
      R"([{"Node":{"ID":"","Node":"n1","Address":"","Datacenter":"","TaggedAddresses":null,"Meta":null,)"
      R"("CreateIndex":0,"ModifyIndex":0},"Service":{"ID":"db","Service":"db","Tags":[],"Address":"","Meta":null,)"
      R"("Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,)"
      R"("Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"CreateIndex":0,"ModifyIndex":0},"Checks":[)" +
          std::string(kCheckJson) + "]}]");
  const auto& query = world.backend.last_query<model::ListServiceHealth>();
  CHECK(query.service == "db");
  CHECK(query.tags == std::vector<std::string>{"v1", "v2"});
  CHECK(query.node_meta == model::Labels{{"os", "linux"}});
  CHECK_FALSE(query.passing_only);
  world.ask("/v1/health/connect/web");
  CHECK(world.backend.last_query<model::ListServiceHealth>().role == model::ServiceRole::kConnect);
  world.ask("/v1/health/ingress/web");
  CHECK(world.backend.last_query<model::ListServiceHealth>().role == model::ServiceRole::kIngress);
}

TEST_CASE("only passing instances") {
  World world;
  world.backend.next = answer(rows(), 16);
  const auto passing = [&](const char* query) {
    world.ask(std::string("/v1/health/service/db?") + query);
    return world.backend.last_query<model::ListServiceHealth>().passing_only;
  };
  for (const char* yes : {"passing", "passing=", "passing=true", "passing=1", "passing=T"})
    CHECK(passing(yes));
  for (const char* no : {"passing=false", "passing=0", "Passing", ""}) CHECK_FALSE(passing(no));
  const auto bad = world.ask("/v1/health/service/db?passing=abc");
  CHECK(bad->status() == 400);
  CHECK(bad->body() == "Invalid value for ?passing");
  CHECK(bad->header("X-Consul-Index") == "16");
  CHECK(bad->header("X-Consul-Effective-Consistency") == "leader");
  CHECK(bad->header("Content-Type") == "text/plain; charset=utf-8");
}

TEST_CASE("watched health comes from a stream") {
  World world;
  world.backend.next = answer(rows(), 16);
  const auto backend = [&](const char* target) {
    const auto kept = world.ask(target);
    return kept->header("X-Consul-Query-Backend") + " " + kept->header("X-Cache");
  };
  CHECK(backend("/v1/health/service/db") == "blocking-query -");
  CHECK(backend("/v1/health/service/db?index=5") == "streaming -");
  CHECK(backend("/v1/health/service/db?cached") == "streaming MISS");
  CHECK(backend("/v1/health/service/db?cached") == "streaming HIT");
  CHECK(backend("/v1/health/connect/db?index=5") == "streaming -");
  CHECK(backend("/v1/health/service/db?index=5&near=n1") == "blocking-query -");
  CHECK(backend("/v1/health/ingress/db?index=5") == "blocking-query -");
  CHECK(backend("/v1/health/ingress/db?cached") == "blocking-query MISS");
  world.backend.next = answer(model::Checks(), 16);
  CHECK(backend("/v1/health/state/any?index=5") == "blocking-query -");
  http::Options options = default_options();
  options.use_streaming_backend = false;
  World plain(std::move(options));
  plain.backend.next = answer(rows(), 16);
  CHECK(plain.ask("/v1/health/service/db?index=5")->header("X-Consul-Query-Backend") == "blocking-query");
}

TEST_CASE("missing names in health paths") {
  World world;
  const std::pair<const char*, const char*> table[] = {
      {"/v1/health/node/", "Missing node name"},       {"/v1/health/checks/", "Missing service name"},
      {"/v1/health/state/", "Missing check state"},    {"/v1/health/service/", "Missing service name"},
      {"/v1/health/connect/", "Missing service name"}, {"/v1/health/ingress/", "Missing service name"},
  };
  for (const auto& [target, text] : table) {
    CHECK(world.ask(target)->status() == 400);
    CHECK(world.ask(target)->body() == text);
  }
}

TEST_CASE("the cluster's status") {
  World world;
  world.backend.next = answer(model::Names{"127.0.0.1:8300", "127.0.0.2:8300"}, 7);
  const auto peers = world.ask("/v1/status/peers?stale&index=9&dc=dc2&filter=x");
  CHECK(peers->body() == R"(["127.0.0.1:8300","127.0.0.2:8300"])");
  CHECK(peers->header("X-Consul-Index") == "-");
  CHECK(peers->header("X-Consul-Effective-Consistency") == "-");
  CHECK(world.backend.last_read().min_index == 0);
  CHECK(world.backend.last_read().call.datacenter == "dc2");
  CHECK(world.backend.last_read().filter.empty());
  CHECK(world.ask("/v1/status/leader")->body() == R"("127.0.0.1:8300")");
  world.backend.next = answer(model::Names(), 7);
  CHECK(world.ask("/v1/status/leader")->body() == R"("")");
  CHECK(world.ask("/v1/status/leader?stale&consistent")->status() == 400);
}
