#pragma once

/// \file
/// The command line of `discoveryd`: its table of commands, their help, and which of them to run. Its form,
/// texts and exit codes are those of Consul's (https://developer.hashicorp.com/consul/commands).

#include <functional>
#include <span>
#include <string>

#include "daemon/cli/command.h"

namespace discovery::cli {

/// Runs the agent until it stops; returns the exit code. It reads its own flags, "-h" among them.
using AgentRunner = std::function<int(std::span<const std::string> args)>;

/// Runs the command that `args` (without the program's name) ask for and returns the exit code. Blocks until
/// the command is done.
int run(std::span<const std::string> args, Context& context, const AgentRunner& run_agent);

}  // namespace discovery::cli
