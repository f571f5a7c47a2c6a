#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery {

/// What the main thread of the agent's process does: it waits for signals and for tasks of other threads.
/// Threads: post() and stop() from any; everything else on one.
class MainLoop {
 public:
  /// Blocks SIGINT, SIGTERM and SIGHUP in this thread, and so in all that it makes afterwards, to take them
  /// here. kUnavailable, kResourceExhausted.
  static Result<std::unique_ptr<MainLoop>> create();
  ~MainLoop();
  MainLoop(const MainLoop&) = delete;
  MainLoop& operator=(const MainLoop&) = delete;

  /// Runs `task` on the loop, soon.
  void post(std::function<void()> task);
  /// Makes run() return `code`; the first call counts.
  void stop(int code);
  /// Runs `task` on the loop again and again, about so long after its last run; replaces an earlier one.
  void every(Duration interval, std::function<void()> task);
  /// Runs tasks, and `on_signal` with each signal, until stop(). Blocks: yes.
  int run(const std::function<void(int signal)>& on_signal);
  /// From now on SIGINT and SIGTERM end the process at once, with exit code 1. After run(); in the thread
  /// that made this.
  static void end_at_next_signal();

 private:
  MainLoop(int signals, int wakeups) : signals_(signals), wakeups_(wakeups) {}
  void run_tasks();
  /// Milliseconds until the task of every() is due, as poll() takes them.
  int until_due() const;
  void run_if_due();

  const int signals_;  // a signalfd
  const int wakeups_;  // an eventfd
  Duration interval_{};
  std::function<void()> repeated_;  // null: there is none
  std::chrono::steady_clock::time_point due_{};
  std::mutex mutex_;  // guards what follows
  std::vector<std::function<void()>> tasks_;
  std::optional<int> code_;
};

}  // namespace discovery
