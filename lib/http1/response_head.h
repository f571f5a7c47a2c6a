#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http1/message.h"

namespace discovery::http1 {

/// What the connection adds to a response's head.
struct HeadDetails {
  enum class BodyKind : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

  int version = 11;  ///< of the request; the answer is in the same
  bool keep_alive = true;
  BodyKind body = BodyKind::kLength;
  std::uint64_t length = 0;  ///< for kLength
  std::string_view date;     ///< as format_date() makes it
};

/// Appends the status line and all fields with the empty line after them (RFC 9112, section 4). The fields of
/// the connection follow those of the response: Date, Content-Length or Transfer-Encoding, Connection.
void append_response_head(std::string& out, const Response& response, const HeadDetails& details);

/// Appends the line that begins a chunk of `size` bytes; 0 appends the end of the whole body.
void append_chunk_head(std::string& out, std::uint64_t size);

/// "Mon, 02 Jan 2006 15:04:05 GMT" (RFC 9110, section 5.6.7).
std::string format_date(std::chrono::system_clock::time_point time);

/// Whether a response of this status has no body and says nothing of one (RFC 9110, section 6.4.1).
bool has_no_body(int status) noexcept;

}  // namespace discovery::http1
