#pragma once

/// \file
/// What each room of an agent is told of the agent's configuration. All functions are pure.

#include <string>

#include "lib/agent/config.h"
#include "lib/agent/identity.h"
#include "lib/agent/local_agent.h"
#include "lib/dns/options.h"
#include "lib/http/options.h"
#include "lib/http1/server.h"
#include "lib/metrics/pusher.h"
#include "lib/metrics/registry.h"
#include "lib/server/server.h"

namespace discovery::api {

/// The address by which others reach an agent.
std::string advertised_address(const agent::Config& config);

/// Who the agent is. `node_id` is a UUID.
agent::AgentIdentity make_identity(const agent::Config& config, const std::string& node_id);
agent::NodeAgent::Options agent_options(const agent::Config& config);
agent::NodeAgent::Reloadable reloadable_agent_options(const agent::Config& config);
server::ServerOptions server_options(const agent::Config& config, const agent::AgentIdentity& identity);
http::Options http_options(const agent::Config& config);
http1::ServerOptions connection_options(const agent::Config& config);
dns::Options dns_options(const agent::Config& config);
metrics::Registry::Options metrics_options(const agent::Config& config);
metrics::Pusher::Options push_options(const agent::Config& config);

}  // namespace discovery::api
