#pragma once

#include <string>
#include <vector>

#include <discovery/types.h>

#include "lib/model/session.h"

namespace discovery::state {

/// What a commit leaves to be done by those who keep time, since the state has no clock.
struct Aftermath {
  /// A key that a session lost by its end, and for how long nobody may lock it.
  struct LockDelay {
    std::string key;
    Duration delay;
  };

  std::vector<model::SessionPtr> made;   ///< sessions that began
  std::vector<model::SessionPtr> ended;  ///< sessions that ended
  std::vector<LockDelay> delays;
  bool buried = false;  ///< there is a new tombstone
};

}  // namespace discovery::state
