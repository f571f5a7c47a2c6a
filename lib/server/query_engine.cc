#include "lib/server/query_engine.h"

#include <algorithm>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "lib/server/rows.h"
#include "lib/state/kv_rows.h"

namespace discovery::server {
namespace {

/// How many waiters one turn of the loop answers before it lets others have theirs.
constexpr std::size_t kWakeBatch = 256;

std::size_t count_rows(const model::Value& value) {
  return std::visit(
      [](const auto& rows) -> std::size_t {
        if constexpr (requires { rows.size(); }) {
          return rows.size();
        } else {
          return rows.services.size();
        }
      },
      value);
}

}  // namespace

/// Lets a task that was posted, or a stop callback on another thread, find out whether the engine is still
/// there.
struct QueryEngine::Guard {
  env::Env& env;
  QueryEngine* engine;  ///< read and written on the loop only
};

/// One blocking query.
struct QueryEngine::Waiter {
  struct Cancel {
    std::shared_ptr<Guard> guard;
    std::uint64_t id;
    void operator()() const {
      guard->env.post([guard = guard, id = id] {
        if (guard->engine != nullptr) guard->engine->cancel(id);
      });
    }
  };

  std::uint64_t id = 0;
  Shared* shared = nullptr;
  Index min_index = 0;
  Meta meta;
  Done done;
  Deadlines::iterator deadline;
  std::list<Waiter*>::iterator place;
  std::optional<std::stop_callback<Cancel>> on_stop;
};

/// One question, with its answer while that is true and all who wait for the next.
class QueryEngine::Shared final : public state::Watcher {
 public:
  Shared(QueryEngine& owner, std::string canonical_form, model::Query question, const model::Read& read)
      : engine(owner),
        canonical(std::move(canonical_form)),
        query(std::move(question)),
        near(read.near),
        filter(read.filter) {}
  /// From here on nobody would say that the answer has changed, and others may still hold it.
  ~Shared() override {
    if (answer) answer->supersede();
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  void on_touched() override {
    if (answer) {
      answer->supersede();
      answer.reset();
    }
    if (waiters.empty()) {
      engine.forget(*this);
    } else {
      engine.schedule_wake(*this);
    }
  }

  QueryEngine& engine;
  const std::string canonical;
  const model::Query query;
  const std::string near;
  const std::string filter;

  std::shared_ptr<const model::SharedAnswer> answer;
  state::IndexRule index;
  state::WatchRegistry::Subscription subscription;
  std::list<Waiter*> waiters;
  std::optional<std::list<Shared*>::iterator> idle;
  std::size_t idle_rows = 0;
  bool waking = false;
};

QueryEngine::QueryEngine(env::Env& env, const state::Store& store, const QueryLimits& limits)
    : env_(env),
      store_(store),
      limits_(limits),
      timer_(env.make_timer()),
      guard_(std::make_shared<Guard>(Guard{env, this})) {}

QueryEngine::~QueryEngine() {
  guard_->engine = nullptr;
  while (!waiters_.empty()) {
    finish(*waiters_.begin()->second, Status(Code::kCancelled, "the agent is shutting down"));
  }
}

Status QueryEngine::refresh(Shared& shared) {
  const state::Snapshot snapshot = store_.snapshot();
  std::optional<state::Evaluation> evaluation = state::evaluate(shared.query, snapshot);
  if (!evaluation) return {Code::kInternal, "this query is not about the state"};
  ++statistics_.evaluations;
  if (Status status = filter_rows(evaluation->value, shared.filter); !status.ok()) return status;
  if (!shared.near.empty()) {
    sort_by_distance(evaluation->value, shared.near, snapshot);
    evaluation->touched.add(state::Topic::kCoordinates);
  }
  shared.answer = std::make_shared<const model::SharedAnswer>(std::move(evaluation->value));
  shared.index = std::move(evaluation->index);
  shared.subscription = registry_.subscribe(evaluation->touched, shared);
  return {};
}

Result<model::Answer> QueryEngine::answer_now(Shared& shared, const Meta& meta) {
  if (shared.answer) {
    ++statistics_.shared;
  } else if (Status status = refresh(shared); !status.ok()) {
    return status;
  }
  model::Answer answer{meta, shared.answer};
  answer.meta.index = shared.index.resolve(store_.snapshot());
  return answer;
}

QueryEngine::Shared& QueryEngine::shared_for(const model::Query& query, const model::Read& read) {
  std::string key = model::canonical(query, read);
  auto& slot = shared_[key];
  if (!slot) slot = std::make_unique<Shared>(*this, std::move(key), query, read);
  return *slot;
}

void QueryEngine::forget(Shared& shared) {
  use(shared);
  if (shared.waking) to_wake_.remove(&shared);
  shared_.erase(shared_.find(shared.canonical));
}

/// Nobody waits any more: keeps the answer for the next who asks, or lets the question go if it has none. May
/// forget the question.
void QueryEngine::keep(Shared& shared) {
  if (!shared.waiters.empty()) return;
  if (!shared.answer) return forget(shared);
  if (shared.idle) {
    idle_.splice(idle_.end(), idle_, *shared.idle);
    return;
  }
  shared.idle_rows = count_rows(shared.answer->value());
  idle_rows_ += shared.idle_rows;
  shared.idle = idle_.insert(idle_.end(), &shared);
  while (idle_.size() > limits_.max_kept_answers || idle_rows_ > limits_.max_kept_rows)
    forget(*idle_.front());
}

/// Somebody waits again.
void QueryEngine::use(Shared& shared) {
  if (!shared.idle) return;
  idle_rows_ -= shared.idle_rows;
  idle_.erase(*shared.idle);
  shared.idle.reset();
}

Async<model::Answer> QueryEngine::query(model::Query query, model::Read read, const Meta& meta) {
  if (const auto* key = std::get_if<model::GetKey>(&query); key != nullptr && read.min_index == 0) {
    // The most frequent question of all is cheaper to answer than to look up.
    ++statistics_.evaluations;
    state::KeyRow row = state::read_key_now(key->key, store_.snapshot());
    model::KvEntries entries;
    if (row.entry) entries.push_back(std::move(row.entry));
    model::Answer answer{meta, std::make_shared<const model::SharedAnswer>(std::move(entries))};
    answer.meta.index = row.index;
    return answer;
  }
  const Index min_index = read.min_index;
  Shared& shared = shared_for(query, read);
  Result<model::Answer> answer = answer_now(shared, meta);
  const bool answered = !answer.ok() || min_index == 0 || answer->meta.index > min_index;
  keep(shared);
  if (answered) return answer;

  return Async<model::Answer>::pending(
      [guard = guard_,
       question = std::make_unique<std::pair<model::Query, model::Read>>(std::move(query), std::move(read)),
       meta](Done done) {
        QueryEngine* engine = guard->engine;
        if (engine == nullptr) return done(Status(Code::kCancelled, "the agent is shutting down"));
        engine->wait(question->first, question->second, meta, std::move(done));
      });
}

void QueryEngine::wait(const model::Query& query, const model::Read& read, const Meta& meta, Done done) {
  if (waiters_.size() >= limits_.max_waiting) {
    return done(Status(Code::kResourceExhausted, "too many blocking queries at a time (limit " +
                                                     std::to_string(limits_.max_waiting) + ")"));
  }
  Shared& shared = shared_for(query, read);
  Result<model::Answer> answer = answer_now(shared, meta);  // a commit may have come since
  if (!answer.ok() || answer->meta.index > read.min_index) {
    keep(shared);
    return done(std::move(answer));
  }
  use(shared);
  park(shared, read, meta, std::move(done));
}

void QueryEngine::park(Shared& shared, const model::Read& read, const Meta& meta, Done done) {
  Duration wait =
      read.wait == Duration::zero() ? limits_.default_wait : std::min(read.wait, limits_.max_wait);
  wait += env_.random().below(wait / 16);  // so that a crowd does not come back at once

  auto waiter = std::make_unique<Waiter>();
  waiter->id = next_waiter_++;
  waiter->shared = &shared;
  waiter->min_index = read.min_index;
  waiter->meta = meta;
  waiter->done = std::move(done);
  waiter->deadline = deadlines_.emplace(env_.clock().monotonic() + wait, waiter.get());
  waiter->place = shared.waiters.insert(shared.waiters.end(), waiter.get());
  Waiter& parked = *waiter;
  waiters_.emplace(parked.id, std::move(waiter));
  statistics_.waiting = waiters_.size();
  arm_timer();
  if (read.call.stop.stop_possible())
    parked.on_stop.emplace(read.call.stop, Waiter::Cancel{guard_, parked.id});
}

void QueryEngine::finish(Waiter& waiter, Result<model::Answer> result) {
  Shared& shared = *waiter.shared;
  shared.waiters.erase(waiter.place);
  deadlines_.erase(waiter.deadline);
  Done done = std::move(waiter.done);
  waiters_.erase(waiter.id);
  statistics_.waiting = waiters_.size();
  keep(shared);
  done(std::move(result));
}

void QueryEngine::on_commit(const state::Touched& touched) { registry_.notify(touched); }

void QueryEngine::schedule_wake(Shared& shared) {
  if (shared.waking) return;
  shared.waking = true;
  to_wake_.push_back(&shared);
  if (std::exchange(wake_posted_, true)) return;
  env_.post([guard = guard_] {
    if (guard->engine != nullptr) guard->engine->wake();
  });
}

void QueryEngine::wake() {
  wake_posted_ = false;
  for (std::size_t turns = to_wake_.size(); turns > 0 && !to_wake_.empty(); --turns) {
    Shared& shared = *to_wake_.front();
    to_wake_.pop_front();
    shared.waking = false;
    const Result<model::Answer> answer = answer_now(shared, Meta());
    std::vector<std::uint64_t> woken;
    for (const Waiter* waiter : shared.waiters) {
      if (!answer.ok() || answer->meta.index > waiter->min_index) woken.push_back(waiter->id);
    }
    hand_out(answer, std::move(woken));
  }
}

void QueryEngine::hand_out(const Result<model::Answer>& answer, std::vector<std::uint64_t> woken) {
  const std::size_t now = std::min(woken.size(), kWakeBatch);
  for (std::size_t at = 0; at < now; ++at) {
    const auto found = waiters_.find(woken[at]);
    if (found == waiters_.end()) continue;  // gone while others were answered
    ++statistics_.wakeups;
    Result<model::Answer> own = answer;
    if (own.ok()) {
      const Index index = own->meta.index;
      own->meta = found->second->meta;
      own->meta.index = index;
    }
    finish(*found->second, std::move(own));
  }
  if (now == woken.size()) return;
  woken.erase(woken.begin(), woken.begin() + static_cast<std::ptrdiff_t>(now));
  env_.post([guard = guard_, answer, rest = std::move(woken)]() mutable {
    if (guard->engine != nullptr) guard->engine->hand_out(answer, std::move(rest));
  });
}

void QueryEngine::arm_timer() {
  const Duration first = deadlines_.begin()->first;
  if (timer_at_ != Duration::zero() && timer_at_ <= first) return;
  timer_at_ = first;
  timer_->start(std::max(Duration::zero(), first - env_.clock().monotonic()), [this] { on_timer(); });
}

void QueryEngine::on_timer() {
  timer_at_ = Duration::zero();
  const Duration now = env_.clock().monotonic();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Waiter& waiter = *deadlines_.begin()->second;
    finish(waiter, answer_now(*waiter.shared, waiter.meta));
  }
  if (!deadlines_.empty()) arm_timer();
}

void QueryEngine::cancel(std::uint64_t id) {
  const auto found = waiters_.find(id);
  if (found != waiters_.end()) finish(*found->second, Status(Code::kCancelled, "the query was cancelled"));
}

}  // namespace discovery::server
