#include <algorithm>
#include <limits>

#include "lib/http1/parser.h"

namespace discovery::http1 {
namespace {

/// The value of a hexadecimal digit, or -1.
int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Whether a byte may stand in a line of text (RFC 9110, section 5.5).
bool is_text(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

void BodyDecoder::start(Framing framing, std::uint64_t length, std::uint64_t limit) noexcept {
  *this = {};
  allowed_ = limit;
  switch (framing) {
    case Framing::kNone:
      state_ = State::kDone;
      break;
    case Framing::kLength:
      state_ = length == 0 ? State::kDone : State::kContent;
      left_ = length;
      break;
    case Framing::kChunked:
      state_ = State::kSize;
      break;
    case Framing::kUntilClose:
      state_ = State::kUntilClose;
      left_ = std::numeric_limits<std::uint64_t>::max();
      break;
  }
}

BodyDecoder::Result BodyDecoder::decode(std::string_view& bytes, std::string& body) {
  while (state_ != State::kDone) {
    if (bytes.empty()) return Result::kNeedMore;
    switch (state_) {
      case State::kContent:
        if (!take_content(bytes, body, State::kDone)) return Result::kTooLarge;
        break;
      case State::kUntilClose:
        if (!take_content(bytes, body, State::kUntilClose)) return Result::kTooLarge;
        break;
      case State::kChunk:
        if (!take_content(bytes, body, State::kChunkEnd)) return Result::kTooLarge;
        break;
      default: {
        const char c = bytes.front();
        bytes.remove_prefix(1);
        const Result result = step(c);
        if (result == Result::kBad || result == Result::kTooLarge) return result;
      }
    }
  }
  return Result::kDone;
}

BodyDecoder::Result BodyDecoder::end() const noexcept {
  return state_ == State::kDone || state_ == State::kUntilClose ? Result::kDone : Result::kBad;
}

bool BodyDecoder::take_content(std::string_view& bytes, std::string& body, State next) {
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_));
  if (size > allowed_) return false;
  body.append(bytes.substr(0, size));
  bytes.remove_prefix(size);
  allowed_ -= size;
  left_ -= size;
  if (left_ == 0) state_ = next;
  return true;
}

BodyDecoder::Result BodyDecoder::step(char c) {
  const auto expect = [&](char wanted, State next) {
    if (c != wanted) return Result::kBad;
    state_ = next;
    return Result::kNeedMore;
  };
  switch (state_) {
    case State::kSize:
      return step_size(c);
    case State::kExtension:
      if (++overhead_ > kMaxChunkLine) return Result::kBad;
      if (c == '\r') return expect('\r', State::kSizeEnd);
      return is_text(c) ? Result::kNeedMore : Result::kBad;
    case State::kSizeEnd:
      return begin_chunk(c);
    case State::kChunkEnd:
      return expect('\r', State::kChunkEndLf);
    case State::kChunkEndLf:
      return expect('\n', State::kSize);
    case State::kTrailer:
      if (c == '\r') return expect('\r', State::kLastLf);
      state_ = State::kTrailerLine;
      [[fallthrough]];
    case State::kTrailerLine:
      if (++overhead_ > kMaxTrailer) return Result::kBad;
      if (c == '\r') return expect('\r', State::kTrailerLf);
      return is_text(c) ? Result::kNeedMore : Result::kBad;
    case State::kTrailerLf:
      return expect('\n', State::kTrailer);
    case State::kLastLf:
      return expect('\n', State::kDone);
    case State::kDone:
    case State::kContent:
    case State::kUntilClose:
    case State::kChunk:
      break;
  }
  return Result::kBad;
}

BodyDecoder::Result BodyDecoder::step_size(char c) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (left_ >> 60 != 0 || ++overhead_ > kMaxChunkLine) return Result::kBad;
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    any_digit_ = true;
    return Result::kNeedMore;
  }
  if (!any_digit_) return Result::kBad;
  if (c == '\r') {
    state_ = State::kSizeEnd;
    return Result::kNeedMore;
  }
  // Extensions have no meaning here (RFC 9112, section 7.1.1).
  if (c != ';' && c != ' ' && c != '\t') return Result::kBad;
  state_ = State::kExtension;
  return Result::kNeedMore;
}

BodyDecoder::Result BodyDecoder::begin_chunk(char c) {
  if (c != '\n') return Result::kBad;
  any_digit_ = false;
  overhead_ = 0;
  if (left_ > allowed_) return Result::kTooLarge;
  state_ = left_ == 0 ? State::kTrailer : State::kChunk;
  return Result::kNeedMore;
}

}  // namespace discovery::http1
