// The same questions and changes give the same answers, whether a state is at hand or beyond HTTP.

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/codec/json_writer.h"
#include "lib/model/describe_records.h"
#include "tests/remote/world.h"

namespace discovery::remote {
namespace {

using testing::an_instance;
using testing::health_of;
using testing::RemoteWorld;

/// Says all of a value.
struct Teller {
  std::string operator()(const model::KvEntries& entries) const {
    std::string out;
    for (const auto& entry : entries) out += tell(*entry, entry->value()) + "\n";
    return out;
  }
  std::string operator()(const model::ServiceTags& services) const {
    std::string out;
    for (const auto& [name, tags] : services) out += name + codec::to_json(tags);
    return out;
  }
  std::string operator()(const model::NodeServices& found) const {
    return found.node ? codec::to_json(*found.node) + codec::to_json(found.services) : "no node";
  }
  std::string operator()(const model::TxnResults& results) const {
    std::string out;
    for (const model::TxnRow& row : results.rows) out += std::visit(*this, row) + "\n";
    for (const model::TxnError& error : results.errors)
      out += std::to_string(error.operation) + error.what + "\n";
    return out;
  }
  /// Who has written a value is not shown it.
  std::string operator()(const model::TxnKey& row) const {
    return tell(*row.entry, row.shows_value ? row.entry->value() : std::string_view());
  }
  std::string operator()(const model::Sessions& sessions) const { return std::to_string(sessions.size()); }
  template <class Rows>
  std::string operator()(const Rows& rows) const {
    return codec::to_json(rows);
  }

  static std::string tell(const model::KvEntry& entry, std::string_view value) {
    return std::string(entry.key()) + "=" + std::string(value) + " " + std::to_string(entry.flags()) + " " +
           std::to_string(entry.create_index()) + " " + std::to_string(entry.modify_index()) + " " +
           std::to_string(entry.lock_index()) + std::string(entry.session());
  }
};

/// Asks one backend, and writes down what it answers.
class Asker {
 public:
  Asker(RemoteWorld& world, model::Backend& backend) : world_(world), backend_(backend) {}

  void apply(model::Command command) {
    const auto outcome = world_.wait_for(backend_.apply(std::move(command), {}));
    if (!outcome.ok()) return said.push_back(outcome.status().to_string());
    said.push_back(outcome->result ? "won" : "lost");
    if (outcome->txn) said.push_back(std::visit(Teller{}, outcome->txn->value()));
  }
  void query(model::Query query, model::Read read = {}) {
    const auto answer = world_.wait_for(backend_.query(std::move(query), std::move(read)));
    if (!answer.ok()) return said.push_back(answer.status().to_string());
    said.push_back(std::visit(Teller{}, answer->value()));
    // Over HTTP no index is below 1.
    said.push_back("at " + std::to_string(std::max<Index>(answer->meta.index, 1)) +
                   (answer->meta.known_leader ? " led" : " not led"));
  }

  std::vector<std::string> said;

