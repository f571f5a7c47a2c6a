#pragma once

/// \file
/// Base64 with padding and the standard alphabet (RFC 4648, section 4), as Go's base64.StdEncoding.

#include <cstddef>
#include <string>
#include <string_view>

#include <discovery/status.h>

namespace discovery::base {

/// How many letters the base64 form of so many bytes has.
constexpr std::size_t encoded_base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

/// Writes the base64 form of `bytes` to where there is room for it. Pure and thread-safe.
void write_base64(char* to, std::string_view bytes);

/// Appends the base64 form of `bytes`. Pure and thread-safe.
void append_base64(std::string& out, std::string_view bytes);

/// The base64 form of `bytes`. Pure and thread-safe.
std::string encode_base64(std::string_view bytes);

/// The bytes that `text` stands for. Carriage returns and newlines are skipped; the padding must be there.
/// Errors: kInvalidArgument with Go's text, "illegal base64 data at input byte 4". Pure and thread-safe.
Result<std::string> decode_base64(std::string_view text);

}  // namespace discovery::base
