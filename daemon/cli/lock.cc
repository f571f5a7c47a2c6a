#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <discovery/types.h>

#include "daemon/cli/commands.h"
#include "daemon/cli/format.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/lock_holder.h"
#include "daemon/cli/program.h"
#include "lib/base/duration.h"

namespace discovery::cli {
namespace {

using std::chrono::milliseconds;

/// How long a program may take to end after SIGTERM.
constexpr milliseconds kKillGrace = std::chrono::seconds(5);
constexpr int kExitChildFailed = 2;

class LockCommand final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd lock [options] PREFIX PROGRAM...\n"
           "\n"
           "  Takes the lock at PREFIX/.lock, or with -n one of several places of a semaphore below\n"
           "  PREFIX, and runs a program as long as it is held, with CONSUL_LOCK_HELD=true in its\n"
           "  environment. If the lock is lost the program is sent SIGTERM, and killed 5 s later.\n"
           "  SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are handed on to it. `consul lock` and\n"
           "  Consul's Go client respect these locks, and the other way round.\n"
           "\n"
           "      $ discoveryd lock jobs/backup ./backup.sh\n"
           "      $ discoveryd lock -n=3 -timeout=10s jobs/import ./import.sh\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"child-exit-code", "", "End with 2 if the program fails. Default: false."}, child_exit_code_);
    flags.add({"monitor-retry", "number",
               "So many failures in a row of the agent, a second apart, are borne while the lock is held. "
               "Default: 3."},
              monitor_retry_);
    flags.add({"n", "number", "How many may hold it at once; all must say the same. Default: 1."}, limit_);
    flags.add({"name", "text", "The name of the session. Default: it tells program and prefix."}, name_);
    flags.add({"pass-stdin", "", "Give the program the standard input. Default: false."}, pass_stdin_);
    flags.add({"shell", "", "Run the program by the shell in SHELL, or /bin/sh. Default: true."}, shell_);
    const auto set_timeout = [this](const std::string& value) {
      const auto parsed = base::parse_go_duration(value);
      if (parsed.ok()) timeout_ = *parsed;
      return parsed.ok() ? Status() : invalid_argument("parse error");
    };
    flags.add({"timeout", "duration", "Give up if the lock is not had within this. Default: try for ever."},
              false, set_timeout);
    flags.add({"try", "duration", "The old name of -timeout."}, false, set_timeout);
    flags.add({"verbose", "", "Tell what happens. Default: false."}, verbose_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (limit_ <= 0) return fail(context, "Lock holder limit must be positive");
    if (args.size() < 2) return fail(context, "Key prefix and child command must be specified");
    if (timeout_ < Duration::zero()) return fail(context, "Timeout must be positive");
    if (monitor_retry_ < 0) return fail(context, "Number for 'monitor-retry' must be >= 0");
    const std::string prefix = args[0].starts_with('/') ? args[0].substr(1) : args[0];
    program_.assign(args.begin() + 1, args.end());
    if (name_.empty()) name_ = "Consul lock for '" + join(program_, " ") + "' at '" + prefix + "'";

    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    if (const auto self = client->call({.path = "/v1/agent/self"}); !self.ok()) {
      return fail(context, "Error querying Consul agent: ", self.status());
    }
    if (limit_ > 1 && prefix.empty()) return fail(context, "Lock setup failed: missing prefix");
    const std::unique_ptr<LockLayout> layout =
        limit_ > 1 ? make_semaphore_layout(prefix, limit_) : make_lock_layout(prefix);
    tell(context, limit_ > 1
                      ? "Setting up semaphore (limit " + std::to_string(limit_) + ") at prefix: " + prefix
                      : "Setting up lock at path: " + join_key(prefix, ".lock"));
    return run_with(context, *layout);
  }

 private:
  void tell(Context& context, const std::string& line) const {
    if (verbose_) context.out << line << std::endl;
  }

  int run_with(Context& context, const LockLayout& layout) {
    SignalGate gate;
    tell(context, "Attempting lock acquisition");
    LockHolder::Options options{.session_name = name_, .monitor_retries = monitor_retry_};
    if (timeout_ > Duration::zero()) options.limit = std::chrono::ceil<milliseconds>(timeout_);
    const auto connect = [this, &context] { return http_.connect(context.env); };
    Result<std::unique_ptr<LockHolder>> started = LockHolder::start(layout, connect, std::move(options));
    if (!started.ok()) return fail(context, "Lock acquisition failed: ", started.status());
    LockHolder& holder = **started;
    if (!await(context, holder, gate)) return kExitFailure;
    const bool failed = !run_program(context, holder, gate);
    return release(context, holder, failed);
  }

