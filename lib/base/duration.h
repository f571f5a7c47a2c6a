#pragma once

/// \file
/// Durations as text, in the notation of Go's time package: Consul's configuration and API speak it.

#include <chrono>
#include <string>
#include <string_view>

#include <discovery/status.h>

namespace discovery::base {

/// Parses "300ms", "-1.5h", "2h45m" or "0": an optional sign, then one or more decimal numbers, each with an
/// optional fraction and a unit (ns, us, µs, ms, s, m, h). Whitespace is not allowed. Errors:
/// kInvalidArgument with Go's text, `time: invalid duration "abc"` (also when the value does not fit), `time:
/// missing unit in duration "10"` or `time: unknown unit "x" in duration "1x"`. Pure and thread-safe. Source:
/// the documentation of Go's time.ParseDuration.
Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

/// The shortest exact text with Go's choice of units: "1m0s", "1.5s", "10ms", "2µs", "0s".
/// What it returns parses back to the same value. Pure and thread-safe.
/// Source: the documentation of Go's time.Duration.String.
std::string format_go_duration(std::chrono::nanoseconds value);

}  // namespace discovery::base
