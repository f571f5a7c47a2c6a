#include "lib/balance/roster.h"

#include <algorithm>

#include <discovery/balance.h>

namespace discovery::balance {
namespace {

const Instances kNone;

Use use_of(const Instance& instance) noexcept {
  if (instance.health == Health::kMaintenance || instance.weight == 0) return Use::kDraining;
  return instance.health == Health::kCritical ? Use::kCritical : Use::kUsable;
}

}  // namespace

void Roster::clear() noexcept {
  view_.reset();
  members_.clear();
  candidates_.clear();
  total_weight_ = 0;
  by_id_.clear();
  slots_.clear();
  free_.clear();
  renewed_.clear();
  absent_.clear();
}

Member Roster::member(const std::shared_ptr<const Instance>& instance) const noexcept {
  Member made;
  if (instance == nullptr) return made;
  made.instance = instance.get();
  made.id = ticket_of(*instance);
  made.weight = instance->weight;
  made.use = use_of(*instance);
  return made;
}

Roster::Change Roster::take(const std::shared_ptr<const Instances>& view) {
  renewed_.clear();
  const Instances& now = view != nullptr ? *view : kNone;
  const std::size_t shorter = std::min(now.size(), members_.size());
  if (now.size() == members_.size()) {
    for (std::size_t i = 0; i < shorter; ++i) {
      if (now[i].get() != members_[i].instance) replace(i, now[i]);
    }
  } else {
    std::size_t front = 0;
    while (front < shorter && now[front].get() == members_[front].instance) ++front;
    std::size_t back = 0;
    while (back < shorter - front &&
           now[now.size() - 1 - back].get() == members_[members_.size() - 1 - back].instance) {
      ++back;
    }
    take_middle(now, front, back);
  }
  if (options_.slots) forget_old_absences();
  const Change change = collect();
  view_ = view;  // last: the old one kept the old instances' addresses from being used again
  return change;
}

void Roster::replace(std::size_t at, const std::shared_ptr<const Instance>& instance) {
  Member next = member(instance);
  if (next.id == members_[at].id) {
    next.slot = members_[at].slot;
  } else {
    enter(next);
    leave(members_[at]);
  }
  members_[at] = next;
}

/// What lies between the first `front` and the last `back` is new.
void Roster::take_middle(const Instances& now, std::size_t front, std::size_t back) {
  std::vector<Member> middle;
  middle.reserve(now.size() - front - back);
  for (std::size_t i = front; i < now.size() - back; ++i) {
    middle.push_back(member(now[i]));
    enter(middle.back());
  }
  const auto first = members_.begin() + static_cast<std::ptrdiff_t>(front);
  const auto last = members_.end() - static_cast<std::ptrdiff_t>(back);
  for (auto gone = first; gone != last; ++gone) leave(*gone);
  const auto gap = members_.erase(first, last);
  members_.insert(gap, middle.begin(), middle.end());
}

void Roster::enter(Member& member) {
  if (!options_.slots || member.instance == nullptr) return;
  const auto [found, is_new] = by_id_.try_emplace(member.id, 0);
  if (is_new) {
    if (free_.empty()) {
      found->second = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      found->second = free_.back();
      free_.pop_back();
    }
    slots_[found->second] = {member.id, 0, 0};
    renewed_.push_back(found->second);
  }
  ++slots_[found->second].users;
  member.slot = found->second;
}

void Roster::leave(const Member& member) {
  if (!options_.slots || member.instance == nullptr) return;
  Slot& slot = slots_[member.slot];
  if (--slot.users > 0) return;
  slot.left = ++departures_;
  absent_.push_back({member.slot, slot.left});
}

void Roster::forget_old_absences() {
  while (absent_.size() > kMaxAbsent) {
    const Absence oldest = absent_.front();
    absent_.pop_front();
    Slot& slot = slots_[oldest.slot];
    if (slot.users > 0 || slot.left != oldest.left) continue;  // it came back
    by_id_.erase(slot.id);
    slot = {};
    free_.push_back(oldest.slot);
  }
}

Roster::Change Roster::collect() {
  std::size_t usable = 0;
  std::size_t critical = 0;
  for (const Member& one : members_) {
    usable += one.use == Use::kUsable ? 1 : 0;
    critical += one.use == Use::kCritical ? 1 : 0;
  }
  panics_ = critical > 0 && usable * 100 < options_.panic_percent * (usable + critical);
  const std::size_t count = panics_ ? usable + critical : usable;
  Change change;
  change.weights = change.ids = count != candidates_.size();
  candidates_.resize(count);
  total_weight_ = 0;
  equal_weights_ = true;
  std::size_t at = 0;
  for (const Member& one : members_) {
    if (one.use != Use::kUsable && !(panics_ && one.use == Use::kCritical)) continue;
    Candidate& candidate = candidates_[at++];
    change.ids |= candidate.id != one.id;
    change.weights |= candidate.weight != one.weight;
    candidate = one;
    total_weight_ += one.weight;
    equal_weights_ &= one.weight == candidates_.front().weight;
  }
  return change;
}

}  // namespace discovery::balance
