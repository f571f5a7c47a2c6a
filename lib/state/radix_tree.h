#pragma once

/// \file
/// A persistent, ordered radix tree over byte strings: the machinery below Tree<Leaf>, which see.
///
/// A branch tells keys apart by the byte at one position (`depth`); what all keys below it share is not
/// stored but verified at the leaf (Morrison's PATRICIA). A branch holds the bytes that occur, in order, and
/// an array of just as many children. A small branch lists its bytes, and with up to eleven children fits in
/// two cache lines; a wide one has a bitmap of them (compare Leis's adaptive radix tree).
///
/// Versions share all branches that did not change. An Editor owns the branches that it made itself and
/// changes those in place; every other branch it copies, and remembers the original as garbage to be freed
/// when the last reader of an older version has gone (see Epochs).

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/slab.h"

namespace discovery::state {

class Branch;

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
class Branch {
 public:
  std::uint64_t owner;  ///< the editor that made it and may change it in place
  Child end;
  std::uint32_t depth;

  /// How many children it has, apart from `end`.
  std::size_t count() const noexcept { return count_; }
  Child* children() noexcept { return reinterpret_cast<Child*>(tail() + index_size()); }
  const Child* children() const noexcept { return const_cast<Branch*>(this)->children(); }

  /// The child of `byte`, or null.
  const Child* find(std::uint8_t byte) const noexcept {
    if (is_small()) {
      const std::size_t at = small_position(byte);
      return at < count_ ? children() + at : nullptr;
    }
    return wide().has(byte) ? children() + wide().rank(byte) : nullptr;
  }
  Child* find(std::uint8_t byte) noexcept { return const_cast<Child*>(std::as_const(*this).find(byte)); }

  /// A new branch with room for at least `room` children.
  static Branch* make(base::Slab& slab, std::uint64_t owner, std::size_t depth, std::size_t room);
  /// A copy with room for at least `room` children, which are no fewer than it has.
  Branch* copy(base::Slab& slab, std::uint64_t new_owner, std::size_t room) const;
  void free(base::Slab& slab) noexcept;
  bool full() const noexcept { return count_ == capacity_; }
  /// Adds the child of a byte that has none. There must be room.
  void add(std::uint8_t byte, Child child) noexcept;
  /// Takes out the child of a byte that has one.
  void remove(std::uint8_t byte) noexcept;

 private:
  /// The bytes of a small branch, in order.
  static constexpr std::size_t kSmall = 16;
  /// Which bytes occur in a wide branch, and how many before each word of the bitmap.
  struct Bitmap {
    std::uint64_t words[4];
    std::uint64_t before;  // four counts of 16 bits

    bool has(std::uint8_t byte) const noexcept { return (words[byte >> 6] >> (byte & 63U) & 1U) != 0; }
    /// Where the child of `byte` stands, or would stand.
    std::size_t rank(std::uint8_t byte) const noexcept {
      const std::uint64_t below = words[byte >> 6] & ((std::uint64_t{1} << (byte & 63U)) - 1);
      return (before >> (byte >> 6) * 16 & 0xFFFFU) + static_cast<std::size_t>(__builtin_popcountll(below));
    }
    void set(std::uint8_t byte) noexcept { words[byte >> 6] |= std::uint64_t{1} << (byte & 63U); }
    void clear(std::uint8_t byte) noexcept { words[byte >> 6] &= ~(std::uint64_t{1} << (byte & 63U)); }
    /// Brings `before` up to date.
    void recount() noexcept;
  };

  Branch() = default;
  bool is_small() const noexcept { return capacity_ <= kSmall; }
  std::size_t index_size() const noexcept { return is_small() ? kSmall : sizeof(Bitmap); }
  std::size_t allocated_size() const noexcept {
    return sizeof(Branch) + index_size() + capacity_ * sizeof(Child);
  }
  std::byte* tail() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  const std::byte* tail() const noexcept { return reinterpret_cast<const std::byte*>(this + 1); }
  std::uint8_t* bytes() noexcept { return reinterpret_cast<std::uint8_t*>(tail()); }
  const std::uint8_t* bytes() const noexcept { return reinterpret_cast<const std::uint8_t*>(tail()); }
  Bitmap& wide() noexcept { return *reinterpret_cast<Bitmap*>(tail()); }
  const Bitmap& wide() const noexcept { return *reinterpret_cast<const Bitmap*>(tail()); }
  std::size_t rank(std::uint8_t byte) const noexcept;

  /// Where a small branch has `byte`; count_ or more if nowhere. Looks at all sixteen bytes at once, as two
  /// words (a zero byte in `word ^ pattern` is a hit; the lowest hit found so is a true one).
  std::size_t small_position(std::uint8_t byte) const noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    constexpr std::uint64_t kTops = 0x8080808080808080U;
    std::uint64_t words[2];
    std::memcpy(words, tail(), sizeof words);
    const std::uint64_t pattern = kOnes * byte;
    const std::uint64_t low = words[0] ^ pattern;
    const std::uint64_t high = words[1] ^ pattern;
    const std::uint64_t low_hits = (low - kOnes) & ~low & kTops;
    if (low_hits != 0) return static_cast<std::size_t>(__builtin_ctzll(low_hits)) / 8;
    const std::uint64_t high_hits = (high - kOnes) & ~high & kTops;
    return high_hits != 0 ? 8 + static_cast<std::size_t>(__builtin_ctzll(high_hits)) / 8 : kSmall;
  }

  std::uint16_t count_;
  std::uint16_t capacity_;
};
static_assert(sizeof(Branch) == 24);
static_assert(std::endian::native == std::endian::little, "small branches are searched a word at a time");

/// A version of a tree: two words. A value, valid as long as its branches are kept.
struct Root {
  Child top{};
  std::size_t size = 0;
};

/// What a commit took out of a tree, to be freed when no reader can see it any more.
struct Garbage {
  struct Leaf {
    const LeafTraits* traits;
    const void* leaf;
    const void* editor;  ///< who took it out: traits are shared by trees
  };
  std::vector<Branch*> branches;
  std::vector<Leaf> leaves;

  bool empty() const noexcept { return branches.empty() && leaves.empty(); }
  /// Frees all of it; `slab` is the tree's.
  void free(base::Slab& slab) noexcept;
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
  /// `owner` must be a number that no other editor of this tree has had. All versions of a tree have their
  /// branches in one slab. All three references must outlive the editor.
  RadixEditor(Root root, std::uint64_t owner, const LeafTraits& traits, base::Slab& slab, Garbage& garbage)
      : root_(root), owner_(owner), traits_(traits), slab_(slab), garbage_(garbage) {}

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
  base::Slab& slab_;
  Garbage& garbage_;
};

/// Frees a whole tree at once: for the last version when its store goes.
void destroy_tree(Child top, const LeafTraits& traits, base::Slab& slab) noexcept;

}  // namespace discovery::state
