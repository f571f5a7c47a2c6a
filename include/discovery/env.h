#pragma once

/// \file
/// What a host program may hand to an instance: where completions run, what time it is, where log lines go.
/// A null pointer means the library's own; host objects must outlive the instance.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <discovery/status.h>
#include <discovery/types.h>

namespace asio {
class io_context;
}  // namespace asio

namespace discovery::inline v0 {

/// Where completions run. Threads: post() from any thread.
struct Executor {
  virtual ~Executor() = default;
  /// Runs `task` later, never inside this call. Tasks of one thread run in the order in which they were
  /// posted.
  virtual void post(std::function<void()> task) = 0;
  /// Whether the calling thread is one that runs this executor's tasks.
  virtual bool running_in_this_thread() const noexcept = 0;
};

/// Two clocks. Threads: safe.
struct Clock {
  virtual ~Clock() = default;
  /// Never goes back; counts time in suspend.
  virtual Duration monotonic() = 0;
  /// The time of day.
  virtual std::chrono::system_clock::time_point wall() = 0;
};

/// How much a log line matters.
enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

/// Where log lines go. Threads: write() from any thread; it must not block for long.
struct LogSink {
  virtual ~LogSink() = default;
  /// `unit` names the part of the library, e.g. "http"; `message` is one line without a newline.
  virtual void write(Level level, std::string_view unit, std::string_view message) noexcept = 0;
};

/// What a host hands in; all of it may be left out.
struct Environment {
  std::shared_ptr<Executor> executor{};
  std::shared_ptr<Clock> clock{};
  std::shared_ptr<LogSink> log{};
  std::uint64_t seed = 0;  ///< of the random numbers; 0 draws one from the system
  /// For long computations, started when needed; 0: the cores but one, or one. Functions that are checks have
  /// up to 16 of their own, started when needed as well.
  unsigned worker_threads = 0;
  std::function<void(Status)>
      on_fatal{};  ///< the instance found itself broken and stops; the process goes on
  /// A loop of the host that sockets and timers live on, instead of a thread of the instance's own; set by
  /// run_on() of discovery/asio.h.
  asio::io_context* io_context = nullptr;
  int asio_version = 0;  ///< of the Asio that made it
};

}  // namespace discovery::inline v0
