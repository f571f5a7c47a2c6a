#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace discovery::base {

/// The text of 16 bytes as RFC 4122 writes a UUID, in lower case: "8-4-4-4-12" hexadecimal digits. No bit is
/// changed; random bytes give the kind of id that Consul makes. Pure and thread-safe.
std::string format_uuid(const std::array<std::uint8_t, 16>& bytes);

/// Whether `text` has the form of a UUID; letters may be upper case. Pure and thread-safe.
bool is_uuid(std::string_view text);

}  // namespace discovery::base
