#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "lib/server/query_engine.h"
#include "lib/server/shared_question.h"

namespace discovery::server {
namespace {

/// How many waiters one turn of the loop answers before it lets others have theirs. One takes about 10 µs,
/// sending included.
constexpr std::size_t kWakeBatch = 4;
/// How many cancelled ones a turn ends. One takes about 10 µs, closing its connection included.
constexpr std::size_t kCancelBatch = 4;
/// Waits that end within about such a part of their length end together, as one slot.
constexpr std::int64_t kSlotsInWait = 4096;

}  // namespace

void QueryEngine::wait(const model::Query& query, const model::Read& read, const Meta& meta, Done done) {
  if (waiters_.size() >= limits_.max_waiting) {
    ++statistics_.refused;
    return done(Status(Code::kResourceExhausted, "too many blocking queries at a time (limit " +
                                                     std::to_string(limits_.max_waiting) + ")"));
  }
  Shared& shared = shared_for(query, read);
  if (!shared.answer && (shared.flight || takes_long(shared)))
    return wait_for_flight(shared, read, meta, std::move(done));
  Result<model::Answer> answer = answer_now(shared, meta);  // a commit may have come since
  if (!answer.ok() || read.min_index == 0 || answer->meta.index > read.min_index) {
    keep(shared);
    return done(std::move(answer));
  }
  use(shared);
  park(shared, read, meta, std::move(done));
}

void QueryEngine::wait_for_flight(Shared& shared, const model::Read& read, const Meta& meta, Done done) {
  if (!shared.flight && !shared.to_launch) {
    if (Status status = launch(shared); !status.ok()) {
      ++statistics_.refused;
      keep(shared);
      return done(std::move(status));
    }
    park(shared, read, meta, std::move(done)).since_flight = shared.flights;  // the one launched for it
    return;
  }
  park(shared, read, meta, std::move(done));
}

QueryEngine::Waiter& QueryEngine::park(Shared& shared, const model::Read& read, const Meta& meta, Done done) {
  const std::uint64_t id = next_waiter_++;
  Waiter& waiter = waiters_.try_emplace(id, id, shared).first->second;
  waiter.min_index = read.min_index;
  waiter.since_flight = shared.flights + 1;
  waiter.meta = meta;
  waiter.done = std::move(done);
  shared.waiters.push_back(waiter.in_question);
  statistics_.waiting = waiters_.size();
  if (read.min_index != 0) {
    wait_at_most(
        waiter, read.wait == Duration::zero() ? limits_.default_wait : std::min(read.wait, limits_.max_wait));
  }
  if (read.call.stop.stop_possible()) waiter.on_stop.emplace(read.call.stop, Waiter::Cancel{guard_, id});
  return waiter;
}

/// And up to a sixteenth more, so that a crowd does not come back at once.
void QueryEngine::wait_at_most(Waiter& waiter, Duration wait) {
  const auto slot = static_cast<std::int64_t>(
      std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(0, wait.count() / kSlotsInWait))));
  wait += env_.random().below(wait / 16 - Duration(slot));
  const std::int64_t due = (env_.clock().monotonic() + wait).count();
  waiter.due = Duration(slot == 0 ? due : (due + slot - 1) / slot * slot);
  deadlines_[waiter.due].push_back(waiter.in_slot);
  arm_timer();
}

void QueryEngine::leave_slot(Waiter& waiter) {
  if (!waiter.in_slot.linked()) return;
  waiter.in_slot.unlink();
  if (const auto slot = deadlines_.find(waiter.due); slot->second.empty()) deadlines_.erase(slot);
}

void QueryEngine::finish(Waiter& waiter, Result<model::Answer> result) {
  Shared& shared = *waiter.shared;
  leave_slot(waiter);
  Done done = std::move(waiter.done);
  waiters_.erase(waiters_.find(waiter.id));
  statistics_.waiting = waiters_.size();
  keep(shared);
  done(std::move(result));
}

void QueryEngine::schedule_wake(Shared& shared) {
  if (shared.waking) return;
  shared.waking = true;
  to_wake_.push_back(&shared);
  if (std::exchange(wake_posted_, true)) return;
  env_.post([guard = guard_] {
    if (QueryEngine* engine = guard->engine) engine->wake();
  });
}

void QueryEngine::wake() {
  wake_posted_ = false;
  for (std::size_t turns = to_wake_.size(); turns > 0 && !to_wake_.empty(); --turns) {
    Shared& shared = *to_wake_.front();
    to_wake_.pop_front();
    shared.waking = false;
    if (shared.flight) continue;
    if (!shared.answer && takes_long(shared)) {
      launch_or_queue(shared);
      continue;
    }
    const Result<model::Answer> answer = answer_now(shared, Meta());
    std::vector<std::uint64_t> woken;
    shared.waiters.for_each([&](const Waiter& waiter) {
      if (!answer.ok() || waiter.wants(answer->meta.index)) woken.push_back(waiter.id);
    });
    hand_out(answer, std::move(woken));
  }
}

void QueryEngine::hand_out(const Result<model::Answer>& answer, std::vector<std::uint64_t> woken,
                           std::size_t from) {
  const std::size_t end = std::min(woken.size(), from + kWakeBatch);
  for (std::size_t at = from; at < end; ++at) {
    const auto found = waiters_.find(woken[at]);
    if (found == waiters_.end()) continue;  // gone while others were answered
    ++statistics_.wakeups;
    Result<model::Answer> own = answer;
    if (own.ok()) {
      const Index index = own->meta.index;
      own->meta = found->second.meta;
      own->meta.index = index;
    }
    finish(found->second, std::move(own));
  }
  if (end == woken.size()) return;
  env_.post([guard = guard_, answer, rest = std::move(woken), end]() mutable {
    if (QueryEngine* engine = guard->engine) engine->hand_out(answer, std::move(rest), end);
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
    Waiter& waiter = *deadlines_.begin()->second.front();
    Shared& shared = *waiter.shared;
    if (shared.answer || (!shared.flight && !takes_long(shared))) {
      finish(waiter, answer_now(shared, waiter.meta));
      continue;
    }
    // It has waited long enough: the next answer is its, whatever that is.
    leave_slot(waiter);
    waiter.min_index = 0;
    if (!shared.flight && !shared.waking) launch_or_queue(shared);
  }
  if (!deadlines_.empty()) arm_timer();
}

/// Later, since whoever asks for it may be anywhere in its work, and a few a turn, since ten thousand clients
/// may go at once.
void QueryEngine::cancel_soon(std::uint64_t id) {
  to_cancel_.push_back(id);
  if (to_cancel_.size() == 1) post_cancels();
}

void QueryEngine::post_cancels() {
  env_.post([guard = guard_] {
    if (QueryEngine* engine = guard->engine) engine->cancel_some();
  });
}

void QueryEngine::cancel_some() {
  for (std::size_t left = kCancelBatch; left > 0 && !to_cancel_.empty(); --left) {
    const auto found = waiters_.find(to_cancel_.front());
    if (found != waiters_.end()) finish(found->second, Status(Code::kCancelled, "the query was cancelled"));
    // Only now: what the answer leads to may want to cancel another, and that one waits for its turn.
    to_cancel_.pop_front();
  }
  if (!to_cancel_.empty()) post_cancels();
}

}  // namespace discovery::server
