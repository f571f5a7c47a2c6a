#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

using namespace discovery;
using namespace discovery::http::testing;

namespace {

model::Outcome outcome(model::TxnResults results) {
  const bool done = results.errors.empty();
  return {
      .index = 20, .result = done, .txn = std::make_shared<const model::SharedAnswer>(std::move(results))};
}

model::TxnResults failure(std::vector<model::TxnError> errors) { return {{}, std::move(errors)}; }

model::TxnResults rows_of_all_kinds() {
  model::Node node;
  node.name = "n1";
  model::ServiceInstance service;
  service.id = "web1";
  service.name = "web";
  model::HealthCheck check;
  check.node = "n1";
  check.check_id = "c1";
  return {{model::TxnKey{entry("a", "1"), false}, model::TxnKey{entry("a", "1")},
           std::make_shared<const model::Node>(node), std::make_shared<const model::ServiceInstance>(service),
           std::make_shared<const model::HealthCheck>(check)},
          {}};
}

constexpr const char* kReadMeta =
    R"("Index":1,"LastContact":0,"KnownLeader":true,"ConsistencyLevel":"","NotModified":false,"Backend":0})";

/// A text of so many operations.
std::string many(std::size_t count) {
  std::string body = "[";
  for (std::size_t i = 0; i < count; ++i)
    body += std::string(i == 0 ? "" : ",") + R"({"KV":{"Verb":"set","Key":"k"}})";
  return body + "]";
}

}  // namespace

TEST_CASE("a transaction that changes something is a command") {
  World world;
  world.backend.outcome = outcome(rows_of_all_kinds());
  const auto kept = world.put("/v1/txn?dc=dc2&token=t", R"([
      {"KV":{"verb":"cas","KEY":"a","Value":"aGk=","Flags":7,"Index":9,"Session":""}},{},
      {"Node":{"Verb":"set","Node":{"Node":"n1","Meta":{"k":"v"},"ModifyIndex":3}}},
      {"Service":{"Verb":"set","Node":"n1","Service":{"ID":"web1","Service":"web","Kind":"connect-proxy",
                  "Proxy":{"DestinationServiceName":"x"}}}},
      {"Check":{"Verb":"set","Check":{"Node":"n1","CheckID":"c1","Definition":{"GRPC":"","Interval":"10s"}}}}])");
  CHECK(kept->status() == 200);
  CHECK(kept->header("Content-Type") == "application/json");
  CHECK(kept->header("X-Consul-Knownleader") == "-");
  CHECK(
      kept->body() ==
      R"({"Results":[{"KV":{"LockIndex":0,"Key":"a","Flags":0,"Value":null,"CreateIndex":14,"ModifyIndex":16}},)"
      R"({"KV":{"LockIndex":0,"Key":"a","Flags":0,"Value":"MQ==","CreateIndex":14,"ModifyIndex":16}},)"
      R"({"Node":{"ID":"","Node":"n1","Address":"","Datacenter":"","TaggedAddresses":null,"Meta":null,)"
      R"("CreateIndex":0,"ModifyIndex":0}},)"
      R"({"Service":{"ID":"web1","Service":"web","Tags":null,"Address":"","Meta":null,)"
      R"("Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,)"
      R"("Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"CreateIndex":0,"ModifyIndex":0}},)"
      R"({"Check":{"Node":"n1","CheckID":"c1","Name":"","Status":"","Notes":"","Output":"","ServiceID":"",)"
      R"("ServiceName":"","ServiceTags":null,"Type":"","Interval":"","Timeout":"","ExposedPort":0,)"
      R"("Definition":{},"CreateIndex":0,"ModifyIndex":0}}],"Errors":null})");
  CHECK(world.backend.commands.back().second.datacenter == "dc2");
  CHECK(world.backend.commands.back().second.token == "t");
  const auto& operations = world.backend.last_command<model::TxnCommand>().operations;
  REQUIRE(operations.size() == 4);
  const auto& kv = std::get<model::KvOperation>(operations[0]);
  CHECK(kv.verb == "cas");
  CHECK(kv.key == "a");
  CHECK(kv.value == "hi");
  CHECK(kv.flags == 7);
  CHECK(kv.index == 9);
  CHECK(std::get<model::NodeOperation>(operations[1]).node.index.modify == 3);
  CHECK(std::get<model::ServiceOperation>(operations[2]).service.kind == "connect-proxy");
  CHECK(std::get<model::CheckOperation>(operations[3]).check.definition->interval ==
        std::chrono::seconds(10));
}

