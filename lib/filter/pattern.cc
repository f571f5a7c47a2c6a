#include "lib/filter/pattern.h"

#include <algorithm>
#include <array>
#include <utility>

#include <re2/re2.h>

namespace discovery::filter {
namespace {

/// What Go's regexp package says of a pattern that RE2 refuses.
std::string pattern_error(const re2::RE2& pattern) {
  using re2::RE2;
  constexpr std::array<std::pair<RE2::ErrorCode, std::string_view>, 13> kTexts{{
      {RE2::ErrorBadEscape, "invalid escape sequence"},
      {RE2::ErrorBadCharClass, "invalid character class"},
      {RE2::ErrorBadCharRange, "invalid character class range"},
      {RE2::ErrorMissingBracket, "missing closing ]"},
      {RE2::ErrorMissingParen, "missing closing )"},
      {RE2::ErrorUnexpectedParen, "unexpected )"},
      {RE2::ErrorTrailingBackslash, "trailing backslash at end of expression"},
      {RE2::ErrorRepeatArgument, "missing argument to repetition operator"},
      {RE2::ErrorRepeatSize, "invalid repeat count"},
      {RE2::ErrorRepeatOp, "invalid nested repetition operator"},
      {RE2::ErrorBadPerlOp, "invalid or unsupported Perl syntax"},
      {RE2::ErrorBadUTF8, "invalid UTF-8"},
      {RE2::ErrorBadNamedCapture, "invalid named capture"},
  }};
  const auto* known = std::find_if(kTexts.begin(), kTexts.end(),
                                   [&](const auto& text) { return text.first == pattern.error_code(); });
  std::string error = "error parsing regexp: ";
  if (known == kTexts.end()) return error + pattern.error();
  return error.append(known->second).append(": `").append(pattern.error_arg()).append("`");
}

}  // namespace

Result<Pattern> Pattern::compile(const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  auto pattern = std::make_shared<const re2::RE2>(text, options);
  if (!pattern->ok()) return invalid_argument(pattern_error(*pattern));
  return Pattern(std::move(pattern));
}

bool Pattern::found_in(std::string_view text) const { return re2::RE2::PartialMatch(text, *pattern_); }

}  // namespace discovery::filter
