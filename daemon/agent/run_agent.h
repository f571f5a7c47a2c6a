#pragma once

#include <span>
#include <string>

namespace discovery {

/// The command `agent`: loads flags and configuration files, starts an agent in this process, runs until
/// SIGINT or SIGTERM, and stops in order. Returns the exit code: 0 for help, 1 for every other end, as
/// Consul's server does (https://developer.hashicorp.com/consul/commands/agent). Blocks until then.
int run_agent(std::span<const std::string> args);

}  // namespace discovery
