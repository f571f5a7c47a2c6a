#pragma once

#include <functional>
#include <memory>
#include <thread>

#include <discovery/env.h>
#include <discovery/status.h>

#include "lib/api/agent_stack.h"
#include "lib/env/asio_env.h"

namespace discovery::api {

/// A thread with the loop of one agent: it makes the stack, runs it and takes it down.
/// Threads: any; start and destruction one after the other. Owns: the thread, the env and the stack.
class StackThread {
 public:
  /// What else is done on the loop.
  struct Hooks {
    UniqueFunction<void(env::Env& env, AgentStack& stack)> begin{};  ///< it serves; before start() returns
    UniqueFunction<void()> end{};                                    ///< it goes: let go of everything
  };

  /// Returns when the stack serves. Blocks: until then. After a failure nothing is left behind.
  static Result<std::unique_ptr<StackThread>> start(const Environment& environment, MakeStack make,
                                                    Hooks hooks);
  /// Stops in order. Blocks: at most kStopGrace and some milliseconds.
  ~StackThread();
  StackThread(const StackThread&) = delete;
  StackThread& operator=(const StackThread&) = delete;

  /// Runs `task` with the stack, if it is still there. Threads: any.
  void post(UniqueFunction<void(AgentStack&)> task);

  /// How long requests that are being answered may take when it stops.
  static constexpr Duration kStopGrace = std::chrono::seconds(1);

 private:
  StackThread(std::unique_ptr<env::AsioEnv> env, Hooks hooks)
      : env_(std::move(env)), hooks_(std::move(hooks)) {}
  /// The thread's: runs the loop, and takes down what is on it. An exception that comes out of it is a bug:
  /// then this instance is over, and not the process.
  void run(const std::function<void(Status)>& on_fatal);
  Status build(MakeStack& make);
  void stop();

  const std::unique_ptr<env::AsioEnv> env_;
  Hooks hooks_;
  std::unique_ptr<AgentStack> stack_;  // the loop's
  std::thread thread_;
};

}  // namespace discovery::api
