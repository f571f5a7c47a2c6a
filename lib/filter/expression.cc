#include "lib/filter/expression.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include "lib/base/strings.h"

namespace discovery::filter {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }

/// What the parser has to say when it fails. The farthest place counts that anything was tried at, with all
/// that was tried there: what a backtracking parser of the same grammar (a PEG) reports. Other errors outrank
/// it.
class Report {
 public:
  explicit Report(std::string_view text) : text_(text) {}

  /// A class of characters, or the end, was tried at an offset in vain. The name must outlive the report.
  void expected(std::size_t at, std::string_view name) { add(at, {name, false}); }
  /// So was a token.
  void expected_token(std::size_t at, std::string_view token) { add(at, {token, true}); }
  void error(std::size_t at, std::string_view rule, std::string_view message) {
    std::string line = position(at);
    if (!rule.empty()) line.append(": rule \"").append(rule).append("\"");
    line.append(": ").append(message);
    if (std::find(errors_.begin(), errors_.end(), line) == errors_.end()) errors_.push_back(std::move(line));
  }
  /// A limit was hit: nothing else counts.
  void limit(std::string message) {
    if (limit_.empty()) limit_ = std::move(message);
  }

  bool ok() const { return errors_.empty() && limit_.empty(); }
  bool limited() const { return !limit_.empty(); }

  Status status() const {
    if (!limit_.empty()) return invalid_argument(limit_);
    if (errors_.empty())
      return invalid_argument(position(farthest_) + ": no match found, expected: " + alternatives());
    std::string message;
    for (const std::string& line : errors_) message.append(message.empty() ? "" : "\n").append(line);
    return invalid_argument(std::move(message));
  }

 private:
  struct Expected {
    std::string_view text;
    bool is_token;
  };

  void add(std::size_t at, Expected what) {
    if (at < farthest_) return;
    if (at > farthest_) expected_.clear();
    farthest_ = at;
    expected_.push_back(what);
  }
  /// "line:column (offset)": the column counts code points, and a newline is column 0 of the line that it
  /// begins.
  std::string position(std::size_t at) const {
    std::size_t line = 1;
    std::size_t column = 0;
    for (std::size_t i = 0; i <= at;) {
      ++column;
      if (i < text_.size() && text_[i] == '\n') {
        ++line;
        column = 0;
      }
      i += i < text_.size() ? base::decode_rune(text_.substr(i)).length : 1;
    }
    return std::to_string(line) + ":" + std::to_string(column) + " (" + std::to_string(at) + ")";
  }
  /// Sorted, with the end of the text last.
  std::string alternatives() const {
    std::vector<std::string> all;
    for (const Expected& one : expected_)
      all.push_back(one.is_token ? base::go_quote(one.text) : std::string(one.text));
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    const auto end = std::find(all.begin(), all.end(), "EOF");
    if (end != all.end()) std::rotate(end, end + 1, all.end());
    std::string out;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i > 0) out += i + 1 == all.size() ? " or " : ", ";
      out += all[i];
    }
    return out;
  }

  const std::string_view text_;
  std::size_t farthest_ = 0;
  std::vector<Expected> expected_;
  std::vector<std::string> errors_;
  std::string limit_;
};

/// The escapes of Go's string literals.
class Unquoter {
 public:
  /// The content of a literal between double quotes, or nothing if an escape is wrong.
  static std::optional<std::string> unquote(std::string_view content) {
    Unquoter unquoter(content);
    while (!unquoter.rest_.empty()) {
      if (!unquoter.take()) return std::nullopt;
    }
    return std::move(unquoter.out_);
  }

 private:
  explicit Unquoter(std::string_view content) : rest_(content) {}

