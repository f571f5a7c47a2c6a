#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "lib/hcl/hcl.h"

namespace discovery::hcl::testing {

inline Value null() { return Value(); }
inline Value boolean(bool value) { return Value(value); }
inline Value integer(std::int64_t value) { return Value(value); }
inline Value real(double value) { return Value(value); }
inline Value string(std::string value) { return Value(std::move(value)); }
inline Value list(Value::List elements) { return Value(std::move(elements)); }
inline Value object(Value::Object members) { return Value(std::move(members)); }

/// The value of the one key `a` in an HCL text; null if the text is wrong.
inline Value hcl_value_of_a(const std::string& text) {
  const Result<Value> parsed = parse_hcl(text);
  if (!parsed.ok()) return Value();
  const Value* const value = parsed->find("a");
  return value == nullptr ? Value() : *value;
}

/// The message of a text that must be refused; empty if it is not.
inline std::string error_of(const Result<Value>& parsed) { return std::string(parsed.status().message()); }

}  // namespace discovery::hcl::testing
