#include "lib/filter/filter.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <re2/re2.h>

#include "lib/base/go_number.h"
#include "lib/base/strings.h"
#include "lib/filter/pattern.h"

namespace discovery::filter {
namespace {

/// Whether values of a kind can be compared by an operator.
bool takes(const Schema& schema, Operator op) {
  switch (schema.kind) {
    case Kind::kBool:
    case Kind::kSigned:
    case Kind::kUnsigned:
    case Kind::kReal:
      return op == Operator::kEqual;
    case Kind::kString:
      return op != Operator::kIsEmpty;
    case Kind::kRecord:
      return false;
    case Kind::kList: {
      const bool of_scalars = schema.elements != nullptr && schema.elements->kind < Kind::kRecord;
      return op == Operator::kIsEmpty || (op == Operator::kIn && of_scalars);
    }
    case Kind::kMap:
      return op == Operator::kIsEmpty || op == Operator::kIn;
  }
  return false;
}

/// Turns comparisons into conditions.
class Compiler {
 public:
  Compiler(const Schema& schema, const std::vector<Comparison>& comparisons)
      : schema_(schema), comparisons_(comparisons), conditions_(comparisons.size()) {}

  /// In the order of the text, so that the first error is reported.
  Status compile(const Expression& expression) {
    if (expression.kind == Expression::Kind::kComparison) {
      return compile(comparisons_[expression.comparison], conditions_[expression.comparison]);
    }
    for (const Expression& operand : expression.operands) {
      if (Status status = compile(operand); !status.ok()) return status;
    }
    return {};
  }

  std::vector<Condition> take() && { return std::move(conditions_); }

 private:
  Status compile(const Comparison& comparison, Condition& out) {
    const Schema* target = resolve(comparison, out);
    if (target == nullptr) {
      return invalid_argument("Selector " + base::go_quote(comparison.selector_text(out.path.size() + 1)) +
                              " is not valid");
    }
    if (!takes(*target, comparison.op)) {
      return invalid_argument("Invalid match operator " + base::go_quote(comparison.operator_name()) +
                              " for selector " + base::go_quote(comparison.selector_text()));
    }
    out.op = comparison.op;
    out.negated = comparison.negated;
    if (out.op == Operator::kIsEmpty) return {};
    if (out.op == Operator::kMatches) return compile_pattern(comparison.value, out);
    const Status status =
        convert(comparison.value, target->kind == Kind::kList ? *target->elements : *target, out);
    if (status.ok()) return {};
    return invalid_argument("Failed to coerce value " + base::go_quote(comparison.value) + " for selector " +
                            base::go_quote(comparison.selector_text()) + ": " +
                            std::string(status.message()));
  }

  /// Follows a selector. Null where it leads nowhere; then `out.path` has the parts before.
  const Schema* resolve(const Comparison& comparison, Condition& out) const {
    const Schema* at = &schema_;
    for (const std::string& part : comparison.selector) {
      while (at != nullptr && at->kind == Kind::kList) at = at->elements.get();
      if (at == nullptr) return nullptr;
      Condition::Step step;
      if (at->kind == Kind::kMap) {
        step.key = part;
        at = at->elements.get();
      } else {
        const Schema::Field* field = at->find(part);
        if (field == nullptr) return nullptr;
        step.ordinal = field->ordinal;
        at = field->schema.get();
      }
      if (at == nullptr) return nullptr;
      out.path.push_back(std::move(step));
    }
    return at;
  }

  static Status convert(const std::string& value, const Schema& target, Condition& out) {
    const auto assign = [](auto parsed, auto& to) -> Status {
      if (!parsed.ok()) return parsed.status();
      to = *parsed;
      return {};
    };
    switch (target.kind) {
      case Kind::kBool:
        return assign(base::parse_go_bool(value), out.truth);
      case Kind::kSigned:
        return assign(base::parse_go_int(value, 0), out.integer);
      case Kind::kUnsigned:
        return assign(base::parse_go_uint(value, 0), out.natural);
      case Kind::kReal:
        return assign(base::parse_go_float(value), out.real);
      default:
        out.text = value;
        return {};
    }
  }

  Status compile_pattern(const std::string& value, Condition& out) {
    if (++patterns_ > kMaxPatterns) {
      return invalid_argument("more than " + std::to_string(kMaxPatterns) +
                              " regular expressions in the expression");
    }
    const Result<Pattern> pattern = Pattern::compile(value);
    if (!pattern.ok()) {
      return invalid_argument("Failed to compile regular expression " + base::go_quote(value) + ": " +
                              std::string(pattern.status().message()));
    }
    out.pattern = pattern->compiled();
    return {};
  }

  const Schema& schema_;
  const std::vector<Comparison>& comparisons_;
  std::vector<Condition> conditions_;
  std::size_t patterns_ = 0;
};

Status evaluator_error(const Status& cause) {
  return invalid_argument(std::string(kCompileError).append(cause.message()));
}

}  // namespace

const Schema::Field* Schema::find(std::string_view name) const {
  const auto field =
      std::find_if(fields.begin(), fields.end(), [name](const Field& one) { return one.name == name; });
  return field != fields.end() ? &*field : nullptr;
}

bool Condition::holds_for(std::string_view value) const {
  switch (op) {
    case Operator::kEqual:
      return equals(value) != negated;
    case Operator::kIn:
      return (value.find(text) != std::string::npos) != negated;
    case Operator::kMatches:
      return re2::RE2::PartialMatch(value, *pattern) != negated;
    case Operator::kIsEmpty:
      break;  // not taken by strings
  }
  return false;
}

std::size_t Filter::pattern_size() const {
  return std::accumulate(
      conditions_.begin(), conditions_.end(), std::size_t{0}, [](std::size_t sum, const Condition& one) {
        return one.pattern ? sum + static_cast<std::size_t>(one.pattern->ProgramSize()) : sum;
      });
}

Result<Filter> Filter::compile(std::string_view text, const Schema& schema) {
  Filter filter;
  filter.record_ = schema.record;
  if (text.empty()) return filter;
  Result<Syntax> syntax = parse_expression(text);
  if (!syntax) return evaluator_error(syntax.status());
  Compiler compiler(schema, syntax->comparisons);
  if (const Status status = compiler.compile(syntax->root); !status.ok()) return evaluator_error(status);
  filter.empty_ = false;
  filter.root_ = std::move(syntax->root);
  filter.conditions_ = std::move(compiler).take();
  return filter;
}

}  // namespace discovery::filter
