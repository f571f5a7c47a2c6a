#include "lib/base/strings.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

TEST_CASE("runes decode as RFC 3629 says") {
  struct Case {
    std::string_view text;
    std::uint32_t value;
    std::size_t length;
    bool valid;
  };
  const Case cases[] = {
      {"a", 'a', 1, true},
      {"\xC3\xA9x", 0xE9, 2, true},
      {"\xE2\x82\xAC", 0x20AC, 3, true},
      {"\xF0\x9F\x98\x80", 0x1F600, 4, true},
      {"\xF4\x8F\xBF\xBF", 0x10FFFF, 4, true},
      {"\x80", 0xFFFD, 1, false},              // a continuation
      {"\xC3", 0xFFFD, 1, false},              // cut off
      {"\xE2\x82", 0xFFFD, 1, false},          // cut off
      {"\xC0\x80", 0xFFFD, 1, false},          // overlong
      {"\xE0\x80\x80", 0xFFFD, 1, false},      // overlong
      {"\xF0\x80\x80\x80", 0xFFFD, 1, false},  // overlong
      {"\xED\xA0\x80", 0xFFFD, 1, false},      // a surrogate
      {"\xF4\x90\x80\x80", 0xFFFD, 1, false},  // too large
      {"\xFF", 0xFFFD, 1, false},
  };
  for (const Case& c : cases) {
    const Rune rune = decode_rune(c.text);
    CHECK(rune.value == c.value);
    CHECK(rune.length == c.length);
    CHECK(rune.valid == c.valid);
  }
}

TEST_CASE("every code point survives encoding and decoding") {
  for (std::uint32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 97) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    const Rune rune = decode_rune(text);
    if (rune.value != c || rune.length != text.size() || !rune.valid) FAIL("code point " << c);
  }
  std::string text;
  append_utf8(text, 0xD800);
  append_utf8(text, 0x110000);
  CHECK(text == "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("names compare without regard to case") {
  CHECK(equal_ignoring_case("NodeMeta", "nodemeta"));
  CHECK(equal_ignoring_case("", ""));
  CHECK_FALSE(equal_ignoring_case("a", "ab"));
  CHECK_FALSE(equal_ignoring_case("[", "{"));
  CHECK_FALSE(equal_ignoring_case("@", "`"));
  CHECK(to_lower("AZaz[\xC3\x84") == "azaz[\xC3\x84");
}

TEST_CASE("text is trimmed and split") {
  CHECK(trim(" \t a b\r\n") == "a b");
  CHECK(trim(" \n") == "");
  CHECK(trim("") == "");
  CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string_view>{""});
  CHECK(split("a,", ',') == std::vector<std::string_view>{"a", ""});
}

TEST_CASE("text is quoted as Go quotes it") {
  CHECK(go_quote("") == R"("")");
  CHECK(go_quote("a b") == R"("a b")");
  CHECK(go_quote("a\"b\\c") == R"("a\"b\\c")");
  CHECK(go_quote("\a\b\f\n\r\t\v") == R"("\a\b\f\n\r\t\v")");
  CHECK(go_quote(std::string_view("\0\x1f\x7f", 3)) == R"("\x00\x1f\x7f")");
  CHECK(go_quote("\xC3\xA9\xE2\x82\xAC") == "\"\xC3\xA9\xE2\x82\xAC\"");
  CHECK(go_quote("\xFF\xC3") == R"("\xff\xc3")");
  CHECK(go_quote("\xE2\x80\xA8") == R"("\u2028")");
  CHECK(go_quote("\xF3\xA0\x80\x81") == R"("\U000e0001")");
}

}  // namespace
}  // namespace discovery::base
