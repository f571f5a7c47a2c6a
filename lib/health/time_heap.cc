#include "lib/health/time_heap.h"

namespace discovery::health {

bool TimeHeap::sooner(const Timed& a, const Timed& b) noexcept {
  if (a.at != b.at) return a.at < b.at;
  return static_cast<std::int32_t>(a.turn_ - b.turn_) < 0;  // the count may have begun anew
}

void TimeHeap::set(Timed& item, Duration at) {
  item.at = at;
  item.turn_ = turns_++;
  if (!item.waits()) {
    item.place_ = static_cast<std::uint32_t>(heap_.size());
    heap_.push_back(&item);
  }
  settle(item.place_, item);
}

void TimeHeap::erase(Timed& item) {
  if (!item.waits()) return;
  const std::size_t place = item.place_;
  item.place_ = Timed::kNowhere;
  Timed& last = *heap_.back();
  heap_.pop_back();
  if (&last != &item) settle(place, last);
}

void TimeHeap::put(std::size_t place, Timed& item) {
  heap_[place] = &item;
  item.place_ = static_cast<std::uint32_t>(place);
}

void TimeHeap::settle(std::size_t place, Timed& item) {
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!sooner(item, *heap_[parent])) break;
    put(place, *heap_[parent]);
    place = parent;
  }
  while (true) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && sooner(*heap_[child + 1], *heap_[child])) ++child;
    if (!sooner(*heap_[child], item)) break;
    put(place, *heap_[child]);
    place = child;
  }
  put(place, item);
}

}  // namespace discovery::health
