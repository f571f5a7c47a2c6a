#pragma once

/// \file
/// A server under virtual time, those who fight for its locks over a bad network, and a witness who sees each
/// decision of the server when it is made.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/sim_env.h"
#include "lib/http/api.h"
#include "lib/http1/client_connection.h"
#include "lib/http1/server.h"
#include "lib/server/server.h"
#include "tests/http/fakes.h"

namespace discovery::testing {

using namespace std::chrono_literals;

/// What is guarded by a lock: it takes no write with a fence below the highest that it has seen. Nothing else
/// keeps old holders out.
class Resource {
 public:
  /// A write of a holder, who is known by his session and the fence of his tenure.
  void write(const std::string& session, Index fence) {
    if (fence < highest_) {
      ++refused;
      return;
    }
    const auto holder = std::pair(fence, session);
    REQUIRE(superseded_.count(holder) == 0);
    if (latest_ && *latest_ != holder) {
      REQUIRE(latest_->first < fence);  // two holders never have the same fence
      superseded_.insert(*latest_);
    }
    latest_ = holder;
    highest_ = fence;
    ++accepted;
  }

  std::size_t accepted = 0;
  std::size_t refused = 0;

 private:
  Index highest_ = 0;
  std::optional<std::pair<Index, std::string>> latest_;
  std::set<std::pair<Index, std::string>> superseded_;
};

/// Hands everything to a server, and holds what comes of it against the rules: a session that is not renewed
/// ends between its TTL and twice that, no lock is granted to two, to the dead, or within its delay, and the
/// fences of one key grow.
class Witness final : public model::Backend {
 public:
  Witness(env::Simulation& simulation, server::Server& server) : simulation_(simulation), server_(server) {}

  Async<model::Outcome> apply(model::Command command, Call call) override {
    if (const auto* session = std::get_if<model::SessionCommand>(&command);
        session != nullptr && session->verb == model::SessionVerb::kDestroy) {
      const auto known = sessions_.find(session->session.id.str());
      if (known != sessions_.end()) known->second.destroyed = true;
    }
    std::optional<Result<model::Outcome>> outcome;
    server_.apply(command, std::move(call)).then([&](Result<model::Outcome> result) {
      outcome = std::move(result);
    });
    REQUIRE(outcome.has_value());
    // What ended is noted before what was granted after it.
    if (outcome->ok()) note(command, **outcome);
    return *std::move(outcome);
  }
  Async<model::Answer> query(model::Query query, model::Read read) override {
    return server_.query(std::move(query), std::move(read));
  }
  Async<model::SessionPtr> renew_session(std::string id, Call call) override {
    std::optional<Result<model::SessionPtr>> result;
    server_.renew_session(id, std::move(call)).then([&](Result<model::SessionPtr> renewed) {
      result = std::move(renewed);
    });
    REQUIRE(result.has_value());
    if (result->ok()) {
      REQUIRE(sessions_.count(id) != 0);
      sessions_[id].renewed = simulation_.now();
    }
    return *std::move(result);
  }
  std::unique_ptr<model::WatchHandle> watch(model::Query query, model::Read read,
                                            model::Sink& sink) override {
    return server_.watch(std::move(query), std::move(read), sink);
  }

  /// Looks at the state; to be called after each event.
  void look() {
    const Index last = server_.log().last_index();
    if (last == looked_at_) return;  // nothing has changed since
    looked_at_ = last;
    const model::Answer answer = ask(model::ListSessions{});
    if (answer.meta.index != seen_) {
      seen_ = answer.meta.index;
      std::set<std::string> alive;
      for (const auto& session : std::get<model::Sessions>(answer.value())) alive.insert(session->id.str());
      for (auto at = sessions_.begin(); at != sessions_.end();) {
        if (alive.count(at->first) != 0) {
          ++at;
          continue;
        }
        note_end(at->first, at->second);
        at = sessions_.erase(at);
      }
    }
    for (const auto& entry : std::get<model::KvEntries>(ask(model::ListKeysWithValues{""}).value())) {
      if (!entry->session().empty()) REQUIRE(sessions_.count(std::string(entry->session())) != 0);
    }
    if (on_look) on_look();
  }

  /// What the server would answer now.
  model::Answer ask(model::Query query) {
    std::optional<Result<model::Answer>> answer;
    server_.query(std::move(query), {}).then([&](Result<model::Answer> result) {
      answer = std::move(result);
    });
    REQUIRE(answer.has_value());
    REQUIRE(answer->ok());
    return **answer;
  }
  /// Called when look() has found something new.
  std::function<void()> on_look{};

