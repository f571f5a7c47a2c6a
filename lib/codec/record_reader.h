#pragma once

/// \file
/// The archive that fills records from parsed JSON or MessagePack; see from_json() and from_msgpack().

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/codec/describe.h"
#include "lib/codec/traits.h"
#include "lib/codec/tree.h"

namespace discovery::codec {

namespace detail {

/// The name of a type without its namespaces, as the compiler spells it.
template <class T>
constexpr std::string_view type_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name = name.substr(name.find("T = ") + 4);
  name = name.substr(0, name.find_first_of(";]"));
  return name.substr(name.rfind(':') + 1);
}

template <class T>
inline constexpr std::string_view kTypeName = type_name<T>();

/// What Go would call the type, for errors.
template <class T>
std::string go_type() {
  if constexpr (std::same_as<T, bool>) {
    return "bool";
  } else if constexpr (std::integral<T>) {
    if constexpr (std::same_as<T, std::int64_t>) return "int";
    return (std::unsigned_integral<T> ? "uint" : "int") + std::to_string(8 * sizeof(T));
  } else if constexpr (std::floating_point<T>) {
    return "float64";
  } else if constexpr (detail::kIsText<T>) {
    return "string";
  } else if constexpr (kIsVector<T>) {
    return "[]" + go_type<typename T::value_type>();
  } else if constexpr (kIsMap<T>) {
    return "map[string]" + go_type<Mapped<T>>();
  } else if constexpr (kIsOptional<T>) {
    return go_type<typename T::value_type>();
  } else if constexpr (kIsShared<T>) {
    return go_type<std::remove_const_t<typename T::element_type>>();
  } else {
    return "structs." + std::string(kTypeName<T>);
  }
}

}  // namespace detail

/// Fills records. Threads: not shared. Blocks: never.
class RecordReader {
 public:
  enum class Format : std::uint8_t {
    kJson,         ///< bytes are base64
    kMessagePack,  ///< bytes are as they are
  };

  /// Members that a record does not have are an error unless they are ignored.
  RecordReader(Format format, bool ignore_unknown_fields)
      : format_(format), ignore_unknown_fields_(ignore_unknown_fields) {}

  /// Fills `out`. What has no value in the text stays as it is. After an error `out` is filled in part.
  template <class T>
  void read(Value value, T& out);

  /// The first error, or ok.
  const Status& status() const { return status_; }

  /// \name What describe() calls
  /// @{
  template <class T>
  void field(std::string_view name, T& out, const FieldOptions& options = {});
  void bytes(std::string_view name, std::string& out, const FieldOptions& options = {});
  void duration(std::string_view name, Duration& out, const FieldOptions& options = {});
  /// @}

 private:
  template <class T>
  void read_integer(Value value, T& out);
  template <class T>
  void read_object(Value value, T& out);
  template <class T>
  void read_map(Value value, T& out);
  void read_opaque(Value value, Opaque& out);

  /// Whether `value` is of the kind that a T is read from; else that is an error.
  template <class T>
  bool expect(Value value, Kind kind) {
    if (value.kind() == kind) return true;
    fail_mismatch(value, detail::go_type<T>());
    return false;
  }
  /// The members of the object that is being read.
  struct Members {
    std::optional<Value> object{};
    std::optional<Value> next{};  ///< the name behind the one that was found last
    std::size_t unmarked = 0;     ///< how many no field was called yet
    std::size_t left = 0;         ///< how many members there are from `next` to the last one
    bool thorough = false;        ///< look at all members for each field: there may be two of a name
    std::string_view record{};    ///< the name of the record's type
  };
  void enter(Value object, std::string_view record);
  /// The first member that no field was called, if there is one. After a first reading such a member is
  /// unknown, or has the same name as another: the record is read once more, thoroughly, and so is what is in
  /// it.
  std::optional<Value> unread() const;
  void look_thoroughly() {
    members_.thorough = true;
    members_.left = 0;
  }

  /// The value of the member that has one of the names, the last one if it is thorough. Marks what it finds.
  /// Fields mostly come in the order in which they are described, so looking begins behind the last one.
  std::optional<Value> find(std::string_view name, std::string_view alias);
  void fail(Status status);
  /// Go's errors show a number that does not fit, but not one where none was wanted.
  void fail_mismatch(Value value, const std::string& go_type, bool show_number = false);
  void refuse_unknown();

