#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace discovery::http {

/// Shorter bodies are not worth compressing.
inline constexpr std::size_t kMinGzipSize = 1400;

/// Whether a client that sent this Accept-Encoding takes gzip: it is named, with a weight above zero
/// (RFC 9110, section 12.5.3). Pure and thread-safe.
bool accepts_gzip(std::string_view accept_encoding);

/// `bytes` in gzip's format (RFC 1952), at the fastest level; empty if there is no memory for it. Pure and
/// thread-safe.
std::string gzip(std::string_view bytes);

}  // namespace discovery::http
