#pragma once

#include <string>
#include <vector>

#include <discovery/status.h>

#include "lib/agent/config.h"
#include "lib/model/local_agent.h"

namespace discovery::api {

/// The services and checks that configuration files define, as the agent takes them.
struct Definitions {
  std::vector<model::ServiceSpec> services;
  std::vector<model::CheckSpec> checks;
  std::vector<std::string> warnings;  ///< for the log: what is given and has no effect yet
};

/// Reads the definitions of a configuration and tries all of them out, so that registering them afterwards,
/// in this order, cannot fail half way. Pure. Errors: kInvalidArgument with Consul's text for the first that
/// is wrong, and the place of its definition: "Failed to register service "web": Invalid Service Meta: ...
/// (web.hcl:3)".
Result<Definitions> read_definitions(const agent::Config& config);

}  // namespace discovery::api
