#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <discovery/types.h>

namespace discovery::health {

/// Something that is due at a time. It stays where it is while it waits in a TimeHeap.
struct Timed {
  const std::string* id = nullptr;  ///< whose it is
  Duration at{};                    ///< as it was set last; kept when it no longer waits

  bool waits() const noexcept { return place_ != kNowhere; }

 private:
  friend class TimeHeap;
  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  std::uint32_t place_ = kNowhere;
};

/// Finds what is due first among many, and of what is due at the same time, what was set first. It owns none
/// of them, and costs three words for each. Pure. Every call costs O(log n). Threads: a value.
class TimeHeap {
 public:
  /// Lets `item` wait until `at`, whether it waited before or not.
  void set(Timed& item, Duration at);
  /// Lets it wait no longer; fine if it does not. REQUIRED before a waiting item goes.
  void erase(Timed& item);
  /// The one that is due first; null if none waits.
  Timed* first() const noexcept { return heap_.empty() ? nullptr : heap_.front().item; }

 private:
  /// One that waits, with what it is compared by: the items lie anywhere in memory.
  struct Waiting {
    Duration at;
    std::uint32_t turn;  // since when it waits, among those that are due at the same time
    Timed* item;
  };
  static bool sooner(const Waiting& a, const Waiting& b) noexcept;
  void put(std::size_t place, const Waiting& one);
  /// Moves `one` from `place`, which is free, up or down to where it belongs.
  void settle(std::size_t place, const Waiting& one);

  std::vector<Waiting> heap_;  // none is due before its parent, at half its place
  std::uint32_t turns_ = 0;
};

}  // namespace discovery::health
