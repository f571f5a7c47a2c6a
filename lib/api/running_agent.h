#pragma once

#include <memory>
#include <string>

#include <discovery/agent.h>
#include <discovery/env.h>

#include "lib/api/agent_core.h"
#include "lib/api/agent_stack.h"
#include "lib/api/stack_thread.h"
#include "lib/env/asio_env.h"

namespace discovery::api {

/// What is behind an Agent: its stack, on a thread of its own or on somebody's loop, and the core that the
/// handles share.
class RunningAgent {
 public:
  /// As Agent::start().
  static Result<std::unique_ptr<RunningAgent>> start(const AgentOptions& options, Environment environment);
  /// On the loop of `env`, which outlives it, e.g. of a simulated machine. Here and at its destruction the
  /// caller is on that loop.
  static Result<std::unique_ptr<RunningAgent>> start_on(env::Env& env, const AgentOptions& options,
                                                        std::shared_ptr<Executor> executor);
  ~RunningAgent();
  RunningAgent(const RunningAgent&) = delete;
  RunningAgent& operator=(const RunningAgent&) = delete;

  const std::shared_ptr<AgentCore>& core() const noexcept { return core_; }
  const std::string& http_address() const noexcept { return http_; }
  const std::string& dns_address() const noexcept { return dns_; }
  /// Whose loop it is on; null: it has a thread of its own. Threads: the loop's.
  const env::Env* env() const noexcept { return stack_ ? core_->parts().env : nullptr; }
  /// Whether destroying it here would wait for itself.
  bool on_own_thread() const { return thread_ && core_->on_loop(); }

 private:
  explicit RunningAgent(std::shared_ptr<Executor> executor) : core_(AgentCore::create(std::move(executor))) {}
  void begin(env::Env& env, AgentStack& stack);
  Status begin_on(env::Env& env, MakeStack make);

  const std::shared_ptr<AgentCore> core_;
  std::string http_, dns_;
  std::unique_ptr<env::AsioEnv> env_;    // on a host's io_context
  std::unique_ptr<AgentStack> stack_;    // on somebody's loop
  std::unique_ptr<StackThread> thread_;  // else
};

}  // namespace discovery::api
