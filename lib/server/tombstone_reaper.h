#pragma once

#include <functional>
#include <map>
#include <memory>

#include <discovery/types.h>

#include "lib/env/env.h"

namespace discovery::server {

/// A leader's duty: deletions leave tombstones, so that watches of a prefix see an index move; a quarter of
/// an hour later they may be forgotten. Times are rounded up to half minutes, so that there are few timers
/// and commands. Threads: the loop's.
class TombstoneReaper {
 public:
  static constexpr Duration kKeep = std::chrono::minutes(15);
  static constexpr Duration kGranularity = std::chrono::seconds(30);

  /// `reap` proposes that tombstones up to an index be forgotten.
  TombstoneReaper(env::Env& env, std::function<void(Index)> reap);

  /// A deletion was applied at `index`.
  void note(Index index);

 private:
  void arm();
  void on_timer();

  env::Env& env_;
  std::function<void(Index)> reap_;
  std::map<Duration, Index> due_;  ///< when, and up to which index
  std::unique_ptr<env::Timer> timer_;
};

}  // namespace discovery::server
