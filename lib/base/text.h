#pragma once

#include <atomic>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace discovery::base {

class Text;
/// What is compared with a Text and joined to it without making one.
template <class S>
concept OtherText = std::convertible_to<const S&, std::string_view> && !std::same_as<S, Text>;

/// An immutable string of one word. Up to seven bytes lie in the word itself; longer ones are counted and
/// shared between all copies. Records are full of strings that are empty or the same in thousands of them,
/// where std::string takes 32 bytes and an allocation each.
///
/// Threads: as a std::shared_ptr to something immutable: copies are independent, one object is not shared.
class Text {
 public:
  Text() noexcept = default;
  /// At most 4 GiB. Allocates above seven bytes.
  Text(std::string_view text);                                     // NOLINT: implicit, it is a string
  Text(const std::string& text) : Text(std::string_view(text)) {}  // NOLINT
  Text(const char* text) : Text(std::string_view(text)) {}         // NOLINT
  Text(const Text& other) noexcept : bits_(other.bits_) {
    if (is_shared()) block()->references.fetch_add(1, std::memory_order_relaxed);
  }
  Text(Text&& other) noexcept : bits_(std::exchange(other.bits_, kEmpty)) {}
  Text& operator=(Text other) noexcept {
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~Text() {
    if (is_shared()) release();
  }

  /// Valid until this object changes, moves or goes.
  std::string_view view() const noexcept {
    if (is_shared()) return {block()->text(), block()->size};
    return {reinterpret_cast<const char*>(&bits_) + 1, (bits_ & 0xFF) >> 1};
  }
  operator std::string_view() const noexcept { return view(); }  // NOLINT: as std::string does
  std::string str() const { return std::string(view()); }
  std::size_t size() const noexcept { return view().size(); }
  bool empty() const noexcept { return bits_ == kEmpty; }
  void clear() noexcept { *this = Text(); }

  /// How many objects share the bytes; 0 if they lie in the word.
  std::size_t sharers() const noexcept {
    return is_shared() ? block()->references.load(std::memory_order_acquire) : 0;
  }

  friend bool operator==(const Text& a, const Text& b) noexcept {
    return a.bits_ == b.bits_ || (a.is_shared() && b.is_shared() && a.view() == b.view());
  }
  template <OtherText S>
  friend bool operator==(const Text& a, const S& b) noexcept {
    return a.view() == std::string_view(b);
  }
  friend std::strong_ordering operator<=>(const Text& a, const Text& b) noexcept {
    return a.view() <=> b.view();
  }
  template <OtherText S>
  friend std::strong_ordering operator<=>(const Text& a, const S& b) noexcept {
    return a.view() <=> std::string_view(b);
  }

  template <OtherText S>
  friend std::string operator+(const S& a, const Text& b) {
    return joined(a, b.view());
  }
  template <OtherText S>
  friend std::string operator+(const Text& a, const S& b) {
    return joined(a.view(), b);
  }
  friend std::string operator+(const Text& a, const Text& b) { return joined(a.view(), b.view()); }
  friend std::ostream& operator<<(std::ostream& out, const Text& text) { return out << text.view(); }

 private:
  struct Block {
    std::atomic<std::uint32_t> references;
    std::uint32_t size;
    char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
  };
  /// In the lowest byte of a word that holds its text: a set bit, and the size above it. A block's address
  /// has that bit clear.
  static constexpr std::uintptr_t kEmpty = 1;
  static constexpr std::size_t kInline = sizeof(std::uintptr_t) - 1;

  bool is_shared() const noexcept { return (bits_ & 1) == 0; }
  Block* block() const noexcept { return reinterpret_cast<Block*>(bits_); }
  void release() noexcept;
  static std::string joined(std::string_view a, std::string_view b);

  std::uintptr_t bits_ = kEmpty;
};

}  // namespace discovery::base

template <>
struct std::hash<discovery::base::Text> {
  std::size_t operator()(const discovery::base::Text& text) const noexcept {
    return std::hash<std::string_view>()(text.view());
  }
};
