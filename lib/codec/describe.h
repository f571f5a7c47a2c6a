#pragma once

/// \file
/// One field list per record. A record type `R` says once what its fields are, in a free function beside it:
///
///     template <class Archive, codec::Described<Node> R>
///     void describe(Archive& archive, R& node) {
///       archive.field("ID", node.id);
///       archive.field("TaggedAddresses", node.tagged_addresses, {.null_if_empty = true});
///     }
///
/// and every archive works from that list: the JSON writer and reader, the MessagePack writer and reader, and
/// the selectors of filter expressions. `R` is `Node` for archives that fill records and `const Node` for
/// those that read.
///
/// What an archive offers, for a value `v` of any of the types below:
///
///     archive.field(name, v, FieldOptions{});
///     archive.bytes(name, string, FieldOptions{});      bytes: base64 in JSON, raw in MessagePack
///     archive.duration(name, Duration, FieldOptions{}); JSON: a Go duration string such as "10s", reading
///     also integer
///                                                       nanoseconds; MessagePack: integer nanoseconds
///
/// Types: bool; integers; double; std::string; std::vector<T>; Labels; std::map<std::string, T>;
/// std::optional<T>; std::shared_ptr<const T>; Opaque; and any T that has a describe() itself.

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace discovery::codec {

/// `R` is `Record` or `const Record`.
template <class R, class Record>
concept Described = std::same_as<std::remove_const_t<R>, Record>;

/// How a field differs from a plain one.
struct FieldOptions {
  /// JSON: left out when it is empty (zero, false, "", no elements, null).
  bool omit_empty = false;
  /// JSON: a list or map without elements is written as null instead of [] or {}.
  bool null_if_empty = false;
  /// Not a selector of filter expressions.
  bool hidden_from_filter = false;
  /// A null std::shared_ptr<const T> is written as a default T, and a T that reads as default becomes null.
  bool default_if_null = false;
  /// JSON reading: this name is accepted as well (snake_case forms); names are compared without regard to
  /// case.
  std::string_view alias{};
};

/// A JSON value that nobody here looks into; kept as compact JSON text. Empty text is null.
struct Opaque {
  std::string json;
  bool empty() const noexcept { return json.empty(); }
  friend bool operator==(const Opaque&, const Opaque&) = default;
};

}  // namespace discovery::codec
