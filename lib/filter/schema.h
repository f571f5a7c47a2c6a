#pragma once

/// \file
/// What filter expressions may select from a record: taken from the record's describe().

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <discovery/types.h>

#include "lib/codec/describe.h"
#include "lib/codec/traits.h"

namespace discovery::filter {

/// What a selector may lead to.
enum class Kind : std::uint8_t {
  kBool,
  kSigned,
  kUnsigned,
  kReal,
  kString,
  kRecord,  ///< has fields
  kList,    ///< has elements; a selector goes through to their fields, and asks whether any of them fits
  kMap,     ///< has values by name; a selector's next part is the name
};

/// The kind of one value and of what is in it. Threads: a value; immutable once it is made.
struct Schema {
  /// A field of a record. `ordinal` is its place among all fields that describe() names, also those that
  /// cannot be selected.
  struct Field {
    std::string_view name;
    std::size_t ordinal = 0;
    std::unique_ptr<const Schema> schema;
  };

  Kind kind = Kind::kRecord;
  std::vector<Field> fields;               ///< kRecord
  std::unique_ptr<const Schema> elements;  ///< kList, kMap; null if they cannot be selected
  const void* record = nullptr;            ///< of the outermost one: names the record's type

  /// The field of a name, or null. Names are compared with regard to case.
  const Field* find(std::string_view name) const;
};

/// A value of a record's type that its describe() can be called on. A default one will do for most. For
/// records whose describe() follows pointers, an overload of `filter_sample(std::type_identity<T>)` beside
/// the record makes another.
template <class T>
T make_sample() {
  if constexpr (requires { filter_sample(std::type_identity<T>{}); }) {
    return filter_sample(std::type_identity<T>{});
  } else {
    return T{};
  }
}

namespace detail {

/// Its address stands for the type.
template <class Record>
inline constexpr char kRecordTag = 0;

template <class T>
std::unique_ptr<Schema> make_schema();

/// The archive that notes a record's fields.
class SchemaBuilder {
 public:
  explicit SchemaBuilder(Schema& schema) : schema_(schema) {}

  template <class T>
  void field(std::string_view name, const T&, const codec::FieldOptions& options = {}) {
    const std::size_t ordinal = next_++;
    if (options.hidden_from_filter) return;
    if (auto schema = make_schema<T>()) schema_.fields.push_back({name, ordinal, std::move(schema)});
  }
  /// Bytes cannot be selected.
  void bytes(std::string_view, std::string_view, const codec::FieldOptions& = {}) { ++next_; }
  /// A duration is a number of nanoseconds.
  void duration(std::string_view name, Duration duration, const codec::FieldOptions& options = {}) {
    field(name, std::int64_t{duration.count()}, options);
  }

 private:
  Schema& schema_;
  std::size_t next_ = 0;
};

/// The kind of a T that is no container and no record, or kRecord.
template <class T>
constexpr Kind scalar_kind() {
  if constexpr (std::same_as<T, bool>) {
    return Kind::kBool;
  } else if constexpr (std::signed_integral<T>) {
    return Kind::kSigned;
  } else if constexpr (std::unsigned_integral<T>) {
    return Kind::kUnsigned;
  } else if constexpr (std::floating_point<T>) {
    return Kind::kReal;
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return Kind::kString;
  } else {
    return Kind::kRecord;
  }
}

/// Null for what cannot be selected.
template <class T>
std::unique_ptr<Schema> make_schema() {
  if constexpr (codec::detail::kIsOptional<T>) {
    return make_schema<typename T::value_type>();
  } else if constexpr (codec::detail::kIsShared<T>) {
    return make_schema<std::remove_const_t<typename T::element_type>>();
  } else if constexpr (std::same_as<T, codec::Opaque>) {
    return nullptr;
  } else {
    auto schema = std::make_unique<Schema>();
    if constexpr (codec::detail::kIsVector<T>) {
      schema->kind = Kind::kList;
      schema->elements = make_schema<typename T::value_type>();
    } else if constexpr (codec::detail::kIsMap<T>) {
      schema->kind = Kind::kMap;
      schema->elements = make_schema<codec::detail::Mapped<T>>();
    } else if constexpr (scalar_kind<T>() != Kind::kRecord) {
      schema->kind = scalar_kind<T>();
    } else {
      SchemaBuilder builder(*schema);
      const T sample = make_sample<T>();
      describe(builder, sample);
    }
    return schema;
  }
}

}  // namespace detail

/// The schema of a record. Takes some microseconds: make it once where that counts. Pure and thread-safe.
template <class Record>
Schema schema_of() {
  Schema schema = std::move(*detail::make_schema<Record>());
  schema.record = &detail::kRecordTag<Record>;
  return schema;
}

}  // namespace discovery::filter
