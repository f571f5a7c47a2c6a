#pragma once

#include <span>
#include <string>

namespace discovery {

/// The command `agent`: loads flags and configuration files, starts an agent in this process, reloads on
/// SIGHUP, and runs until SIGINT, SIGTERM or a request to leave. Returns the exit code: 0 for help and after
/// leaving, 1 for every other end, as Consul's does (https://developer.hashicorp.com/consul/commands/agent).
/// Blocks until then.
int run_agent(std::span<const std::string> args);

}  // namespace discovery
