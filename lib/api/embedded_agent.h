#pragma once

#include <memory>

#include <discovery/env.h>
#include <discovery/status.h>

#include "lib/agent/config.h"
#include "lib/api/agent_host.h"
#include "lib/api/server_stack.h"

namespace discovery::api {

/// A whole agent in this process: the state, its own services, HTTP and DNS, on a thread of its own (and one
/// for DNS over UDP). Several may live side by side; nothing is shared between them.
///
/// Threads: any. Owns: its threads and sockets; the environment's objects outlive it.
class EmbeddedAgent {
 public:
  /// Starts an agent and returns when it serves. Blocks: until then, some milliseconds.
  /// kInvalidArgument (configuration), kUnavailable (an address is in use), kPermissionDenied,
  /// kResourceExhausted; the message says which and what to do. After a failure nothing is left behind.
  static Result<std::unique_ptr<EmbeddedAgent>> start(agent::Config config, Environment environment,
                                                      AgentHost host = {});

  /// Stops in order: answers what can be answered, closes everything. Blocks: at most some seconds
  /// (StackThread::kStopGrace).
  ~EmbeddedAgent();
  EmbeddedAgent(const EmbeddedAgent&) = delete;
  EmbeddedAgent& operator=(const EmbeddedAgent&) = delete;

  /// Reads the configuration anew, by AgentHost::load_config. `done` is called once, on the agent's thread,
  /// with what was wrong, unless the agent ends before. Blocks: never.
  void reload(AgentHost::Done done);

  const AgentFacts& facts() const noexcept;

 private:
  class Impl;
  explicit EmbeddedAgent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace discovery::api
