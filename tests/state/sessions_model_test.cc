// Random commands against the state and against a plain model of it: after each of them both show the same.

#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/state/session_world.h"

namespace discovery::state {
namespace {

/// What a key is, told apart from how it is kept.
struct PlainKey {
  std::string value;
  std::string session;
  Index lock_index = 0;
  friend bool operator==(const PlainKey&, const PlainKey&) = default;
};

struct PlainSession {
  std::string node;
  std::set<std::string> checks;
  bool deletes = false;
};

/// The rules without any index: everything is looked for everywhere.
struct PlainModel {
  std::set<std::string> nodes;
  std::map<std::pair<std::string, std::string>, std::string> checks;  ///< node, check: state
  std::map<std::string, PlainSession> sessions;
  std::map<std::string, PlainKey> keys;
  std::multiset<std::string> freed;  ///< keys that sessions lost by their end, in the latest step

  void end(const std::string& id) {
    const bool deletes = sessions.at(id).deletes;
    sessions.erase(id);
    for (auto at = keys.begin(); at != keys.end();) {
      const bool held = at->second.session == id;
      if (held) freed.insert(at->first);
      if (held && deletes) {
        at = keys.erase(at);
        continue;
      }
      if (held) at->second.session.clear();
      ++at;
    }
  }
  void end_if(const std::function<bool(const PlainSession&)>& ends) {
    std::vector<std::string> ended;
    for (const auto& [id, session] : sessions) {
      if (ends(session)) ended.push_back(id);
    }
    for (const std::string& id : ended) end(id);
  }
  void set_check(const std::string& node, const std::string& check, const std::string& state) {
    nodes.insert(node);
    checks[{node, check}] = state;
    if (state != model::kCritical) return;
    end_if([&](const PlainSession& session) { return session.node == node && session.checks.count(check); });
  }
  void remove_check(const std::string& node, const std::string& check) {
    if (checks.erase({node, check}) == 0) return;
    end_if([&](const PlainSession& session) { return session.node == node && session.checks.count(check); });
  }
  void remove_node(const std::string& node) {
    nodes.erase(node);
    std::erase_if(checks, [&](const auto& check) { return check.first.first == node; });
    end_if([&](const PlainSession& session) { return session.node == node; });
  }
  bool create(const std::string& id, const PlainSession& session) {
    if (nodes.count(session.node) == 0) return false;
    for (const std::string& check : session.checks) {
      const auto found = checks.find({session.node, check});
      if (found == checks.end() || found->second == model::kCritical) return false;
    }
    sessions[id] = session;
    return true;
  }
  /// 1: had, 0: not had, -1: refused.
  int lock(const std::string& key, const std::string& session, const std::string& value) {
    if (sessions.count(session) == 0) return -1;
    auto found = keys.find(key);
    if (found == keys.end()) {
      keys[key] = {value, session, 1};
      return 1;
    }
    PlainKey& held = found->second;
    if (!held.session.empty() && held.session != session) return 0;
    if (held.session.empty()) ++held.lock_index;
    held.session = session;
    held.value = value;
    return 1;
  }
  int unlock(const std::string& key, const std::string& session, const std::string& value) {
    auto found = keys.find(key);
    if (found == keys.end() || found->second.session != session) return 0;
    found->second.session.clear();
    found->second.value = value;
    return 1;
  }
};

class Run {
 public:
  explicit Run(unsigned seed) : random_(seed) {}

  void step() {
    plain_.freed.clear();
    switch (below(13)) {
      case 0:
        return add_check();
      case 1:
        return remove();
      case 2:
      case 3:
        return create();
      case 4: {
        const std::string id = any_session();
        REQUIRE(world_.destroy(id).ok());
        if (plain_.sessions.count(id) != 0) plain_.end(id);
        return;
      }
      case 5:
        return erase();
      case 6: {
        const std::string key = any_key();
        const std::string value = any_value();
        REQUIRE(*world_.write(KvVerb::kSet, key, {}, value));
        PlainKey& plain = plain_.keys[key];
        plain.value = value;
        plain.lock_index = 0;
        return;
      }
      case 7:
      case 8:
        return lock(KvVerb::kUnlock);
      default:
        return lock(KvVerb::kLock);
    }
  }

