#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <discovery/status.h>

#include "lib/filter/filter.h"

namespace discovery::filter {

/// A regular expression of RE2's, which are those of Go's regexp package, ready to be sought in texts. It
/// takes at most kPatternMemory. Threads: a value, safe to use from any.
class Pattern {
 public:
  /// kInvalidArgument with the text of Go's regexp package: "error parsing regexp: missing closing ]: `[`".
  static Result<Pattern> compile(const std::string& text);

  /// Whether it is found anywhere in `text`.
  bool found_in(std::string_view text) const;
  /// What is compiled; never null.
  const std::shared_ptr<const re2::RE2>& compiled() const noexcept { return pattern_; }

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> pattern) : pattern_(std::move(pattern)) {}
  std::shared_ptr<const re2::RE2> pattern_;
};

}  // namespace discovery::filter
