#include "lib/base/go_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <system_error>

#include "lib/base/strings.h"

namespace discovery::base {
namespace {

constexpr std::uint64_t kSignedLimit = std::uint64_t{1} << 63;

Status syntax_error(std::string_view function, std::string_view text) {
  return invalid_argument("strconv." + std::string(function) + ": parsing " + go_quote(text) +
                          ": invalid syntax");
}

Status range_error(std::string_view function, std::string_view text) {
  return invalid_argument("strconv." + std::string(function) + ": parsing " + go_quote(text) +
                          ": value out of range");
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_hex_digit(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }

bool take_sign(std::string_view& text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  return negative;
}

/// Whether each underscore of an unsigned number stands between digits; a base prefix counts as a digit.
bool underscores_are_right(std::string_view text) {
  const bool prefixed = text.size() >= 2 && text[0] == '0' &&
                        (lower(text[1]) == 'x' || lower(text[1]) == 'b' || lower(text[1]) == 'o');
  const bool hex = prefixed && lower(text[1]) == 'x';
  bool after_digit = prefixed;
  bool after_underscore = false;
  for (const char c : text.substr(prefixed ? 2 : 0)) {
    const bool digit = is_digit(c) || (hex && is_hex_digit(c));
    if (c == '_' && !after_digit) return false;
    if (c != '_' && !digit && after_underscore) return false;
    after_digit = digit;
    after_underscore = c == '_';
  }
  return !after_underscore;
}

std::string without_underscores(std::string_view text) {
  std::string out(text);
  out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
  return out;
}

/// Takes the prefix that names the base, for numbers whose base is not given.
int take_base(std::string_view& text) {
  if (text.size() < 2 || text[0] != '0') return 10;
  int base = 8;
  std::size_t prefix = 1;
  if (text.size() >= 3) {
    const char c = lower(text[1]);
    if (c == 'x' || c == 'b' || c == 'o') prefix = 2;
    if (c == 'x') base = 16;
    if (c == 'b') base = 2;
  }
  text.remove_prefix(prefix);
  return base;
}

enum class Fault : std::uint8_t { kNone, kSyntax, kRange };

Fault parse_digits(std::string_view digits, int base, std::uint64_t& value) {
  std::string stripped;
  if (base == 0) {
    const bool underscores = digits.find('_') != std::string_view::npos;
    if (underscores && !underscores_are_right(digits)) return Fault::kSyntax;
    base = take_base(digits);
    if (underscores) digits = stripped = without_underscores(digits);
  }
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) return Fault::kSyntax;
  return error == std::errc::result_out_of_range ? Fault::kRange : Fault::kNone;
}

Result<std::int64_t> parse_signed(std::string_view function, std::string_view text, int base) {
  std::string_view digits = text;
  const bool negative = take_sign(digits);
  std::uint64_t magnitude = 0;
  const Fault fault = parse_digits(digits, base, magnitude);
  if (fault == Fault::kSyntax) return syntax_error(function, text);
  if (fault == Fault::kRange || magnitude > kSignedLimit - (negative ? 0 : 1))
    return range_error(function, text);
  return static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
}

/// The words for what is not finite.
std::optional<double> parse_special(std::string_view text) {
  std::string_view word = text;
  const bool negative = take_sign(word);
  if (equal_ignoring_case(word, "inf") || equal_ignoring_case(word, "infinity")) {
    const double infinity = std::numeric_limits<double>::infinity();
    return negative ? -infinity : infinity;
  }
  if (equal_ignoring_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

/// Whether a number that does not fit is too large rather than too small, by the place of its first
/// significant digit and its exponent.
bool is_too_large(std::string_view digits, bool hex) {
  std::int64_t place = 0;
  bool significant = false;
  bool fraction = false;
  std::size_t at = 0;
  for (; at < digits.size() && lower(digits[at]) != (hex ? 'p' : 'e'); ++at) {
    if (digits[at] == '.') {
      fraction = true;
      continue;
    }
    significant = significant || digits[at] != '0';
    if (significant && !fraction) ++place;
    if (!significant && fraction) --place;
  }
  if (hex) place *= 4;
  std::int64_t exponent = 0;
  bool negative = false;
  if (at < digits.size()) {
    std::string_view rest = digits.substr(at + 1);
    negative = take_sign(rest);
    const auto result = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
    if (result.ec != std::errc()) exponent = std::numeric_limits<std::int64_t>::max() / 2;
  }
  return place + (negative ? -exponent : exponent) > 0;
}

/// From 2^53 on, doubles are integers, and C++ writes all their digits in fixed notation, where Go writes
/// zeros behind the shortest ones.
constexpr double kExactIntegers = 9007199254740992.0;

/// Writes an integer in scientific notation, "1.25e+16", as the shortest digits and zeros behind them.
void append_padded(std::string& out, std::string_view scientific) {
  const std::size_t e = scientific.find('e');
  std::size_t places = 0;
  std::from_chars(scientific.data() + e + 2, scientific.data() + scientific.size(), places);
  if (scientific.front() == '-') out += '-';
  std::size_t digits = 0;
  for (const char c : scientific.substr(0, e)) {
    if (!is_digit(c)) continue;
    out += c;
    ++digits;
  }
  out.append(places + 1 - digits, '0');
}

}  // namespace

Result<std::int64_t> parse_go_int(std::string_view text, int base) {
  return parse_signed("ParseInt", text, base);
}

Result<std::int64_t> parse_go_atoi(std::string_view text) { return parse_signed("Atoi", text, 10); }

Result<std::uint64_t> parse_go_uint(std::string_view text, int base) {
  std::uint64_t value = 0;
  const Fault fault = parse_digits(text, base, value);
  if (fault == Fault::kSyntax) return syntax_error("ParseUint", text);
  if (fault == Fault::kRange) return range_error("ParseUint", text);
  return value;
}

Result<double> parse_go_float(std::string_view text) {
  if (const auto special = parse_special(text)) return *special;
  std::string_view digits = text;
  const bool negative = take_sign(digits);
  std::string stripped;
  if (digits.find('_') != std::string_view::npos) {
    if (!underscores_are_right(digits)) return syntax_error("ParseFloat", text);
    digits = stripped = without_underscores(digits);
  }
  const bool hex = digits.size() > 2 && digits[0] == '0' && lower(digits[1]) == 'x';
  if (hex) digits.remove_prefix(2);
  const bool starts_right =
      !digits.empty() &&
      (digits.front() == '.' || (hex ? is_hex_digit(digits.front()) : is_digit(digits.front())));
  const bool has_exponent = !hex || digits.find_first_of("pP") != std::string_view::npos;
  if (!starts_right || !has_exponent) return syntax_error("ParseFloat", text);

  double value = 0;
  const auto format = hex ? std::chars_format::hex : std::chars_format::general;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, format);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return syntax_error("ParseFloat", text);
  }
  if (error == std::errc::result_out_of_range) {
    if (is_too_large(digits, hex)) return range_error("ParseFloat", text);
    value = 0;
  }
  if (std::isinf(value)) return range_error("ParseFloat", text);
  return negative ? -value : value;
}

Result<bool> parse_go_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return false;
  }
  return syntax_error("ParseBool", text);
}

void append_go_json_float(std::string& out, double value) {
  const double magnitude = std::abs(value);
  const bool exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  const bool scientific = exponent || magnitude >= kExactIntegers;
  std::array<char, 40> buffer;
  const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  if (scientific && !exponent) return append_padded(out, text);
  // Go writes e-9 where C++ writes e-09.
  if (exponent && text.size() >= 4 && text.substr(text.size() - 4, 3) == "e-0") {
    out += text.substr(0, text.size() - 2);
    text.remove_prefix(text.size() - 1);
  }
  out += text;
}

}  // namespace discovery::base
