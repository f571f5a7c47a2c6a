#include "lib/base/duration.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace discovery::base {
namespace {

constexpr std::uint64_t kMicrosecond = 1000;
constexpr std::uint64_t kMillisecond = 1000 * kMicrosecond;
constexpr std::uint64_t kSecond = 1000 * kMillisecond;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
/// The magnitude of the smallest duration, one more than that of the largest.
constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> kUnits{{
    {"ns", 1},
    {"us", kMicrosecond},
    {"\xC2\xB5s", kMicrosecond},  // U+00B5, the micro sign
    {"\xCE\xBCs", kMicrosecond},  // U+03BC, the Greek letter mu
    {"ms", kMillisecond},
    {"s", kSecond},
    {"m", kMinute},
    {"h", kHour},
}};

/// Quotes like Go's time package does in its errors: what is not printable ASCII becomes \xNN.
std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x80) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 0xF];
    } else {
      out += c;
    }
  }
  return out += '"';
}

Status invalid(std::string_view text) { return invalid_argument("time: invalid duration " + quote(text)); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Digits behind the decimal point, as the number `value / scale`.
struct Fraction {
  std::uint64_t value = 0;
  double scale = 1;
};

/// Takes the digits at the head of `rest`; false if their value exceeds kLimit.
bool take_integer(std::string_view& rest, std::uint64_t& value) {
  value = 0;
  while (!rest.empty() && is_digit(rest.front())) {
    if (value > kLimit / 10) return false;
    value = value * 10 + static_cast<std::uint64_t>(rest.front() - '0');
    if (value > kLimit) return false;
    rest.remove_prefix(1);
  }
  return true;
}

/// Takes the digits at the head of `rest`. Those beyond the precision of 63 bits are dropped, as they count
/// for nothing.
Fraction take_fraction(std::string_view& rest) {
  Fraction fraction;
  bool full = false;
  for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1)) {
    if (full) continue;
    if (fraction.value > (kLimit - 1) / 10) {
      full = true;
      continue;
    }
    const std::uint64_t next = fraction.value * 10 + static_cast<std::uint64_t>(rest.front() - '0');
    if (next > kLimit) {
      full = true;
      continue;
    }
    fraction.value = next;
    fraction.scale *= 10;
  }
  return fraction;
}

/// `integer` and `fraction` times `unit`; false if that exceeds kLimit.
bool scale(std::uint64_t integer, const Fraction& fraction, std::uint64_t unit, std::uint64_t& out) {
  if (integer > kLimit / unit) return false;
  out = integer * unit;
  if (fraction.value > 0) {
    out += static_cast<std::uint64_t>(static_cast<double>(fraction.value) *
                                      (static_cast<double>(unit) / fraction.scale));
  }
  return out <= kLimit;
}

/// Takes one number with its unit from the head of `rest` and adds it to `total`.
Status take_term(std::string_view& rest, std::string_view whole, std::uint64_t& total) {
  if (rest.front() != '.' && !is_digit(rest.front())) return invalid(whole);
  const std::size_t before = rest.size();
  std::uint64_t integer = 0;
  if (!take_integer(rest, integer)) return invalid(whole);
  std::size_t digits = before - rest.size();
  Fraction fraction;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    const std::size_t from = rest.size();
    fraction = take_fraction(rest);
    digits += from - rest.size();
  }
  if (digits == 0) return invalid(whole);

  std::size_t length = 0;
  while (length < rest.size() && rest[length] != '.' && !is_digit(rest[length])) ++length;
  if (length == 0) return invalid_argument("time: missing unit in duration " + quote(whole));
  const std::string_view name = rest.substr(0, length);
  rest.remove_prefix(length);
  for (const auto& [unit, nanoseconds] : kUnits) {
    if (unit != name) continue;
    std::uint64_t term = 0;
    if (!scale(integer, fraction, nanoseconds, term) || term > kLimit - total) return invalid(whole);
    total += term;
    return {};
  }
  return invalid_argument("time: unknown unit " + quote(name) + " in duration " + quote(whole));
}

/// `value / unit` as a decimal without trailing zeros.
std::string decimal(std::uint64_t value, std::uint64_t unit) {
  std::string out = std::to_string(value / unit);
  std::uint64_t rest = value % unit;
  if (rest == 0) return out;
  out += '.';
  for (std::uint64_t place = unit / 10; rest != 0; place /= 10) {
    out += static_cast<char>('0' + rest / place);
    rest %= place;
  }
  return out;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return invalid(text);
  std::uint64_t total = 0;
  while (!rest.empty()) {
    if (Status status = take_term(rest, text, total); !status.ok()) return status;
  }
  if (negative) return std::chrono::nanoseconds(static_cast<std::int64_t>(~total + 1));
  if (total == kLimit) return invalid(text);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

std::string format_go_duration(std::chrono::nanoseconds value) {
  const std::int64_t count = value.count();
  if (count == 0) return "0s";
  // Negating as unsigned is defined for the smallest value too.
  const std::uint64_t magnitude =
      count < 0 ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count);
  std::string out = count < 0 ? "-" : "";
  if (magnitude < kMicrosecond) return out + std::to_string(magnitude) + "ns";
  if (magnitude < kMillisecond) return out + decimal(magnitude, kMicrosecond) + "\xC2\xB5s";
  if (magnitude < kSecond) return out + decimal(magnitude, kMillisecond) + "ms";
  if (magnitude >= kHour) out += std::to_string(magnitude / kHour) + "h";
  if (magnitude >= kMinute) out += std::to_string(magnitude % kHour / kMinute) + "m";
  return out + decimal(magnitude % kMinute, kSecond) + "s";
}

}  // namespace discovery::base
