#include "lib/filter/expression.h"

#include <string>

#include <catch2/catch.hpp>

namespace discovery::filter {
namespace {

/// The tree as text: and(a, b), not(a), "[a.b] Equal <value>".
std::string show(const Syntax& syntax, const Expression& expression) {
  std::string name;
  switch (expression.kind) {
    case Expression::Kind::kComparison: {
      const Comparison& comparison = syntax.comparisons[expression.comparison];
      return "[" + comparison.selector_text() + "] " + comparison.operator_name() +
             (comparison.op == Operator::kIsEmpty ? "" : " <" + comparison.value + ">");
    }
    case Expression::Kind::kNot:
      name = "not(";
      break;
    case Expression::Kind::kAnd:
      name = "and(";
      break;
    case Expression::Kind::kOr:
      name = "or(";
      break;
  }
  for (const Expression& operand : expression.operands) {
    if (&operand != &expression.operands.front()) name += ", ";
    name += show(syntax, operand);
  }
  return name + ")";
}

std::string parsed(const std::string& text) {
  const Result<Syntax> syntax = parse_expression(text);
  return syntax.ok() ? show(*syntax, syntax->root) : "error: " + std::string(syntax.status().message());
}

TEST_CASE("comparisons are parsed") {
  struct Case {
    std::string text;
    std::string tree;
  };
  const Case cases[] = {
      {"a == b", "[a] Equal <b>"},
      {"a==b", "[a] Equal <b>"},
      {"a!=b", "[a] Not Equal <b>"},
      {"a != 3", "[a] Not Equal <3>"},
      {"a == -1.50", "[a] Equal <-1.50>"},
      {"a == 0", "[a] Equal <0>"},
      {"a == b.c[\"d e\"]", "[a] Equal <b.c.d e>"},
      {"a == \"\"", "[a] Equal <>"},
      {"a == \"x y\"", "[a] Equal <x y>"},
      {"a == `x\\n\"y`", "[a] Equal <x\\n\"y>"},
      {"a == `x\r\ny`", "[a] Equal <x\ny>"},
      {R"(a == "\t\\\x41\101é\U0001F600")", "[a] Equal <\t\\AA\xC3\xA9\xF0\x9F\x98\x80>"},
      {"a contains b", "[a] In <b>"},
      {"a not contains b", "[a] Not In <b>"},
      {"a matches b", "[a] Matches <b>"},
      {"a not matches \"b\"", "[a] Not Matches <b>"},
      {"a is empty", "[a] Is Empty"},
      {"a is not empty", "[a] Is Not Empty"},
      {"b in a", "[a] In <b>"},
      {"\"b\" not in a", "[a] Not In <b>"},
      {"-4 in a", "[a] In <-4>"},
      {"a.b_1.C == x", "[a.b_1.C] Equal <x>"},
      {"a[\"x-y\"].b[ `z` ] == 1", "[a.x-y.b.z] Equal <1>"},
      {"\t\r\n a \n==\t x \r", "[a] Equal <x>"},
  };
  for (const Case& c : cases) CHECK(parsed(c.text) == c.tree);
}

TEST_CASE("words may be names") {
  CHECK(parsed("not == 3") == "[not] Equal <3>");
  CHECK(parsed("not in not") == "[not] In <not>");
  CHECK(parsed("not not in not") == "not([not] In <not>)");
  CHECK(parsed("is is empty") == "[is] Is Empty");
  CHECK(parsed("and == or") == "[and] Equal <or>");
  CHECK(parsed("notable == 1") == "[notable] Equal <1>");
  CHECK(parsed("in in contains") == "[contains] In <in>");
}

TEST_CASE("expressions are parsed with their precedence") {
  CHECK(parsed("a==1 and b==2 or c==3") == "or(and([a] Equal <1>, [b] Equal <2>), [c] Equal <3>)");
  CHECK(parsed("a==1 or b==2 and c==3") == "or([a] Equal <1>, and([b] Equal <2>, [c] Equal <3>))");
  CHECK(parsed("(a==1 or b==2) and c==3") == "and(or([a] Equal <1>, [b] Equal <2>), [c] Equal <3>)");
  CHECK(parsed("not a==1 and b==2") == "and(not([a] Equal <1>), [b] Equal <2>)");
  CHECK(parsed("not (a==1 and b==2)") == "not(and([a] Equal <1>, [b] Equal <2>))");
  CHECK(parsed("not not a==1") == "not(not([a] Equal <1>))");
  CHECK(parsed("( ( a==1 ) )") == "[a] Equal <1>");
  CHECK(parsed("a==1 and b==2 and c==3 and d==4") ==
        "and([a] Equal <1>, [b] Equal <2>, [c] Equal <3>, [d] Equal <4>)");
}

TEST_CASE("wrong syntax is reported with place and expectations") {
  struct Case {
    std::string text;
    std::string error;
  };
  const std::string start = R"("(", "-", "0", "\"", "`", "not", [ \t\r\n], [1-9] or [a-zA-Z])";
  const Case cases[] = {
      {"", "1:1 (0): no match found, expected: " + start},
      {"==", "1:1 (0): no match found, expected: " + start},
      {"a==1 and ", "1:10 (9): no match found, expected: " + start},
      {"a==1 or ", "1:9 (8): no match found, expected: " + start},
      {"bad", R"(1:4 (3): no match found, expected: "!=", ".", "==", "[", [ \t\r\n] or [a-zA-Z0-9_])"},
      {"Node==", R"(1:7 (6): no match found, expected: "-", "0", "\"", "`", [ \t\r\n], [1-9] or [a-zA-Z])"},
      {"ServicePort > 1",
       R"(1:13 (12): no match found, expected: "!=", "==", "contains", "in", "is", "matches", "not" or [ \t\r\n])"},
      {"7 == 7", R"(1:3 (2): no match found, expected: "in", "not" or [ \t\r\n])"},
      {"x in foo abc", R"(1:10 (9): no match found, expected: "and", "or", [ \t\r\n] or EOF)"},
      {"a == 3)", R"(1:7 (6): no match found, expected: ".", [ \t\r\n], [0-9] or EOF)"},
      {"a == -", R"(1:7 (6): no match found, expected: "0" or [1-9])"},
      {"a. == 2", "1:3 (2): no match found, expected: [a-zA-Z]"},
      {"a == 12x", "1:8 (7): rule \"number\": Invalid number literal"},
      {"a == 01", "1:7 (6): rule \"number\": Invalid number literal"},
      {"a == \"12", "1:9 (8): rule \"string\": Unterminated string literal"},
      {"a == `12", "1:9 (8): rule \"string\": Unterminated string literal"},
      {R"(a == "\q")", "1:6 (5): rule \"string\": invalid syntax"},
      {R"(a == "\")", "1:6 (5): rule \"string\": invalid syntax"},
      {R"(a == "\x4")", "1:6 (5): rule \"string\": invalid syntax"},
      {R"(a == "\400")", "1:6 (5): rule \"string\": invalid syntax"},
      {R"(a == "\UFFFFFFFF")", "1:6 (5): rule \"string\": invalid syntax"},
      {"a == \"x\ny\"", "1:6 (5): rule \"string\": invalid syntax"},
      {"a[3] == b", "1:3 (2): rule \"index\": Invalid index"},
      {"a[\"x\" == b", "1:7 (6): rule \"index\": Unclosed index expression"},
      {"a[\"x",
       "1:5 (4): rule \"string\": Unterminated string literal\n1:3 (2): rule \"index\": Invalid index"},
      {"x in 32", "1:6 (5): rule \"match\": Invalid selector"},
      {"(a == 4", "1:8 (7): rule \"grouping\": Unmatched parentheses"},
      {"(((a == 4)", "1:11 (10): rule \"grouping\": Unmatched parentheses"},
      {"\n\na == x y", R"(3:8 (9): no match found, expected: "and", "or", [ \t\r\n] or EOF)"},
      {"a == `\xC3\xA9` y", R"(1:10 (10): no match found, expected: "and", "or", [ \t\r\n] or EOF)"},
      {"a == \xFF", "1:6 (5): invalid encoding"},
  };
  for (const Case& c : cases) CHECK(parsed(c.text) == "error: " + c.error);
}

TEST_CASE("expressions are bounded") {
  const auto repeat = [](const std::string& text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
  };
  CHECK(parsed(repeat("(", 64) + "a==1" + repeat(")", 64)) == "[a] Equal <1>");
  CHECK(parsed(repeat("(", 65) + "a==1" + repeat(")", 65)) == "error: the expression nests deeper than 64");
  CHECK(parsed(repeat("(", 60000)) == "error: the expression nests deeper than 64");
  CHECK(parsed(repeat("not ", 15000) + "a==1") == "error: the expression nests deeper than 64");
  CHECK(parsed(std::string(65537, 'a')) == "error: the expression is longer than 65536 bytes");
  CHECK(parse_expression(repeat("a==1 or ", 4095) + "a==1").ok());
  CHECK(parsed(repeat("a==1 or ", 4096) + "a==1") == "error: more than 4096 comparisons in the expression");
}

TEST_CASE("hostile expressions take time in proportion to their length") {
  const auto repeat = [](const std::string& text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
  };
  // Backtracking naively, each of these would take longer than anybody waits.
  CHECK_FALSE(parse_expression(repeat("(", 63) + "a==1").ok());
  CHECK_FALSE(parse_expression(repeat("(not ", 31) + "a" + repeat(")", 31)).ok());
  CHECK_FALSE(parse_expression(repeat("not (", 31) + "a==1" + repeat(")", 30)).ok());
  CHECK_FALSE(parse_expression("a" + std::string(65000, ' ')).ok());
  CHECK_FALSE(parse_expression(repeat("not" + std::string(1000, ' '), 60)).ok());
  CHECK_FALSE(parse_expression("a" + repeat(".b", 30000)).ok());
  CHECK_FALSE(parse_expression("a == " + std::string(60000, '1') + "x").ok());
  CHECK_FALSE(parse_expression(std::string(65000, '\n')).ok());
}

}  // namespace
}  // namespace discovery::filter
