#pragma once

/// \file
/// Records to JSON text, byte for byte as Go's encoding/json writes them
/// (https://pkg.go.dev/encoding/json#Marshal): Consul's HTTP API is made by it.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include <discovery/types.h>

#include "lib/codec/describe.h"
#include "lib/codec/traits.h"

namespace discovery::codec {

/// How the text is laid out.
enum class JsonStyle : std::uint8_t {
  kCompact,  ///< no space at all
  kPretty,   ///< as Go's json.MarshalIndent with an indent of four spaces
};

/// Appends one JSON value to a string: records through their describe(), or anything else through the
/// primitives. Threads: not shared. Blocks: never. There are no errors; NaN and the infinities, which JSON
/// does not have, are written as null.
class JsonWriter {
 public:
  /// Appends to `out`, which must outlive the writer. While a value is incomplete, `out` holds more than its
  /// text, and must not be used: until the outermost object or array is closed.
  explicit JsonWriter(std::string& out, JsonStyle style = JsonStyle::kCompact)
      : out_(out), pretty_(style == JsonStyle::kPretty) {}

  /// \name Primitives
  /// In an object each value comes behind a key(), in an array behind an element().
  /// @{
  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void element() { separate(); }
  void key(std::string_view name) {
    separate();
    string(name);
    colon();
  }
  void null() { literal("null"); }
  void boolean(bool value) { literal(value ? "true" : "false"); }
  void integer(std::int64_t value);
  void integer(std::uint64_t value);
  /// Go's notation: the shortest digits that read back as `value`, with an exponent below 1e-6 and from 1e21.
  void number(double value);
  /// Quoted, with Go's escapes: also those of `<`, `>`, `&` and the line separators U+2028 and U+2029; what
  /// is not UTF-8 becomes \ufffd.
  void string(std::string_view text);
  /// A string that holds the base64 form of `bytes`.
  void base64(std::string_view bytes);
  /// A whole value that is JSON already, without any space outside of strings; empty text is null.
  void raw(std::string_view compact_json);
  /// @}

  /// Any value that describe.h names.
  template <class T>
  void value(const T& value);

  /// \name What describe() calls
  /// @{
  template <class T>
  void field(std::string_view name, const T& value, const FieldOptions& options = {});
  void bytes(std::string_view name, std::string_view bytes, const FieldOptions& options = {}) {
    if (options.omit_empty && bytes.empty()) return;
    field_name(name);
    if (options.null_if_empty && bytes.empty()) return null();
    base64(bytes);
  }
  void duration(std::string_view name, Duration duration, const FieldOptions& options = {});
  /// @}

 private:
  void begin(char bracket) {
    put(bracket);
    ++depth_;
    first_ = true;
  }
  void end(char bracket) {
    --depth_;
    if (pretty_ && !first_) new_line();
    put(bracket);
    first_ = false;
    complete();
  }
  void separate() {
    if (!first_) put(',');
    first_ = false;
    if (pretty_) new_line();
  }
  void colon() {
    put(':');
    if (pretty_) put(' ');
  }
  void new_line();
  void literal(std::string_view text) {
    put(text);
    complete();
  }
  /// Names of fields hold nothing that needs an escape.
  void field_name(std::string_view name) {
    separate();
    room(name.size() + 2);
    *at_++ = '"';
    at_ = std::copy(name.begin(), name.end(), at_);
    *at_++ = '"';
    colon();
  }

  /// \name The end of the text
  /// Text goes to room that was made ahead, since appending piece by piece would cost more than making the
  /// pieces.
  /// @{
  void room(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) grow(size);
  }
  void grow(std::size_t size);
  void put(char c) {
    room(1);
    *at_++ = c;
  }
  void put(std::string_view text) {
    room(text.size());
    at_ = std::copy(text.begin(), text.end(), at_);
  }
  /// Gives back the room that was not needed, where a value ends that is in no other.
  void complete() {
    if (depth_ == 0) trim();
  }
  void trim();
  /// @}

  std::string& out_;
  char* at_ = nullptr;   ///< where the text ends
  char* end_ = nullptr;  ///< where the room ends: the end of out_, if there is any room
  std::size_t depth_ = 0;
  const bool pretty_;
  bool first_ = true;
};

template <class T>
void JsonWriter::value(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    boolean(value);
  } else if constexpr (std::signed_integral<T>) {
    integer(static_cast<std::int64_t>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    integer(static_cast<std::uint64_t>(value));
  } else if constexpr (std::floating_point<T>) {
    number(value);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    string(value);
  } else if constexpr (std::same_as<T, Opaque>) {
    raw(value.json);
  } else if constexpr (detail::kIsVector<T>) {
    begin_array();
    for (const auto& item : value) {
      element();
      this->value(item);
    }
    end_array();
  } else if constexpr (detail::kIsMap<T>) {
    begin_object();
    for (const auto& [name, item] : value) {
      key(name);
      this->value(item);
    }
    end_object();
  } else if constexpr (detail::kIsOptional<T> || detail::kIsShared<T>) {
    if (!value) return null();
    this->value(*value);
  } else {
    begin_object();
    describe(*this, value);
    end_object();
  }
}

template <class T>
void JsonWriter::field(std::string_view name, const T& value, const FieldOptions& options) {
  if (options.omit_empty && detail::is_empty(value)) return;
  field_name(name);
  if (options.null_if_empty && detail::has_no_elements(value)) return null();
  if constexpr (detail::kIsShared<T>) {
    if (options.default_if_null && !value) return this->value(typename T::element_type{});
  }
  this->value(value);
}

/// Appends `value` as JSON. Threads: safe for distinct strings.
template <class T>
void append_json(std::string& out, const T& value, JsonStyle style = JsonStyle::kCompact) {
  JsonWriter(out, style).value(value);
}

/// `value` as JSON.
template <class T>
std::string to_json(const T& value, JsonStyle style = JsonStyle::kCompact) {
  std::string out;
  append_json(out, value, style);
  return out;
}

}  // namespace discovery::codec
