#include "lib/base/uuid.h"

#include <cstddef>

namespace discovery::base {
namespace {

constexpr std::size_t kTextSize = 36;

constexpr bool is_dash_at(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

constexpr bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

std::string format_uuid(const std::array<std::uint8_t, 16>& bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(kTextSize);
  for (const std::uint8_t byte : bytes) {
    if (is_dash_at(out.size())) out += '-';
    out += kHex[byte >> 4];
    out += kHex[byte & 0xF];
  }
  return out;
}

bool is_uuid(std::string_view text) {
  if (text.size() != kTextSize) return false;
  for (std::size_t i = 0; i < kTextSize; ++i) {
    if (is_dash_at(i) ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

}  // namespace discovery::base
