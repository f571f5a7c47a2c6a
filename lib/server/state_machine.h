#pragma once

#include <functional>

#include <discovery/status.h>

#include "lib/model/answer.h"
#include "lib/model/command.h"
#include "lib/state/aftermath.h"
#include "lib/state/store.h"
#include "lib/state/touched.h"

namespace discovery::server {

/// Applies commands to the state, one transaction each. Deterministic: the same commands at the same indexes
/// make the same state on every server. Threads: apply() the loop's, store() any.
class StateMachine {
 public:
  /// Told what each commit touched and left to be done, once its version can be read.
  using Observer = std::function<void(Index, const state::Touched&, state::Aftermath)>;

  explicit StateMachine(Observer observer) : observer_(std::move(observer)) {}

  /// Applies one command. A failure changes nothing; its text is Consul's.
  Result<model::CommandResult> apply(Index index, const model::Command& command);

  const state::Store& store() const noexcept { return store_; }

 private:
  state::Store store_;
  Observer observer_;
};

}  // namespace discovery::server
