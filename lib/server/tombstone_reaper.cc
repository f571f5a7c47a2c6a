#include "lib/server/tombstone_reaper.h"

#include <algorithm>
#include <utility>

namespace discovery::server {

TombstoneReaper::TombstoneReaper(env::Env& env, std::function<void(Index)> reap)
    : env_(env), reap_(std::move(reap)), timer_(env.make_timer()) {}

void TombstoneReaper::note(Index index) {
  const Duration due = env_.clock().monotonic() + kKeep;
  const Duration rounded = (due + kGranularity - Duration(1)) / kGranularity * kGranularity;
  Index& highest = due_[rounded];
  highest = std::max(highest, index);
  if (due_.size() == 1) arm();
}

void TombstoneReaper::arm() {
  if (due_.empty()) return;
  timer_->start(std::max(Duration::zero(), due_.begin()->first - env_.clock().monotonic()),
                [this] { on_timer(); });
}

void TombstoneReaper::on_timer() {
  const Duration now = env_.clock().monotonic();
  Index up_to = 0;
  while (!due_.empty() && due_.begin()->first <= now) {
    up_to = std::max(up_to, due_.begin()->second);
    due_.erase(due_.begin());
  }
  if (up_to != 0) reap_(up_to);
  arm();
}

}  // namespace discovery::server
