#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include <discovery/async.h>
#include <discovery/types.h>

namespace discovery::env {

class SimEnv;

/// What will happen in a simulated world, ordered by time and then by when it was scheduled.
class SimEvents {
 public:
  /// Names one scheduled event, also after it has run.
  struct Id {
    std::size_t slot = 0;
    std::uint64_t sequence = 0;  // 0 names none
  };
  /// An event whose time has come.
  struct Due {
    Duration at{};
    SimEnv* machine = nullptr;
    std::uint64_t life = 0;
    UniqueFunction<void()> run;
  };

  /// `machine` and `life` say whose event it is, and come back with it.
  Id schedule(Duration at, SimEnv* machine, std::uint64_t life, UniqueFunction<void()> run);
  /// The same for what belongs to no machine and comes before everything else that happens at `at`.
  Id schedule_first(Duration at, UniqueFunction<void()> run);
  /// Does nothing if it has run or was cancelled.
  void cancel(Id id);
  /// When the next event is due; none: Duration::max().
  Duration next_time();
  /// Whose the next event is, and in which of its lives. REQUIRES: there is one.
  std::pair<SimEnv*, std::uint64_t> next_owner();
  /// Takes the next event out. REQUIRES: there is one.
  Due pop();
  /// The next event comes at `at` instead, still before those that were due after it. REQUIRES: there is one,
  /// and it is due by then.
  void put_off(Duration at);
  void clear();

 private:
  struct Slot {
    std::uint64_t sequence = 0;  // 0: free
    SimEnv* machine = nullptr;
    std::uint64_t life = 0;
    UniqueFunction<void()> run;
  };
  struct Entry {
    Duration at;
    Duration due;  // `at`, unless it was put off
    std::uint64_t sequence;
    std::size_t slot;
    bool operator>(const Entry& other) const {
      return std::tie(at, due, sequence) > std::tie(other.at, other.due, other.sequence);
    }
  };

  Id insert(Duration at, Duration due, Slot event);
  /// Throws away entries whose event was cancelled.
  void skip_cancelled();
  UniqueFunction<void()> release(std::size_t slot);

  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace discovery::env
