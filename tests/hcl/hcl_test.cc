#include "lib/hcl/hcl.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/hcl/values.h"

namespace discovery::hcl {
namespace {

using namespace testing;

TEST_CASE("an empty HCL text is an empty object") {
  for (const std::string text : {"", " \n\t\r\n", "# only a comment", "// another\n", "/* and\nanother */"}) {
    const auto parsed = parse_hcl(text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == object({}));
  }
}

TEST_CASE("HCL scalars") {
  struct Case {
    std::string text;
    Value value;
  };
  const Case cases[] = {
      {"a = true", boolean(true)},
      {"a = false", boolean(false)},
      {"a = 0", integer(0)},
      {"a = 42", integer(42)},
      {"a = -7", integer(-7)},
      {"a = 0x1F", integer(31)},
      {"a = 0Xff", integer(255)},
      {"a = -0x10", integer(-16)},
      {"a = 0755", integer(493)},
      {"a = 9223372036854775807", integer(INT64_MAX)},
      {"a = -9223372036854775808", integer(INT64_MIN)},
      {"a = 1.5", real(1.5)},
      {"a = -0.25", real(-0.25)},
      {"a = 1.", real(1.0)},
      {"a = .5", real(0.5)},
      {"a = 1e3", real(1000)},
      {"a = 1E+3", real(1000)},
      {"a = 25e-1", real(2.5)},
      {"a = 1.5e2", real(150)},
      {"a = 089.5", real(89.5)},
      {"a = \"\"", string("")},
      {"a = \"text\"", string("text")},
      {"a = \"d\xC3\xA9j\xC3\xA0\"", string("d\xC3\xA9j\xC3\xA0")},
      {"a=1#comment", integer(1)},
      {"a/* x */=/* y */1", integer(1)},
      {"a\n=\n1", integer(1)},
      {"\"a\" = 1", integer(1)},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(hcl_value_of_a(c.text) == c.value);
  }
}

TEST_CASE("HCL string escapes") {
  struct Case {
    std::string in;
    std::string out;
  };
  const Case cases[] = {
      {R"(\a\b\f\n\r\t\v\\\")", "\a\b\f\n\r\t\v\\\""},
      {R"(\101\x41\u0041\U00000041)", "AAAA"},
      {R"(\377)", "\xFF"},
      {R"(\u00e9\u20AC\U0001F600)", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {R"(\ud800)", "\xEF\xBF\xBD"},
  };
  for (const Case& c : cases) {
    INFO(c.in);
    CHECK(hcl_value_of_a("a = \"" + c.in + "\"") == string(c.out));
  }
}

TEST_CASE("HCL interpolations are kept letter by letter") {
  const std::string texts[] = {
      "${name}", "x${a}y${b}z", "${file(\"x y\")}", "${a{b}c}", "${\n}", "$", "$$", "${a}$", "{}", "$\"",
  };
  for (const std::string& text : texts) {
    INFO(text);
    const std::string source = text == "$\"" ? "a = \"$\\\"\"" : "a = \"" + text + "\"";
    CHECK(hcl_value_of_a(source) == string(text));
  }
  CHECK(hcl_value_of_a(R"(a = "${x(\"y\")}")") == string(R"(${x(\"y\")})"));
}

TEST_CASE("HCL heredocs") {
  struct Case {
    std::string text;
    std::string value;
  };
  const Case cases[] = {
      {"a = <<EOT\nEOT\n", ""},
      {"a = <<EOT\none\ntwo\nEOT\n", "one\ntwo\n"},
      {"a = <<EOT\n  one\n  EOT\n", "  one\n"},
      {"a = <<EOT\nno \\n escape \"here\" ${x}\nEOT\n", "no \\n escape \"here\" ${x}\n"},
      {"a = <<EOT\nEOTX\n EOT x\nEOT\n", "EOTX\n EOT x\n"},
      {"a = <<-EOT\n    one\n      two\n    EOT\n", "one\n  two\n"},
      {"a = <<-EOT\n    one\n  two\n    EOT\n", "    one\n  two\n"},
      {"a = <<-EOT\n\tone\n\n\ttwo\n\tEOT\n", "\tone\n\n\ttwo\n"},
      {"a = <<EOT\r\none\r\nEOT\r\n", "one\n"},
      {"a = <<EOT\none\nEOT", "one\n"},
      {"a = <<E_1\none\nE_1\nb = 2", "one\n"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(hcl_value_of_a(c.text) == string(c.value));
  }
}

TEST_CASE("HCL lists") {
  struct Case {
    std::string text;
    Value value;
  };
  const Case cases[] = {
      {"a = []", list({})},
      {"a = [1]", list({integer(1)})},
      {"a = [1, \"x\", true, 1.5]", list({integer(1), string("x"), boolean(true), real(1.5)})},
      {"a = [\n1,\n2, # two\n]", list({integer(1), integer(2)})},
      {"a = [[1], []]", list({list({integer(1)}), list({})})},
      {"a = [{b = 1}, {b = 2, c = 3}]",
       list({object({{"b", integer(1)}}), object({{"b", integer(2)}, {"c", integer(3)}})})},
      {"a = [<<X\nt\nX\n, 1]", list({string("t\n"), integer(1)})},
      {"a = [,]", list({})},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(hcl_value_of_a(c.text) == c.value);
  }
}

TEST_CASE("HCL blocks and labels") {
  struct Case {
    std::string text;
    Value value;
  };
  const Case cases[] = {
      {"a {}", object({})},
      {"a = {}", object({})},
      {"a { b = 1 c = 2 }", object({{"b", integer(1)}, {"c", integer(2)}})},
      {"a { b = 1, c = 2, }", object({{"b", integer(1)}, {"c", integer(2)}})},
      {"a{b{c=1}}", object({{"b", object({{"c", integer(1)}})}})},
      {"a \"x\" { b = 1 }", object({{"x", object({{"b", integer(1)}})}})},
      {"a \"x\" y { b = 1 }", object({{"x", object({{"y", object({{"b", integer(1)}})}})}})},
      {"a \"\" { }", object({{"", object({})}})},
      {"a { X-Consul-1 = 1 _b.c = 2 \"d e\" = 3 }",
       object({{"X-Consul-1", integer(1)}, {"_b.c", integer(2)}, {"d e", integer(3)}})},
      {"a { \xC3\xA9t\xC3\xA9 = 1 }", object({{"\xC3\xA9t\xC3\xA9", integer(1)}})},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(hcl_value_of_a(c.text) == c.value);
  }
}

TEST_CASE("a key of HCL given again") {
  struct Case {
    std::string text;
    Value value;
  };
  const Value one = object({{"x", integer(1)}});
  const Value two = object({{"x", integer(2)}});
  const Case cases[] = {
      {"a = 1 a = 2", integer(2)},
      {"a = 1 a = \"x\"", string("x")},
      {"a { x = 1 } a { x = 2 }", list({one, two})},
      {"a { x = 1 } b = 1 a { x = 2 } a { x = 1 }", list({one, two, one})},
      {"a \"k\" { x = 1 } a \"k\" { x = 2 }", list({object({{"k", one}}), object({{"k", two}})})},
      {"a = [1] a = [2, 3]", list({integer(1), integer(2), integer(3)})},
      {"a { x = 1 } a = [{ x = 2 }]", list({one, two})},
      {"a = [{ x = 1 }] a { x = 2 }", list({one, two})},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(hcl_value_of_a(c.text) == c.value);
  }
}

TEST_CASE("each HCL value knows its line") {
  const auto parsed =
      parse_hcl("a = 1\n\nb \"x\"\n{\n  c = [\n    2,\n  ]\n}\nd = <<X\nt\nX\ne = 5 b \"y\" {}\n");
  REQUIRE(parsed.ok());
  CHECK(parsed->find("a")->line() == 1);
  CHECK(parsed->find("b")->line() == 3);
  const Value& first = (*parsed->find("b")->as_list())[0];
  CHECK(first.line() == 3);
  CHECK(first.find("x")->line() == 4);
  CHECK(first.find("x")->find("c")->line() == 5);
  CHECK((*first.find("x")->find("c")->as_list())[0].line() == 6);
  CHECK((*parsed->find("b")->as_list())[1].line() == 12);
  CHECK(parsed->find("d")->line() == 9);
  CHECK(parsed->find("e")->line() == 12);
}

TEST_CASE("wrong HCL is refused with place and reason") {
  struct Case {
    std::string text;
    std::string message;
  };
  const Case cases[] = {
      // As the reference implementation answers.
      {"nonsense", "At 1:10: key 'nonsense' expected start of object ('{') or assignment ('=')"},
      {"nonsense {", "At 1:12: object expected closing RBRACE got: EOF"},
      {"key \"a\" policy = \"read\"", "At 1:16: nested object expected: LBRACE got: ASSIGN"},
      // The same grammar, in other places.
      {"a {\n  b = 1\n", "At 3:2: object expected closing RBRACE got: EOF"},
      {"a { b }", "At 1:7: key 'b' expected start of object ('{') or assignment ('=')"},
      {"a b", "At 1:5: key 'a b' expected start of object ('{') or assignment ('=')"},
      {"= 1", "At 1:1: no object keys found!"},
      {"a = {{}}", "At 1:6: expected: IDENT | STRING got: LBRACE"},
      {"}", "At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACE"},
      {"a = 1 }", "At 1:7: expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACE"},
      {"a = 1 2", "At 1:7: expected: IDENT | STRING | ASSIGN | LBRACE got: NUMBER"},
      {"true = 1", "At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: BOOL"},
      {"a [1]", "At 1:3: expected: IDENT | STRING | ASSIGN | LBRACE got: LBRACK"},
      {"a = [1", "At 1:7: error parsing list, expected comma or list end, got: EOF"},
      {"a = [1 2]", "At 1:8: error parsing list, expected comma or list end, got: NUMBER"},
      {"a = [", "At 1:6: unexpected token while parsing list: EOF"},
      {"a = [1, =]", "At 1:9: unexpected token while parsing list: ASSIGN"},
      {"a = [b]", "At 1:6: unexpected token while parsing list: IDENT"},
      {"a = [1}", "At 1:7: error parsing list, expected comma or list end, got: RBRACE"},
      {"a = ", "At 1:5: expected a value, a list or an object got: EOF"},
      {"a = b", "At 1:5: expected a value, a list or an object got: IDENT"},
      {"a = }", "At 1:5: expected a value, a list or an object got: RBRACE"},
      {"a = -", "At 1:5: expected a value, a list or an object got: SUB"},
      {"a = +1", "At 1:5: expected a value, a list or an object got: ADD"},
      {"a = .", "At 1:5: expected a value, a list or an object got: PERIOD"},
      {"a = 9223372036854775808", "At 1:5: number malformed or out of range: 9223372036854775808"},
      {"a = -9223372036854775809", "At 1:5: number malformed or out of range: -9223372036854775809"},
      {"a = 1e", "At 1:5: number malformed or out of range: 1e"},
      {"a = 1e999", "At 1:5: number malformed or out of range: 1e999"},
      {"a = 1 a {}", "At 1:7: key 'a' is a plain value here and a list or block elsewhere"},
      {"a {} a = 1", "At 1:6: key 'a' is a plain value here and a list or block elsewhere"},
      // What does not even fall into tokens.
      {"a = \"x", "1:7: literal not terminated"},
      {"a = \"x\n\"", "1:7: literal not terminated"},
      {"a = \"${x", "1:9: literal not terminated"},
      {"a = \"${x{}\"", "1:12: literal not terminated"},
      {"a = \"\\q\"", "1:7: illegal char escape"},
      {"a = \"\\", "1:7: illegal char escape"},
      {"a = \"\\xg0\"", "1:8: illegal char escape"},
      {"a = \"\\18\"", "1:8: illegal char escape"},
      {"a = \"\\400\"", "1:10: illegal char escape"},
      {"a = \"\\U00110000\"", "1:16: illegal char escape"},
      {"a = \"\\u12\"", "1:10: illegal char escape"},
      {"a = 0x", "1:7: illegal hexadecimal number"},
      {"a = 08", "1:7: illegal octal number"},
      {"/* x", "1:5: comment not terminated"},
      {"/", "1:1: expected '/' for comment"},
      {"a = <EOT", "1:6: heredoc expected second '<', didn't see it"},
      {"a = <<EOT", "1:10: heredoc not terminated"},
      {"a = <<EOT\nx\n", "3:1: heredoc not terminated"},
      {"a = <<\nx\n", "1:7: zero-length heredoc anchor"},
      {"a = <<E T\nx\n", "1:8: invalid characters in heredoc anchor"},
      {"a = ?", "1:5: illegal char"},
      {"a = \xE2\x80\x9Cx\xE2\x80\x9D", "1:5: illegal char"},
      {"a = 1\nb = \xC3\xA9", "At 2:5: expected a value, a list or an object got: IDENT"},
      {"a = \"\xFF\"", "1:6: illegal UTF-8 encoding"},
      {"a\n= \"\xC0\x80\"", "2:4: illegal UTF-8 encoding"},
      {std::string("a = 1\0", 6), "1:6: unexpected null character (0x00)"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto parsed = parse_hcl(c.text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.status().code() == Code::kInvalidArgument);
    CHECK(error_of(parsed) == c.message);
  }
}

TEST_CASE("an HCL text that begins with a brace is JSON") {
  CHECK(hcl_value_of_a(" {\"a\": null}") == null());
  const auto parsed = parse_hcl("\n{\"a\": {\"b\": [1]}}");
  REQUIRE(parsed.ok());
  CHECK(*parsed->find("a") == object({{"b", list({integer(1)})}}));
}

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST_CASE("HCL nests as deep as the limit and no deeper") {
  const int deepest = kMaxDepth;
  CHECK(parse_hcl("a = " + repeat("[", deepest) + "1" + repeat("]", deepest)).ok());
  CHECK(parse_hcl(repeat("a{", deepest) + "b = 1" + repeat("}", deepest)).ok());
  CHECK(parse_hcl("a" + repeat(" x", deepest - 1) + " {}").ok());
  const std::string too_deep[] = {
      "a = " + repeat("[", deepest + 1) + repeat("]", deepest + 1),
      repeat("a{", deepest + 1) + repeat("}", deepest + 1),
      "a" + repeat(" x", deepest) + " {}",
      "a" + repeat(" x", 100000) + " {}",
      repeat("a{", 100000),
      "a = " + repeat("[", 100000),
  };
  for (const std::string& text : too_deep) {
    const auto parsed = parse_hcl(text);
    CHECK(parsed.status().code() == Code::kResourceExhausted);
    CHECK(error_of(parsed).ends_with("lists and objects nest more than 64 levels deep"));
  }
}

TEST_CASE("HCL is bounded in length and number of values") {
  const auto long_text = parse_hcl("#" + std::string(kMaxInput, 'x'));
  CHECK(error_of(long_text) == "text is longer than 16777216 bytes");
  CHECK(parse_hcl("#" + std::string(kMaxInput - 1, 'x')).ok());
  const int values = static_cast<int>(kMaxValues);
  const auto many = parse_hcl("a = [" + repeat("1,", values) + "]");
  CHECK(many.status().code() == Code::kResourceExhausted);
  CHECK(error_of(many).ends_with("more than 1000000 values"));
  CHECK(parse_hcl("a = [" + repeat("1,", values - 1) + "]").ok());
}

TEST_CASE("an HCL object with very many keys takes no quadratic time") {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "k" + std::to_string(i) + "=1\n";
  text += text;
  const auto parsed = parse_hcl(text);
  REQUIRE(parsed.ok());
  CHECK(parsed->as_object()->size() == 200000);
}

}  // namespace
}  // namespace discovery::hcl
