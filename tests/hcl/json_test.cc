#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/hcl/hcl.h"
#include "tests/hcl/values.h"

namespace discovery::hcl {
namespace {

using namespace testing;

TEST_CASE("JSON values") {
  struct Case {
    std::string text;
    Value value;
  };
  const Case cases[] = {
      {"null", null()},
      {" true ", boolean(true)},
      {"false", boolean(false)},
      {"0", integer(0)},
      {"-12", integer(-12)},
      {"9223372036854775807", integer(INT64_MAX)},
      {"-9223372036854775808", integer(INT64_MIN)},
      {"9223372036854775808", real(9223372036854775808.0)},
      {"1.5", real(1.5)},
      {"1e3", real(1000)},
      {"\"\"", string("")},
      {R"("a\"\\\/\b\f\n\r\t\u0041\ud83d\ude00")", string("a\"\\/\b\f\n\r\tA\xF0\x9F\x98\x80")},
      {R"("a\u0000b")", string(std::string("a\0b", 3))},
      {"[]", list({})},
      {"[1, [2], {}]", list({integer(1), list({integer(2)}), object({})})},
      {"{}", object({})},
      {R"({"b": 1, "a": {"c": null}})", object({{"b", integer(1)}, {"a", object({{"c", null()}})}})},
      {R"({"a": 1, "b": 2, "a": 3})", object({{"a", integer(3)}, {"b", integer(2)}})},
      {R"({"a": {"x": 1}, "a": {"y": 2}})", object({{"a", object({{"y", integer(2)}})}})},
      {R"({"": "${x}"})", object({{"", string("${x}")}})},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto parsed = parse_json(c.text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == c.value);
  }
}

TEST_CASE("each JSON value knows its line") {
  const auto parsed = parse_json("{\n \"a\": 1,\n \"b\": [\n  2,\n  {\n   \"c\": \"x\"\n  }\n ]\n}\n");
  REQUIRE(parsed.ok());
  CHECK(parsed->line() == 1);
  CHECK(parsed->find("a")->line() == 2);
  CHECK(parsed->find("b")->line() == 3);
  CHECK((*parsed->find("b")->as_list())[0].line() == 4);
  CHECK((*parsed->find("b")->as_list())[1].line() == 5);
  CHECK((*parsed->find("b")->as_list())[1].find("c")->line() == 6);
}

TEST_CASE("wrong JSON is refused with place and reason") {
  struct Case {
    std::string text;
    std::string message;
  };
  const Case cases[] = {
      {"", "unexpected end of JSON input"},
      {" \n", "unexpected end of JSON input"},
      {"{", "unexpected end of JSON input"},
      {"{\"a\"", "unexpected end of JSON input"},
      {"{\"a\":", "unexpected end of JSON input"},
      {"{\"a\": 1", "unexpected end of JSON input"},
      {"{\"a\": 1,", "unexpected end of JSON input"},
      {"[1", "unexpected end of JSON input"},
      {"\"abc", "unexpected end of JSON input"},
      {"\"abc\\", "unexpected end of JSON input"},
      {"nul", "unexpected end of JSON input"},
      {"-", "unexpected end of JSON input"},
      {"1.", "unexpected end of JSON input"},
      {"1e", "unexpected end of JSON input"},
      {"bad", "invalid character 'b' looking for beginning of value (at 1:1)"},
      {"{bad}", "invalid character 'b' looking for beginning of object key string (at 1:2)"},
      {"{\"a\" 1}", "invalid character '1' after object key (at 1:6)"},
      {"{\"a\": 1 \"b\"}", "invalid character '\"' after object key:value pair (at 1:9)"},
      {"{\"a\": 1,}", "invalid character '}' looking for beginning of object key string (at 1:9)"},
      {"[1 2]", "invalid character '2' after array element (at 1:4)"},
      {"[1,]", "invalid character ']' looking for beginning of value (at 1:4)"},
      {"{} x", "invalid character 'x' after top-level value (at 1:4)"},
      {"nope", "invalid character 'o' in literal null (expecting 'u')"},
      {"trua", "invalid character 'a' in literal true (expecting 'e')"},
      {"-x", "invalid character 'x' in numeric literal (at 1:2)"},
      {"1.x", "invalid character 'x' after decimal point in numeric literal (at 1:3)"},
      {"1ex", "invalid character 'x' in exponent of numeric literal (at 1:3)"},
      {"1e999", "number out of range (at 1:1)"},
      {"\"\\q\"", "invalid character 'q' in string escape code (at 1:3)"},
      {"\"a\nb\"", "invalid character '\\n' in string literal (at 1:3)"},
      {"\"\x01\"", "invalid character '\\x01' in string literal (at 1:2)"},
      {"\"\xFF\"", "invalid character '\\xff' in string literal (at 1:2)"},
      {"{\n  \"\xC3\xA9\": ?\n}", "invalid character '?' looking for beginning of value (at 2:8)"},
      {"['a']", "invalid character '\\'' looking for beginning of value (at 1:2)"},
      {"// no comments\n{}", "invalid character '/' looking for beginning of value (at 1:1)"},
      {std::string("{}\0{}", 5), "invalid character '\\x00' (at 1:3)"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto parsed = parse_json(c.text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.status().code() == Code::kInvalidArgument);
    CHECK(error_of(parsed).starts_with(c.message));
  }
}

TEST_CASE("a lone half of a surrogate pair in JSON is refused") {
  for (const std::string text :
       {R"("\ud800")", R"("\ud800x")", R"("\ud800\u0041")", R"("\u12")", R"("\u12g4")"}) {
    INFO(text);
    CHECK_FALSE(parse_json(text).ok());
  }
}

TEST_CASE("JSON nests as deep as the limit and no deeper") {
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(static_cast<std::size_t>(depth), '[') + "1" +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  CHECK(parse_json(nested(kMaxDepth)).ok());
  for (const int depth : {kMaxDepth + 1, 100000}) {
    const auto parsed = parse_json(nested(depth));
    CHECK(parsed.status().code() == Code::kResourceExhausted);
    CHECK(error_of(parsed).ends_with("lists and objects nest more than 64 levels deep"));
  }
  CHECK(parse_json(std::string(100000, '[')).status().code() == Code::kResourceExhausted);
}

TEST_CASE("JSON is bounded in length and number of values") {
  CHECK(parse_json("{}" + std::string(kMaxInput - 2, ' ')).ok());
  CHECK(error_of(parse_json("{}" + std::string(kMaxInput - 1, ' '))) == "text is longer than 16777216 bytes");
  std::string many = "[0";
  for (std::size_t i = 0; i < kMaxValues; ++i) many += ",0";
  const auto parsed = parse_json(many + "]");
  CHECK(parsed.status().code() == Code::kResourceExhausted);
  CHECK(error_of(parsed).ends_with("more than 1000000 values"));
}

TEST_CASE("a JSON object with very many keys takes no quadratic time") {
  std::string text = "{\"x\":0";
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200000; ++i) text += ",\"k" + std::to_string(i) + "\":" + std::to_string(round);
  }
  const auto parsed = parse_json(text + "}");
  REQUIRE(parsed.ok());
  CHECK(parsed->as_object()->size() == 200001);
  CHECK(*parsed->find("k7") == integer(1));
}

}  // namespace
}  // namespace discovery::hcl
