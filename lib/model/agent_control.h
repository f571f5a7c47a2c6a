#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <discovery/async.h>
#include <discovery/types.h>

namespace discovery::model {

/// What an agent says of its inner state: groups of values, all of them text
/// (https://developer.hashicorp.com/consul/commands/info).
using AgentStats = std::map<std::string, std::map<std::string, std::string>>;

/// What can be asked of an agent as a whole: of the process, its configuration and its place in the pool.
/// LocalAgent is beside it, for what the agent has registered.
///
/// Threads: the agent's loop. Results come there. Blocking: never, but for the moments that reading small
/// files of the system takes.
class AgentControl {
 public:
  virtual ~AgentControl() = default;

  /// Reads the configuration anew and takes over what may change while the agent runs. If anything of it is
  /// wrong all stays as it was: kInvalidArgument says what. kFailedPrecondition while a reload is under way.
  virtual Async<Unit> reload(Call call) = 0;
  /// Leaves the pool in good order; the agent ends soon after the answer.
  virtual Async<Unit> leave(Call call) = 0;
  /// Joins the pool of the agent at "address" or "address:port". kUnavailable with Consul's text.
  virtual Async<Unit> join(std::string address, bool wan, Call call) = 0;
  /// Takes a failed member for one that has left. kNotFound with Consul's text.
  virtual Async<Unit> force_leave(std::string node, bool prune, bool wan, Call call) = 0;
  /// The agent's inner state.
  virtual AgentStats stats() = 0;
  /// The configuration that it runs with, as a JSON object without space; secrets are hidden.
  virtual std::string runtime_config() = 0;
  /// What the machine is, as the JSON object of GET /v1/agent/host.
  virtual std::string host() = 0;
};

}  // namespace discovery::model
