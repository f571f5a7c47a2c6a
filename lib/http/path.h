#pragma once

/// \file
/// Request targets and paths, as Go's net/url and net/http treat them (https://pkg.go.dev/net/url,
/// https://pkg.go.dev/net/http#ServeMux): clients see their rules in redirects and refusals. All functions
/// are pure and thread-safe.

#include <cstdint>
#include <string>
#include <string_view>

namespace discovery::http {

/// A request target in origin form, taken apart at its first '?' and still encoded.
struct Target {
  std::string_view path;
  std::string_view query;
};
Target split_target(std::string_view target) noexcept;

/// The value of a hexadecimal digit, or -1.
int hex_value(char digit) noexcept;

/// Appends `text` with its %XX escapes undone, and with `plus_is_space` each '+' as a space. False if an
/// escape is broken.
bool append_unescaped(std::string& out, std::string_view text, bool plus_is_space);

/// Appends `text` as Go's url.QueryEscape writes it.
void append_query_escaped(std::string& out, std::string_view text);

/// Appends a path as Go's URL.EscapedPath writes it.
void append_path_escaped(std::string& out, std::string_view path);

/// Whether all of `text` can be seen: letters, marks, digits, punctuation, symbols and plain spaces
/// (Unicode's general categories; Go's unicode.IsPrint). Code points that Unicode has not assigned count as
/// seen.
bool is_printable(std::string_view text);

/// Whether clean_path() would change nothing.
bool is_clean(std::string_view path) noexcept;

/// The shortest path that means the same: no empty, "." and ".." segments; a slash at the end stays.
std::string clean_path(std::string_view path);

}  // namespace discovery::http
