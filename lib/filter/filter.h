#pragma once

/// \file
/// Filter expressions on records (https://developer.hashicorp.com/consul/api-docs/features/filtering):
/// compiled once against a record's schema, then asked of many records.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <discovery/status.h>

#include "lib/codec/traits.h"
#include "lib/filter/expression.h"
#include "lib/filter/schema.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace discovery::filter {

/// How many `matches` one expression may have, and how much memory each of them may use.
inline constexpr std::size_t kMaxPatterns = 64;
inline constexpr std::size_t kPatternMemory = 1 << 20;

/// How the errors of Filter::compile() begin.
inline constexpr std::string_view kCompileError = "Failed to create boolean expression evaluator: ";

/// One comparison, made ready for records.
struct Condition {
  /// The way from a value to one within it.
  struct Step {
    std::size_t ordinal = 0;  ///< of a record's field
    std::string key;          ///< of a map's value
  };

  std::vector<Step> path;
  Operator op = Operator::kEqual;
  bool negated = false;

  /// The value in the form of the field that it is compared with.
  /// @{
  std::string text;
  std::int64_t integer = 0;
  std::uint64_t natural = 0;
  double real = 0;
  bool truth = false;
  std::shared_ptr<const re2::RE2> pattern;
  /// @}

  bool equals(std::string_view value) const { return value == text; }
  bool equals(bool value) const { return value == truth; }
  bool equals(double value) const { return value == real; }
  template <std::integral T>
  bool equals(T value) const {
    if constexpr (std::signed_integral<T>) {
      return value == integer;
    } else {
      return value == natural;
    }
  }
  /// Whether a string equals, contains or matches the value.
  bool holds_for(std::string_view value) const;
  /// The answer where a map has no value of the name: only what asks for a value is false.
  bool holds_for_missing() const {
    return negated ? op != Operator::kIsEmpty : op != Operator::kEqual && op != Operator::kIn;
  }
};

/// A compiled expression. Threads: immutable; any number of threads may ask it at once. Copies share the
/// patterns.
class Filter {
 public:
  /// Compiles an expression for the records of a schema; the empty one fits every record. Errors:
  /// kInvalidArgument with Consul's text, kCompileError and then: the syntax is wrong (parse_expression()), a
  /// selector is not one of the record's, its kind does not take the operator, or a value does not fit the
  /// field. Takes time proportional to the length of the text.
  static Result<Filter> compile(std::string_view text, const Schema& schema);

  /// Whether `record` fits. kInternal if the filter was not compiled for records of this type.
  template <class Record>
  Result<bool> matches(const Record& record) const {
    if (record_ != &detail::kRecordTag<Record>)
      return Status(Code::kInternal, "the filter is for other records");
    return empty_ || holds(root_, record);
  }

  /// How long its regular expressions are when they are compiled: each byte that they are sought in may take
  /// time in proportion to that.
  std::size_t pattern_size() const;

 private:
  Filter() = default;

  template <class Record>
  bool holds(const Expression& expression, const Record& record) const;

  bool empty_ = true;
  Expression root_;
  std::vector<Condition> conditions_;
  const void* record_ = nullptr;
};

namespace detail {

/// The archive that follows a condition's path through a record. A part of the path is a field's ordinal, so
/// no names are compared.
class Probe {
 public:
  Probe(const Condition& condition, std::size_t depth)
      : condition_(condition), depth_(depth), left_(condition.path[depth].ordinal) {}

  bool holds() const { return holds_; }

  template <class T>
  void field(std::string_view, const T& value, const codec::FieldOptions& = {}) {
    if (left_-- == 0) holds_ = holds_for(condition_, depth_ + 1, value);
  }
  void bytes(std::string_view, std::string_view, const codec::FieldOptions& = {}) { --left_; }
  void duration(std::string_view, Duration duration, const codec::FieldOptions& = {}) {
    if (left_-- == 0) holds_ = holds_for(condition_, depth_ + 1, std::int64_t{duration.count()});
  }

  /// Whether the condition holds for a value that the path up to `depth` leads to.
  template <class T>
  static bool holds_for(const Condition& condition, std::size_t depth, const T& value);

 private:
  template <class T>
  static bool holds_for_list(const Condition& condition, std::size_t depth, const T& list);
  template <class T>
  static bool holds_for_map(const Condition& condition, std::size_t depth, const T& map);

  const Condition& condition_;
  const std::size_t depth_;
  std::size_t left_;  ///< how many fields come before the wanted one
  bool holds_ = false;
};

template <class T>
bool Probe::holds_for(const Condition& condition, std::size_t depth, const T& value) {
  if constexpr (codec::detail::kIsOptional<T>) {
    using Inner = typename T::value_type;
    return value ? holds_for(condition, depth, *value) : holds_for(condition, depth, make_sample<Inner>());
  } else if constexpr (codec::detail::kIsShared<T>) {
    using Inner = std::remove_const_t<typename T::element_type>;
    return value ? holds_for(condition, depth, *value) : holds_for(condition, depth, make_sample<Inner>());
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return condition.holds_for(value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return condition.equals(value) != condition.negated;
  } else if constexpr (codec::detail::kIsVector<T>) {
    return holds_for_list(condition, depth, value);
  } else if constexpr (codec::detail::kIsMap<T>) {
    return holds_for_map(condition, depth, value);
  } else if constexpr (std::same_as<T, codec::Opaque>) {
    return false;
  } else {
    Probe probe(condition, depth);
    describe(probe, value);
    return probe.holds();
  }
}

template <class T>
bool Probe::holds_for_list(const Condition& condition, std::size_t depth, const T& list) {
  using Element = typename T::value_type;
  if (depth == condition.path.size()) {
    if (condition.op == Operator::kIsEmpty) return list.empty() != condition.negated;
    if constexpr (scalar_kind<Element>() != Kind::kRecord) {
      for (const Element& element : list) {
        if (condition.equals(element)) return !condition.negated;
      }
    }
    return condition.negated;
  }
  for (const Element& element : list) {
    if (holds_for(condition, depth, element)) return true;
  }
  return false;
}

template <class T>
bool Probe::holds_for_map(const Condition& condition, std::size_t depth, const T& map) {
  if (depth == condition.path.size()) {
    if (condition.op == Operator::kIsEmpty) return map.empty() != condition.negated;
    return (codec::detail::find_mapped(map, condition.text) != nullptr) != condition.negated;
  }
  const auto* value = codec::detail::find_mapped(map, condition.path[depth].key);
  return value != nullptr ? holds_for(condition, depth + 1, *value) : condition.holds_for_missing();
}

}  // namespace detail

template <class Record>
bool Filter::holds(const Expression& expression, const Record& record) const {
  switch (expression.kind) {
    case Expression::Kind::kComparison:
      return detail::Probe::holds_for(conditions_[expression.comparison], 0, record);
    case Expression::Kind::kNot:
      return !holds(expression.operands.front(), record);
    case Expression::Kind::kAnd:
      for (const Expression& operand : expression.operands) {
        if (!holds(operand, record)) return false;
      }
      return true;
    case Expression::Kind::kOr:
      for (const Expression& operand : expression.operands) {
        if (holds(operand, record)) return true;
      }
      return false;
  }
  return false;
}

}  // namespace discovery::filter
