#pragma once

/// \file
/// What the archives ask of the types that describe.h names.

#include <concepts>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "lib/base/labels.h"
#include "lib/base/text.h"
#include "lib/codec/describe.h"

namespace discovery::codec {

namespace detail {

template <class T>
inline constexpr bool kIsText = std::same_as<T, std::string> || std::same_as<T, base::Text>;

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

template <class T>
inline constexpr bool kIsMap = false;
template <class T>
inline constexpr bool kIsMap<std::map<std::string, T>> = true;
template <>
inline constexpr bool kIsMap<base::Labels> = true;

template <class T>
struct MapTraits;
template <class T>
struct MapTraits<std::map<std::string, T>> {
  using Mapped = T;
};
template <>
struct MapTraits<base::Labels> {
  using Mapped = base::Text;
};
/// What a map holds.
template <class T>
using Mapped = typename MapTraits<T>::Mapped;

/// The value of `key`, or null. Valid until the map changes.
template <class T>
const Mapped<T>* find_mapped(const T& map, const std::string& key) {
  if constexpr (std::same_as<T, base::Labels>) {
    return map.find(key);
  } else {
    const auto at = map.find(key);
    return at != map.end() ? &at->second : nullptr;
  }
}

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
inline constexpr bool kIsShared = false;
template <class T>
inline constexpr bool kIsShared<std::shared_ptr<const T>> = true;

/// What `omit_empty` leaves out. A record is empty when it equals a default one, if its type can tell.
template <class T>
bool is_empty(const T& value) {
  if constexpr (kIsOptional<T> || kIsShared<T>) {
    return !value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return value == T{};
  } else if constexpr (std::same_as<T, Opaque>) {
    return value.empty() || value.json == "{}";
  } else if constexpr (requires { value.empty(); }) {
    return value.empty();
  } else if constexpr (std::equality_comparable<T>) {
    return value == T{};
  } else {
    return false;
  }
}

/// Whether `value` is a list or map without elements.
template <class T>
bool has_no_elements(const T& value) {
  if constexpr (kIsVector<T> || kIsMap<T>) return value.empty();
  return false;
}

}  // namespace detail

}  // namespace discovery::codec