 private:
  RemoteWorld& world_;
  model::Backend& backend_;
};

void ask_for_keys(Asker& ask) {
  using model::KvCommand;
  using model::KvVerb;
  ask.apply(KvCommand{KvVerb::kSet, "a/b", std::string("v\0\xFF", 3), 42, 0});
  ask.apply(KvCommand{KvVerb::kSet, "a/c/d", "", 0, 0});
  ask.apply(KvCommand{KvVerb::kSet, "a /\xC3\xA4?&=%2F", "odd", 0, 0});
  ask.apply(KvCommand{KvVerb::kCas, "a/b", "w", 1, 1});
  ask.apply(KvCommand{KvVerb::kCas, "new", "w", 1, 0});
  ask.apply(KvCommand{KvVerb::kSet, "", "w", 1, 0});
  for (const char* key : {"a/b", "a/c/d", "a /\xC3\xA4?&=%2F", "none"}) {
    ask.query(model::GetKey{key});
  }
  for (const char* prefix : {"", "a", "a/", "none"}) {
    ask.query(model::ListKeysWithValues{prefix});
    ask.query(model::ListKeys{prefix, ""});
    ask.query(model::ListKeys{prefix, "/"});
  }
  ask.apply(KvCommand{KvVerb::kDeleteCas, "a/b", "", 0, 1});
  ask.apply(KvCommand{KvVerb::kDelete, "a/b", "", 0, 0});
  ask.apply(KvCommand{KvVerb::kDelete, "none", "", 0, 0});
  ask.apply(KvCommand{KvVerb::kDeleteTree, "a/", "", 0, 0});
  ask.query(model::ListKeys{"", ""});
}

void ask_for_services(Asker& ask) {
  ask.apply(an_instance("n1", "web"));
  ask.apply(an_instance("n2", "web", "critical"));
  ask.apply(an_instance("n2", "db", "warning"));
  model::RegisterCommand invalid = an_instance("n3", "web");
  invalid.address.clear();
  ask.apply(invalid);
  for (const char* service : {"web", "WEB", "none", "a/b c"}) {
    ask.query(health_of(service));
    ask.query(model::ListServiceInstances{service, {}, {}});
    ask.query(model::ListServiceChecks{service, {}});
  }
  model::ListServiceHealth passing = health_of("web");
  passing.passing_only = true;
  passing.tags = {"V1"};
  ask.query(passing);
  passing.node_meta = {{"no", "such"}};
  ask.query(passing);
  model::Read filtered;
  filtered.filter = "Service.Meta.zone == a and Node.Node != n1";
  ask.query(health_of("web"), filtered);
  filtered.filter = "no such thing";
  ask.query(health_of("web"), filtered);
  ask.query(model::ListNodes{});
  ask.query(model::ListServices{});
  for (const char* node : {"n1", "n2", "none"}) {
    ask.query(model::GetNodeServices{node});
    ask.query(model::ListNodeChecks{node});
  }
  for (const char* state : {"passing", "warning", "critical", "any"})
    ask.query(model::ListChecksInState{state, {}});
  model::Read elsewhere;
  elsewhere.call.datacenter = "dc9";
  ask.query(model::ListNodes{}, elsewhere);
  ask.apply(model::DeregisterCommand{"", "n2", "web", "", ""});
  ask.apply(model::DeregisterCommand{"", "", "", "", ""});
  ask.query(health_of("web"));
  ask.apply(model::DeregisterCommand{"", "n2", "", "", ""});
  ask.query(model::ListServices{});
}

void ask_for_transactions(Asker& ask) {
  const auto kv = [](const char* verb, const char* key, Index index = 0) {
    return model::KvOperation{verb, key, "v", 3, index};
  };
  model::NodeOperation node{"set", {}};
  node.node.name = "n9";
  node.node.address = "192.0.2.9";
  model::ServiceOperation service{"set", "n9", {}};
  service.service.name = "web";
  service.service.id = "web";
  service.service.tags = {"x"};
  ask.apply(model::TxnCommand{{kv("set", "t/a"), kv("set", "t/b"), node, service, kv("get", "t/a")}});
  ask.apply(model::TxnCommand{{kv("set", "t/a"), kv("cas", "t/b", 1), kv("get", "none")}});
  ask.apply(model::TxnCommand{{kv("bogus", "t/a"), kv("set", "t/a")}});
  node.verb = "get";
  service.verb = "get";
  ask.query(model::ReadTxn{{kv("get", "t/a"), kv("get-tree", "t/"), node, service}});
  ask.query(model::ReadTxn{{kv("get", "none"), kv("check-not-exists", "t/a")}});
  ask.apply(model::TxnCommand{{kv("delete-tree", "t/")}});
  ask.query(model::ListKeys{"t/", ""});
}

TEST_CASE("a state beyond HTTP answers as one that is at hand") {
  const auto ask = GENERATE(values<void (*)(Asker&)>({ask_for_keys, ask_for_services, ask_for_transactions}));
  RemoteWorld near;
  Asker direct(near, near.agent->backend());
  ask(direct);
  RemoteWorld far;
  Asker remote(far, *far.backend);
  ask(remote);
  for (std::size_t i = 0; i < std::min(remote.said.size(), direct.said.size()); ++i) {
    CAPTURE(i);
    REQUIRE(remote.said[i] == direct.said[i]);
  }
  CHECK(remote.said.size() == direct.said.size());
}

}  // namespace
}  // namespace discovery::remote
