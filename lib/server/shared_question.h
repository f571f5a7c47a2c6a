#pragma once

/// \file
/// The inside of a QueryEngine: its questions, those who wait for their answers, and the evaluations under
/// way.

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "lib/server/query_engine.h"

namespace discovery::server {

/// Lets a task that was posted, a stop callback or an answer on another thread find out whether the engine is
/// still there.
struct QueryEngine::Guard {
  Guard(env::Env& of, QueryEngine* owner) : env(of), engine(owner) {}
  env::Env& env;
  std::atomic<QueryEngine*> engine;  ///< written on the loop only
};

/// One query that waits: for its answer to move, or for a worker's answer.
struct QueryEngine::Waiter {
  struct Cancel {
    std::shared_ptr<Guard> guard;
    std::uint64_t id;
    void operator()() const {
      if (guard->env.on_loop()) return note();
      guard->env.post([cancel = *this] { cancel.note(); });
    }
    void note() const {
      if (QueryEngine* engine = guard->engine) engine->cancel_soon(id);
    }
  };

  /// Whether an answer with this index is what it waits for.
  bool wants(Index index) const { return min_index == 0 || index > min_index; }

  Waiter(std::uint64_t number, Shared& of) : id(number), shared(&of) {}

  const std::uint64_t id;
  Shared* const shared;
  base::ListLink<Waiter> in_question{this};
  base::ListLink<Waiter> in_slot{this};  ///< of deadlines_; of none if it waits for a worker's answer
  Duration due{};                        ///< the slot's time
  Index min_index = 0;                   ///< 0: any answer will do
  std::uint64_t since_flight = 0;        ///< the first flight that began after it asked
  Meta meta;
  Done done;
  std::optional<std::stop_callback<Cancel>> on_stop;
};

/// An evaluation on a worker.
struct QueryEngine::Flight {
  std::atomic<bool> stop{false};
  bool too_long = false;  ///< the loop's
  Result<Evaluated> result =
      Status(Code::kInternal, "not evaluated");  ///< written by the worker, then read here
  AnswerPtr answer;                              ///< as `result`
};

/// One question, with its answer while that is true and all who wait for the next.
class QueryEngine::Shared final : public state::Watcher {
 public:
  Shared(QueryEngine& owner, std::string canonical_form, model::Query query, const model::Read& read)
      : engine(owner),
        canonical(std::move(canonical_form)),
        question{std::move(query), read.near, read.filter} {}
  /// From here on nobody would say that the answer has changed, and others may still hold it.
  ~Shared() override {
    if (answer) answer->supersede();
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  void on_touched() override {
    overtaken = true;
    if (answer) {
      answer->supersede();
      answer.reset();
    }
    if (flight) return;  // when it lands, it is seen what is left to do
    if (waiters.empty()) {
      engine.forget(*this);
    } else {
      engine.schedule_wake(*this);
    }
  }

  QueryEngine& engine;
  const std::string canonical;
  const Question question;

  AnswerPtr answer;
  state::IndexRule index;
  state::WatchRegistry::Subscription subscription;
  base::IntrusiveList<Waiter> waiters;
  std::optional<std::list<Shared*>::iterator> idle;
  std::optional<std::list<Shared*>::iterator> to_launch;
  bool waking = false;

  std::shared_ptr<Flight> flight;
  std::unique_ptr<env::Timer> flight_end;  ///< ends a flight that takes too long
  std::uint64_t flights = 0;               ///< how many have begun
  bool overtaken = false;                  ///< a commit has touched it since the flight began
};

}  // namespace discovery::server