  void compare() {
    std::map<std::string, PlainKey> keys;
    std::size_t locked = 0;
    for (const auto& entry : world_.rows<model::KvEntries>(model::ListKeysWithValues{""})) {
      keys[std::string(entry->key())] = {std::string(entry->value()), std::string(entry->session()),
                                         entry->lock_index()};
      if (!entry->session().empty()) ++locked;
    }
    REQUIRE(keys == plain_.keys);
    REQUIRE(world_.lock_rows() == locked);
    std::vector<std::string> all;
    std::map<std::string, std::vector<std::string>> by_node;
    for (const auto& [id, session] : plain_.sessions) {
      all.push_back(id);
      by_node[session.node].push_back(id);
    }
    REQUIRE(world_.ids() == all);
    for (const char* node : kNodes) REQUIRE(world_.ids(model::ListNodeSessions{node}) == by_node[node]);
    std::multiset<std::string> freed;
    for (const auto& delay : world_.aftermath.delays) freed.insert(delay.key);
    REQUIRE(freed == plain_.freed);
  }

 private:
  static constexpr const char* kNodes[] = {"n1", "n2"};

  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }
  std::string any_node() { return kNodes[below(2)]; }
  std::string any_check() { return "c" + std::to_string(below(3)); }
  std::string any_session() { return session_id(below(12)); }
  std::string any_key() { return "k/" + std::to_string(below(3)) + "/" + std::to_string(below(3)); }
  std::string any_value() { return std::to_string(below(2)); }

  void add_check() {
    static constexpr std::string_view kStates[] = {model::kPassing, model::kWarning, model::kCritical};
    const std::string node = any_node();
    const std::string check = any_check();
    const std::string_view state = kStates[below(3)];
    world_.add_check(node, check, state);
    plain_.set_check(node, check, std::string(state));
  }
  void remove() {
    const std::string node = any_node();
    if (below(4) == 0) {
      world_.remove(node);
      return plain_.remove_node(node);
    }
    const std::string check = any_check();
    world_.remove(node, {}, check);
    plain_.remove_check(node, check);
  }
  void create() {
    const std::string id = any_session();
    if (plain_.sessions.count(id) != 0) return nothing();
    PlainSession plain{.node = any_node(), .checks = {}, .deletes = below(2) == 0};
    Session session;
    session.id = id;
    session.node = plain.node;
    session.behavior = plain.deletes ? model::kDeleteKeys : model::kReleaseKeys;
    session.node_checks.emplace();
    for (int count = below(3); count > 0; --count) {
      session.node_checks->push_back(any_check());
      plain.checks.insert(session.node_checks->back().str());
    }
    REQUIRE(world_.create(session).ok() == plain_.create(id, plain));
  }
  void erase() {
    if (below(2) == 0) {
      const std::string prefix = "k/" + std::to_string(below(3));
      REQUIRE(*world_.write(KvVerb::kDeleteTree, prefix));
      std::erase_if(plain_.keys, [&](const auto& key) { return key.first.starts_with(prefix); });
    } else {
      const std::string key = any_key();
      REQUIRE(*world_.write(KvVerb::kDelete, key));
      plain_.keys.erase(key);
    }
  }
  void lock(KvVerb verb) {
    const std::string key = any_key();
    const std::string session = any_session();
    const std::string value = any_value();
    const auto won = world_.write(verb, key, session, value);
    const int plain =
        verb == KvVerb::kLock ? plain_.lock(key, session, value) : plain_.unlock(key, session, value);
    REQUIRE((won.ok() ? static_cast<int>(*won) : -1) == plain);
  }
  void nothing() { world_.aftermath = {}; }

  std::mt19937 random_;
  SessionWorld world_;
  PlainModel plain_;
};

TEST_CASE("Sessions and locks do what a plain model does", "[session][model]") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    Run run(seed);
    for (int step = 0; step < 400; ++step) {
      run.step();
      run.compare();
    }
  }
}

}  // namespace
}  // namespace discovery::state
