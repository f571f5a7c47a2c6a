#pragma once

/// \file
/// How values from a source get into the members of a draft. The schema has checked them: each is of its
/// type.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/schema.h"
#include "lib/agent/config.h"
#include "lib/base/duration.h"
#include "lib/hcl/value.h"

namespace discovery::config {

/// The type of key that fills a member of the C++ type T.
template <class T>
inline constexpr Type kTypeOf = Type::kAny;
template <>
inline constexpr Type kTypeOf<bool> = Type::kBool;
template <>
inline constexpr Type kTypeOf<int> = Type::kInt;
template <>
inline constexpr Type kTypeOf<std::int64_t> = Type::kInt64;
template <>
inline constexpr Type kTypeOf<std::uint32_t> = Type::kUint32;
template <>
inline constexpr Type kTypeOf<std::uint64_t> = Type::kUint64;
template <>
inline constexpr Type kTypeOf<std::string> = Type::kString;
template <>
inline constexpr Type kTypeOf<Duration> = Type::kDuration;
template <>
inline constexpr Type kTypeOf<std::vector<std::string>> = Type::kStrings;
template <>
inline constexpr Type kTypeOf<std::map<std::string, std::string>> = Type::kStringMap;
template <>
inline constexpr Type kTypeOf<std::map<std::string, Duration>> = Type::kDurationMap;
template <class T>
inline constexpr Type kTypeOf<std::optional<T>> = kTypeOf<T>;

inline void assign(bool& target, const hcl::Value& value) { target = *value.as_bool(); }
inline void assign(int& target, const hcl::Value& value) { target = static_cast<int>(*value.as_int()); }
inline void assign(std::int64_t& target, const hcl::Value& value) { target = *value.as_int(); }
inline void assign(std::uint32_t& target, const hcl::Value& value) {
  target = static_cast<std::uint32_t>(*value.as_int());
}
inline void assign(std::uint64_t& target, const hcl::Value& value) {
  target = static_cast<std::uint64_t>(*value.as_int());
}
inline void assign(std::string& target, const hcl::Value& value) { target = *value.as_string(); }
inline void assign(Duration& target, const hcl::Value& value) {
  target = *base::parse_go_duration(*value.as_string());
}
inline void assign(std::vector<std::string>& target, const hcl::Value& value) {
  for (const hcl::Value& element : *value.as_list()) target.push_back(*element.as_string());
}
/// Definitions: a list of them, or one, in the file `source`.
inline void assign_definitions(std::vector<agent::Definition>& target, const std::string& source,
                               const hcl::Value& value) {
  const auto add = [&](const hcl::Value& definition) {
    const std::string line = definition.line() > 0 ? ":" + std::to_string(definition.line()) : "";
    target.push_back({source + line, definition});
  };
  if (const hcl::Value::List* list = value.as_list()) {
    for (const hcl::Value& definition : *list) add(definition);
  } else {
    add(value);
  }
}
template <class T>
void assign(std::map<std::string, T>& target, const hcl::Value& value) {
  for (const hcl::Member& member : *value.as_object()) assign(target[member.key], member.value);
}
template <class T>
void assign(std::optional<T>& target, const hcl::Value& value) {
  assign(target.emplace(), value);
}

}  // namespace discovery::config
