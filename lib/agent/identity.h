#pragma once

#include <optional>
#include <string>

#include "lib/model/local_agent.h"

namespace discovery::agent {

/// Who an agent is: found out once, before it starts. Threads: a value.
struct AgentIdentity {
  model::AgentSelf self{};  ///< names, ids, metadata, and the node as its gossip pool knows it
  std::optional<model::Member> wan_member{};  ///< as the pool between datacenters knows it, if it is in that
  std::string address{};             ///< where the node's services are reached unless they say otherwise
  model::Labels tagged_addresses{};  ///< the node's
};

}  // namespace discovery::agent
