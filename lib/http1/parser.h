#pragma once

/// \file
/// From bytes to messages (RFC 9112), in both roles. Heads are parsed by Boost.Beast's parser, in one piece
/// and in place: what it finds are views into the bytes. Bodies are decoded as they come. All of it is pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http1/message.h"

namespace discovery::http1 {

/// Finds the empty line that ends a head, looking at each byte once however they come.
class HeadScanner {
 public:
  enum class Result : std::uint8_t { kNeedMore, kFound, kBad };

  /// Looks at all that has come of a message, which must begin with what was there the last time. kBad: a
  /// line ends by a bare LF.
  Result scan(std::string_view bytes) noexcept;
  /// After kFound: the length of the head with its empty line.
  std::size_t size() const noexcept { return line_; }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_ = 0;  // where the present line begins
};

/// How the end of a body is known (RFC 9112, section 6).
enum class Framing : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

/// What is wrong with a head.
enum class HeadError : std::uint8_t {
  kNone,
  kMalformed,
  kTooManyFields,   ///< more than kMaxFields
  kUnknownVersion,  ///< neither HTTP/1.0 nor HTTP/1.1
  kUnknownCoding,   ///< a Transfer-Encoding other than "chunked"
  kMissingHost,     ///< in HTTP/1.1
  kSeveralHosts,
  kMalformedHost,
};

constexpr std::size_t kMaxFields = 1000;

/// What a request's head says beyond `Request`.
struct RequestHead {
  Framing framing = Framing::kNone;
  bool expect_continue = false;  ///< Expect: 100-continue
  bool expect_other = false;     ///< Expect with anything else
};

/// Parses a whole head, as HeadScanner finds it. Fills `request` (but its body and its remote side),
/// `fields`, which `request.headers` views, and `head`; all views point into `bytes`. Refuses what can be
/// read in two ways: several Content-Length, Transfer-Encoding beside Content-Length or in HTTP/1.0, folded
/// lines, whitespace before a colon. A target in absolute form becomes its path; one in authority form
/// (CONNECT) is refused.
HeadError parse_request_head(std::string_view bytes, std::vector<Header>& fields, Request& request,
                             RequestHead& head);

/// The head of a response, seen by a client.
struct ResponseHead {
  int status = 0;
  std::string_view reason;
  int version = 11;
  std::vector<Header> fields;
  Framing framing = Framing::kNone;
  std::uint64_t content_length = 0;
  bool keep_alive = false;
};

/// Parses a whole head; the fields are views into `bytes`. `to_head`: it answers a HEAD request and so has no
/// body.
HeadError parse_response_head(std::string_view bytes, bool to_head, ResponseHead& head);

/// Decodes a body. A new one has nothing to decode and is done.
class BodyDecoder {
 public:
  enum class Result : std::uint8_t { kNeedMore, kDone, kBad, kTooLarge };

  /// Starts anew. `length` counts for Framing::kLength; over `limit` bytes of content decode() ends with
  /// kTooLarge.
  void start(Framing framing, std::uint64_t length, std::uint64_t limit) noexcept;

  /// Takes bytes from the front of `bytes` and appends their content to `body`. After kNeedMore all are
  /// taken, after kDone those that are left belong to the next message. Call it no more after kBad and
  /// kTooLarge. Trailer fields are read and thrown away.
  Result decode(std::string_view& bytes, std::string& body);
  /// The peer has ended its sending: kDone if that ends the body, else kBad.
  Result end() const noexcept;

  /// Bounds of what a chunked body may carry beside its content.
  static constexpr std::size_t kMaxChunkLine = 4096;
  static constexpr std::size_t kMaxTrailer = 16384;

 private:
  enum class State : std::uint8_t {
    kDone,
    kContent,  // bytes up to left_, then done
    kUntilClose,
    kSize,       // of a chunk
    kExtension,  // after it
    kSizeEnd,    // LF
    kChunk,      // bytes up to left_, then kChunkEnd
    kChunkEnd,   // CR
    kChunkEndLf,
    kTrailer,      // at the beginning of a line
    kTrailerLine,  // within it
    kTrailerLf,
    kLastLf,
  };

  bool take_content(std::string_view& bytes, std::string& body, State next);
  /// One byte of what is not content.
  Result step(char c);
  Result step_size(char c);
  Result begin_chunk(char c);

  State state_ = State::kDone;
  bool any_digit_ = false;
  std::uint64_t left_ = 0;     // of the content or chunk
  std::uint64_t allowed_ = 0;  // content that may still come
  std::size_t overhead_ = 0;   // bytes of this chunk's line, or of the trailer
};

}  // namespace discovery::http1
