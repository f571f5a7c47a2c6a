#include "lib/health/deadlines.h"

namespace discovery::health {

void Deadlines::set(const std::string& check_id, Duration at) {
  const auto [entry, added] = times_.try_emplace(check_id, at);
  if (added) {
    order_.emplace(at, entry->first);
    return;
  }
  auto node = order_.extract({entry->second, entry->first});
  entry->second = at;
  node.value().first = at;
  order_.insert(std::move(node));
}

void Deadlines::clear(std::string_view check_id) {
  const auto entry = times_.find(check_id);
  if (entry == times_.end()) return;
  order_.erase({entry->second, entry->first});
  times_.erase(entry);
}

std::optional<Duration> Deadlines::next() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->first;
}

std::optional<std::string> Deadlines::take_due(Duration now) {
  if (order_.empty() || order_.begin()->first > now) return std::nullopt;
  auto node = times_.extract(times_.find(order_.begin()->second));
  order_.erase(order_.begin());
  return std::move(node.key());
}

}  // namespace discovery::health
