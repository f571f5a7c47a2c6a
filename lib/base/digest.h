#pragma once

#include <string>
#include <string_view>

namespace discovery::base {

/// The SHA-256 digest of `text` as 64 hexadecimal digits (FIPS 180-4). Pure and thread-safe.
std::string sha256_hex(std::string_view text);

/// The same with SHA-512: 128 digits.
std::string sha512_hex(std::string_view text);

}  // namespace discovery::base
