#pragma once

/// \file
/// Records to and from MessagePack, in the form of Consul's log and snapshots: a record is a map from the
/// names of its fields, all of them written; strings and bytes are both raw, of the specification before 2013
/// (no str8, no bin). The reader takes the newer forms as well.
/// https://github.com/msgpack/msgpack/blob/master/spec-old.md

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/codec/describe.h"
#include "lib/codec/record_reader.h"
#include "lib/codec/traits.h"
#include "lib/codec/tree.h"

namespace discovery::codec {

/// How deep a message may nest. Messages wrap values that came as JSON: what was read must never be too deep
/// to be read back.
inline constexpr std::size_t kMaxMessageDepth = 2 * kMaxTreeDepth;

/// Appends one value to a string. Threads: not shared. Blocks: never. There are no errors.
class MsgpackWriter {
 public:
  /// Appends to `out`, which must outlive the writer.
  explicit MsgpackWriter(std::string& out) : out_(out) {}

  /// \name Primitives
  /// A map or an array is followed by as many pairs or values as it says.
  /// @{
  void map(std::size_t size);
  void array(std::size_t size);
  void null();
  void boolean(bool value);
  void integer(std::int64_t value);
  void integer(std::uint64_t value);
  void number(double value);
  /// At most 4 GiB; more is cut off.
  void raw(std::string_view bytes);
  /// The value that a JSON text stands for; text that is no JSON is null.
  void json(std::string_view text);
  /// @}

  /// Any value that describe.h names.
  template <class T>
  void value(const T& value);

  /// \name What describe() calls
  /// @{
  template <class T>
  void field(std::string_view name, const T& value, const FieldOptions& options = {});
  void bytes(std::string_view name, std::string_view bytes, const FieldOptions& = {}) {
    raw(name);
    raw(bytes);
  }
  void duration(std::string_view name, Duration duration, const FieldOptions& = {}) {
    raw(name);
    integer(std::int64_t{duration.count()});
  }
  /// @}

 private:
  std::string& out_;
};

/// Parses the first value of `message`, and says how many bytes it took. Errors: kInvalidArgument where the
/// message is cut off, nests deeper than kMaxMessageDepth, or has map keys that are no strings;
/// kResourceExhausted beyond kMaxTreeBytes. The tree refers to `message`. Pure and thread-safe.
Result<Tree> parse_msgpack(std::string_view message, std::size_t& taken);

/// Fills `out` from the one value that `message` holds. What the record does not have is skipped, what is
/// missing or nil stays as it is. Errors: as parse_msgpack(), and kInvalidArgument where a field is of
/// another type or bytes follow. After an error `out` is filled in part. Threads: safe for distinct `out`.
/// Blocks: never.
template <class T>
Status from_msgpack(std::string_view message, T& out);

/// Takes the first value from `stream`, a sequence of them.
template <class T>
Status take_msgpack(std::string_view& stream, T& out);

/// Appends `value` as MessagePack. Threads: safe for distinct strings.
template <class T>
void append_msgpack(std::string& out, const T& value) {
  MsgpackWriter(out).value(value);
}

/// `value` as MessagePack.
template <class T>
std::string to_msgpack(const T& value) {
  std::string out;
  append_msgpack(out, value);
  return out;
}

namespace detail {

/// The archive that counts a record's fields: a map says its size before its members.
class FieldCounter {
 public:
  template <class T>
  void field(std::string_view, const T&, const FieldOptions& = {}) {
    ++count_;
  }
  void bytes(std::string_view, std::string_view, const FieldOptions& = {}) { ++count_; }
  void duration(std::string_view, Duration, const FieldOptions& = {}) { ++count_; }

  std::size_t count() const { return count_; }

 private:
  std::size_t count_ = 0;
};

}  // namespace detail

template <class T>
void MsgpackWriter::value(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    boolean(value);
  } else if constexpr (std::signed_integral<T>) {
    integer(static_cast<std::int64_t>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    integer(static_cast<std::uint64_t>(value));
  } else if constexpr (std::floating_point<T>) {
    number(value);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    raw(value);
  } else if constexpr (std::same_as<T, Opaque>) {
    json(value.json);
  } else if constexpr (detail::kIsVector<T>) {
    array(value.size());
    for (const auto& item : value) this->value(item);
  } else if constexpr (detail::kIsMap<T>) {
    map(value.size());
    for (const auto& [name, item] : value) {
      raw(name);
      this->value(item);
    }
  } else if constexpr (detail::kIsOptional<T> || detail::kIsShared<T>) {
    if (!value) return null();
    this->value(*value);
  } else {
    detail::FieldCounter counter;
    describe(counter, value);
    map(counter.count());
    describe(*this, value);
  }
}

template <class T>
void MsgpackWriter::field(std::string_view name, const T& value, const FieldOptions& options) {
  raw(name);
  if constexpr (detail::kIsShared<T>) {
    if (options.default_if_null && !value) return this->value(typename T::element_type{});
  }
  this->value(value);
}

template <class T>
Status take_msgpack(std::string_view& stream, T& out) {
  std::size_t taken = 0;
  Result<Tree> tree = parse_msgpack(stream, taken);
  if (!tree) return tree.status();
  stream.remove_prefix(taken);
  RecordReader reader(RecordReader::Format::kMessagePack, /*ignore_unknown_fields=*/true);
  reader.read(tree->root(), out);
  return reader.status();
}

template <class T>
Status from_msgpack(std::string_view message, T& out) {
  if (Status status = take_msgpack(message, out); !status.ok()) return status;
  return message.empty() ? Status() : invalid_argument("msgpack: bytes behind the value");
}

}  // namespace discovery::codec