  bool take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '\n') return false;
    if (c != '\\') return out_ += c, true;
    return !rest_.empty() && take_escape();
  }
  bool take_escape() {
    constexpr std::string_view kNames = "abfnrtv\\";
    constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\";
    const char c = rest_.front();
    if (c >= '0' && c <= '7') return take_byte(3, 8);
    rest_.remove_prefix(1);
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) return out_ += kValues[at], true;
    if (c == 'x') return take_byte(2, 16);
    if (c == 'u') return take_code_point(4);
    return c == 'U' && take_code_point(8);
  }
  bool take_byte(std::size_t digits, std::uint32_t base) {
    const auto value = take_number(digits, base);
    if (!value || *value > 0xFF) return false;
    out_ += static_cast<char>(*value);
    return true;
  }
  bool take_code_point(std::size_t digits) {
    const auto value = take_number(digits, 16);
    if (!value || *value > 0x10FFFF) return false;
    base::append_utf8(out_, *value);
    return true;
  }
  std::optional<std::uint32_t> take_number(std::size_t digits, std::uint32_t base) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    if (rest_.size() < digits) return std::nullopt;
    std::uint32_t value = 0;
    for (const char c : base::to_lower(rest_.substr(0, digits))) {
      const std::size_t digit = kDigits.find(c);
      if (digit >= base) return std::nullopt;
      value = value * base + static_cast<std::uint32_t>(digit);
    }
    rest_.remove_prefix(digits);
    return value;
  }

  std::string_view rest_;
  std::string out_;
};