  /// Waits for the lock; whether it is there. Says why not.
  static bool await(Context& context, LockHolder& holder, SignalGate& gate) {
    std::vector<bool> ready;
    while (true) {
      wait_readable({holder.fd(), gate.fd()}, -1, ready);
      if (ready[1] && SignalGate::is_end(gate.take())) break;
      switch (holder.state()) {
        case LockHolder::State::kTrying:
          continue;
        case LockHolder::State::kHeld:
          return true;
        case LockHolder::State::kFailed:
        case LockHolder::State::kLost:
          context.err << "Lock acquisition failed: " << holder.failure().message() << '\n';
          return false;
        case LockHolder::State::kGaveUp:
          break;
      }
      break;
    }
    context.err << "Shutdown triggered or timeout during lock acquisition\n";
    return false;
  }

  /// Runs the program until it ends, or must; whether it did well.
  bool run_program(Context& context, LockHolder& holder, SignalGate& gate) const {
    tell(context, "Starting handler");
    if (pass_stdin_) tell(context, "Stdin passed to handler process");
    context.out.flush();
    const ProgramOptions options{.arguments = program_,
                                 .shell = shell_,
                                 .environment = {{"CONSUL_LOCK_HELD", "true"}},
                                 .pass_stdin = pass_stdin_};
    Result<Program> program = Program::start(options, context.env, gate);
    if (!program.ok()) {
      context.err << "Error starting handler: " << program.status().message() << '\n';
      return false;
    }
    const bool ended_by_itself = supervise(context, *program, holder, gate);
    const Status ended = program->wait();
    if (!ended.ok()) context.err << "Error running handler: " << ended.message() << '\n';
    if (ended_by_itself) tell(context, "Child terminated, releasing lock");
    // What it is made to do is not its failure.
    return ended.ok() || !ended_by_itself;
  }

  /// Returns once the program has ended; whether nobody made it.
  bool supervise(Context& context, const Program& program, LockHolder& holder, SignalGate& gate) const {
    std::vector<bool> ready;
    while (true) {
      const auto left = static_cast<int>(holder.left().count());
      wait_readable({program.fd(), holder.fd(), gate.fd()}, left, ready);
      if (ready[0]) return true;
      const int signal = ready[2] ? gate.take() : 0;
      if (SignalGate::is_end(signal)) {
        tell(context, "Shutdown triggered, killing child");
        kill_program(context, program, gate, signal);
        return false;
      }
      if (signal != 0) program.signal(signal);
      if (holder.state() != LockHolder::State::kHeld) {
        tell(context, "Lock lost, killing child");
        kill_program(context, program, gate, SIGTERM);
        return false;
      }
    }
  }

  void kill_program(Context& context, const Program& program, SignalGate& gate, int first) const {
    tell(context, "Terminating child pid " + std::to_string(program.pid()));
    if (first != SIGTERM) program.signal(first);
    program.signal(SIGTERM);
    const auto end = std::chrono::steady_clock::now() + kKillGrace;
    std::vector<bool> ready;
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
      if (left <= milliseconds(0)) break;
      wait_readable({program.fd(), gate.fd()}, static_cast<int>(left.count()), ready);
      if (ready[0]) return tell(context, "Child terminated");
      if (const int signal = ready[1] ? gate.take() : 0; signal != 0) program.signal(signal);
    }
    tell(context, "Child did not exit after grace period of 5s");
    tell(context, "Killing child pid " + std::to_string(program.pid()));
    program.signal(SIGKILL);
  }

  int release(Context& context, LockHolder& holder, bool child_failed) const {
    holder.stop();
    if (Status status = holder.release(); !status.ok()) return fail(context, "Lock release failed: ", status);
    const Result<bool> cleaned = holder.clean_up();
    if (!cleaned.ok()) return fail(context, "Lock cleanup failed: ", cleaned.status());
    tell(context, *cleaned ? "Cleanup succeeded" : "Cleanup aborted, lock in use");
    return child_exit_code_ && child_failed ? kExitChildFailed : kExitSuccess;
  }

  HttpOptions http_;
  int limit_ = 1, monitor_retry_ = 3;
  std::string name_;
  bool pass_stdin_ = false, shell_ = true, child_exit_code_ = false, verbose_ = false;
  Duration timeout_{};
  std::vector<std::string> program_;
};

}  // namespace

std::unique_ptr<Command> make_lock() { return std::make_unique<LockCommand>(); }

}  // namespace discovery::cli