  std::size_t grants() const { return grants_; }
  std::size_t expiries() const { return expiries_; }
  std::size_t delayed() const { return delayed_; }
  std::size_t sessions() const { return sessions_.size(); }

 private:
  struct Known {
    Duration ttl{};
    Duration lock_delay{};
    Duration renewed{};
    bool destroyed = false;
  };
  struct Lock {
    std::string holder;
    Index fence = 0;
    Duration free_from{};  ///< nobody may have it before
  };

  void note_end(const std::string& id, const Known& session) {
    const Duration now = simulation_.now();
    if (!session.destroyed) {
      ++expiries_;
      REQUIRE(now <= session.renewed + 2 * session.ttl);
      REQUIRE(now > session.renewed + 2 * session.ttl - server::SessionTimers::kTick);
    }
    for (auto& [key, lock] : locks_) {
      if (lock.holder != id) continue;
      lock.holder.clear();
      lock.free_from = now + std::max(session.lock_delay, Duration::zero());
    }
  }

  void note(const model::Command& command, const model::Outcome& outcome) {
    if (const auto* session = std::get_if<model::SessionCommand>(&command);
        session != nullptr && session->verb == model::SessionVerb::kCreate) {
      sessions_[outcome.session.str()] = {.ttl = model::ttl_of(session->session),
                                          .lock_delay = session->session.lock_delay,
                                          .renewed = simulation_.now()};
    }
    look();
    if (const auto* kv = std::get_if<model::KvCommand>(&command)) {
      note_write(kv->verb, kv->key, kv->session, outcome.result);
    } else if (const auto* txn = std::get_if<model::TxnCommand>(&command); txn != nullptr && outcome.result) {
      for (const auto& operation : txn->operations) {
        const auto& one = std::get<model::KvOperation>(operation);
        if (one.verb == "lock") note_write(model::KvVerb::kLock, one.key, one.session, true);
      }
    }
  }

  void note_write(model::KvVerb verb, const std::string& key, const std::string& session, bool won) {
    Lock& lock = locks_[key];
    if (verb == model::KvVerb::kDelete || (verb == model::KvVerb::kUnlock && won)) lock.holder.clear();
    if (verb != model::KvVerb::kLock) return;
    if (!won) {
      if (simulation_.now() < lock.free_from) ++delayed_;
      return;
    }
    REQUIRE(sessions_.count(session) != 0);
    REQUIRE((lock.holder.empty() || lock.holder == session));
    if (lock.holder == session) return;
    REQUIRE(simulation_.now() >= lock.free_from);
    const auto entry = std::get<model::KvEntries>(ask(model::GetKey{key}).value()).at(0);
    REQUIRE(entry->session() == session);
    REQUIRE(entry->modify_index() > lock.fence);
    lock = {session, entry->modify_index(), {}};
    ++grants_;
  }

  env::Simulation& simulation_;
  server::Server& server_;
  std::map<std::string, Known> sessions_;
  std::map<std::string, Lock> locks_;
  Index looked_at_ = 0;
  Index seen_ = 0;
  std::size_t grants_ = 0;
  std::size_t expiries_ = 0;
  std::size_t delayed_ = 0;
};

/// A server with its HTTP API on a machine of its own.
struct LocksWorld {
  env::Simulation simulation;
  env::SimEnv& machine;
  server::Server server;
  Witness witness;
  http::testing::FakeAgent agent;
  http::Api api;
  http1::Server http;
  Resource resource;

  explicit LocksWorld(std::uint64_t seed)
      : simulation(seed),
        machine(simulation.add_env("server")),
        server(machine, options(machine)),
        witness(simulation, server),
        api(witness, agent, machine, http::testing::default_options()),
        http(machine, {}, api) {
    REQUIRE(server.start().ok());
    auto listener = machine.listen(at(), {});
    REQUIRE(listener.ok());
    http.serve(*std::move(listener));
  }

  env::Endpoint at() const { return {machine.address(), 8500}; }

  static server::ServerOptions options(const env::SimEnv& machine) {
    server::ServerOptions options;
    options.node.name = "agent-one";
    options.node.address = machine.address();
    options.rpc_address = machine.address() + ":8300";
    options.session_ttl_min = 1s;
    return options;
  }
};

}  // namespace discovery::testing
