#pragma once

/// \file
/// The texts of TTL checks, which are critical unless their service reports in time
/// (https://developer.hashicorp.com/consul/docs/services/usage/checks#ttl-checks). Pure.

#include <cstddef>
#include <string>
#include <string_view>

namespace discovery::health {

/// How much of a check's output is kept unless configured otherwise, in bytes.
inline constexpr std::size_t kDefaultMaxOutput = 4096;

/// The output as it is kept: at most `limit` bytes of it, and then a note on how much there was.
std::string cut_output(std::string_view output, std::size_t limit);

/// The output of a check whose time has run out, with what it last reported.
std::string expired_output(std::string_view last_output);

}  // namespace discovery::health
