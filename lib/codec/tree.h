#pragma once

/// \file
/// A text or message that was parsed, before it is read into records: JSON and MessagePack have the same
/// values.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace discovery::codec {

/// The longest text or message that is parsed. A tree takes at most thirteen times its memory.
inline constexpr std::size_t kMaxTreeBytes = std::size_t{64} << 20;
/// How deep arrays and objects may nest, if the reader is not told otherwise.
inline constexpr std::size_t kMaxTreeDepth = 128;

enum class Kind : std::uint8_t { kNull, kBool, kDigits, kSigned, kUnsigned, kReal, kString, kArray, kObject };

/// The kind as Go's errors name it: "bool", "number", ...
std::string_view to_string(Kind kind);

class Tree;

/// One value of a tree; valid as long as the tree is. Cheap to copy. Threads: as the tree.
class Value {
 public:
  Value(Tree& tree, std::size_t at) : tree_(&tree), at_(at) {}

  Kind kind() const;
  bool is_number() const { return kind() >= Kind::kDigits && kind() <= Kind::kReal; }
  /// REQUIRES: kBool.
  bool truth() const;
  /// A string, or the digits of a number as they were written. REQUIRES: kString or kDigits.
  std::string_view text() const;
  /// How many elements an array, or members an object has. REQUIRES: kArray or kObject.
  std::size_t size() const;

  /// \name Numbers
  /// The number, or nothing if the value is none, or does not fit. Integers are not read from numbers with a
  /// fraction or an exponent.
  /// @{
  std::optional<std::int64_t> to_signed() const;
  std::optional<std::uint64_t> to_unsigned() const;
  std::optional<double> to_real() const;
  /// @}

  /// \name Elements and members
  /// The first element of an array, or the first name in an object; there is one if size() > 0. Behind it,
  /// next() gives the following value: after a name its value, after a value the next name.
  /// @{
  Value first() const { return {*tree_, at_ + 1}; }
  Value next() const;
  /// @}

  /// \name A mark
  /// Whoever reads an object sets it on the names that it knew.
  /// @{
  bool marked() const;
  void set_marked(bool marked);
  /// @}

 private:
  Tree* tree_;
  std::size_t at_;
};

/// Writes a value that is neither text nor container: with `writer`'s null(), boolean(), integer() or
/// number(). False, and nothing is written, if it is one of these.
template <class Writer>
bool write_plain(Writer& writer, Value value) {
  switch (value.kind()) {
    case Kind::kNull:
      writer.null();
      return true;
    case Kind::kBool:
      writer.boolean(value.truth());
      return true;
    case Kind::kString:
    case Kind::kArray:
    case Kind::kObject:
      return false;
    default:
      break;
  }
  if (const auto integer = value.to_signed()) {
    writer.integer(*integer);
  } else if (const auto natural = value.to_unsigned()) {
    writer.integer(*natural);
  } else {
    const double real = value.to_real().value_or(0);
    writer.number(real == 0 ? 0 : real);  // there is one zero only
  }
  return true;
}

/// What parsers make. Never empty. Threads: one at a time, because of the marks.
class Tree {
 public:
  Value root() { return {*this, 0}; }

 private:
  friend class TreeBuilder;
  friend class Value;

  /// Values in the order of the text; a container is followed by what is in it.
  struct Node {
    Kind kind = Kind::kNull;
    bool marked = false;
    std::uint32_t size = 0;  ///< bytes, elements or members
    std::uint32_t end = 0;   ///< the node behind this value
    union {
      bool truth;
      std::uint32_t offset;  ///< of the text in the source
      std::int64_t integer = 0;
      std::uint64_t natural;
      double real;
    };
  };

  std::vector<Node> nodes_;
  const char* source_ = nullptr;  ///< what texts are views into
  std::vector<char> owned_;       ///< the source, if nobody else holds it
};

/// Makes a tree from a parser's events. Texts are views into the source: they are not copied.
class TreeBuilder {
 public:
  /// `source` is what is parsed; it must outlive the tree, or be given to it in the end.
  explicit TreeBuilder(std::string_view source, std::size_t max_depth = kMaxTreeDepth);

  void null() { add(Kind::kNull); }
  void boolean(bool truth) { add(Kind::kBool).truth = truth; }
  void signed_integer(std::int64_t value) { add(Kind::kSigned).integer = value; }
  void unsigned_integer(std::uint64_t value) { add(Kind::kUnsigned).natural = value; }
  void real(double value) { add(Kind::kReal).real = value; }
  void digits(std::string_view text) { add_text(Kind::kDigits, text); }
  void string(std::string_view text) { add_text(Kind::kString, text); }
  /// False if there are too many open ones already.
  bool open(Kind container);
  /// `size` is the number of elements or members since open().
  void close(std::size_t size);

  /// The tree. REQUIRES: one value was added, and all containers in it were closed. `owned` is empty, or the
  /// source.
  Tree finish(std::vector<char> owned = {}) &&;

 private:
  Tree::Node& add(Kind kind);
  void add_text(Kind kind, std::string_view text);

  Tree tree_;
  std::vector<std::size_t> open_;
  const std::size_t max_depth_;
};

inline Kind Value::kind() const { return tree_->nodes_[at_].kind; }
inline bool Value::truth() const { return tree_->nodes_[at_].truth; }
inline std::string_view Value::text() const {
  const Tree::Node& node = tree_->nodes_[at_];
  return {tree_->source_ + node.offset, node.size};
}
inline std::size_t Value::size() const { return tree_->nodes_[at_].size; }
inline Value Value::next() const { return {*tree_, tree_->nodes_[at_].end}; }
inline bool Value::marked() const { return tree_->nodes_[at_].marked; }
inline void Value::set_marked(bool marked) { tree_->nodes_[at_].marked = marked; }

}  // namespace discovery::codec
