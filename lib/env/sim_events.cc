#include "lib/env/sim_events.h"

#include <utility>

namespace discovery::env {

SimEvents::Id SimEvents::schedule(Duration at, SimEnv* machine, std::uint64_t life,
                                  UniqueFunction<void()> run) {
  return insert(at, at, {.machine = machine, .life = life, .run = std::move(run)});
}

SimEvents::Id SimEvents::schedule_first(Duration at, UniqueFunction<void()> run) {
  return insert(at, Duration::min(), {.run = std::move(run)});
}

SimEvents::Id SimEvents::insert(Duration at, Duration due, Slot event) {
  std::size_t slot = slots_.size();
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  event.sequence = ++last_sequence_;
  slots_[slot] = std::move(event);
  heap_.push({at, due, last_sequence_, slot});
  return {slot, last_sequence_};
}

void SimEvents::cancel(Id id) {
  if (id.sequence != 0 && id.slot < slots_.size() && slots_[id.slot].sequence == id.sequence)
    release(id.slot);
}

Duration SimEvents::next_time() {
  skip_cancelled();
  return heap_.empty() ? Duration::max() : heap_.top().at;
}

std::pair<SimEnv*, std::uint64_t> SimEvents::next_owner() {
  skip_cancelled();
  const Slot& slot = slots_[heap_.top().slot];
  return {slot.machine, slot.life};
}

void SimEvents::put_off(Duration at) {
  skip_cancelled();
  Entry entry = heap_.top();
  heap_.pop();
  entry.at = at;
  heap_.push(entry);
}

SimEvents::Due SimEvents::pop() {
  skip_cancelled();
  const Entry entry = heap_.top();
  heap_.pop();
  const Slot& slot = slots_[entry.slot];
  return {entry.at, slot.machine, slot.life, release(entry.slot)};
}

void SimEvents::clear() {
  heap_ = {};
  free_.clear();
  // What the events own may cancel others while it goes.
  const std::vector<Slot> dying = std::exchange(slots_, {});
}

void SimEvents::skip_cancelled() {
  while (!heap_.empty() && slots_[heap_.top().slot].sequence != heap_.top().sequence) heap_.pop();
}

UniqueFunction<void()> SimEvents::release(std::size_t slot) {
  slots_[slot].sequence = 0;
  free_.push_back(slot);
  return std::move(slots_[slot].run);
}

}  // namespace discovery::env
