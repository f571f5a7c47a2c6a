#include "lib/health/deadlines.h"

#include <utility>

namespace discovery::health {

void Deadlines::set(const std::string& check_id, Duration at) {
  const auto entry = times_.try_emplace(check_id).first;
  entry->second.id = &entry->first;
  order_.set(entry->second, at);
}

void Deadlines::clear(std::string_view check_id) {
  const auto entry = times_.find(check_id);
  if (entry == times_.end()) return;
  order_.erase(entry->second);
  times_.erase(entry);
}

std::optional<Duration> Deadlines::next() const {
  const Timed* const first = order_.first();
  return first == nullptr ? std::nullopt : std::optional(first->at);
}

std::optional<std::string> Deadlines::take_due(Duration now) {
  Timed* const first = order_.first();
  if (first == nullptr || first->at > now) return std::nullopt;
  order_.erase(*first);
  return std::move(times_.extract(*first->id).key());
}

}  // namespace discovery::health
