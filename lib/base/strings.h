#pragma once

/// \file
/// Small helpers for text. All of them are pure and thread-safe.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace discovery::base {

/// One code point of a text and how many bytes it takes. What is not UTF-8 (RFC 3629) is `!valid`, one byte
/// long, with the value U+FFFD, as in Go.
struct Rune {
  std::uint32_t value = 0xFFFD;
  std::size_t length = 1;
  bool valid = false;
};

/// The first code point of `text`, which must not be empty.
Rune decode_rune(std::string_view text);

/// Appends a code point; what is none (surrogates, too large) becomes U+FFFD.
void append_utf8(std::string& out, std::uint32_t code_point);

/// Equal without regard to the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// ASCII letters to lower case.
std::string to_lower(std::string_view text);

/// Without spaces, tabs, carriage returns and newlines at both ends.
std::string_view trim(std::string_view text);

/// The parts between separators: one more than there are separators. Views into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

/// In double quotes, with Go's escapes (strconv.Quote, the verb %q): error messages quote like that.
std::string go_quote(std::string_view text);

}  // namespace discovery::base
