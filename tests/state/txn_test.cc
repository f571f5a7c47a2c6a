#include "lib/state/txn.h"

#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/state/kv.h"

namespace discovery::state {
namespace {

using model::CheckOperation;
using model::KvOperation;
using model::NodeOperation;
using model::ServiceOperation;
using model::TxnError;
using model::TxnOperations;
using model::TxnResults;

KvOperation kv(std::string verb, std::string key, std::string value = {}, Index index = 0) {
  return {.verb = std::move(verb), .key = std::move(key), .value = std::move(value), .index = index};
}

NodeOperation node(std::string verb, std::string name, Index index = 0) {
  NodeOperation operation{.verb = std::move(verb), .node = {}};
  operation.node.name = name;
  operation.node.address = "10.0.0.1";
  operation.node.index.modify = index;
  return operation;
}

ServiceOperation service(std::string verb, std::string on, std::string name, Index index = 0) {
  ServiceOperation operation{.verb = std::move(verb), .node = std::move(on), .service = {}};
  operation.service.id = name + "-id";
  operation.service.name = name;
  operation.service.index.modify = index;
  return operation;
}

CheckOperation check(std::string verb, std::string on, std::string id, std::string service_id = {},
                     Index index = 0) {
  CheckOperation operation{.verb = std::move(verb), .check = {}};
  operation.check.node = on;
  operation.check.check_id = id;
  operation.check.status = model::kPassing;
  operation.check.service_id = service_id;
  operation.check.index.modify = index;
  return operation;
}

/// A store that transactions are applied to as a server does it.
struct World {
  Store store;
  Index last = 0;
  Touched touched;

