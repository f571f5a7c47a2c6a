#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "lib/codec/describe.h"
#include "lib/codec/json_writer.h"
#include "lib/codec/traits.h"

namespace discovery::remote {

/// The archive of bodies for other agents: as codec::JsonWriter, but what says nothing (zero, false, empty,
/// null) is left out everywhere, since an older agent refuses members that it does not know.
class LeanWriter {
 public:
  /// `out` must outlive it.
  explicit LeanWriter(codec::JsonWriter& out) : out_(out) {}

  /// Any value that describe.h names.
  template <class T>
  void value(const T& value) {
    using codec::detail::kIsMap;
    using codec::detail::kIsOptional;
    using codec::detail::kIsShared;
    using codec::detail::kIsText;
    using codec::detail::kIsVector;
    if constexpr (std::is_arithmetic_v<T> || kIsText<T> || std::same_as<T, codec::Opaque> ||
                  std::convertible_to<const T&, std::string_view>) {
      out_.value(value);
    } else if constexpr (kIsVector<T>) {
      out_.begin_array();
      for (const auto& item : value) {
        out_.element();
        this->value(item);
      }
      out_.end_array();
    } else if constexpr (kIsMap<T>) {
      out_.begin_object();
      for (const auto& [name, item] : value) {
        out_.key(name);
        this->value(item);
      }
      out_.end_object();
    } else if constexpr (kIsOptional<T> || kIsShared<T>) {
      this->value(*value);  // an empty one is left out
    } else {
      out_.begin_object();
      describe(*this, value);
      out_.end_object();
    }
  }

  /// \name What describe() calls
  /// @{
  template <class T>
  void field(std::string_view name, const T& value, const codec::FieldOptions& = {}) {
    if constexpr (std::same_as<T, std::string_view>) {
      if (value.empty()) return;
    } else {
      if (codec::detail::is_empty(value)) return;
    }
    out_.key(name);
    this->value(value);
  }
  /// As field(), whatever it says.
  template <class T>
  void always(std::string_view name, const T& value) {
    out_.key(name);
    this->value(value);
  }
  void bytes(std::string_view name, std::string_view bytes, const codec::FieldOptions& = {}) {
    out_.bytes(name, bytes, {.omit_empty = true});
  }
  void duration(std::string_view name, Duration duration, const codec::FieldOptions& = {}) {
    out_.duration(name, duration, {.omit_empty = true});
  }
  /// @}

 private:
  codec::JsonWriter& out_;
};

/// A record as such a body.
template <class T>
std::string to_lean_json(const T& record) {
  std::string out;
  codec::JsonWriter writer(out);
  LeanWriter(writer).value(record);
  return out;
}

}  // namespace discovery::remote