TEST_CASE("a transaction that fails is 409 and names its operations") {
  World world;
  world.backend.outcome = outcome(failure({{1, "key \"a\" exists"}, {2, "no"}}));
  const auto kept = world.put("/v1/txn?pretty", R"([{"KV":{"Verb":"delete","Key":"a"}}])");
  CHECK(kept->status() == 409);
  CHECK(kept->body() ==
        "{\n    \"Results\": null,\n    \"Errors\": [\n        {\n            \"OpIndex\": 1,\n            "
        "\"What\": \"key \\\"a\\\" exists\"\n        },\n        {\n            \"OpIndex\": 2,\n            "
        "\"What\": \"no\"\n        }\n    ]\n}\n");
  world.backend.outcome = Status(Code::kUnavailable, "No path to datacenter");
  const auto failed = world.put("/v1/txn", R"([{"KV":{"Verb":"delete","Key":"a"}}])");
  CHECK(failed->status() == 500);
  CHECK(failed->body() == "No path to datacenter");
}

TEST_CASE("a transaction that only reads is a query") {
  World world;
  world.backend.next = answer(model::TxnResults{{model::TxnKey{entry("a", "1")}}, {}}, 0);
  const auto kept =
      world.put("/v1/txn?stale&index=5&near=n&filter=x", R"([{"KV":{"Verb":"get","Key":"a"}}])");
  CHECK(kept->status() == 200);
  CHECK(
      kept->body() ==
      R"({"Results":[{"KV":{"LockIndex":0,"Key":"a","Flags":0,"Value":"MQ==","CreateIndex":14,"ModifyIndex":16}}],)"
      R"("Errors":null,)" +
          std::string(kReadMeta));
  CHECK(kept->header("X-Consul-Knownleader") == "true");
  CHECK(kept->header("X-Consul-Lastcontact") == "0");
  CHECK(kept->header("X-Consul-Index") == "-");
  CHECK(world.backend.last_read().consistency == Consistency::kStale);
  CHECK(world.backend.last_read().min_index == 0);
  CHECK(world.backend.last_read().filter.empty());
  CHECK(world.backend.commands.empty());

  world.backend.next = answer(failure({{0, "no"}}), 0);
  const auto failed = world.put("/v1/txn?consistent", R"([{"KV":{"Verb":"explode","Key":"a"}}])");
  CHECK(failed->status() == 409);
  CHECK(failed->body() ==
        R"({"Results":null,"Errors":[{"OpIndex":0,"What":"no"}],)" + std::string(kReadMeta));
  CHECK(world.backend.last_read().consistency == Consistency::kConsistent);

  world.backend.next = answer(model::TxnResults(), 0);
  for (const char* nothing : {"[]", "null", "[{}]"}) {
    const auto empty = world.put("/v1/txn?pretty", nothing);
    CHECK(empty->status() == 200);
    CHECK(empty->body() ==
          "{\n    \"Results\": [],\n    \"Errors\": null,\n    \"Index\": 1,\n    \"LastContact\": 0,\n    "
          "\"KnownLeader\": true,\n    \"ConsistencyLevel\": \"\",\n    \"NotModified\": false,\n    "
          "\"Backend\": 0\n}\n");
  }
  CHECK(world.put("/v1/txn?stale&consistent", "[]")->status() == 400);
  CHECK(world.put("/v1/txn?ns=x", "[]")->status() == 400);
  // An unknown verb reads a key, but changes the catalog.
  world.backend.outcome = outcome({});
  world.put("/v1/txn", R"([{"Node":{"Verb":"frob","Node":{"Node":"n1"}}}])");
  CHECK(world.backend.commands.size() == 1);
}

