#pragma once

#include <string>
#include <vector>

#include <discovery/status.h>

#include "daemon/config/draft.h"
#include "daemon/config/host.h"
#include "lib/agent/config.h"

namespace discovery::config {

/// Makes a configuration of what the sources said: texts become addresses, what was left out gets its
/// default. `problems` are what was found wrong so far; warnings are appended. May ask the host. Errors:
/// kInvalidArgument with Consul's text; if several values are wrong in themselves they are listed together.
Result<agent::Config> resolve(Draft draft, const Host& host, std::vector<std::string> problems,
                              std::vector<std::string>& warnings);

/// Checks the keys that are not in force yet, so that a configuration that is taken today is one that Consul
/// takes. Errors: kInvalidArgument with Consul's text for the first thing that is wrong.
Status check_keys_not_in_force(const Draft& draft);

}  // namespace discovery::config
