#include "lib/health/time_heap.h"

namespace discovery::health {

bool TimeHeap::sooner(const Waiting& a, const Waiting& b) noexcept {
  if (a.at != b.at) return a.at < b.at;
  return static_cast<std::int32_t>(a.turn - b.turn) < 0;  // the count may have begun anew
}

void TimeHeap::set(Timed& item, Duration at) {
  item.at = at;
  if (!item.waits()) {
    item.place_ = static_cast<std::uint32_t>(heap_.size());
    heap_.emplace_back();
  }
  settle(item.place_, {at, turns_++, &item});
}

void TimeHeap::erase(Timed& item) {
  if (!item.waits()) return;
  const std::size_t place = item.place_;
  item.place_ = Timed::kNowhere;
  const Waiting last = heap_.back();
  heap_.pop_back();
  if (last.item != &item) settle(place, last);
}

void TimeHeap::put(std::size_t place, const Waiting& one) {
  heap_[place] = one;
  one.item->place_ = static_cast<std::uint32_t>(place);
}

void TimeHeap::settle(std::size_t place, const Waiting& one) {
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!sooner(one, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  while (true) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && sooner(heap_[child + 1], heap_[child])) ++child;
    if (!sooner(heap_[child], one)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, one);
}

}  // namespace discovery::health
