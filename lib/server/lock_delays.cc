#include "lib/server/lock_delays.h"

#include <utility>

namespace discovery::server {

void LockDelays::set(std::string key, Duration delay) {
  forget_past();
  const Duration until = clock_.monotonic() + delay;
  Duration& end = until_[key];
  if (end >= until) return;
  end = until;
  order_.emplace(until, std::move(key));
}

bool LockDelays::holds(std::string_view key) {
  if (until_.empty()) return false;
  forget_past();
  return until_.find(key) != until_.end();
}

void LockDelays::forget_past() {
  const Duration now = clock_.monotonic();
  while (!order_.empty() && order_.begin()->first <= now) {
    const auto found = until_.find(order_.begin()->second);
    if (found != until_.end() && found->second <= now) until_.erase(found);
    order_.erase(order_.begin());
  }
}

}  // namespace discovery::server
