// The parser against its grammar: a plain backtracking interpreter of the parsing expression grammar, far too
// slow for use, reports what it expected at the farthest place that it reached. The parser must say the same,
// word for word.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/base/strings.h"
#include "lib/filter/expression.h"

namespace discovery::filter {
namespace {

/// Where the interpreter is, and what went wrong so far.
struct State {
  std::string_view text;
  std::size_t at = 0;
  std::size_t farthest = 0;
  bool inverted = false;  ///< within a `!`: there, what succeeds is what was not expected
  std::set<std::string> expected;
  std::vector<std::string> errors;

  void tried(std::size_t place, bool success, const std::string& what) {
    if (success != inverted || place < farthest) return;
    if (place > farthest) expected.clear();
    farthest = place;
    expected.insert(inverted ? "!" + what : what);
  }
};

using Rule = std::function<bool(State&)>;

Rule lit(std::string_view text) {
  return [text, quoted = base::go_quote(text)](State& s) {
    const std::size_t start = s.at;
    const bool found = s.text.substr(s.at, text.size()) == text;
    if (found) s.at += text.size();
    s.tried(start, found, quoted);
    return found;
  };
}
Rule cls(std::string name, std::function<bool(char)> accepts) {
  return [name = std::move(name), accepts = std::move(accepts)](State& s) {
    const std::size_t start = s.at;
    const bool found = s.at < s.text.size() && accepts(s.text[s.at]);
    if (found) ++s.at;
    s.tried(start, found, name);
    return found;
  };
}
Rule seq(std::vector<Rule> rules) {
  return [rules = std::move(rules)](State& s) {
    const std::size_t start = s.at;
    for (const Rule& rule : rules) {
      if (!rule(s)) {
        s.at = start;
        return false;
      }
    }
    return true;
  };
}
Rule alt(std::vector<Rule> rules) {
  return [rules = std::move(rules)](State& s) {
    return std::any_of(rules.begin(), rules.end(), [&s](const Rule& rule) { return rule(s); });
  };
}
Rule star(Rule rule) {
  return [rule = std::move(rule)](State& s) {
    while (rule(s)) {
    }
    return true;
  };
}
Rule opt(Rule rule) {
  return [rule = std::move(rule)](State& s) { return rule(s) || true; };
}
Rule plus(Rule rule) { return seq({rule, star(rule)}); }
Rule ahead(Rule rule) {
  return [rule = std::move(rule)](State& s) {
    const std::size_t start = s.at;
    const bool found = rule(s);
    s.at = start;
    return found;
  };
}
Rule never(Rule rule) {
  return [rule = std::move(rule)](State& s) {
    const std::size_t start = s.at;
    s.inverted = !s.inverted;
    const bool found = rule(s);
    s.inverted = !s.inverted;
    s.at = start;
    return !found;
  };
}
Rule error(std::string_view rule, std::string_view message) {
  return [rule, message](State& s) {
    std::string line = std::to_string(s.at);
    line.append(" ").append(rule).append(": ").append(message);
    if (std::find(s.errors.begin(), s.errors.end(), line) == s.errors.end()) s.errors.push_back(line);
    return false;
  };
}
/// A rule whose text may be no literal of Go: one between double quotes may not hold a line end. It is
/// accepted all the same.
Rule unquoted(Rule rule) {
  return [rule = std::move(rule)](State& s) {
    const std::size_t start = s.at;
    if (!rule(s)) return false;
    const std::string_view literal = s.text.substr(start, s.at - start);
    const std::string line = std::to_string(start) + " string: invalid syntax";
    const bool reported = std::find(s.errors.begin(), s.errors.end(), line) != s.errors.end();
    if (!reported && literal.front() == '"' && literal.find('\n') != std::string_view::npos)
      s.errors.push_back(line);
    return true;
  };
}
/// A rule that is defined later.
Rule later(const Rule& rule) {
  return [&rule](State& s) { return rule(s); };
}

/// The grammar. Rules refer to each other, so the object stays where it is.
struct Grammar {
  Rule space =
      plus(cls("[ \\t\\r\\n]", [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }));
  Rule any = cls(".", [](char) { return true; });
  Rule end = never(any);
  Rule digits = star(cls("[0-9]", [](char c) { return c >= '0' && c <= '9'; }));
  Rule some_digits = plus(cls("[0-9]", [](char c) { return c >= '0' && c <= '9'; }));

  Rule raw_chars = star(seq({never(lit("`")), any}));
  Rule quoted_chars = star(seq({never(lit("\"")), any}));
  Rule string =
      alt({unquoted(alt({seq({lit("`"), raw_chars, lit("`")}), seq({lit("\""), quoted_chars, lit("\"")})})),
           seq({alt({seq({lit("`"), raw_chars}), seq({lit("\""), quoted_chars})}), end,
                error("string", "Unterminated string literal")})});

  Rule number_body =
      seq({opt(lit("-")),
           alt({lit("0"), seq({cls("[1-9]", [](char c) { return c >= '1' && c <= '9'; }), digits})}),
           opt(seq({lit("."), some_digits}))});
  Rule after_number = ahead(alt({space, end, lit(")")}));
  Rule number = alt({seq({number_body, ahead(after_number)}),
                     seq({number_body, never(after_number), error("number", "Invalid number literal")})});

