#pragma once

/// \file
/// Programs that a command runs on behalf of its user, with the command's own standard output and error.

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <discovery/status.h>

#include "daemon/cli/command.h"
#include "lib/env/unique_fd.h"

namespace discovery::cli {

/// The signals that a command hands on to its program, as descriptors of a poll loop see them: they are
/// blocked for this thread, and those that it starts, as long as this is there. Threads: one.
class SignalGate {
 public:
  SignalGate();
  ~SignalGate();
  SignalGate(const SignalGate&) = delete;
  SignalGate& operator=(const SignalGate&) = delete;

  /// Readable when a signal has come.
  int fd() const noexcept { return fd_.get(); }
  /// The next signal that has come; 0 if there is none. Blocks: never.
  int take();
  /// What was blocked before.
  const sigset_t& before() const noexcept { return before_; }
  /// Whether a signal asks the command itself to end, too.
  static bool is_end(int signal) noexcept { return signal == SIGINT || signal == SIGTERM; }

 private:
  sigset_t before_{};
  env::UniqueFd fd_;
};

/// What to run, and how.
struct ProgramOptions {
  std::vector<std::string> arguments;  ///< at least one
  bool shell =
      true;  ///< joined with spaces they are a line for $SHELL, or /bin/sh; else the program and its own
  std::vector<std::pair<std::string, std::string>> environment{};  ///< added to the command's own
  std::optional<std::string> input{};  ///< its standard input; none: nothing to read
  bool pass_stdin = false;             ///< its standard input is the command's
};

/// A program that has been started. It leads a process group of its own, unless it shares the command's
/// standard input: a terminal gives that to its foreground group only. Destroying this leaves it alone.
/// Threads: one at a time.
class Program {
 public:
  /// Errors: kNotFound and others with a text like Go's: `exec: "x": executable file not found in $PATH`.
  static Result<Program> start(const ProgramOptions& options, const Environment& env, const SignalGate& gate);

  /// Readable when the program has ended.
  int fd() const noexcept { return fd_.get(); }
  pid_t pid() const noexcept { return pid_; }
  /// Sends a signal to all of its group, or to it alone where it has none.
  void signal(int number) const;
  /// How it ended: ok, or a failure with a text like Go's: "exit status 1", "signal: killed". Blocks until
  /// then. To be called once.
  Status wait();

 private:
  Program(pid_t pid, bool has_group, env::UniqueFd fd)
      : pid_(pid), has_group_(has_group), fd_(std::move(fd)) {}

  pid_t pid_;
  bool has_group_;
  env::UniqueFd fd_;
};

/// Waits until a descriptor is readable; returns whether one is, before `timeout_ms` (negative: for ever) is
/// over. `ready` says which. Blocks.
bool wait_readable(const std::vector<int>& fds, int timeout_ms, std::vector<bool>& ready);

}  // namespace discovery::cli
