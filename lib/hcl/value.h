#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace discovery::hcl {

class Value;

/// A key with its value. A template only because a plain struct could not name Value before that is complete.
template <class V>
struct BasicMember {
  std::string key;
  V value;

  friend bool operator==(const BasicMember& a, const BasicMember& b) {
    return a.key == b.key && a.value == b.value;
  }
};

/// One key of an object with its value.
using Member = BasicMember<Value>;

/// What an HCL or JSON text says: a tree of values, each of which knows the line it was read from.
/// Threads: a value; distinct objects may be used by distinct threads.
class Value {
 public:
  using List = std::vector<Value>;
  /// In the order of the text; every key is there once.
  using Object = std::vector<Member>;
  using Data = std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Object>;
  /// In the order of the alternatives of `Data`.
  enum class Kind : std::uint8_t { kNull, kBool, kInt, kDouble, kString, kList, kObject };

  /// Null.
  Value() = default;
  /// `line` counts from 1; 0 means that the value was not read from a text.
  explicit Value(Data data, int line = 0) : data_(std::move(data)), line_(line) {}

  Kind kind() const noexcept { return static_cast<Kind>(data_.index()); }
  bool is_null() const noexcept { return kind() == Kind::kNull; }
  int line() const noexcept { return line_; }

  /// The content if it is of that kind, else null. Valid until the value changes.
  const bool* as_bool() const noexcept { return std::get_if<bool>(&data_); }
  const std::int64_t* as_int() const noexcept { return std::get_if<std::int64_t>(&data_); }
  const double* as_double() const noexcept { return std::get_if<double>(&data_); }
  const std::string* as_string() const noexcept { return std::get_if<std::string>(&data_); }
  const List* as_list() const noexcept { return std::get_if<List>(&data_); }
  List* as_list() noexcept { return std::get_if<List>(&data_); }
  const Object* as_object() const noexcept { return std::get_if<Object>(&data_); }
  Object* as_object() noexcept { return std::get_if<Object>(&data_); }

  /// The member `key` of an object; null if there is none, or if this is no object. O(members).
  const Value* find(std::string_view key) const noexcept;

  /// Whether both say the same; lines do not count, the order of members does.
  friend bool operator==(const Value& a, const Value& b) { return a.data_ == b.data_; }

 private:
  Data data_;
  int line_ = 0;
};

inline const Value* Value::find(std::string_view key) const noexcept {
  const Object* members = as_object();
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

}  // namespace discovery::hcl
