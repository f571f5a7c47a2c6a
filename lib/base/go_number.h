#pragma once

/// \file
/// Numbers as text, by the rules of Go's strconv (https://pkg.go.dev/strconv) and with its errors, since
/// Consul shows them to its clients: `strconv.ParseInt: parsing "abc": invalid syntax` or `...: value out of
/// range` (kInvalidArgument). All functions are pure and thread-safe.

#include <cstdint>
#include <string>
#include <string_view>

#include <discovery/status.h>

namespace discovery::base {

/// An optional sign and decimal digits. With `base` 0 the prefixes 0x, 0b, 0o and 0 choose the base, and
/// underscores may stand between digits.
Result<std::int64_t> parse_go_int(std::string_view text, int base = 10);

/// As parse_go_int in base 10, but its errors name strconv.Atoi.
Result<std::int64_t> parse_go_atoi(std::string_view text);

/// As parse_go_int, without a sign.
Result<std::uint64_t> parse_go_uint(std::string_view text, int base = 10);

/// Decimal or hexadecimal, "Inf", "Infinity" or "NaN" in any case. What is too small for a double is 0.
Result<double> parse_go_float(std::string_view text);

/// 1, t, T, TRUE, true, True, 0, f, F, FALSE, false or False.
Result<bool> parse_go_bool(std::string_view text);

/// Appends a finite number as Go's encoding/json does: the shortest digits that read back as `value`; with an
/// exponent below 1e-6 and from 1e21.
void append_go_json_float(std::string& out, double value);

}  // namespace discovery::base
