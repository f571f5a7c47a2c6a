#include "lib/server/query_engine.h"

#include <chrono>
#include <utility>

#include "lib/server/shared_question.h"
#include "lib/state/kv_rows.h"
#include "lib/state/txn.h"

namespace discovery::server {
namespace {

/// Forms of kept answers are rendered after these were kept, so a while later they are counted again.
constexpr Duration kEvictionDelay = std::chrono::milliseconds(200);

}  // namespace

QueryEngine::QueryEngine(env::Env& env, const state::Store& store, const QueryLimits& limits)
    : env_(env),
      store_(store),
      limits_(limits),
      answer_bytes_(std::make_shared<std::atomic<std::size_t>>(0)),
      eviction_(env.make_timer()),
      timer_(env.make_timer()),
      guard_(std::make_shared<Guard>(env, this)),
      workers_(env.make_workers(limits.max_long_queries)) {}

QueryEngine::~QueryEngine() {
  guard_->engine = nullptr;
  for (const auto& [canonical, shared] : shared_) {
    if (shared->flight) shared->flight->stop = true;
  }
  workers_.reset();
  for (const auto& [canonical, shared] : shared_) shared->flight.reset();
  while (!waiters_.empty()) {
    finish(waiters_.begin()->second, Status(Code::kCancelled, "the agent is shutting down"));
  }
}

QueryStatistics QueryEngine::statistics() const noexcept {
  QueryStatistics now = statistics_;
  now.answer_bytes = answer_bytes_->load(std::memory_order_relaxed);
  return now;
}

bool QueryEngine::takes_long(const Shared& shared) const {
  return server::takes_long(shared.question, store_.snapshot());
}

Status QueryEngine::refresh(Shared& shared) {
  Result<Evaluated> evaluated = evaluate(shared.question, store_.snapshot(), std::atomic<bool>(false));
  ++statistics_.evaluations;
  if (!evaluated.ok()) return evaluated.status();
  shared.answer = std::make_shared<const model::SharedAnswer>(std::move(evaluated->value), answer_bytes_);
  shared.index = std::move(evaluated->index);
  shared.subscription = registry_.subscribe(evaluated->touched, shared);
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
  if (const auto found = shared_.find(key); found != shared_.end()) return *found->second;
  auto shared = std::make_unique<Shared>(*this, std::move(key), query, read);
  const std::string_view canonical = shared->canonical;
  return *shared_.emplace(canonical, std::move(shared)).first->second;
}

void QueryEngine::forget(Shared& shared) {
  use(shared);
  if (shared.waking) to_wake_.remove(&shared);
  if (shared.to_launch) to_launch_.erase(*shared.to_launch);
  shared_.erase(shared_.find(shared.canonical));
}

/// Nobody waits any more: keeps the answer for the next who asks, or lets the question go if it has none. May
/// forget the question.
void QueryEngine::keep(Shared& shared) {
  if (!shared.waiters.empty()) return;
  if (shared.flight) {
    // In vain, unless it is over already. Who asks while it is not gets a flight of its own.
    shared.flight->stop = true;
    shared.overtaken = true;
    return;
  }
  if (!shared.answer) return forget(shared);
  if (shared.idle) {
    idle_.splice(idle_.end(), idle_, *shared.idle);
  } else {
    shared.idle = idle_.insert(idle_.end(), &shared);
  }
  evict();
}

/// Somebody waits again.
void QueryEngine::use(Shared& shared) {
  if (!shared.idle) return;
  idle_.erase(*shared.idle);
  shared.idle.reset();
}

void QueryEngine::evict() {
  while (!idle_.empty() &&
         (idle_.size() > limits_.max_kept_answers || *answer_bytes_ > limits_.max_answer_bytes)) {
    forget(*idle_.front());
  }
  if (idle_.empty() || std::exchange(eviction_due_, true)) return;
  eviction_->start(kEvictionDelay, [this] {
    eviction_due_ = false;
    if (*answer_bytes_ > limits_.max_answer_bytes) evict();
  });
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
  if (const auto* txn = std::get_if<model::ReadTxn>(&query)) {
    // Few ask the same, and nobody waits for a change of it: a short one is not kept.
    const state::Snapshot snapshot = store_.snapshot();
    if (!server::takes_long(query, snapshot)) {
      ++statistics_.evaluations;
      return model::Answer{meta,
                           std::make_shared<const model::SharedAnswer>(state::read_txn(*txn, snapshot))};
    }
  }
  Shared& shared = shared_for(query, read);
  if (shared.answer || (!shared.flight && !takes_long(shared))) {
    const Index min_index = read.min_index;
    Result<model::Answer> answer = answer_now(shared, meta);
    const bool answered = !answer.ok() || min_index == 0 || answer->meta.index > min_index;
    keep(shared);
    if (answered) return answer;
  } else if (!shared.flight && shared.waiters.empty()) {
    forget(shared);  // until it is asked for in earnest
  }
  return Async<model::Answer>::pending(
      [guard = guard_,
       question = std::make_unique<std::pair<model::Query, model::Read>>(std::move(query), std::move(read)),
       meta](Done done) {
        QueryEngine* engine = guard->engine;
        if (engine == nullptr) return done(Status(Code::kCancelled, "the agent is shutting down"));
        engine->wait(question->first, question->second, meta, std::move(done));
      });
}

void QueryEngine::on_commit(const state::Touched& touched) { registry_.notify(touched); }

}  // namespace discovery::server