/// A recursive descent over the grammar. A function that fails leaves the position where it was; a choice
/// that takes another way after it does so, so that no part of the text is parsed more often than a fixed
/// number of times.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), report_(text) {}

  Result<Syntax> parse() {
    check_encoding();
    skip_space();
    std::optional<Expression> root = or_expression();
    bool done = false;
    if (root) {
      skip_space();
      done = at_ == text_.size();
      if (!done) report_.expected(at_, "EOF");
    }
    if (!done || !report_.ok()) return report_.status();
    syntax_.root = *std::move(root);
    return std::move(syntax_);
  }

 private:
  using Words = std::initializer_list<std::string_view>;

  /// \name Tokens
  /// @{
  bool token(std::string_view token) {
    if (text_.substr(at_, token.size()) == token) {
      at_ += token.size();
      return true;
    }
    report_.expected_token(at_, token);
    return false;
  }
  /// White space that must be there.
  bool space() {
    const std::size_t start = at_;
    skip_space();
    return at_ > start;
  }
  /// White space that may be there.
  void skip_space() {
    at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size());
    report_.expected(at_, R"([ \t\r\n])");
  }
  template <class Accept>
  bool one_of(Accept accept, std::string_view name) {
    if (at_ < text_.size() && accept(text_[at_])) {
      ++at_;
      return true;
    }
    report_.expected(at_, name);
    return false;
  }
  /// Words with white space before, between and, if something follows them, behind them.
  bool words(Words sequence, bool followed) {
    const std::size_t start = at_;
    for (const std::string_view word : sequence) {
      if (!space() || !token(word)) return at_ = start, false;
    }
    return !followed || space() || (at_ = start, false);
  }
  bool symbol(std::string_view text) {
    const std::size_t start = at_;
    skip_space();
    if (!token(text)) return at_ = start, false;
    skip_space();
    return true;
  }
  /// @}

  /// \name Expressions
  /// @{
  std::optional<Expression> or_expression() {
    return chain(Expression::Kind::kOr, "or", [this] {
      return chain(Expression::Kind::kAnd, "and", [this] { return not_expression(); });
    });
  }

  /// One or more operands with a word between them.
  template <class Operand>
  std::optional<Expression> chain(Expression::Kind kind, std::string_view word, Operand operand) {
    std::optional<Expression> first = operand();
    if (!first) return std::nullopt;
    Expression all{kind, 0, {}};
    all.operands.push_back(*std::move(first));
    for (std::size_t end = at_; words({word}, true); end = at_) {
      std::optional<Expression> next = operand();
      if (!next) {
        at_ = end;
        break;
      }
      all.operands.push_back(*std::move(next));
    }
    return all.operands.size() > 1 ? std::move(all) : std::move(all.operands.front());
  }

  std::optional<Expression> not_expression() {
    const std::size_t start = at_;
    if (token("not") && space()) {
      const Nesting nesting(*this);
      if (!nesting) return std::nullopt;
      if (std::optional<Expression> operand = not_expression()) {
        Expression negation{Expression::Kind::kNot, 0, {}};
        negation.operands.push_back(*std::move(operand));
        return negation;
      }
    }
    // A field or a value may be named `not`.
    at_ = start;
    return report_.limited() ? std::nullopt : group();
  }

  std::optional<Expression> group() {
    const std::size_t start = at_;
    if (!token("(")) return comparison();
    const Nesting nesting(*this);
    if (!nesting) return std::nullopt;
    skip_space();
    std::optional<Expression> inner = or_expression();
    if (inner) {
      skip_space();
      if (token(")")) return inner;
      report_.error(at_, "grouping", "Unmatched parentheses");
    }
    at_ = start;
    return std::nullopt;
  }

  /// `selector op value`, `selector is empty` or `value in selector`.
  std::optional<Expression> comparison() {
    if (syntax_.comparisons.size() == kMaxComparisons) {
      report_.limit("more than " + std::to_string(kMaxComparisons) + " comparisons in the expression");
      return std::nullopt;
    }
    const std::size_t start = at_;
    Comparison parsed;
    if (selector(parsed.selector)) {
      const std::size_t behind = at_;
      if (value_operator(parsed) && value(parsed.value)) return add(std::move(parsed));
      at_ = behind;
      if (empty_operator(parsed)) return add(std::move(parsed));
      at_ = behind;
      parsed.value = parsed.selector_text();
      parsed.selector.clear();
    } else if (!number(parsed.value) && !string(parsed.value)) {
      return std::nullopt;
    }
    if (in_operator(parsed)) {
      if (selector(parsed.selector)) return add(std::move(parsed));
      report_.error(at_, "match", "Invalid selector");
    }
    at_ = start;
    return std::nullopt;
  }

  std::optional<Expression> add(Comparison comparison) {
    syntax_.comparisons.push_back(std::move(comparison));
    return Expression{Expression::Kind::kComparison, syntax_.comparisons.size() - 1, {}};
  }
  /// @}

  /// \name Operators
  /// @{
  static bool set(Comparison& comparison, Operator op, bool negated) {
    comparison.op = op;
    comparison.negated = negated;
    return true;
  }
  bool value_operator(Comparison& out) {
    if (symbol("==")) return set(out, Operator::kEqual, false);
    if (symbol("!=")) return set(out, Operator::kEqual, true);
    if (words({"contains"}, true)) return set(out, Operator::kIn, false);
    if (words({"not", "contains"}, true)) return set(out, Operator::kIn, true);
    if (words({"matches"}, true)) return set(out, Operator::kMatches, false);
    return words({"not", "matches"}, true) && set(out, Operator::kMatches, true);
  }
  bool empty_operator(Comparison& out) {
    if (words({"is", "empty"}, false)) return set(out, Operator::kIsEmpty, false);
    return words({"is", "not", "empty"}, false) && set(out, Operator::kIsEmpty, true);
  }
  bool in_operator(Comparison& out) {
    if (words({"in"}, true)) return set(out, Operator::kIn, false);
    return words({"not", "in"}, true) && set(out, Operator::kIn, true);
  }
  /// @}

  /// \name Operands
  /// @{
  bool selector(std::vector<std::string>& parts) {
    if (!identifier(parts)) return false;
    while (dotted(parts) || index(parts)) {
    }
    return true;
  }
  bool identifier(std::vector<std::string>& parts) {
    const std::size_t start = at_;
    if (!one_of(is_letter, "[a-zA-Z]")) return false;
    while (one_of(is_word, "[a-zA-Z0-9_]")) {
    }
    parts.emplace_back(text_.substr(start, at_ - start));
    return true;
  }
  bool dotted(std::vector<std::string>& parts) {
    const std::size_t start = at_;
    return token(".") && (identifier(parts) || (at_ = start, false));
  }
  bool index(std::vector<std::string>& parts) {
    const std::size_t start = at_;
    if (!token("[")) return false;
    skip_space();
    std::string key;
    if (string(key)) {
      skip_space();
      if (token("]")) {
        parts.push_back(std::move(key));
        return true;
      }
      report_.error(at_, "index", "Unclosed index expression");
    } else {
      report_.error(at_, "index", "Invalid index");
    }
    at_ = start;
    return false;
  }

  bool value(std::string& out) {
    std::vector<std::string> parts;
    if (!selector(parts)) return number(out) || string(out);
    Comparison joined;
    joined.selector = std::move(parts);
    out = joined.selector_text();
    return true;
  }

  bool number(std::string& out) {
    const std::size_t start = at_;
    token("-");
    if (!token("0")) {
      if (!one_of([](char c) { return c >= '1' && c <= '9'; }, "[1-9]")) return at_ = start, false;
      while (one_of(is_digit, "[0-9]")) {
      }
    }
    const std::size_t integer_end = at_;
    if (token(".")) {
      if (!one_of(is_digit, "[0-9]")) {
        at_ = integer_end;
      } else {
        while (one_of(is_digit, "[0-9]")) {
        }
      }
    }
    const std::size_t end = at_;
    if (!number_ends_here()) {
      report_.error(end, "number", "Invalid number literal");
      at_ = start;
      return false;
    }
    at_ = end;
    out = text_.substr(start, end - start);
    return true;
  }
  bool number_ends_here() {
    if (space() || at_ == text_.size()) return true;
    report_.expected(at_, "EOF");
    return token(")");
  }

  bool string(std::string& out) {
    const std::size_t start = at_;
    const bool raw = token("`");
    if (!raw && !token("\"")) return false;
    const std::size_t end = text_.find(raw ? '`' : '"', at_);
    if (end == std::string_view::npos) {
      report_.error(text_.size(), "string", "Unterminated string literal");
      at_ = start;
      return false;
    }
    const std::string_view content = text_.substr(at_, end - at_);
    at_ = end + 1;
    if (raw) {
      // As in Go, carriage returns are no part of a raw literal.
      out = content;
      out.erase(std::remove(out.begin(), out.end(), '\r'), out.end());
    } else if (std::optional<std::string> unquoted = Unquoter::unquote(content)) {
      out = *std::move(unquoted);
    } else {
      report_.error(start, "string", "invalid syntax");
      out.clear();
    }
    return true;
  }
  /// @}

  void check_encoding() {
    for (std::size_t at = 0; at < text_.size();) {
      const base::Rune rune = base::decode_rune(text_.substr(at));
      if (!rune.valid) return report_.error(at, "", "invalid encoding");
      at += rune.length;
    }
  }

  /// Counts the depth for as long as it lives; false if there are too many.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxExpressionDepth) {
        parser_.report_.limit("the expression nests deeper than " + std::to_string(kMaxExpressionDepth));
      }
    }
    ~Nesting() { --parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    explicit operator bool() const { return !parser_.report_.limited(); }

   private:
    Parser& parser_;
  };

  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  Report report_;
  Syntax syntax_;
};

}  // namespace

std::string Comparison::selector_text(std::size_t parts) const {
  std::string text;
  for (std::size_t i = 0; i < std::min(parts, selector.size()); ++i) {
    if (i > 0) text += '.';
    text += selector[i];
  }
  return text;
}

std::string Comparison::operator_name() const {
  switch (op) {
    case Operator::kEqual:
      return negated ? "Not Equal" : "Equal";
    case Operator::kIn:
      return negated ? "Not In" : "In";
    case Operator::kIsEmpty:
      return negated ? "Is Not Empty" : "Is Empty";
    case Operator::kMatches:
      return negated ? "Not Matches" : "Matches";
  }
  return "UNKNOWN";
}

Result<Syntax> parse_expression(std::string_view text) {
  if (text.size() > kMaxExpressionBytes) {
    return invalid_argument("the expression is longer than " + std::to_string(kMaxExpressionBytes) +
                            " bytes");
  }
  return Parser(text).parse();
}

}  // namespace discovery::filter
