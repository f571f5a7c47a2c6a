#include "lib/http/json_size.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/codec/json_writer.h"
#include "lib/http/view.h"
#include "lib/model/describe_records.h"

namespace discovery::http {
namespace {

constexpr std::size_t kLarge = 1U << 20;

model::NodePtr node(std::string meta = {}) {
  auto node = std::make_shared<model::Node>();
  node->name = "n1";
  node->address = "10.0.0.1";
  node->meta.set("m", std::move(meta));
  return node;
}

model::ServiceInstance service() {
  model::ServiceInstance service;
  service.id = service.name = "web";
  service.tags = {"primary"};
  return service;
}

template <class Change>
model::ServicePtr service_with(Change&& change) {
  model::ServiceInstance changed = service();
  change(changed);
  return std::make_shared<const model::ServiceInstance>(std::move(changed));
}

model::CheckPtr check(std::string output = {}) {
  auto check = std::make_shared<model::HealthCheck>();
  check->node = "n1";
  check->check_id = check->name = "alive";
  check->status = "passing";
  check->output = std::move(output);
  return check;
}

model::KvEntryRef key(const std::string& name, const std::string& value) {
  return model::KvEntry::make(name, value, {});
}

std::size_t length(const model::Value& value) { return json_size(value, 16 * kLarge); }

template <class Rows>
void check_estimate(const Rows& rows) {
  std::string json;
  codec::append_json(json, rows);
  CHECK(length(rows) > json.size() / 2);
  CHECK(length(rows) < json.size() * 3);
}

TEST_CASE("the length of JSON is known about before it is written") {
  const model::ServicePtr web = std::make_shared<const model::ServiceInstance>(service());
  check_estimate(model::CheckServiceNodes(10, {node(), web, {check(), check()}}));
  check_estimate(model::ServiceNodes(10, {node(), web}));
  check_estimate(model::Nodes(10, node()));
  check_estimate(model::Checks(10, check()));
  check_estimate(model::Names(10, "a/name"));
}

TEST_CASE("texts and lists without a bound count in the length of JSON") {
  const std::string large(kLarge, 'x');
  const auto proxy = [](auto&& change) {
    return service_with([&](model::ServiceInstance& service) {
      auto made = std::make_shared<model::ConnectProxy>();
      change(*made);
      service.proxy = std::move(made);
    });
  };
  const auto definition = [](auto&& change) {
    auto defined = std::make_shared<model::HealthCheck>();
    auto made = std::make_shared<model::CheckDefinition>();
    change(*made);
    defined->definition = std::move(made);
    return defined;
  };
  CHECK(length(model::Names{large}) > kLarge);
  CHECK(length(model::KvEntries{key(large, "")}) > kLarge);
  CHECK(length(model::KvEntries{key("", large)}) > kLarge);
  CHECK(length(model::TxnResults{{model::TxnKey{key(large, "")}}, {}}) > kLarge);
  CHECK(length(model::TxnResults{{model::TxnKey{key("", large), false}}, {}}) < 1000);
  CHECK(length(model::Nodes{node(large)}) > kLarge);
  CHECK(length(model::Checks{check(large)}) > kLarge);
  CHECK(length(model::Checks{definition([&](auto& made) { made.body = large; })}) > kLarge);
  CHECK(length(model::Checks{definition([&](auto& made) { made.header["X"] = {large}; })}) > kLarge);
  CHECK(length(model::ServiceTags{{"web", {large}}}) > kLarge);
  const std::vector<model::ServicePtr> services = {
      service_with([&](auto& made) { made.tags = {large}; }),
      service_with([&](auto& made) { made.tags = model::Tags(kLarge / 8, ""); }),
      service_with([&](auto& made) { made.meta.set("m", large); }),
      service_with([&](auto& made) { made.tagged_addresses["lan"].address = large; }),
      proxy([&](auto& made) { made.config.json = large; }),
      proxy([&](auto& made) {
        made.upstreams.resize(1);
        made.upstreams[0].config.json = large;
      }),
      proxy([&](auto& made) {
        made.expose.paths.resize(1);
        made.expose.paths[0].path = large;
      })};
  for (const model::ServicePtr& made : services) {
    CHECK(length(model::NodeServices{node(), {made}}) > kLarge);
    CHECK(length(model::ServiceNodes{{node(), made}}) > kLarge);
    CHECK(length(model::CheckServiceNodes{{node(), made, {}}}) > kLarge);
    CHECK(json_size(std::vector<model::AgentService>{{made, "hash"}}, 2 * kLarge) > kLarge);
  }
}

TEST_CASE("the length of JSON is counted no further than it matters") {
  const model::Names many(100'000, "0123456789");
  CHECK(json_size(model::Value(many), 1000) > 1000);
  CHECK(json_size(model::Value(many), 1000) < 1100);
}

}  // namespace
}  // namespace discovery::http
