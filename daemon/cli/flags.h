#pragma once

/// \file
/// Command-line flags in the style of Go's `flag` package, which users of Consul's command line know:
/// `-x v`, `-x=v`, `--x`, booleans without a value; flags stand before the positional arguments.

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

namespace discovery::cli {

/// The pairs that a repeatable `-x key=value` flag has gathered.
using KeyValues = std::map<std::string, std::string>;

/// Under which title of the help text a flag is listed.
enum class FlagGroup { kCommand, kHttpApi };

/// What the help text says of a flag. The texts are literals: they must outlive the FlagSet.
struct FlagText {
  std::string_view name;         ///< without dashes
  std::string_view placeholder;  ///< name of the value in the help text; empty for booleans
  std::string_view help;
  FlagGroup group = FlagGroup::kCommand;
};

/// The flags that one command takes, each bound to the variable that receives it.
/// Threads: none. Blocks: never. Owns: nothing but the descriptions; the variables must outlive it.
class FlagSet {
 public:
  /// Declares a flag. Its variable keeps the value it has (the default) unless the flag is given; a single
  /// value is replaced by each further use, a list or map grows.
  void add(const FlagText& text, bool& target);
  void add(const FlagText& text, std::string& target);
  void add(const FlagText& text, int& target);
  void add(const FlagText& text, std::uint64_t& target);
  void add(const FlagText& text, std::vector<std::string>& target);
  void add(const FlagText& text, KeyValues& target);
  /// Declares a flag whose value `set` takes, at each use; a boolean flag without a value is "true". What
  /// `set` answers becomes a part of the error message.
  void add(const FlagText& text, bool is_bool, std::function<Status(const std::string&)> set);

  /// Sets the variables and returns the positional arguments: all that follows the first argument that is no
  /// flag, or a "--". Errors: kInvalidArgument with the wording of Go's `flag` package, and a suggestion for
  /// a flag that is not there; variables of flags before the faulty one are set.
  Result<std::vector<std::string>> parse(std::span<const std::string> args) const;

  /// The listing of all flags for a help text, sorted and grouped; empty if there are none.
  std::string usage() const;

 private:
  struct Flag {
    FlagText text;
    bool is_bool = false;
    std::function<Status(const std::string&)> set;
  };

  const Flag* find(std::string_view name) const;
  /// Suggests the flag that is most like one that is not there; empty if none is.
  std::string did_you_mean(std::string_view name) const;

  std::vector<Flag> flags_;
};

/// A boolean as Go's strconv.ParseBool reads it: 1 t T TRUE true True, 0 f F FALSE false False.
/// Errors: kInvalidArgument "parse error".
Result<bool> parse_bool(std::string_view text);

}  // namespace discovery::cli