  TxnResults apply(TxnOperations operations) {
    Transaction tx = store.begin(++last);
    TxnResults results = apply_txn(tx, {std::move(operations)});
    touched = results.errors.empty() ? tx.commit() : Touched();
    return results;
  }
  TxnResults read(TxnOperations operations) { return read_txn({std::move(operations)}, store.snapshot()); }
  std::vector<TxnError> errors(TxnOperations operations) { return apply(std::move(operations)).errors; }
  std::string value(const std::string& key) {
    const auto snapshot = store.snapshot();
    const auto* entry = snapshot.table<KvTable>().find(key);
    return entry == nullptr ? "-" : std::string(entry->value());
  }
};

const model::TxnKey& key_row(const TxnResults& results, std::size_t at) {
  return std::get<model::TxnKey>(results.rows.at(at));
}

using Errors = std::vector<TxnError>;

TEST_CASE("each operation of a transaction sees what those before it have done", "[state][txn]") {
  World world;
  const TxnResults results =
      world.apply({kv("set", "a", "1"), kv("get", "a"), kv("set", "a", "2"), kv("get", "a"),
                   kv("delete", "a"), kv("check-not-exists", "a"), kv("set", "a", "3")});
  REQUIRE(results.errors.empty());
  REQUIRE(results.rows.size() == 5);
  CHECK_FALSE(key_row(results, 0).shows_value);
  CHECK(key_row(results, 1).shows_value);
  CHECK(key_row(results, 1).entry->value() == "1");
  CHECK(key_row(results, 3).entry->value() == "2");
  CHECK(key_row(results, 4).entry->create_index() == 1);
  CHECK(world.value("a") == "3");
  CHECK(world.store.snapshot().index(kKvRow) == 1);
}

TEST_CASE("verbs on keys and what they fail with", "[state][txn]") {
  World world;
  world.apply({kv("set", "a", "1"), kv("set", "t/1"), kv("set", "t/2")});
  CHECK(world.errors({kv("get", "x"), kv("get", "a"), kv("get", "y")}) ==
        Errors{{0, "key \"x\" doesn't exist"}, {2, "key \"y\" doesn't exist"}});
  CHECK(world.errors({kv("cas", "a", "2", 9)}) == Errors{{0, "failed to set key \"a\", index is stale"}});
  CHECK(world.errors({kv("cas", "a", "2", 0)}) == Errors{{0, "failed to set key \"a\", index is stale"}});
  CHECK(world.errors({kv("cas", "a", "2", 1)}).empty());
  CHECK(world.errors({kv("delete-cas", "a", "", 1)}) ==
        Errors{{0, "failed to delete key \"a\", index is stale"}});
  CHECK(world.errors({kv("delete-cas", "none", "", 1)}).empty());
  CHECK(world.errors({kv("check-index", "a", "", 1)}) ==
        Errors{{0, "failed index check for key \"a\", current modify index 5 != 1"}});
  CHECK(world.errors({kv("check-index", "x", "", 1)}) ==
        Errors{{0, "failed to check index, key \"x\" doesn't exist"}});
  CHECK(world.errors({kv("check-not-exists", "a")}) == Errors{{0, "key \"a\" exists"}});
  CHECK(world.errors({kv("explode", "a"), kv("", "a")}) ==
        Errors{{0, "unknown KV verb \"explode\""}, {1, "unknown KV verb \"\""}});
  CHECK(world.apply({kv("get-tree", "t/")}).rows.size() == 2);
  CHECK(world.apply({kv("get-tree", "none")}).rows.empty());
  CHECK(world.apply({kv("delete-tree", "")}).errors.empty());
  CHECK(world.store.snapshot().table<KvTable>().empty());
}

TEST_CASE("records of the catalog in a transaction", "[state][txn]") {
  World world;
  TxnResults made = world.apply({node("set", "n1"), service("set", "n1", "web"),
                                 check("set", "n1", "c", "web-id"), check("set", "N1", "alive")});
  REQUIRE(made.errors.empty());
  REQUIRE(made.rows.size() == 4);
  CHECK(std::get<model::NodePtr>(made.rows[0])->index.modify == 1);
  CHECK(std::get<model::ServicePtr>(made.rows[1])->id == "web-id");
  CHECK(std::get<model::CheckPtr>(made.rows[2])->service_name == "web");
  CHECK(std::get<model::CheckPtr>(made.rows[3])->node == "n1");

  const TxnResults read = world.read({node("get", "N1"), service("get", "n1", "web"), check("get", "n1", "c"),
                                      node("get", "x"), service("get", "x", "web"), check("get", "n1", "x")});
  CHECK(read.errors == Errors{{3, "node \"x\" doesn't exist"},
                              {4, "service \"web-id\" on node \"x\" doesn't exist"},
                              {5, "check \"x\" on node \"n1\" doesn't exist"}});
  CHECK(read.rows.empty());

  CHECK(world.errors({node("cas", "n1", 9), node("cas", "n1", 0), node("delete-cas", "n1", 9),
                      node("delete-cas", "x", 1), node("frob", "n1")}) ==
        Errors{{0, "failed to set node \"n1\", index is stale"},
               {1, "failed to set node \"n1\", index is stale"},
               {2, "failed to delete node \"n1\", index is stale"},
               {3, "failed to delete node \"x\", index is stale"},
               {4, "unknown Node verb \"frob\""}});
  CHECK(world.errors({service("set", "x", "web"), service("cas", "n1", "web", 9),
                      service("delete-cas", "n1", "web", 9), service("", "n1", "web")}) ==
        Errors{{0, "Missing node registration"},
               {1, "failed to set service \"web-id\" on node \"n1\", index is stale"},
               {2, "failed to delete service \"web-id\" on node \"n1\", index is stale"},
               {3, "unknown Service verb \"\""}});
  CHECK(
      world.errors({check("set", "x", "c"), check("set", "n1", "c2", "none"), check("cas", "n1", "c", "", 9),
                    check("delete-cas", "n1", "c", "", 9), check("get-tree", "n1", "c")}) ==
      Errors{{0, "Missing node registration"},
             {1, "Missing service registration"},
             {2, "failed to set check \"c\" on node \"n1\", index is stale"},
             {3, "failed to delete check \"c\" on node \"n1\", index is stale"},
             {4, "unknown Check verb \"get-tree\""}});

  CHECK(world
            .errors({check("delete-cas", "n1", "alive", "", 1), service("delete-cas", "n1", "web", 1),
                     node("delete", "none"), service("delete", "n1", "none"), check("delete", "n1", "none")})
            .empty());
  CHECK(world.store.snapshot().table<CheckTable>().empty());  // the service's check went with it
  CHECK(world.errors({node("delete-cas", "n1", 1), node("cas", "n1")}).empty());
  CHECK(world.store.snapshot().table<NodeTable>().size() == 1);
}

TEST_CASE("a node is read by its id", "[state][txn]") {
  World world;
  NodeOperation set = node("set", "n1");
  set.node.id = "40e4a748-2192-161a-0510-9bf59fe950b5";
  world.apply({set});
  NodeOperation get{.verb = "get", .node = {}};
  get.node.id = set.node.id;
  REQUIRE(world.read({get}).errors.empty());
  CHECK(std::get<model::NodePtr>(world.read({get}).rows[0])->name == "n1");
}

TEST_CASE("wherever a transaction fails, nothing of it stays", "[state][txn]") {
  World world;
  world.apply({kv("set", "a", "1"), kv("set", "d/1", "x"), node("set", "n1"), service("set", "n1", "web")});
  const TxnOperations good{kv("set", "a", "2"),         kv("set", "b", "2"),
                           kv("delete-tree", "d/"),     node("set", "n2"),
                           service("set", "n2", "web"), check("set", "n1", "c"),
                           kv("cas", "c", "1", 0),      service("delete", "n1", "web"),
                           node("delete", "n1")};
  for (std::size_t at = 0; at <= good.size(); ++at) {
    CAPTURE(at);
    TxnOperations operations = good;
    operations.insert(operations.begin() + static_cast<std::ptrdiff_t>(at), kv("check-not-exists", "a"));
    const Snapshot before = world.store.snapshot();
    const TxnResults results = world.apply(operations);
    REQUIRE(results.errors == Errors{{at, "key \"a\" exists"}});
    CHECK(results.rows.empty());
    const Snapshot after = world.store.snapshot();
    CHECK(after.version() == before.version());
    CHECK(world.value("a") == "1");
    CHECK(world.value("b") == "-");
    CHECK(world.value("d/1") == "x");
    CHECK(after.table<NodeTable>().size() == 1);
    CHECK(after.table<ServiceTable>().size() == 1);
    CHECK(after.table<CheckTable>().empty());
    CHECK(after.index(kKvRow) == 1);
    CHECK(after.index(kTombstonesRow) == 0);
  }
  CHECK(world.errors(good).empty());
  CHECK(world.store.snapshot().index(kKvRow) == world.last);
}

TEST_CASE("what a transaction shows is bounded", "[state][txn]") {
  World world;
  TxnOperations fill;
  for (std::size_t i = 0; i < kMaxWriteTxnRows / 2; ++i) fill.push_back(kv("set", "k" + std::to_string(i)));
  REQUIRE(world.errors(fill).empty());
  CHECK(world.apply({kv("get-tree", "k"), kv("set", "x"), kv("get-tree", "k1")}).rows.size() >
        kMaxWriteTxnRows / 2);
  CHECK(world.errors({kv("get-tree", "k"), kv("get-tree", "k"), kv("set", "x", "new")}) ==
        Errors{{2, "transaction shows too many rows (limit 65536)"}});
  CHECK(world.value("x").empty());
  CHECK(world.read({kv("get-tree", "k"), kv("get-tree", "k"), kv("get", "x")}).rows.size() ==
        kMaxWriteTxnRows + 1);
}

TEST_CASE("what a reading transaction depends on", "[state][txn]") {
  const Store store;
  NodeOperation by_id{.verb = "get", .node = {}};
  by_id.node.id = "40e4a748-2192-161a-0510-9bf59fe950b5";
  const auto evaluation =
      evaluate(model::ReadTxn{{kv("get", "a"), kv("get-tree", "T/"), node("get", "N1"),
                               service("get", "N2", "web"), check("get", "N3", "c"), by_id}},
               store.snapshot());
  REQUIRE(evaluation);
  const std::vector<Subject> subjects(evaluation->touched.begin(), evaluation->touched.end());
  CHECK(subjects == std::vector<Subject>{{Topic::kKey, "a"},
                                         {Topic::kKeyPrefix, "T/"},
                                         {Topic::kNode, "n1"},
                                         {Topic::kNode, "n2"},
                                         {Topic::kNodeChecks, "n3"},
                                         {Topic::kNodes, ""}});
}

/// The key/value store as a map, with the rules of transactions in a few lines.
struct Model {
  struct Entry {
    std::string value;
    Index create = 0;
    Index modify = 0;
  };
  std::map<std::string, Entry> entries;

