#include "lib/base/base64.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace discovery::base {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xFF;

/// Two letters for each value of 12 bits: half as many look-ups as letter by letter. The first letter is the
/// low byte.
constexpr auto kPairs = [] {
  std::array<std::uint16_t, 4096> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = static_cast<std::uint16_t>(kAlphabet[i >> 6] | kAlphabet[i & 63] << 8);
  }
  return pairs;
}();

constexpr auto kDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}();

std::uint64_t byte_at(const char* at) { return static_cast<unsigned char>(*at); }

/// The four letters of three bytes, the first in the low byte.
std::uint64_t letters_of(std::uint64_t bits) {
  return kPairs[bits >> 12 & 0xFFF] | std::uint64_t{kPairs[bits & 0xFFF]} << 16;
}

std::uint64_t load_big_endian(const char* from) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof(value));
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

void store_little_endian(char* to, std::uint64_t value) {
  if (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof(value));
}

std::uint8_t digit_of(char c) { return kDigits[static_cast<unsigned char>(c)]; }

Status illegal(std::size_t at) {
  return invalid_argument("illegal base64 data at input byte " + std::to_string(at));
}

/// Reads one letter at a time, past line ends.
class Letters {
 public:
  Letters(std::string_view text, std::size_t at) : text_(text), at_(at) { skip_line_ends(); }
  bool done() const { return at_ == text_.size(); }
  std::size_t position() const { return at_; }
  char peek() const { return text_[at_]; }
  void advance() {
    ++at_;
    skip_line_ends();
  }

 private:
  void skip_line_ends() {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  std::string_view text_;
  std::size_t at_;
};

/// Reads the end of a last group of fewer than four letters: the padding, and nothing behind it.
Status expect_padding(Letters& letters, std::size_t digits, std::size_t size) {
  if (letters.done()) return illegal(size - digits);
  if (digits < 2) return illegal(letters.position());
  letters.advance();
  if (digits == 2) {
    if (letters.done()) return illegal(size);
    if (letters.peek() != '=') return illegal(letters.position() - 1);
    letters.advance();
  }
  return letters.done() ? Status() : illegal(letters.position());
}

/// Decodes the groups at the head of `text` that are four letters each; gives how much of the text they are.
std::size_t decode_plain_groups(std::string_view text, std::string& out) {
  out.resize(text.size() / 4 * 3);
  std::size_t at = 0;
  char* to = out.data();
  for (; at + 4 <= text.size(); at += 4, to += 3) {
    const std::uint32_t a = digit_of(text[at]);
    const std::uint32_t b = digit_of(text[at + 1]);
    const std::uint32_t c = digit_of(text[at + 2]);
    const std::uint32_t d = digit_of(text[at + 3]);
    if (((a | b | c | d) & 0xC0) != 0) break;
    const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    to[0] = static_cast<char>(bits >> 16);
    to[1] = static_cast<char>(bits >> 8 & 0xFF);
    to[2] = static_cast<char>(bits & 0xFF);
  }
  out.resize(at / 4 * 3);
  return at;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const std::size_t start = out.size();
  out.resize(start + encoded_base64_size(bytes.size()));
  write_base64(out.data() + start, bytes);
}

void write_base64(char* to, std::string_view bytes) {
  const char* from = bytes.data();
  std::size_t left = bytes.size();
  // Six bytes at a time, from a load of eight.
  for (; left >= 8; left -= 6, from += 6, to += 8) {
    const std::uint64_t bits = load_big_endian(from);
    store_little_endian(to, letters_of(bits >> 40) | letters_of(bits >> 16) << 32);
  }
  for (; left > 0; to += 4) {
    const std::size_t taken = left < 3 ? left : 3;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < taken; ++i) bits |= byte_at(from + i) << (16 - 8 * i);
    const std::uint64_t letters = letters_of(bits);
    for (std::size_t i = 0; i < 4; ++i) to[i] = i <= taken ? static_cast<char>(letters >> 8 * i & 0xFF) : '=';
    left -= taken;
    from += taken;
  }
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

Result<std::string> decode_base64(std::string_view text) {
  std::string out;
  const std::size_t plain = decode_plain_groups(text, out);
  Letters letters(text, plain);
  while (!letters.done()) {
    std::uint32_t bits = 0;
    std::size_t digits = 0;
    for (; digits < 4 && !letters.done() && letters.peek() != '='; ++digits, letters.advance()) {
      const std::uint8_t digit = digit_of(letters.peek());
      if (digit == kNoDigit) return illegal(letters.position());
      bits = bits << 6 | digit;
    }
    if (digits < 4) {
      if (Status status = expect_padding(letters, digits, text.size()); !status.ok()) return status;
      bits <<= 6 * (4 - digits);
    }
    for (std::size_t i = 0; i + 1 < digits; ++i) out += static_cast<char>(bits >> (16 - 8 * i) & 0xFF);
  }
  return out;
}

}  // namespace discovery::base
