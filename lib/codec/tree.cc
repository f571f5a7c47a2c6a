#include "lib/codec/tree.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "lib/base/go_number.h"

namespace discovery::codec {
namespace {

template <class T>
std::optional<T> parse_integer(std::string_view digits) {
  T value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "bool";
    case Kind::kDigits:
    case Kind::kSigned:
    case Kind::kUnsigned:
    case Kind::kReal:
      return "number";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      return "object";
  }
  return "unknown";
}

std::optional<std::int64_t> Value::to_signed() const {
  const Tree::Node& node = tree_->nodes_[at_];
  if (node.kind == Kind::kDigits) return parse_integer<std::int64_t>(text());
  if (node.kind == Kind::kSigned) return node.integer;
  if (node.kind == Kind::kUnsigned && std::in_range<std::int64_t>(node.natural)) {
    return static_cast<std::int64_t>(node.natural);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Value::to_unsigned() const {
  const Tree::Node& node = tree_->nodes_[at_];
  if (node.kind == Kind::kDigits) return parse_integer<std::uint64_t>(text());
  if (node.kind == Kind::kUnsigned) return node.natural;
  if (node.kind == Kind::kSigned && node.integer >= 0) return static_cast<std::uint64_t>(node.integer);
  return std::nullopt;
}

std::optional<double> Value::to_real() const {
  const Tree::Node& node = tree_->nodes_[at_];
  switch (node.kind) {
    case Kind::kDigits: {
      const auto parsed = base::parse_go_float(text());
      return parsed.ok() ? std::optional(*parsed) : std::nullopt;
    }
    case Kind::kSigned:
      return static_cast<double>(node.integer);
    case Kind::kUnsigned:
      return static_cast<double>(node.natural);
    case Kind::kReal:
      return node.real;
    default:
      return std::nullopt;
  }
}

TreeBuilder::TreeBuilder(std::string_view source, std::size_t max_depth) : max_depth_(max_depth) {
  constexpr std::size_t kBytesPerValue = 6;  // a guess, which saves most of the growing
  constexpr std::size_t kMaxReserved = 1 << 16;
  tree_.source_ = source.data();
  tree_.nodes_.reserve(std::min(source.size() / kBytesPerValue + 1, kMaxReserved));
}

bool TreeBuilder::open(Kind container) {
  if (open_.size() == max_depth_) return false;
  open_.push_back(tree_.nodes_.size());
  add(container);
  return true;
}

void TreeBuilder::close(std::size_t size) {
  Tree::Node& node = tree_.nodes_[open_.back()];
  node.size = static_cast<std::uint32_t>(size);
  node.end = static_cast<std::uint32_t>(tree_.nodes_.size());
  open_.pop_back();
}

Tree TreeBuilder::finish(std::vector<char> owned) && {
  tree_.owned_ = std::move(owned);
  return std::move(tree_);
}

Tree::Node& TreeBuilder::add(Kind kind) {
  Tree::Node& node = tree_.nodes_.emplace_back();
  node.kind = kind;
  node.end = static_cast<std::uint32_t>(tree_.nodes_.size());
  return node;
}

void TreeBuilder::add_text(Kind kind, std::string_view text) {
  Tree::Node& node = add(kind);
  node.offset = static_cast<std::uint32_t>(text.data() - tree_.source_);
  node.size = static_cast<std::uint32_t>(text.size());
}

}  // namespace discovery::codec
