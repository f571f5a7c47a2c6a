#pragma once

/// \file
/// Answers queries from the state: at once, or when the answer moves. Equal questions are evaluated once and
/// share one answer with its rendered bytes, whoever asks and however many wait: ten thousand watchers of a
/// service cost one evaluation a change. A kept answer is thrown away by the first commit that touches what
/// it was made from.
///
/// What takes long is evaluated by a worker, on a snapshot of its own, while the loop goes on (a flight). Its
/// answer counts for all who had asked before the flight began; and if no commit has touched it meanwhile,
/// for those who came later too, and it is kept. Otherwise the later ones get a flight of their own: nobody
/// is shown a state older than the one in which it asked.

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/base/intrusive_list.h"
#include "lib/env/env.h"
#include "lib/model/answer.h"
#include "lib/model/query.h"
#include "lib/server/evaluation.h"
#include "lib/state/reads.h"
#include "lib/state/store.h"
#include "lib/state/watch_registry.h"

namespace discovery::server {

/// What limits the engine; a query beyond a limit gets kResourceExhausted.
struct QueryLimits {
  Duration default_wait = std::chrono::minutes(5);
  Duration max_wait = std::chrono::minutes(10);
  std::size_t max_waiting = 100'000;   ///< blocking and long queries at a time
  std::size_t max_long_queries = 256;  ///< distinct questions that workers have, or will have, to do with
  /// How long a long query may take, from when it is given to the workers. One that filters is ended then.
  Duration max_evaluation = std::chrono::seconds(30);
  std::size_t max_kept_answers = 1'024;  ///< answers that nobody waits for but that are still true
  std::size_t max_answer_bytes =
      64U << 20;  ///< of all answers, with their rendered forms: over it none is kept
};

/// Counters for metrics. Grow only, but for those that say how many there are.
struct QueryStatistics {
  std::uint64_t evaluations = 0;
  std::uint64_t long_evaluations = 0;  ///< those of them that a worker made
  std::uint64_t shared = 0;            ///< answered without an evaluation
  std::uint64_t wakeups = 0;
  std::uint64_t refused = 0;  ///< because too many wait, or workers had too much to do
  std::uint64_t ended = 0;    ///< because they took longer than max_evaluation
  std::size_t waiting = 0;
  std::size_t answer_bytes = 0;  ///< that answers take
};

/// Threads: the loop's.
class QueryEngine {
 public:
  using Done = UniqueFunction<void(Result<model::Answer>)>;

  QueryEngine(env::Env& env, const state::Store& store, const QueryLimits& limits);
  /// Answers all who wait with kCancelled. Blocks while a worker ends its evaluation, for the time of one at
  /// most.
  ~QueryEngine();
  QueryEngine(const QueryEngine&) = delete;
  QueryEngine& operator=(const QueryEngine&) = delete;

  /// Answers a query about the state. `meta` is what the answer's meta starts from; its index is filled in
  /// here. kInvalidArgument (filter), kResourceExhausted, kCancelled (read.call.stop, or the engine ends).
  Async<model::Answer> query(model::Query query, model::Read read, const Meta& meta);

  /// Wakes whom a commit concerns. Answers that it made untrue are marked so before this returns.
  void on_commit(const state::Touched& touched);

  QueryStatistics statistics() const noexcept;

 private:
  class Shared;
  struct Flight;
  struct Waiter;
  struct Guard;
  struct Disposal;
  using Deadlines = std::map<Duration, base::IntrusiveList<Waiter>>;
  using AnswerPtr = std::shared_ptr<const model::SharedAnswer>;

  bool takes_long(const Shared& shared) const;
  Status refresh(Shared& shared);
  Result<model::Answer> answer_now(Shared& shared, const Meta& meta);
  Shared& shared_for(const model::Query& query, const model::Read& read);
  void forget(Shared& shared);
  void keep(Shared& shared);
  void use(Shared& shared);
  void evict();

  Status launch(Shared& shared);
  void launch_or_queue(Shared& shared);
  void land(Shared& shared);
  AnswerPtr make_long_answer(model::Value value);

  void wait(const model::Query& query, const model::Read& read, const Meta& meta, Done done);
  void wait_for_flight(Shared& shared, const model::Read& read, const Meta& meta, Done done);
  Waiter& park(Shared& shared, const model::Read& read, const Meta& meta, Done done);
  void wait_at_most(Waiter& waiter, Duration wait);
  void leave_slot(Waiter& waiter);
  void finish(Waiter& waiter, Result<model::Answer> result);
  void schedule_wake(Shared& shared);
  void wake();
  void hand_out(const Result<model::Answer>& answer, std::vector<std::uint64_t> woken, std::size_t from = 0);
  void arm_timer();
  void on_timer();
  void cancel_soon(std::uint64_t waiter);
  void post_cancels();
  void cancel_some();

  env::Env& env_;
  const state::Store& store_;
  QueryLimits limits_;
  QueryStatistics statistics_;
  model::SharedAnswer::Ledger answer_bytes_;
  state::WatchRegistry registry_;
  std::unordered_map<std::string_view, std::unique_ptr<Shared>> shared_;  ///< by their canonical forms
  std::list<Shared*> idle_;  ///< kept though nobody waits, the longest unused first
  std::unique_ptr<env::Timer> eviction_;
  bool eviction_due_ = false;
  std::list<Shared*> to_wake_;
  bool wake_posted_ = false;
  std::list<Shared*> to_launch_;  ///< those with waiters for whom there was no worker
  std::unordered_map<std::uint64_t, Waiter> waiters_;
  std::uint64_t next_waiter_ = 1;
  std::deque<std::uint64_t> to_cancel_;
  Deadlines deadlines_;  ///< each list's time, when those in it have waited long enough
  Duration timer_at_{};
  std::unique_ptr<env::Timer> timer_;
  std::shared_ptr<Guard> guard_;  ///< tells posted tasks whether the engine is still there
  std::unique_ptr<env::Workers> workers_;
};

}  // namespace discovery::server
