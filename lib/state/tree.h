#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "lib/base/ref.h"
#include "lib/state/radix_tree.h"

namespace discovery::state {

/// A leaf that holds a `T` under a key; one allocation with the key behind it. Immutable and counted.
template <class T>
class Box {
 public:
  /// Makes a leaf with a count of one.
  static base::Ref<const Box> make(std::string_view key, T value) {
    void* memory = ::operator new(sizeof(Box) + key.size());
    auto* box = ::new (memory) Box(std::move(value), static_cast<std::uint32_t>(key.size()));
    if (!key.empty()) std::memcpy(static_cast<void*>(box + 1), key.data(), key.size());
    return base::Ref<const Box>::adopt(box);
  }

  std::string_view key() const noexcept { return {reinterpret_cast<const char*>(this + 1), key_size_}; }
  const T& value() const noexcept { return value_; }

  void retain() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    this->~Box();
    ::operator delete(const_cast<Box*>(this));
  }

 private:
  Box(T value, std::uint32_t key_size) : key_size_(key_size), value_(std::move(value)) {}
  ~Box() = default;

  mutable std::atomic<std::uint32_t> references_{1};
  std::uint32_t key_size_;
  T value_;
};

/// How a radix tree reads and frees leaves of type `Leaf`.
template <class Leaf>
inline constexpr LeafTraits kLeafTraits = {
    [](const void* leaf) { return static_cast<const Leaf*>(leaf)->key(); },
    [](const void* leaf) { static_cast<const Leaf*>(leaf)->release(); }};

/// One version of an ordered map from byte strings to leaves: cheap to copy, never changes.
/// `Leaf` has `std::string_view key() const`, `retain() const` and `release() const`.
/// Threads: safe, while the version is pinned.
template <class Leaf>
class TreeView {
 public:
  explicit TreeView(const Root& root) noexcept : root_(root) {}

  std::size_t size() const noexcept { return root_.size; }
  bool empty() const noexcept { return root_.size == 0; }

  /// The leaf with this key, or null. Valid while the version is pinned; take a Ref to keep it.
  const Leaf* find(std::string_view key) const noexcept {
    return static_cast<const Leaf*>(find_leaf(root_, kLeafTraits<Leaf>, key));
  }
  /// Whether any key starts with `prefix`.
  bool any(std::string_view prefix) const noexcept {
    return static_cast<bool>(subtree(root_, kLeafTraits<Leaf>, prefix));
  }
  /// Calls `visit(const Leaf&)` for each leaf whose key starts with `prefix`, in key order; a visit that
  /// returns false ends the walk.
  template <class Visit>
  void scan(std::string_view prefix, Visit&& visit) const {
    LeafCursor cursor(subtree(root_, kLeafTraits<Leaf>, prefix));
    while (const void* leaf = cursor.next()) {
      if constexpr (std::is_void_v<decltype(visit(*static_cast<const Leaf*>(leaf)))>) {
        visit(*static_cast<const Leaf*>(leaf));
      } else {
        if (!visit(*static_cast<const Leaf*>(leaf))) return;
      }
    }
  }

 private:
  Root root_;
};

/// Changes a map of leaves; see RadixEditor.
template <class Leaf>
class TreeEditor {
 public:
  TreeEditor(Root root, std::uint64_t owner, base::Slab& slab, Garbage& garbage)
      : editor_(root, owner, kLeafTraits<Leaf>, slab, garbage) {}

  TreeView<Leaf> view() const noexcept { return TreeView<Leaf>(editor_.root()); }
  const Root& root() const noexcept { return editor_.root(); }
  void insert(base::Ref<const Leaf> leaf) { editor_.insert(leaf.detach()); }
  bool erase(std::string_view key) { return editor_.erase(key); }
  std::size_t erase_prefix(std::string_view prefix) { return editor_.erase_prefix(prefix); }
  void rollback(const Root& base) { editor_.rollback(base); }
  /// Frees a whole version; for the last one, when its store goes.
  static void destroy(const Root& root, base::Slab& slab) noexcept {
    destroy_tree(root.top, kLeafTraits<Leaf>, slab);
  }

 private:
  RadixEditor editor_;
};

}  // namespace discovery::state
