#include "lib/model/session.h"

#include <algorithm>

#include "lib/base/duration.h"

namespace discovery::model {
namespace {

constexpr std::size_t kIdSize = 36;
constexpr std::ptrdiff_t kMaxHyphens = 4;

Status bad_key(std::string_view problem) {
  return invalid_argument("failed session lookup: index error: " + std::string(problem));
}

/// The value of a hexadecimal digit; none for another character.
std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

/// As Go shows a byte that is not a digit: "U+006E 'n'".
std::string show_byte(char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  std::string shown = "U+00";
  shown += kDigits[byte >> 4U];
  shown += kDigits[byte & 15U];
  if (byte >= ' ' && byte <= '~') shown += std::string(" '") + c + "'";
  return shown;
}

}  // namespace

Result<SessionKey> SessionKey::parse(std::string_view id) {
  if (id.size() != kIdSize) return bad_key("UUID must be 36 characters");
  const auto hyphens = std::count(id.begin(), id.end(), '-');
  if (hyphens > kMaxHyphens) {
    return bad_key("UUID should have maximum of 4 \"-\"; got " + std::to_string(hyphens));
  }
  if (hyphens % 2 != 0) return bad_key("Input (without hyphens) must be even length");
  SessionKey key;
  std::optional<unsigned> high;
  for (const char c : id) {
    if (c == '-') continue;
    const auto value = digit(c);
    if (!value) return bad_key("Invalid UUID: encoding/hex: invalid byte: " + show_byte(c));
    if (high) {
      key.bytes_[key.size_++] = static_cast<char>(*high * 16 + *value);
      high.reset();
    } else {
      high = value;
    }
  }
  return key;
}

Duration ttl_of(const Session& session) {
  if (session.ttl.empty()) return {};
  const auto ttl = base::parse_go_duration(session.ttl);
  return ttl.ok() ? *ttl : Duration::zero();
}

}  // namespace discovery::model
