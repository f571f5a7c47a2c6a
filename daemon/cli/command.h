#pragma once

/// \file
/// What a command of the command line is, and the world it runs in.

#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/flags.h"

namespace discovery::cli {

/// Exit codes of the command line, the same as Consul's.
inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUnknownCommand = 127;

/// Looks up an environment variable; nothing if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Everything a command touches beside its arguments, so that tests run commands without a process.
struct Context {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Environment env;
};

/// One command, made for one run: its flags are its members.
class Command {
 public:
  virtual ~Command() = default;
  /// The "Usage: ..." line and the explanation that stand above the list of flags in its help.
  virtual std::string_view usage() const = 0;
  /// Declares its flags, bound to its members.
  virtual void declare(FlagSet& flags) = 0;
  /// Runs with the flags set and the positional arguments left over; returns the exit code. May block on the
  /// network and on `context.in`.
  virtual int run(Context& context, const std::vector<std::string>& args) = 0;
};

/// Makes one command.
using CommandFactory = std::unique_ptr<Command> (*)();

/// Prints an error line and returns kExitFailure, the end of every command that fails.
inline int fail(Context& context, std::string_view message) {
  context.err << message << '\n';
  return kExitFailure;
}

/// fail() with the cause after `what`.
inline int fail(Context& context, std::string_view what, const Status& cause) {
  context.err << what;
  return fail(context, cause.message());
}

/// fail() of a command that was given `count` positional arguments instead of `expected`, e.g. "1 or 2".
inline int fail_too_many(Context& context, std::string_view expected, std::size_t count) {
  context.err << "Too many arguments (expected " << expected << ", got " << count << ")\n";
  return kExitFailure;
}

}  // namespace discovery::cli
