#pragma once

/// \file
/// A persistent, ordered radix tree over byte strings: the machinery below Tree<Leaf>, which see.
///
/// A branch tells keys apart by the byte at one position (`depth`); what all keys below it share is not
/// stored but verified at the leaf (Morrison's PATRICIA). A branch holds a bitmap of the bytes that occur and
/// an array of just as many children, so one layout serves two children and 256 alike and order comes for
/// free.
///
/// Versions share all branches that did not change. An Editor owns the branches that it made itself and
/// changes those in place; every other branch it copies, and remembers the original as garbage to be freed
/// when the last reader of an older version has gone (see Epochs).

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace discovery::state {

struct Branch;

/// What a radix tree must know of its leaves.
struct LeafTraits {
  std::string_view (*key)(const void* leaf);
  void (*release)(const void* leaf);  ///< gives up the tree's count
};

/// A child: a branch, a leaf, or nothing. One word.
class Child {
 public:
  Child() noexcept = default;
  explicit Child(Branch* branch) noexcept : bits_(reinterpret_cast<std::uintptr_t>(branch)) {}
  explicit Child(const void* leaf) noexcept : bits_(reinterpret_cast<std::uintptr_t>(leaf) | kLeaf) {}

  explicit operator bool() const noexcept { return bits_ != 0; }
  bool is_leaf() const noexcept { return (bits_ & kLeaf) != 0; }
  Branch* branch() const noexcept { return reinterpret_cast<Branch*>(bits_); }
  const void* leaf() const noexcept { return reinterpret_cast<const void*>(bits_ & ~kLeaf); }
  friend bool operator==(Child, Child) = default;

 private:
  static constexpr std::uintptr_t kLeaf = 1;
  std::uintptr_t bits_ = 0;
};

/// An inner node. `end` is the leaf whose key ends just at `depth`.
struct Branch {
  std::uint64_t owner;      ///< the editor that made it and may change it in place
  std::uint64_t bitmap[4];  ///< which bytes occur at `depth`
  std::uint8_t before[4];   ///< how many occur before each word of the bitmap
  std::uint32_t depth;
  std::uint16_t count;
  std::uint16_t capacity;
  std::uint32_t unused;
  Child end;

  Child* children() noexcept { return reinterpret_cast<Child*>(this + 1); }
  const Child* children() const noexcept { return reinterpret_cast<const Child*>(this + 1); }
  bool has(std::uint8_t byte) const noexcept { return (bitmap[byte >> 6] >> (byte & 63U) & 1U) != 0; }
  /// Where the child of `byte` stands, or would stand.
  std::size_t rank(std::uint8_t byte) const noexcept {
    const std::uint64_t below = bitmap[byte >> 6] & ((std::uint64_t{1} << (byte & 63U)) - 1);
    return before[byte >> 6] + static_cast<std::size_t>(__builtin_popcountll(below));
  }
};

/// A version of a tree: two words. A value, valid as long as its branches are kept.
struct Root {
  Child top{};
  std::size_t size = 0;
};

/// What a commit took out of a tree, to be freed when no reader can see it any more.
struct Garbage {
  std::vector<Branch*> branches;
  std::vector<std::pair<const LeafTraits*, const void*>> leaves;

  bool empty() const noexcept { return branches.empty() && leaves.empty(); }
  /// Frees all of it.
  void free() noexcept;
};

/// The leaf with this key, or null.
const void* find_leaf(const Root& root, const LeafTraits& traits, std::string_view key) noexcept;

/// The part of the tree whose keys start with `prefix`; empty if there is none.
Child subtree(const Root& root, const LeafTraits& traits, std::string_view prefix) noexcept;

/// Walks leaves in key order, with an explicit stack, so that depth costs no call stack. O(1) amortised a
/// step.
class LeafCursor {
 public:
  explicit LeafCursor(Child top);
  /// The next leaf, or null at the end.
  const void* next();

 private:
  struct Frame {
    const Branch* branch;
    std::uint16_t position;
  };
  const void* descend(Child child);
  std::vector<Frame> stack_;
  Child pending_;
};

/// Changes one tree into its next version. One editor at a time a tree.
class RadixEditor {
 public:
  /// `owner` must be a number that no other editor of this tree has had. Both references must outlive the
  /// editor.
  RadixEditor(Root root, std::uint64_t owner, const LeafTraits& traits, Garbage& garbage)
      : root_(root), owner_(owner), traits_(traits), garbage_(garbage) {}

  const Root& root() const noexcept { return root_; }

  /// Puts a leaf in, taking over a count of it; one with the same key becomes garbage.
  void insert(const void* leaf);
  /// Takes a leaf out; it becomes garbage. Whether there was one.
  bool erase(std::string_view key);
  /// Takes out all leaves whose keys start with `prefix`; how many there were.
  std::size_t erase_prefix(std::string_view prefix);
  /// Undoes everything: frees what this editor made and goes back to `base`, the root that it began with.
  /// What it put into the garbage must be dropped, not freed.
  void rollback(const Root& base);

 private:
  Branch* own(Child* slot);
  Branch* with_room(Child* slot);
  void add_child(Child* slot, std::uint8_t byte, Child child);
  void remove_child(Child* slot, std::uint8_t byte);
  void collapse(Child* slot);
  void discard(Branch* branch);
  std::size_t discard_all(Child top);

  Root root_;
  std::uint64_t owner_;
  const LeafTraits& traits_;
  Garbage& garbage_;
};

/// Frees a whole tree at once: for the last version when its store goes.
void destroy_tree(Child top, const LeafTraits& traits) noexcept;

}  // namespace discovery::state
