#pragma once

#include <functional>

#include <discovery/status.h>

#include "lib/agent/config.h"

namespace discovery::api {

/// What the program around an agent does for it when somebody asks over the API. All of it may be left out.
struct AgentHost {
  using Done = std::function<void(Status)>;
  using Loaded = std::function<void(Result<agent::Config>)>;

  /// Reads the configuration anew and says, on any thread and exactly once, what it is now: the running one
  /// with all that a reload may change. Called on the loop, so it must not block. Left out: the configuration
  /// stays as it was, and its definitions are registered again.
  std::function<void(Loaded done)> load_config{};
  /// The agent has taken over a reloaded configuration. Called on the loop.
  std::function<void(const agent::Config& config)> reloaded{};
  /// The agent was asked to leave and has: the program ends it now, from another thread.
  std::function<void()> left{};
};

}  // namespace discovery::api
