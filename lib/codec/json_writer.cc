#include "lib/codec/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "lib/base/base64.h"
#include "lib/base/duration.h"
#include "lib/base/go_number.h"
#include "lib/base/strings.h"

namespace discovery::codec {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
/// What one byte may become: \u00XX.
constexpr std::size_t kMaxEscape = 6;
/// The least room that is made at once.
constexpr std::size_t kMinRoom = 256;

/// Sixteen bytes that are looked at together; GCC and Clang make vector instructions of it.
using Block = unsigned char __attribute__((vector_size(16)));

/// Whether a byte cannot be copied as it is, or begins a sequence that must be looked at.
constexpr bool is_special(unsigned char c) {
  return c < 0x20 || c >= 0x80 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
}

constexpr auto kSpecial = [] {
  std::array<bool, 256> special{};
  for (std::size_t c = 0; c < special.size(); ++c) special[c] = is_special(static_cast<unsigned char>(c));
  return special;
}();

bool any_special(const char* bytes) {
  Block block;
  std::memcpy(&block, bytes, sizeof(block));
  const auto special = (block < 0x20) | (block >= 0x80) | (block == '"') | (block == '\\') | (block == '<') |
                       (block == '>') | (block == '&');
  std::array<std::uint64_t, 2> halves;
  std::memcpy(halves.data(), &special, sizeof(halves));
  return (halves[0] | halves[1]) != 0;
}

/// The first special byte at or behind `at`, or the end.
std::size_t find_special(std::string_view text, std::size_t at) {
  while (at + sizeof(Block) <= text.size() && !any_special(text.data() + at)) at += sizeof(Block);
  while (at < text.size() && !kSpecial[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// The first byte at or behind `at` that begins no sequence of UTF-8 beyond ASCII, or one that needs an
/// escape.
std::size_t skip_plain_runes(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x80) break;
    // The common sequences, which have no limits on their second byte; U+2028 is not among them.
    const std::size_t length = c >= 0xE3 && c <= 0xEF && c != 0xED ? 3 : c >= 0xC2 && c <= 0xDF ? 2 : 0;
    if (length != 0 && at + length <= text.size() && is_continuation(text[at + 1]) &&
        is_continuation(text[at + length - 1])) {
      at += length;
      continue;
    }
    const base::Rune rune = base::decode_rune(text.substr(at));
    if (!rune.valid || rune.value == 0x2028 || rune.value == 0x2029) break;
    at += rune.length;
  }
  return at;
}

/// The first place at or behind `at` that cannot be copied as it is, or the end.
std::size_t find_escape(std::string_view text, std::size_t at) {
  for (at = find_special(text, at); at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80;) {
    const std::size_t behind = skip_plain_runes(text, at);
    if (behind == at) break;
    at = find_special(text, behind);
  }
  return at;
}

/// What is written for the head of `text`, and how much of it that stands for.
struct Escape {
  std::array<char, kMaxEscape> text;
  std::size_t size;
  std::size_t length = 1;
};

Escape escape(std::string_view text) {
  const auto c = static_cast<unsigned char>(text.front());
  if (c >= 0x80) {
    const base::Rune rune = base::decode_rune(text);
    if (!rune.valid) return {{'\\', 'u', 'f', 'f', 'f', 'd'}, 6};
    return {{'\\', 'u', '2', '0', '2', kHex[rune.value & 0xF]}, 6, rune.length};
  }
  switch (c) {
    case '\n':
      return {{'\\', 'n'}, 2};
    case '\r':
      return {{'\\', 'r'}, 2};
    case '\t':
      return {{'\\', 't'}, 2};
    case '"':
    case '\\':
      return {{'\\', text.front()}, 2};
    default:
      return {{'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 0xF]}, 6};
  }
}

}  // namespace

void JsonWriter::grow(std::size_t size) {
  const std::size_t used = at_ == nullptr ? out_.size() : static_cast<std::size_t>(at_ - out_.data());
  // What the caller has reserved is taken first, so that a text whose length was foreseen is never moved.
  const bool foreseen = out_.capacity() >= used + size;
  out_.resize(foreseen ? out_.capacity() : used + std::max(size, used / 2 + kMinRoom));
  at_ = out_.data() + used;
  end_ = out_.data() + out_.size();
}

void JsonWriter::trim() {
  if (at_ != nullptr) out_.resize(static_cast<std::size_t>(at_ - out_.data()));
  at_ = end_ = nullptr;
}

void JsonWriter::new_line() {
  room(1 + 4 * depth_);
  *at_++ = '\n';
  at_ = std::fill_n(at_, 4 * depth_, ' ');
}

void JsonWriter::integer(std::int64_t value) {
  constexpr std::size_t kMaxDigits = 20;
  room(kMaxDigits);
  at_ = std::to_chars(at_, at_ + kMaxDigits, value).ptr;
  complete();
}

void JsonWriter::integer(std::uint64_t value) {
  constexpr std::size_t kMaxDigits = 20;
  room(kMaxDigits);
  at_ = std::to_chars(at_, at_ + kMaxDigits, value).ptr;
  complete();
}

void JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  std::string text;
  base::append_go_json_float(text, value);
  literal(text);
}

void JsonWriter::string(std::string_view text) {
  room(text.size() + 2);
  *at_++ = '"';
  std::size_t copied = 0;
  for (std::size_t at = 0; (at = find_escape(text, at)) < text.size(); copied = at) {
    put(text.substr(copied, at - copied));
    const Escape replacement = escape(text.substr(at));
    put({replacement.text.data(), replacement.size});
    at += replacement.length;
  }
  put(text.substr(copied));
  put('"');
  complete();
}

void JsonWriter::base64(std::string_view bytes) {
  const std::size_t size = base::encoded_base64_size(bytes.size());
  room(size + 2);
  *at_++ = '"';
  base::write_base64(at_, bytes);
  at_ += size;
  *at_++ = '"';
  complete();
}

void JsonWriter::raw(std::string_view compact_json) {
  if (compact_json.empty()) return null();
  if (!pretty_) return literal(compact_json);
  bool opened = false;  // the container that was opened by the character before
  for (std::size_t at = 0; at < compact_json.size(); ++at) {
    const char c = compact_json[at];
    const bool closes = c == '}' || c == ']';
    if (opened && !closes) separate();
    opened = c == '{' || c == '[';
    if (opened) {
      begin(c);
    } else if (closes) {
      end(c);
    } else if (c == ',') {
      separate();
    } else if (c == ':') {
      colon();
    } else if (c == '"') {
      const std::size_t start = at++;
      while (at < compact_json.size() && compact_json[at] != '"') at += compact_json[at] == '\\' ? 2 : 1;
      put(compact_json.substr(start, at + 1 - start));
    } else {
      put(c);
    }
  }
  complete();
}

void JsonWriter::duration(std::string_view name, Duration duration, const FieldOptions& options) {
  if (options.omit_empty && duration == Duration::zero()) return;
  field_name(name);
  string(base::format_go_duration(duration));
}

}  // namespace discovery::codec
