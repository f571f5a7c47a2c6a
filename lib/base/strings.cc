#include "lib/base/strings.h"

#include <algorithm>

namespace discovery::base {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint32_t kReplacement = 0xFFFD;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// How long a sequence is by its first byte, and what the others may be.
struct Sequence {
  std::size_t length = 0;  ///< 0: not a first byte
  std::uint32_t bits = 0;
  unsigned char second_low = 0x80;
  unsigned char second_high = 0xBF;
};

/// The table of well-formed sequences (RFC 3629, section 4): it leaves out overlong forms and surrogates.
Sequence sequence(unsigned char first) {
  const std::uint32_t bits = first;
  if (first < 0x80) return {1, bits};
  if (first < 0xC2 || first > 0xF4) return {};
  if (first < 0xE0) return {2, bits & 0x1F};
  if (first == 0xE0) return {3, bits & 0xF, 0xA0, 0xBF};
  if (first == 0xED) return {3, bits & 0xF, 0x80, 0x9F};
  if (first < 0xF0) return {3, bits & 0xF};
  if (first == 0xF0) return {4, bits & 7, 0x90, 0xBF};
  if (first == 0xF4) return {4, bits & 7, 0x80, 0x8F};
  return {4, bits & 7};
}

/// Whether Go prints it as it is. Go asks Unicode's tables; here only the blocks count that hold controls,
/// spaces other than U+0020, surrogates and private use.
bool is_printable(std::uint32_t c) {
  if (c < 0x7F) return c >= 0x20;
  if (c <= 0xA0 || c == 0xAD) return false;
  if (c >= 0x2000 && c <= 0x200F) return false;
  if (c >= 0x2028 && c <= 0x202F) return false;
  if (c >= 0x205F && c <= 0x206F) return false;
  return c != 0x3000 && c != 0xFEFF && !(c >= 0xE000 && c <= 0xF8FF) && c < 0xE0000;
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[value >> shift & 0xF];
}

void append_escape(std::string& out, const Rune& rune, char byte) {
  constexpr std::string_view kNamed = "\a\b\f\n\r\t\v";
  constexpr std::string_view kNames = "abfnrtv";
  out += '\\';
  if (!rune.valid) {
    out += 'x';
    append_hex(out, static_cast<unsigned char>(byte), 2);
  } else if (const std::size_t at = kNamed.find(byte); at != std::string_view::npos) {
    out += kNames[at];
  } else if (rune.value < 0x80) {
    out += 'x';
    append_hex(out, rune.value, 2);
  } else if (rune.value < 0x10000) {
    out += 'u';
    append_hex(out, rune.value, 4);
  } else {
    out += 'U';
    append_hex(out, rune.value, 8);
  }
}

}  // namespace

Rune decode_rune(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Sequence form = sequence(byte(0));
  if (form.length == 0 || text.size() < form.length) return {};
  std::uint32_t value = form.bits;
  for (std::size_t i = 1; i < form.length; ++i) {
    const unsigned char low = i == 1 ? form.second_low : 0x80;
    const unsigned char high = i == 1 ? form.second_high : 0xBF;
    if (byte(i) < low || byte(i) > high) return {};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  return {value, form.length, true};
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) code_point = kReplacement;
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | code_point >> 6);
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | code_point >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | code_point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t from = 0;
  for (std::size_t at; (at = text.find(separator, from)) != std::string_view::npos; from = at + 1) {
    parts.push_back(text.substr(from, at - from));
  }
  parts.push_back(text.substr(from));
  return parts;
}

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const Rune rune = decode_rune(text.substr(at));
    const char byte = text[at];
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (rune.valid && is_printable(rune.value)) {
      out += text.substr(at, rune.length);
    } else {
      append_escape(out, rune, byte);
    }
    at += rune.length;
  }
  return out += '"';
}

}  // namespace discovery::base
