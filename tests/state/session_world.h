#pragma once

/// \file
/// A store with sessions, whose commands are applied one index after another, as a server does it.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/state/catalog.h"
#include "lib/state/kv.h"
#include "lib/state/reads.h"
#include "lib/state/sessions.h"

namespace discovery::state {

using model::KvVerb;
using model::Session;
using model::SessionPtr;

/// The id of the n-th session.
inline std::string session_id(int n) {
  std::string digits = std::to_string(n);
  digits.insert(0, 12 - digits.size(), '0');
  return "aaaaaaaa-bbbb-cccc-dddd-" + digits;
}

struct SessionWorld {
  Store store;
  Index last = 0;
  Touched touched;
  Aftermath aftermath;

  /// Carries out a change; it is committed if it returns an ok status, or true.
  template <class Change>
  auto apply(Change&& change) {
    Transaction tx = store.begin(++last);
    auto result = change(tx);
    const bool commits = [&] {
      if constexpr (requires { *result; }) {
        return result.ok() && *result;
      } else {
        return result.ok();
      }
    }();
    touched = commits ? tx.commit() : Touched();
    aftermath = commits ? std::move(tx.aftermath()) : Aftermath();
    return result;
  }

  void add_node(std::string name) {
    model::RegisterCommand command;
    command.node = std::move(name);
    command.address = "10.0.0.1";
    REQUIRE(apply([&](Transaction& tx) { return register_entity(tx, command); }).ok());
  }
  void add_check(std::string node, std::string id, std::string_view status, std::string service = {}) {
    model::RegisterCommand command;
    command.node = node;
    command.address = "10.0.0.1";
    if (!service.empty()) {
      command.service.emplace();
      command.service->id = service;
      command.service->name = service;
    }
    command.check.emplace();
    command.check->node = std::move(node);
    command.check->check_id = std::move(id);
    command.check->status = status;
    command.check->service_id = std::move(service);
    REQUIRE(apply([&](Transaction& tx) { return register_entity(tx, command); }).ok());
  }
  void remove(std::string node, std::string service = {}, std::string check = {}) {
    model::DeregisterCommand command;
    command.node = std::move(node);
    command.service_id = std::move(service);
    command.check_id = std::move(check);
    REQUIRE(apply([&](Transaction& tx) {
              deregister_entity(tx, command);
              return Status();
            }).ok());
  }

  Status create(Session session) {
    return apply([&](Transaction& tx) { return create_session(tx, session); });
  }
  Status destroy(std::string_view id) {
    return apply([&](Transaction& tx) { return destroy_session(tx, id); });
  }
  Result<bool> write(KvVerb verb, std::string_view key, std::string_view session = {},
                     std::string_view value = "v") {
    return apply([&](Transaction& tx) {
      return write_key(tx, {.verb = verb, .key = key, .value = value, .session = session});
    });
  }
  bool lock(std::string_view key, std::string_view session) {
    const auto won = write(KvVerb::kLock, key, session);
    REQUIRE(won.ok());
    return *won;
  }

  template <class T>
  T rows(const model::Query& query) {
    return std::get<T>(evaluate(query, store.snapshot())->value);
  }
  /// A key, or null.
  model::KvEntryRef entry(std::string key) {
    auto found = rows<model::KvEntries>(model::GetKey{std::move(key)});
    return found.empty() ? nullptr : found.front();
  }
  std::vector<std::string> ids(const model::Query& query = model::ListSessions{}) {
    std::vector<std::string> found;
    for (const SessionPtr& session : rows<model::Sessions>(query)) found.push_back(session->id.str());
    return found;
  }
  bool touches(Topic topic, std::string_view name = {}) const {
    return std::any_of(touched.begin(), touched.end(), [&](const Subject& subject) {
      return subject.topic == topic && subject.name == name;
    });
  }
  std::size_t lock_rows() const { return store.snapshot().table<LockTable>().size(); }
};

/// A session on a node that lives on these checks.
inline Session session_on(std::string node, int n, model::Tags checks = {}) {
  Session session;
  session.id = session_id(n);
  session.node = std::move(node);
  session.node_checks = std::move(checks);
  return session;
}

}  // namespace discovery::state
