#include "lib/http/path.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lib/base/strings.h"

namespace discovery::http {
namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";
/// What is not a letter or digit and yet is never escaped (RFC 3986, unreserved).
constexpr std::string_view kUnreserved = "-_.~";
/// What Go leaves as it is in a path, beside that.
constexpr std::string_view kPlainInPath = "$&+,/:;=@";

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void append_escape(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kUpperHex[byte >> 4];
  out += kUpperHex[byte & 0xF];
}

/// Code points of the categories Cc, Cf, Zs, Zl, Zp, Cs and Co, and the noncharacters at the planes' ends.
constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 33> kUnprintable = {{
    {0x00, 0x1F},       {0x7F, 0xA0},       {0xAD, 0xAD},         {0x600, 0x605},     {0x61C, 0x61C},
    {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x8E2, 0x8E2},       {0x1680, 0x1680},   {0x180E, 0x180E},
    {0x2000, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F},     {0x3000, 0x3000},   {0xD800, 0xF8FF},
    {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},     {0xFFFE, 0xFFFF},   {0x110BD, 0x110BD},
    {0x110CD, 0x110CD}, {0x13430, 0x13438}, {0x1BCA0, 0x1BCA3},   {0x1D173, 0x1D17A}, {0x1FFFE, 0x1FFFF},
    {0x2FFFE, 0x2FFFF}, {0x3FFFE, 0x3FFFF}, {0x4FFFE, 0x4FFFF},   {0x5FFFE, 0x5FFFF}, {0xDFFFE, 0xE007F},
    {0xE01F0, 0xEFFFF}, {0xF0000, 0xFFFFF}, {0x100000, 0x10FFFF},
}};

bool is_printable(std::uint32_t code_point) {
  const auto range =
      std::upper_bound(kUnprintable.begin(), kUnprintable.end(), code_point,
                       [](std::uint32_t wanted, const auto& item) { return wanted < item.first; });
  return range == kUnprintable.begin() || code_point > (range - 1)->second;
}

}  // namespace

Target split_target(std::string_view target) noexcept {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

int hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

bool append_unescaped(std::string& out, std::string_view text, bool plus_is_space) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '%') {
      if (text.size() - at < 3) return false;
      const int high = hex_value(text[at + 1]);
      const int low = hex_value(text[at + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      out += c == '+' && plus_is_space ? ' ' : c;
    }
  }
  return true;
}

void append_query_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_alphanumeric(c) || kUnreserved.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      append_escape(out, c);
    }
  }
}

void append_path_escaped(std::string& out, std::string_view path) {
  for (const char c : path) {
    if (is_alphanumeric(c) || kUnreserved.find(c) != std::string_view::npos ||
        kPlainInPath.find(c) != std::string_view::npos) {
      out += c;
    } else {
      append_escape(out, c);
    }
  }
}

bool is_printable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      if (byte < 0x20 || byte == 0x7F) return false;
      ++at;
      continue;
    }
    // What is not UTF-8 stands for U+FFFD, which can be seen.
    const base::Rune rune = base::decode_rune(text.substr(at));
    if (rune.valid && !is_printable(rune.value)) return false;
    at += rune.length;
  }
  return true;
}

bool is_clean(std::string_view path) noexcept {
  if (path.empty() || path.front() != '/') return false;
  for (std::size_t slash = 0; slash != std::string_view::npos;) {
    const std::size_t next = path.find('/', slash + 1);
    const std::string_view segment =
        path.substr(slash + 1, next == std::string_view::npos ? next : next - slash - 1);
    const bool last = next == std::string_view::npos;
    if (segment == "." || segment == ".." || (segment.empty() && !last)) return false;
    slash = next;
  }
  return true;
}

std::string clean_path(std::string_view path) {
  std::string clean;
  clean.reserve(path.size() + 1);
  for (std::size_t at = 0; at <= path.size();) {
    std::size_t end = path.find('/', at);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view segment = path.substr(at, end - at);
    at = end + 1;
    if (segment == "..") {
      clean.resize(clean.empty() ? 0 : clean.rfind('/'));
    } else if (!segment.empty() && segment != ".") {
      clean += '/';
      clean += segment;
    }
  }
  if (clean.empty() || (!path.empty() && path.back() == '/')) clean += '/';
  return clean;
}

}  // namespace discovery::http