  Rule identifier =
      seq({cls("[a-zA-Z]", [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }),
           star(cls("[a-zA-Z0-9_]", [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
           }))});
  Rule index = alt({seq({lit("["), opt(space), string, opt(space), lit("]")}),
                    seq({lit("["), opt(space), never(string), error("index", "Invalid index")}),
                    seq({lit("["), opt(space), string, opt(space), never(lit("]")),
                         error("index", "Unclosed index expression")})});
  Rule selector = seq({identifier, star(alt({seq({lit("."), identifier}), index}))});
  Rule value = alt({selector, number, string});

  static Rule symbol(const Rule& space, std::string_view text) {
    return seq({opt(space), lit(text), opt(space)});
  }
  Rule in = alt({seq({space, lit("in"), space}), seq({space, lit("not"), space, lit("in"), space})});
  Rule compare =
      alt({symbol(space, "=="), symbol(space, "!="), seq({space, lit("contains"), space}),
           seq({space, lit("not"), space, lit("contains"), space}), seq({space, lit("matches"), space}),
           seq({space, lit("not"), space, lit("matches"), space})});
  Rule emptiness = alt({seq({space, lit("is"), space, lit("empty")}),
                        seq({space, lit("is"), space, lit("not"), space, lit("empty")})});
  Rule comparison = alt({seq({selector, compare, value}), seq({selector, emptiness}),
                         alt({seq({value, in, selector}),
                              seq({value, in, never(selector), error("match", "Invalid selector")})})});

  Rule grouping = alt({seq({lit("("), opt(space), later(disjunction), opt(space), lit(")")}), comparison,
                       seq({lit("("), opt(space), later(disjunction), opt(space), never(lit(")")),
                            error("grouping", "Unmatched parentheses")})});
  Rule negation = alt({seq({lit("not"), space, later(negation)}), grouping});
  Rule conjunction = alt({seq({negation, space, lit("and"), space, later(conjunction)}), negation});
  Rule disjunction = alt({seq({conjunction, space, lit("or"), space, later(disjunction)}), conjunction});
  Rule input =
      alt({seq({opt(space), lit("("), opt(space), disjunction, opt(space), lit(")"), opt(space), end}),
           seq({opt(space), disjunction, opt(space), end})});
};

/// "ok", the errors, or the farthest place with what was expected there.
std::string interpret(const Grammar& grammar, std::string_view text) {
  State state;
  state.text = text;
  const bool found = grammar.input(state);
  if (found && state.errors.empty()) return "ok";
  std::string out;
  for (const std::string& line : state.errors) out += line + "\n";
  if (!out.empty()) return out;
  const bool end = state.expected.erase("!.") != 0;
  out = std::to_string(state.farthest) + ": ";
  for (const std::string& what : state.expected) out += what + " ";
  if (end) out += "EOF ";
  return out;
}

/// The parser's answer in the same form.
std::string parse(std::string_view text) {
  const Result<Syntax> syntax = parse_expression(text);
  if (syntax.ok()) return "ok";
  std::string out;
  for (std::string_view line : base::split(syntax.status().message(), '\n')) {
    constexpr std::string_view kNoMatch = ": no match found, expected: ";
    const std::string offset(line.substr(line.find('(') + 1, line.find(')') - line.find('(') - 1));
    line.remove_prefix(line.find(')') + 1);
    if (line.substr(0, kNoMatch.size()) != kNoMatch) {
      constexpr std::string_view kRule = ": rule \"";
      line.remove_prefix(kRule.size());
      const std::size_t quote = line.find('"');
      out += offset + " " + std::string(line.substr(0, quote)) + std::string(line.substr(quote + 1)) + "\n";
      continue;
    }
    line.remove_prefix(kNoMatch.size());
    out += offset + ": ";
    std::string list(line);
    if (const std::size_t last = list.rfind(" or "); last != std::string::npos) list.replace(last, 4, ", ");
    for (std::size_t comma; (comma = list.find(", ")) != std::string::npos;) list.replace(comma, 2, " ");
    out += list + " ";
  }
  return out;
}

TEST_CASE("the parser agrees with the grammar on texts drawn at random") {
  static constexpr std::string_view kTokens[] = {
      "a",   "Node",  "not", "in",      "is",     "empty",      "contains",   "matches", "and",  "or",
      "==",  "!=",    "(",   ")",       "[",      "]",          ".",          "-",       "0",    "12",
      "3.4", "\"s\"", "`r`", "[\"k\"]", " ",      " ",          " ",          " ",       "  ",   "\n",
      "_",   ",",     "\"",  "`",       "a == 1", "b is empty", "not c in d", " and ",   " or ", "a.b"};
  const Grammar grammar;
  std::mt19937 random(20);
  std::size_t accepted = 0;
  for (int i = 0; i < 10000; ++i) {
    std::string text;
    std::size_t parentheses = 0;
    for (std::size_t left = 1 + random() % 9; left > 0; --left) {
      const std::string_view token = kTokens[random() % std::size(kTokens)];
      // The interpreter takes exponential time in these: a third one only now and then.
      if (token == "(" && ++parentheses > (i % 200 == 0 ? 3U : 2U)) continue;
      text += token;
    }
    const std::string want = interpret(grammar, text);
    accepted += want == "ok" ? 1 : 0;
    const std::string got = parse(text);
    if (want != got) FAIL(base::go_quote(text) << "\ngrammar: " << want << "\nparser:  " << got);
  }
  CHECK(accepted > 100);
}

}  // namespace
}  // namespace discovery::filter
