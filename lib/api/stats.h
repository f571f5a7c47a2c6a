#pragma once

#include <string>

#include <discovery/types.h>

#include "lib/agent/identity.h"
#include "lib/model/agent_control.h"
#include "lib/model/local_agent.h"

namespace discovery::api {

/// How the replicated log stands, as far as AgentStats shows it.
struct LogFacts {
  Index last_index = 0;
  std::string leader_address;
};

/// What an agent says of its inner state, in Consul's words
/// (https://developer.hashicorp.com/consul/commands/info). The agent must answer at once. Threads: the loop.
model::AgentStats collect_stats(const agent::AgentIdentity& identity, model::LocalAgent& agent,
                                const LogFacts& log);

}  // namespace discovery::api
