#pragma once

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
  /// Errors: kInvalidArgument "failed to parse <name>: ..." for types and unknown keys; after that nothing of
  /// the source counts. Values that are wrong in themselves are gathered in problems().
  Status add(const std::string& name, const hcl::Value& content);
  /// Adds defaults: nobody is warned of those. REQUIRES: there is nothing wrong with them.
  void add_defaults(const hcl::Value& content);

  const Draft& draft() const { return draft_; }
  /// One line for each key that is given and does not, or not any more, mean what it says.
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  Status apply(std::vector<Setting> settings);
  void warn(std::string message);

  Draft draft_;
  std::vector<std::string> warnings_;
  std::vector<std::string> problems_;
  std::unordered_set<std::string> warned_;
};

}  // namespace discovery::config
