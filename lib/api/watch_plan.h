#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/agent/config.h"
#include "lib/api/web_hook.h"

namespace discovery::api {

/// What is to be done with what a watch has found.
struct WatchHandler {
  std::vector<std::string> args;  ///< a program to run; empty: a request is sent
  WebHookTarget hook;
};

/// A watch of a configuration file, ready to run
/// (https://developer.hashicorp.com/consul/docs/dynamic-app-config/watches).
struct WatchPlan {
  std::string where;  ///< of its definition
  std::string type;
  std::string target;     ///< what is asked of the API again and again, with its query; ends in '?' or '&'
  bool by_hash = false;   ///< waits for another hash, not for another index
  bool by_event = false;  ///< waits for events called `event` (empty: for any); `target` shows the latest
  std::string event;
  bool one_entry = false;  ///< the list's only entry is shown instead of the list
  bool is_later = false;   ///< the agent does not answer it yet
  std::string token;
  WatchHandler handler;
};

struct WatchPlans {
  std::vector<WatchPlan> plans;
  std::vector<std::string> warnings;  ///< of watches that have no effect yet, for the log
};

/// Reads the watches of a configuration. Pure. Errors: kInvalidArgument with Consul's text for the first that
/// is wrong: "Failed to parse watch (a.hcl:3): Must specify a single key to watch". Values are not shown: a
/// token may be among them.
Result<WatchPlans> read_watches(const agent::Config& config);

/// What a watch with these parameters asks; there is no handler among them. Pure. Errors: kInvalidArgument
/// with Consul's text.
Result<WatchPlan> read_question(const hcl::Value& parameters);

}  // namespace discovery::api
