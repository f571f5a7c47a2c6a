#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <discovery/types.h>

#include "lib/health/time_heap.h"

namespace discovery::health {

/// When something is due for each of many checks, so that one timer serves them all. Pure: it is told the
/// time. Every call costs O(log n), and only a check that is new here costs an allocation.
class Deadlines {
 public:
  Deadlines() = default;
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  /// Sets the deadline of a check, earlier or later than the one it may have had.
  void set(const std::string& check_id, Duration at);
  /// Forgets a check; fine if it has no deadline.
  void clear(std::string_view check_id);
  /// Whether the check has a deadline.
  bool contains(std::string_view check_id) const { return times_.find(check_id) != times_.end(); }
  /// The check's deadline, if it has one.
  std::optional<Duration> at(std::string_view check_id) const {
    const auto found = times_.find(check_id);
    return found == times_.end() ? std::nullopt : std::optional(found->second.at);
  }
  std::size_t size() const noexcept { return times_.size(); }

  /// The earliest deadline.
  std::optional<Duration> next() const;
  /// Forgets and returns the check with the earliest deadline, if that is `now` or earlier.
  std::optional<std::string> take_due(Duration now);

 private:
  std::map<std::string, Timed, std::less<>> times_;
  TimeHeap order_;
};

}  // namespace discovery::health