  const Format format_;
  const bool ignore_unknown_fields_;
  Status status_;
  Members members_;
  std::vector<std::string_view> path_;  ///< the fields that lead to the value being read
};

template <class T>
void RecordReader::read(Value value, T& out) {
  if (!status_.ok() || value.kind() == Kind::kNull) return;
  if constexpr (std::same_as<T, bool>) {
    if (expect<bool>(value, Kind::kBool)) out = value.truth();
  } else if constexpr (std::integral<T>) {
    read_integer(value, out);
  } else if constexpr (std::same_as<T, double>) {
    const auto number = value.to_real();
    if (!number) return fail_mismatch(value, "float64", true);
    out = *number;
  } else if constexpr (detail::kIsText<T>) {
    if (expect<T>(value, Kind::kString)) out = value.text();
  } else if constexpr (std::same_as<T, Opaque>) {
    read_opaque(value, out);
  } else if constexpr (detail::kIsVector<T>) {
    if (!expect<T>(value, Kind::kArray)) return;
    out.clear();
    Value element = value.first();
    for (std::size_t left = value.size(); left > 0 && status_.ok(); --left, element = element.next()) {
      read(element, out.emplace_back());
    }
  } else if constexpr (detail::kIsMap<T>) {
    read_map(value, out);
  } else if constexpr (detail::kIsOptional<T>) {
    read(value, out.emplace());
  } else if constexpr (detail::kIsShared<T>) {
    auto target = std::make_shared<std::remove_const_t<typename T::element_type>>();
    read(value, *target);
    out = std::move(target);
  } else {
    read_object(value, out);
  }
}

template <class T>
void RecordReader::read_integer(Value value, T& out) {
  using Wide = std::conditional_t<std::unsigned_integral<T>, std::uint64_t, std::int64_t>;
  std::optional<Wide> number;
  if constexpr (std::unsigned_integral<T>) {
    number = value.to_unsigned();
  } else {
    number = value.to_signed();
  }
  if (!number || !std::in_range<T>(*number)) return fail_mismatch(value, detail::go_type<T>(), true);
  out = static_cast<T>(*number);
}

template <class T>
void RecordReader::read_map(Value value, T& out) {
  if (!expect<T>(value, Kind::kObject)) return;
  std::vector<std::pair<std::string_view, Value>> members;
  members.reserve(value.size());
  Value name = value.first();
  for (std::size_t left = value.size(); left > 0; --left, name = name.next().next()) {
    members.emplace_back(name.text(), name.next());
  }
  // In order, so that each insertion is at the end.
  std::stable_sort(members.begin(), members.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  out = T();
  for (std::size_t i = 0; i < members.size() && status_.ok(); ++i) {
    if (i + 1 < members.size() && members[i].first == members[i + 1].first) continue;
    detail::Mapped<T> mapped{};
    read(members[i].second, mapped);
    if constexpr (std::same_as<T, base::Labels>) {
      out.set(members[i].first, std::move(mapped));
    } else {
      out.emplace_hint(out.end(), members[i].first, std::move(mapped));
    }
  }
}

template <class T>
void RecordReader::read_object(Value value, T& out) {
  if (!expect<T>(value, Kind::kObject)) return;
  const Members outer = members_;
  enter(value, detail::kTypeName<T>);
  describe(*this, out);
  if (status_.ok() && !members_.thorough && unread()) {
    look_thoroughly();
    describe(*this, out);
  }
  refuse_unknown();
  members_ = outer;
}

template <class T>
void RecordReader::field(std::string_view name, T& out, const FieldOptions& options) {
  const auto value = find(name, options.alias);
  if (!value) return;
  path_.push_back(name);
  read(*value, out);
  path_.pop_back();
  if constexpr (detail::kIsShared<T>) {
    using Record = std::remove_const_t<typename T::element_type>;
    if constexpr (std::equality_comparable<Record>) {
      if (options.default_if_null && out && *out == Record{}) out = nullptr;
    }
  }
}

}  // namespace discovery::codec