  /// Carries out one operation; false if it fails.
  bool apply(const KvOperation& operation, Index index) {
    const auto found = entries.find(operation.key);
    const bool there = found != entries.end();
    const auto set = [&] {
      Entry& entry = entries[operation.key];
      if (there && entry.value == operation.value) return;
      entry = {operation.value, there ? entry.create : index, index};
    };
    const std::string& verb = operation.verb;
    if (verb == "set") {
      set();
    } else if (verb == "cas") {
      if (operation.index == 0 ? there : !there || found->second.modify != operation.index) return false;
      set();
    } else if (verb == "get" || verb == "check-index") {
      return there && (verb == "get" || found->second.modify == operation.index);
    } else if (verb == "check-not-exists") {
      return !there;
    } else if (verb == "delete") {
      entries.erase(operation.key);
    } else if (verb == "delete-cas") {
      if (there && found->second.modify != operation.index) return false;
      entries.erase(operation.key);
    } else if (verb == "delete-tree") {
      std::erase_if(entries, [&](const auto& item) { return item.first.starts_with(operation.key); });
    } else {
      return verb == "get-tree";
    }
    return true;
  }
};

TEST_CASE("random transactions do what a simple model does", "[state][txn]") {
  constexpr const char* kVerbs[] = {"set",
                                    "set",
                                    "set",
                                    "cas",
                                    "get",
                                    "delete",
                                    "delete-cas",
                                    "delete-tree",
                                    "get-tree",
                                    "check-index",
                                    "check-not-exists"};
  std::size_t failed = 0;
  std::size_t done = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    World world;
    Model model;
    for (int round = 0; round < 60; ++round) {
      TxnOperations operations;
      Model next = model;
      bool fits = true;
      for (std::size_t count = 1 + random() % 6; count > 0; --count) {
        const std::string key = std::string(1, static_cast<char>('a' + random() % 3)) +
                                std::string(random() % 3, static_cast<char>('a' + random() % 2));
        KvOperation operation = kv(kVerbs[random() % std::size(kVerbs)], key, std::to_string(random() % 3));
        const auto found = model.entries.find(key);
        const bool right = random() % 4 != 0;  // else an index that never was
        operation.index = found == model.entries.end() ? 0 : right ? found->second.modify : 7'777;
        fits = next.apply(operation, world.last + 1) && fits;
        operations.push_back(std::move(operation));
      }
      const TxnResults results = world.apply(std::move(operations));
      REQUIRE(results.errors.empty() == fits);
      ++(fits ? done : failed);
      if (fits) model = std::move(next);
      std::map<std::string, Model::Entry> stored;
      world.store.snapshot().table<KvTable>().scan("", [&](const model::KvEntry& entry) {
        stored[std::string(entry.key())] = {std::string(entry.value()), entry.create_index(),
                                            entry.modify_index()};
      });
      REQUIRE(stored.size() == model.entries.size());
      for (const auto& [key, entry] : model.entries) {
        CAPTURE(key);
        REQUIRE(stored.count(key) == 1);
        REQUIRE(stored[key].value == entry.value);
        REQUIRE(stored[key].create == entry.create);
        REQUIRE(stored[key].modify == entry.modify);
      }
    }
  }
  CHECK(failed > 300);
  CHECK(done > 300);
}

}  // namespace
}  // namespace discovery::state
