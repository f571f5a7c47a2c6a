#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <discovery/status.h>

#include "daemon/config/draft.h"
#include "daemon/config/keys.h"
#include "daemon/config/schema.h"
#include "lib/hcl/value.h"

namespace discovery::config {

/// What the sources of a configuration say together. They are added in the order of their precedence: a later
/// plain value replaces an earlier one, lists and maps grow. Threads: none. Blocks: never.
class Merge {
 public:
  /// Adds what a file or fragment called `name` says.
  /// Errors: kInvalidArgument "failed to parse <name>: ..." for types and unknown keys, followed by where
  /// they are; after that nothing of the source counts. Values that are wrong in themselves are gathered in
  /// problems().
  Status add(const std::string& name, const hcl::Value& content);
  /// Adds what the command line says: as add(), but its keys are flags.
  Status add_flags(const hcl::Value& content);
  /// Adds defaults: nobody is warned of those. REQUIRES: there is nothing wrong with them.
  void add_defaults(const hcl::Value& content);

  const Draft& draft() const { return draft_; }
  /// One line for each key that is given and does not, or not any more, mean what it says.
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<std::string>& problems() const { return problems_; }
  /// Where the values are that problems() speaks of: "a.hcl:3" or "flag -bind".
  const std::vector<std::string>& problem_places() const { return problem_places_; }
  /// Where the keys were given that a message of an error speaks of; empty if it speaks of none that was
  /// given.
  std::vector<std::string> places_in(std::string_view message) const;

 private:
  Status add_source(const std::string& name, bool is_flags, const hcl::Value& content);
  Status apply(std::vector<Setting> settings);
  std::string place(std::string_view path, int line) const;
  const std::string* place_of(std::string_view word) const;
  void warn(std::string message);

  Draft draft_;
  std::string source_;  // being added now
  bool source_is_flags_ = false;
  std::map<std::string, std::string, std::less<>> given_at_;  // by path
  std::vector<std::string> problem_places_;
  std::vector<std::string> warnings_;
  std::vector<std::string> problems_;
  std::unordered_set<std::string> warned_;
};

}  // namespace discovery::config
