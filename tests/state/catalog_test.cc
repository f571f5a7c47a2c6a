#include "lib/state/catalog.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/state/kv.h"
#include "lib/state/reads.h"

namespace discovery::state {
namespace {

using model::DeregisterCommand;
using model::KvCommand;
using model::KvVerb;
using model::RegisterCommand;

/// A store that applies commands one index after another and remembers what the last one touched.
struct Catalog {
  Store store;
  Index last = 0;
  Touched touched;

  Status apply(const RegisterCommand& command) {
    Transaction tx = store.begin(++last);
    Status status = register_entity(tx, command);
    touched = status.ok() ? tx.commit() : Touched();
    return status;
  }
  void apply(const DeregisterCommand& command) {
    Transaction tx = store.begin(++last);
    deregister_entity(tx, command);
    touched = tx.commit();
  }
  bool apply(const KvCommand& command) {
    Transaction tx = store.begin(++last);
    const bool result = *apply_kv(tx, command);
    touched = tx.commit();
    return result;
  }
  Index index(std::string_view row) { return store.snapshot().index(row); }
  bool touches(Topic topic, std::string_view name = {}) const {
    return std::any_of(touched.begin(), touched.end(), [&](const Subject& subject) {
      return subject.topic == topic && subject.name == name;
    });
  }
  Index index_of(const model::Query& query) {
    const Snapshot snapshot = store.snapshot();
    return evaluate(query, snapshot)->index.resolve(snapshot);
  }
  template <class T>
  T rows(const model::Query& query) {
    return std::get<T>(evaluate(query, store.snapshot())->value);
  }
};

RegisterCommand node(std::string name) {
  RegisterCommand command;
  command.node = std::move(name);
  command.address = "10.0.0.1";
  command.datacenter = "dc1";
  return command;
}

RegisterCommand service(std::string on, std::string name, model::Tags tags = {}) {
  RegisterCommand command = node(std::move(on));
  command.service.emplace();
  command.service->id = name + "-id";
  command.service->name = std::move(name);
  command.service->tags = std::move(tags);
  return command;
}

RegisterCommand check(std::string on, std::string id, std::string status, std::string service_id = {}) {
  RegisterCommand command = node(std::move(on));
  command.check.emplace();
  command.check->node = command.node;
  command.check->check_id = std::move(id);
  command.check->status = std::move(status);
  command.check->service_id = std::move(service_id);
  return command;
}

DeregisterCommand removal(std::string node_name, std::string service_id = {}, std::string check_id = {}) {
  DeregisterCommand command;
  command.node = std::move(node_name);
  command.service_id = std::move(service_id);
  command.check_id = std::move(check_id);
  return command;
}

TEST_CASE("what each write moves", "[state][catalog]") {
  Catalog catalog;
  REQUIRE(catalog.apply(service("n1", "web")).ok());  // 1
  REQUIRE(catalog.index(kNodesRow) == 1);
  REQUIRE(catalog.index(kServicesRow) == 1);
  REQUIRE(catalog.index(kChecksRow) == 0);
  REQUIRE(catalog.index("service.web") == 1);

  REQUIRE(catalog.apply(service("n1", "web")).ok());  // 2: nothing new
  REQUIRE(catalog.index("service.web") == 1);
  REQUIRE(catalog.touched.empty());

  REQUIRE(catalog.apply(check("n1", "alive", "passing")).ok());  // 3: a node's check
  REQUIRE(catalog.index(kChecksRow) == 3);
  REQUIRE(catalog.index(kServicesRow) == 1);
  REQUIRE(catalog.index("service.web") == 3);
  REQUIRE(catalog.touches(Topic::kService, "web"));
  REQUIRE(catalog.touches(Topic::kCheckState, "passing"));

  REQUIRE(catalog.apply(service("n2", "db")).ok());  // 4
  REQUIRE(catalog.index("service.web") == 3);
  REQUIRE_FALSE(catalog.touches(Topic::kService, "web"));

  REQUIRE(catalog.apply(check("n2", "db-check", "critical", "db-id")).ok());  // 5
  REQUIRE(catalog.index("service.db") == 5);
  REQUIRE(catalog.index("service.web") == 3);
  REQUIRE(catalog.touches(Topic::kServiceChecks, "db"));

  RegisterCommand moved = node("n1");
  moved.address = "10.9.9.9";
  REQUIRE(catalog.apply(moved).ok());  // 6: a node's change concerns all its services
  REQUIRE(catalog.index(kNodesRow) == 6);
  REQUIRE(catalog.index("service.web") == 6);

  catalog.apply(removal("n1", "", "alive"));  // 7: a node's check goes
  REQUIRE(catalog.index(kServicesRow) == 7);
  REQUIRE(catalog.index("service.web") == 7);

  catalog.apply(removal("n2", "", "db-check"));  // 8: a service's check goes
  REQUIRE(catalog.index(kServicesRow) == 7);
  REQUIRE(catalog.index("service.db") == 8);

  catalog.apply(removal("n1", "web-id"));  // 9: the last instance goes
  REQUIRE(catalog.index("service.web") == 0);
  REQUIRE(catalog.index(kExtinctionRow) == 9);
  REQUIRE(catalog.index(kChecksRow) == 9);
  REQUIRE(catalog.index_of(model::ListServiceHealth{"web", {}, {}, false, {}}) == 9);
  REQUIRE(catalog.index_of(model::ListServiceHealth{"never", {}, {}, false, {}}) == 9);

  catalog.apply(removal("n2"));  // 10: a node with all it has
  REQUIRE(catalog.index(kNodesRow) == 10);
  REQUIRE(catalog.index(kExtinctionRow) == 10);
  REQUIRE(catalog.rows<model::Nodes>(model::ListNodes{}).size() == 1);

  catalog.apply(removal("n2"));  // 11: unknown
  REQUIRE(catalog.touched.empty());
}

TEST_CASE("a service that nobody has had yet shows the highest of the tables", "[state][catalog]") {
  Catalog catalog;
  REQUIRE(catalog.apply(node("n1")).ok());
  REQUIRE(catalog.apply(check("n1", "c", "passing")).ok());
  REQUIRE(catalog.index_of(model::ListServiceHealth{"web", {}, {}, false, {}}) == 2);
  REQUIRE(catalog.index_of(model::ListServiceInstances{"web", {}, {}, {}}) == 1);
}

TEST_CASE("a failing registration changes nothing", "[state][catalog]") {
  Catalog catalog;
  RegisterCommand command = service("n1", "web");
  command.check.emplace();
  command.check->node = "n1";
  command.check->check_id = "c";
  command.check->service_id = "nope";
  const Status status = catalog.apply(command);
  REQUIRE(status.message() == "failed inserting check: Missing service registration on node \"n1\"");
  REQUIRE(catalog.rows<model::Nodes>(model::ListNodes{}).empty());
}

TEST_CASE("a node's id stands for the node, whatever its name", "[state][catalog]") {
  Catalog catalog;
  RegisterCommand first = service("old", "web");
  first.id = "40e4a748-2192-161a-0510-9bf59fe950b5";
  REQUIRE(catalog.apply(first).ok());
  RegisterCommand renamed = node("new");
  renamed.id = first.id;
  REQUIRE(catalog.apply(renamed).ok());
  const auto nodes = catalog.rows<model::Nodes>(model::ListNodes{});
  REQUIRE(nodes.size() == 1);
  REQUIRE(nodes[0]->name == "new");
  REQUIRE(nodes[0]->index.create == 1);
  REQUIRE(nodes[0]->index.modify == 2);

  RegisterCommand alive = check("new", "serfHealth", "passing");
  alive.id = first.id;
  REQUIRE(catalog.apply(alive).ok());
  RegisterCommand thief = node("NEW");
  thief.id = "50e4a748-2192-161a-0510-9bf59fe950b5";
  REQUIRE(catalog.apply(thief).message().find("is reserved by node") != std::string_view::npos);
  REQUIRE(catalog.apply(check("new", "serfHealth", "critical")).ok());
}

TEST_CASE("tags of a service are the union of its instances'", "[state][catalog]") {
  Catalog catalog;
  REQUIRE(catalog.apply(service("n1", "web", {"v1", "primary"})).ok());
  REQUIRE(catalog.apply(service("n2", "web", {"v2", "primary"})).ok());
  const auto tags = [&] { return catalog.rows<model::ServiceTags>(model::ListServices{}).at(0).second; };
  REQUIRE(tags() == model::Tags{"primary", "v1", "v2"});
  REQUIRE(catalog.apply(service("n2", "web", {"v3"})).ok());
  REQUIRE(tags() == model::Tags{"primary", "v1", "v3"});
  catalog.apply(removal("n1", "web-id"));
  REQUIRE(tags() == model::Tags{"v3"});
  catalog.apply(removal("n2"));
  REQUIRE(catalog.rows<model::ServiceTags>(model::ListServices{}).empty());
}

TEST_CASE("each spelling of a service's name is listed, in the order of bytes, and all are found",
          "[state][catalog]") {
  Catalog catalog;
  REQUIRE(catalog.apply(service("n1", "web", {"a"})).ok());
  REQUIRE(catalog.apply(service("n2", "Web", {"b"})).ok());
  REQUIRE(catalog.apply(service("n3", "api")).ok());
  const auto listed = [&] { return catalog.rows<model::ServiceTags>(model::ListServices{}); };
  REQUIRE(listed() == model::ServiceTags{{"Web", {"b"}}, {"api", {}}, {"web", {"a"}}});
  REQUIRE(catalog.rows<model::ServiceNodes>(model::ListServiceInstances{"WEB", {}, {}, {}}).size() == 2);
  RegisterCommand respelled = service("n1", "web", {"a"});
  respelled.service->name = "WEB";
  REQUIRE(catalog.apply(respelled).ok());
  REQUIRE(listed() == model::ServiceTags{{"WEB", {"a"}}, {"Web", {"b"}}, {"api", {}}});
  catalog.apply(removal("n2"));
  REQUIRE(listed() == model::ServiceTags{{"WEB", {"a"}}, {"api", {}}});
  REQUIRE(catalog.index(kExtinctionRow) == 0);
}

TEST_CASE("an instance that changes its name leaves its old service", "[state][catalog]") {
  Catalog catalog;
  RegisterCommand command = service("n1", "web");
  REQUIRE(catalog.apply(command).ok());
  command.service->name = "api";
  REQUIRE(catalog.apply(command).ok());
  REQUIRE(catalog.rows<model::ServiceNodes>(model::ListServiceInstances{"web", {}, {}, {}}).empty());
  REQUIRE(catalog.rows<model::ServiceNodes>(model::ListServiceInstances{"API", {}, {}, {}}).size() == 1);
  REQUIRE(catalog.index(kExtinctionRow) == 2);
}

TEST_CASE("the mesh finds proxies and native instances", "[state][catalog]") {
  Catalog catalog;
  RegisterCommand proxy = service("n1", "db-proxy");
  proxy.service->kind = "connect-proxy";
  auto settings = std::make_shared<model::ConnectProxy>();
  settings->destination_service_name = "db";
  proxy.service->proxy = settings;
  REQUIRE(catalog.apply(proxy).ok());
  REQUIRE(catalog.touches(Topic::kMeshService, "db"));
  RegisterCommand native = service("n2", "db");
  native.service->connect.native = true;
  REQUIRE(catalog.apply(native).ok());
  const model::ListServiceHealth asked{"db", {}, {}, false, model::ServiceRole::kConnect};
  REQUIRE(catalog.rows<model::CheckServiceNodes>(asked).size() == 2);
  REQUIRE(catalog.index_of(asked) == 2);
  catalog.apply(removal("n1", "db-proxy-id"));
  REQUIRE(catalog.rows<model::CheckServiceNodes>(asked).size() == 1);
}

TEST_CASE("checks are found by node, service and state", "[state][catalog]") {
  Catalog catalog;
  REQUIRE(catalog.apply(service("n1", "web", {"v1"})).ok());
  REQUIRE(catalog.apply(check("n1", "alive", "passing")).ok());
  REQUIRE(catalog.apply(check("n1", "http", "warning", "web-id")).ok());
  const auto in_state = [&](std::string state) {
    return catalog.rows<model::Checks>(model::ListChecksInState{std::move(state), {}}).size();
  };
  REQUIRE(in_state("any") == 2);
  REQUIRE(in_state("WARNING") == 1);
  REQUIRE(catalog.apply(check("n1", "http", "critical", "web-id")).ok());
  REQUIRE(catalog.touches(Topic::kCheckState, "warning"));
  REQUIRE(catalog.touches(Topic::kCheckState, "critical"));
  REQUIRE(in_state("warning") == 0);
  REQUIRE(in_state("critical") == 1);
  REQUIRE(in_state("passing") == 1);
  const auto checks = catalog.rows<model::Checks>(model::ListServiceChecks{"web", {}});
  REQUIRE(checks.size() == 1);
  REQUIRE(checks[0]->service_tags == model::Tags{"v1"});
  REQUIRE(catalog.rows<model::CheckServiceNodes>(model::ListServiceHealth{"web", {}, {}, true, {}}).empty());
  catalog.apply(removal("n1", "web-id"));
  REQUIRE(in_state("any") == 1);
}

TEST_CASE("indexes of the KV store, as recorded from Consul", "[state][kv]") {
  Catalog catalog;
  catalog.last = 13;
  const auto set = [&](std::string key) {
    return catalog.apply(KvCommand{KvVerb::kSet, std::move(key), "v", 0, 0});
  };
  const auto key = [&](std::string name) { return catalog.index_of(model::GetKey{std::move(name)}); };
  const auto prefix = [&](std::string name) {
    return catalog.index_of(model::ListKeysWithValues{std::move(name)});
  };
  set("a/1");                                                  // 14
  set("a/1");                                                  // 15: the same again
  set("b/1");                                                  // 16
  set("a/2");                                                  // 17
  catalog.apply(KvCommand{KvVerb::kDelete, "a/2", "", 0, 0});  // 18
  REQUIRE(prefix("a") == 18);
  REQUIRE(key("a/1") == 14);
  catalog.apply(KvCommand{KvVerb::kDelete, "never", "", 0, 0});  // 19
  catalog.apply(KvCommand{KvVerb::kDeleteTree, "a", "", 0, 0});  // 20
  REQUIRE(prefix("a") == 20);
  REQUIRE(key("a/1") == 20);
  REQUIRE(prefix("z") == 20);
  REQUIRE(prefix("") == 20);
  REQUIRE(prefix("b/") == 16);
  {
    Transaction tx = catalog.store.begin(++catalog.last);
    reap_tombstones(tx, {20});
    tx.commit();
  }
  set("a/3");  // 22
  REQUIRE(catalog.store.snapshot().table<TombstoneTable>().empty());
  REQUIRE(prefix("b/") == 20);  // never falls below a tombstone that was reaped
}

TEST_CASE("comparing writes", "[state][kv]") {
  Catalog catalog;
  REQUIRE(catalog.apply(KvCommand{KvVerb::kCas, "k", "1", 0, 0}));
  REQUIRE_FALSE(catalog.apply(KvCommand{KvVerb::kCas, "k", "2", 0, 0}));
  REQUIRE_FALSE(catalog.apply(KvCommand{KvVerb::kCas, "k", "2", 0, 99}));
  REQUIRE(catalog.apply(KvCommand{KvVerb::kCas, "k", "2", 7, 1}));
  const auto entries = catalog.rows<model::KvEntries>(model::GetKey{"k"});
  REQUIRE(entries.at(0)->value() == "2");
  REQUIRE(entries.at(0)->flags() == 7);
  REQUIRE(entries.at(0)->create_index() == 1);
  REQUIRE(entries.at(0)->modify_index() == 4);
  REQUIRE_FALSE(catalog.apply(KvCommand{KvVerb::kDeleteCas, "k", "", 0, 0}));
  REQUIRE(catalog.apply(KvCommand{KvVerb::kDeleteCas, "k", "", 0, 4}));
  REQUIRE(catalog.apply(KvCommand{KvVerb::kDeleteCas, "k", "", 0, 4}));
}

TEST_CASE("names of keys are cut behind the separator", "[state][kv]") {
  Catalog catalog;
  for (const char* name : {"dir!", "dir/", "dir/a", "dir/sub/one", "dir/sub/two", "dir0"}) {
    catalog.apply(KvCommand{KvVerb::kSet, name, "v", 0, 0});
  }
  const auto names = [&](std::string prefix, std::string separator) {
    return catalog.rows<model::Names>(model::ListKeys{std::move(prefix), std::move(separator)});
  };
  REQUIRE(names("dir/", "/") == model::Names{"dir/", "dir/a", "dir/sub/"});
  REQUIRE(names("dir", "/") == model::Names{"dir!", "dir/", "dir0"});
  REQUIRE(names("dir/", "sub") == model::Names{"dir/", "dir/a", "dir/sub"});
  REQUIRE(names("dir/sub", "").size() == 2);
}

}  // namespace
}  // namespace discovery::state
