#pragma once

/// \file
/// The syntax of filter expressions (https://developer.hashicorp.com/consul/api-docs/features/filtering).

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

namespace discovery::filter {

/// The longest expression.
inline constexpr std::size_t kMaxExpressionBytes = std::size_t{64} * 1024;
/// How deep parentheses and `not` may nest.
inline constexpr std::size_t kMaxExpressionDepth = 64;
/// How many comparisons one expression may have.
inline constexpr std::size_t kMaxComparisons = 4096;

/// What a comparison asks; `negated` turns each of them round.
enum class Operator : std::uint8_t {
  kEqual,    ///< `==`
  kIn,       ///< `in` and `contains`
  kIsEmpty,  ///< `is empty`
  kMatches,  ///< `matches`
};

/// One comparison, as it was written.
struct Comparison {
  std::vector<std::string> selector;
  Operator op = Operator::kEqual;
  bool negated = false;
  std::string value;  ///< empty for kIsEmpty

  /// The selector's parts with dots between them, as errors show it.
  std::string selector_text(std::size_t parts = std::string::npos) const;
  /// The operator as errors name it, e.g. "Not Equal".
  std::string operator_name() const;
};

/// A node of the syntax tree.
struct Expression {
  enum class Kind : std::uint8_t { kComparison, kNot, kAnd, kOr };
  Kind kind = Kind::kComparison;
  std::size_t comparison = 0;        ///< kComparison: which one
  std::vector<Expression> operands;  ///< kNot: one; kAnd, kOr: two or more
};

/// A parsed expression.
struct Syntax {
  Expression root;
  std::vector<Comparison> comparisons;  ///< in the order of the text
};

/// Parses `text` in time proportional to its length. Errors: kInvalidArgument with Consul's text, such as
/// `1:7 (6): no match found, expected: "-", "0", ...` (line, column, offset); beyond the limits above a text
/// that names the limit. Pure and thread-safe.
Result<Syntax> parse_expression(std::string_view text);

}  // namespace discovery::filter