TEST_CASE("bodies that are no transactions") {
  World world;
  const auto body = [&](const char* text) {
    const auto kept = world.put("/v1/txn", text);
    CHECK(kept->status() == 400);
    return kept->body();
  };
  CHECK(body("") == "Failed to parse body: EOF");
  CHECK(body("[") == "Failed to parse body: unexpected EOF");
  CHECK(body("{}") == "Failed to parse body: json: cannot unmarshal object into Go value of type api.TxnOps");
  CHECK(body(R"([{"Unknown":{}}])") == "Failed to parse body: json: unknown field \"Unknown\"");
  CHECK(body(R"([{"Session":{}}])") == "Failed to parse body: json: unknown field \"Session\"");
  CHECK(body(R"([{"KV":{"Verb":"set","Key":"a","Value":"not base64!"}}])") ==
        "Failed to parse body: illegal base64 data at input byte 3");
  CHECK(body(R"([{"KV":{"Key":5}}])").starts_with("Failed to parse body: json: cannot unmarshal number"));
  CHECK(world.backend.commands.empty());
  CHECK(world.backend.queries.empty());
}

TEST_CASE("limits of transactions") {
  http::Options options = default_options();
  options.kv_max_value_size = 100;
  options.txn_max_req_len = 4000;
  World world(options);
  world.backend.outcome = outcome({});
  CHECK(world.put("/v1/txn", many(64))->status() == 200);
  const auto too_many = world.put("/v1/txn", many(65));
  CHECK(too_many->status() == 413);
  CHECK(too_many->body() == "Transaction contains too many operations (65 > 64)");
  const std::string value(136, 'A');  // 102 bytes
  const auto large = world.put("/v1/txn", R"([{"KV":{"Verb":"set","Key":"a\"b","Value":")" + value + "\"}}]");
  CHECK(large->status() == 413);
  CHECK(large->body() == "Value for key \"a\"b\" is too large (102 > 100 bytes)");
  const auto long_body = world.put("/v1/txn", std::string(4001, ' '));
  CHECK(long_body->status() == 413);
  CHECK(long_body->body() ==
        "Request body(4001 bytes) too large, max size: 4000 bytes. See "
        "https://www.consul.io/docs/agent/options.html#txn_max_req_len.");
  CHECK(world.ask("/v1/txn", {.method = "PUT", .too_large = 5000})->status() == 413);

  options.kv_max_value_size = 5000;  // raises the other
  World roomy(options);
  CHECK(roomy.put("/v1/txn", std::string(4001, ' '))->status() == 400);
  http1::Request head;
  head.target = "/v1/txn?pretty";
  CHECK(roomy.api.body_limit(head) == 5000);

  options.txn_max_operations = 2;
  World small(options);
  CHECK(small.put("/v1/txn", many(3))->body() == "Transaction contains too many operations (3 > 2)");
}

TEST_CASE("verbs that need sessions name them") {
  World world;
  world.put("/v1/txn",
            R"([{"KV":{"Verb":"lock","Key":"a","Session":"s"}},{"KV":{"Verb":"unlock","Key":"b"}}])");
  const auto& operations = world.backend.last_command<model::TxnCommand>().operations;
  REQUIRE(operations.size() == 2);
  CHECK(std::get<model::KvOperation>(operations[0]).verb == "lock");
  CHECK(std::get<model::KvOperation>(operations[0]).session == "s");
  CHECK(std::get<model::KvOperation>(operations[1]).session.empty());
  // One that only looks changes nothing.
  world.put("/v1/txn", R"([{"KV":{"Verb":"check-session","Key":"a","Session":"s"}}])");
  CHECK(world.backend.commands.size() == 1);
  CHECK(std::get<model::KvOperation>(world.backend.last_query<model::ReadTxn>().operations[0]).session ==
        "s");
  CHECK(world.put("/v1/txn", R"([{"Session":{"Verb":"delete","Session":{"ID":"s"}}}])")->body() ==
        "Failed to parse body: json: unknown field \"Session\"");
}

TEST_CASE("a long transaction is rendered by a worker") {
  World world;
  model::TxnResults results;
  for (int i = 0; i < 2000; ++i) results.rows.emplace_back(model::TxnKey{entry("a", std::string(100, 'x'))});
  world.backend.next = answer(std::move(results), 0);
  const auto kept = world.put("/v1/txn", R"([{"KV":{"Verb":"get-tree","Key":"a"}}])");
  CHECK_FALSE(kept->response);
  world.env.run_posted();
  REQUIRE(kept->response);
  CHECK(kept->body().ends_with(kReadMeta));
  world.env.workers_busy = true;
  CHECK(world.put("/v1/txn", R"([{"KV":{"Verb":"get-tree","Key":"a"}}])")->status() == 200);
}
