#pragma once

#include <string>

#include "lib/agent/config.h"
#include "lib/agent/identity.h"

namespace discovery::api {

/// The configuration that an agent runs with, as the JSON object `DebugConfig` of GET /v1/agent/self, with
/// the names that Consul has for it: those of its keys that exist here. Tokens and keys are shown as
/// "hidden", credentials of URLs and the values of check headers are left out. Pure.
std::string runtime_config_json(const agent::Config& config, const agent::AgentIdentity& identity);

}  // namespace discovery::api
