#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

#include "lib/hcl/value.h"

namespace discovery::config {

/// What the flags of `discoveryd agent` say.
struct AgentFlags {
  bool help = false;
  bool dev = false;
  std::vector<std::string> config_paths{};  ///< files and directories in the order of the command line
  std::string config_format{};              ///< "hcl", "json" or empty
  std::vector<std::string> fragments{};     ///< texts of -hcl
  /// Objects with the keys of a configuration file: lists count before the files, everything else behind
  /// them.
  hcl::Value lists{hcl::Value::Object()};
  hcl::Value scalars{hcl::Value::Object()};
};

/// Reads the arguments that stand behind `agent`
/// (https://developer.hashicorp.com/consul/commands/agent). Errors: kInvalidArgument in the words of Go's
/// flag package: "flag provided but not defined: -x", "flag needs an argument: -x", "invalid value "x" for
/// flag -http-port: ..."; "Unexpected extra arguments: [x]"; "config: -config-format must be either 'hcl' or
/// 'json'".
Result<AgentFlags> parse_agent_flags(std::span<const std::string> args);

/// The flag that says the same as the key at `path`, without its dash; the path itself if there is none.
std::string_view flag_of(std::string_view path);

/// The help of `discoveryd agent`: its flags by topic.
std::string agent_help();

}  // namespace discovery::config
