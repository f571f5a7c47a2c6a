#pragma once

/// \file
/// From the command line of `discoveryd agent` to the agent's configuration
/// (https://developer.hashicorp.com/consul/docs/agent/config).

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

#include "daemon/config/flags.h"
#include "daemon/config/host.h"
#include "lib/agent/config.h"

namespace discovery::config {

struct LoadedConfig {
  agent::Config config;
  std::vector<std::string> warnings;  ///< for the log, one line each
};

/// Reads all sources, in the order of their precedence: defaults, those of -dev, flags with lists, files in
/// the order of the command line, other flags, -hcl. The result is complete: the node has a name, every
/// listener its addresses, advertise_addr and tagged_addresses are set; `validate()` has found nothing wrong.
/// Blocks on the disk. Errors: a message for people in the words of Consul, which names file and key.
Result<LoadedConfig> load_agent_config(const AgentFlags& flags, const Host& host);

/// The same from the arguments behind `agent`, on this machine. Flags that ask for help do nothing here.
Result<LoadedConfig> load_agent_config(std::span<const std::string> args);

/// `running` with those keys from `fresh` that a reload may change. Pure.
agent::Config reloaded(const agent::Config& running, const agent::Config& fresh);

/// The keys that have another value in `fresh` than in `running` and that a reload does not change. Pure.
std::vector<std::string_view> waiting_for_restart(const agent::Config& running, const agent::Config& fresh);

}  // namespace discovery::config
