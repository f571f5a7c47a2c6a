#pragma once

/// \file
/// SHA-2 (FIPS 180-4) for names of files, ids and checksums. It is written out here rather than taken from
/// OpenSSL, which is loaded for TLS only: an agent that keeps files would hold three megabytes more of it.

#include <string>
#include <string_view>

namespace discovery::base {

/// The SHA-256 digest of `text` as 64 hexadecimal digits. Pure and thread-safe.
std::string sha256_hex(std::string_view text);

/// The same with SHA-512: 128 digits.
std::string sha512_hex(std::string_view text);

}  // namespace discovery::base
