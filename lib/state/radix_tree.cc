#include "lib/state/radix_tree.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace discovery::state {
namespace {

/// The steps in which room for children comes: small branches of one, one and a half and two cache lines,
/// one with all the sixteen that a small branch can have, then wide ones.
std::size_t capacity_for(std::size_t count) {
  for (const std::size_t capacity : {std::size_t{3}, std::size_t{7}, std::size_t{11}, std::size_t{16}}) {
    if (count <= capacity) return capacity;
  }
  return std::max<std::size_t>((count + 15) / 16 * 16, 32);
}

constexpr std::size_t rounded_up(std::size_t size) {
  return (size + base::Slab::kGranularity - 1) / base::Slab::kGranularity * base::Slab::kGranularity;
}

/// A child of `branch` in which `key` may be, or null: `end` if the key ends here.
Child* step(Branch& branch, std::string_view key) {
  if (key.size() <= branch.depth) return key.size() == branch.depth && branch.end ? &branch.end : nullptr;
  return branch.find(static_cast<std::uint8_t>(key[branch.depth]));
}

/// Any leaf below: all of them share the keys' bytes up to the top branch's depth.
const void* any_leaf(Child child) noexcept {
  while (!child.is_leaf()) {
    const Branch& branch = *child.branch();
    child = branch.end ? branch.end : branch.children()[0];
  }
  return child.leaf();
}

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const std::size_t size = std::min(a.size(), b.size());
  std::size_t at = 0;
  while (at + 8 <= size) {
    std::uint64_t x;
    std::uint64_t y;
    std::memcpy(&x, a.data() + at, 8);
    std::memcpy(&y, b.data() + at, 8);
    if (x != y) break;
    at += 8;
  }
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

}  // namespace

void Branch::Bitmap::recount() noexcept {
  std::uint64_t total = 0;
  before = 0;
  for (std::size_t word = 0; word < 4; ++word) {
    before |= total << word * 16;
    total += static_cast<std::uint64_t>(__builtin_popcountll(words[word]));
  }
}

Branch* Branch::make(base::Slab& slab, std::uint64_t owner, std::size_t depth, std::size_t room) {
  const std::size_t capacity = capacity_for(room);
  Branch blank;
  blank.owner = owner;
  blank.depth = static_cast<std::uint32_t>(depth);
  blank.count_ = 0;
  blank.capacity_ = static_cast<std::uint16_t>(capacity);
  auto* branch = ::new (slab.allocate(rounded_up(blank.allocated_size()))) Branch(blank);
  std::memset(branch->tail(), 0, branch->index_size());
  return branch;
}

Branch* Branch::copy(base::Slab& slab, std::uint64_t new_owner, std::size_t room) const {
  Branch* branch = make(slab, new_owner, depth, room);
  branch->end = end;
  branch->count_ = count_;
  if (is_small() == branch->is_small()) {
    std::memcpy(branch->tail(), tail(), index_size());
  } else if (is_small()) {
    for (std::size_t at = 0; at < count_; ++at) branch->wide().set(bytes()[at]);
    branch->wide().recount();
  } else {
    std::uint8_t* next = branch->bytes();
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (wide().has(static_cast<std::uint8_t>(byte))) *next++ = static_cast<std::uint8_t>(byte);
    }
  }
  std::copy_n(children(), count_, branch->children());
  return branch;
}

void Branch::free(base::Slab& slab) noexcept { slab.release(this, rounded_up(allocated_size())); }

std::size_t Branch::rank(std::uint8_t byte) const noexcept {
  if (!is_small()) return wide().rank(byte);
  return static_cast<std::size_t>(std::lower_bound(bytes(), bytes() + count_, byte) - bytes());
}

void Branch::add(std::uint8_t byte, Child child) noexcept {
  const std::size_t at = rank(byte);
  std::copy_backward(children() + at, children() + count_, children() + count_ + 1);
  children()[at] = child;
  if (is_small()) {
    std::copy_backward(bytes() + at, bytes() + count_, bytes() + count_ + 1);
    bytes()[at] = byte;
  } else {
    wide().set(byte);
    wide().recount();
  }
  ++count_;
}

void Branch::remove(std::uint8_t byte) noexcept {
  const std::size_t at = rank(byte);
  std::copy(children() + at + 1, children() + count_, children() + at);
  if (is_small()) {
    std::copy(bytes() + at + 1, bytes() + count_, bytes() + at);
  } else {
    wide().clear(byte);
    wide().recount();
  }
  --count_;
}

void Garbage::free(base::Slab& slab) noexcept {
  for (Branch* branch : branches) branch->free(slab);
  for (const Leaf& gone : leaves) gone.traits->release(gone.leaf);
  branches.clear();
  leaves.clear();
}

const void* find_leaf(const Root& root, const LeafTraits& traits, std::string_view key) noexcept {
  Child child = root.top;
  if (!child) return nullptr;
  while (!child.is_leaf()) {
    const Branch& branch = *child.branch();
    // The two cache lines that a step needs come at once.
    __builtin_prefetch(reinterpret_cast<const char*>(&branch) + 64);
    if (key.size() <= branch.depth) {
      if (key.size() < branch.depth || !branch.end) return nullptr;
      child = branch.end;
      break;
    }
    const Child* next = branch.find(static_cast<std::uint8_t>(key[branch.depth]));
    if (next == nullptr) return nullptr;
    child = *next;
  }
  return traits.key(child.leaf()) == key ? child.leaf() : nullptr;
}

Child subtree(const Root& root, const LeafTraits& traits, std::string_view prefix) noexcept {
  Child child = root.top;
  while (child && !child.is_leaf() && child.branch()->depth < prefix.size()) {
    const Branch& branch = *child.branch();
    const Child* next = branch.find(static_cast<std::uint8_t>(prefix[branch.depth]));
    child = next != nullptr ? *next : Child();
  }
  if (!child) return child;
  return traits.key(any_leaf(child)).starts_with(prefix) ? child : Child();
}

LeafCursor::LeafCursor(Child top) : pending_(top) {}

const void* LeafCursor::descend(Child child) {
  while (!child.is_leaf()) {
    const Branch* branch = child.branch();
    if (branch->end) {
      stack_.push_back({branch, 0});
      return branch->end.leaf();
    }
    stack_.push_back({branch, 1});
    child = branch->children()[0];
  }
  return child.leaf();
}

const void* LeafCursor::next() {
  if (pending_) return descend(std::exchange(pending_, Child()));
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    if (frame.position < frame.branch->count()) return descend(frame.branch->children()[frame.position++]);
    stack_.pop_back();
  }
  return nullptr;
}

void RadixEditor::discard(Branch* branch) {
  if (branch->owner == owner_) {
    branch->free(slab_);  // made by this editor, so no reader has seen it
  } else {
    garbage_.branches.push_back(branch);
  }
}

Branch* RadixEditor::own(Child* slot) {
  Branch* branch = slot->branch();
  if (branch->owner == owner_) return branch;
  Branch* mine = branch->copy(slab_, owner_, branch->count());
  garbage_.branches.push_back(branch);
  *slot = Child(mine);
  return mine;
}

Branch* RadixEditor::with_room(Child* slot) {
  Branch* branch = slot->branch();
  if (branch->owner == owner_ && !branch->full()) return branch;
  Branch* mine = branch->copy(slab_, owner_, branch->count() + 1);
  discard(branch);
  *slot = Child(mine);
  return mine;
}

void RadixEditor::add_child(Child* slot, std::uint8_t byte, Child child) {
  with_room(slot)->add(byte, child);
}

void RadixEditor::insert(const void* leaf) {
  const std::string_view key = traits_.key(leaf);
  if (!root_.top) {
    root_ = {Child(leaf), 1};
    return;
  }
  // A leaf that shares the path as far as it goes tells where the new key leaves it.
  Child probe = root_.top;
  while (!probe.is_leaf()) {
    const Child* next = step(*probe.branch(), key);
    probe = next != nullptr ? *next : Child(any_leaf(probe));
  }
  const std::string_view other = traits_.key(probe.leaf());
  const std::size_t fork = common_prefix(key, other);
  const bool same = fork == key.size() && fork == other.size();

  Child* slot = &root_.top;
  while (!slot->is_leaf() && (same || slot->branch()->depth < fork)) slot = step(*own(slot), key);
  if (same) {
    garbage_.leaves.push_back({&traits_, slot->leaf(), this});
    *slot = Child(leaf);
    return;
  }
  ++root_.size;
  if (!slot->is_leaf() && slot->branch()->depth == fork) {
    if (key.size() == fork) {
      own(slot)->end = Child(leaf);
    } else {
      add_child(slot, static_cast<std::uint8_t>(key[fork]), Child(leaf));
    }
    return;
  }
  Branch* branch = Branch::make(slab_, owner_, fork, 2);
  const auto place = [&](std::string_view whose, Child child) {
    if (whose.size() == fork) {
      branch->end = child;
    } else {
      branch->add(static_cast<std::uint8_t>(whose[fork]), child);
    }
  };
  place(other, *slot);
  place(key, Child(leaf));
  *slot = Child(branch);
}

void RadixEditor::collapse(Child* slot) {
  Branch* branch = slot->branch();
  const std::size_t total = branch->count() + (branch->end ? std::size_t{1} : std::size_t{0});
  if (total > 1) return;
  *slot = total == 0 ? Child() : branch->end ? branch->end : branch->children()[0];
  discard(branch);
}

void RadixEditor::remove_child(Child* slot, std::uint8_t byte) {
  Branch* branch = own(slot);
  branch->remove(byte);
  collapse(slot);
}

bool RadixEditor::erase(std::string_view key) {
  const void* leaf = find_leaf(root_, traits_, key);
  if (leaf == nullptr) return false;
  --root_.size;
  garbage_.leaves.push_back({&traits_, leaf, this});
  if (root_.top.is_leaf()) {
    root_.top = Child();
    return true;
  }
  Child* slot = &root_.top;
  while (true) {
    Child* next = step(*own(slot), key);
    if (next->is_leaf()) break;
    slot = next;
  }
  if (slot->branch()->depth == key.size()) {
    slot->branch()->end = Child();
    collapse(slot);
  } else {
    remove_child(slot, static_cast<std::uint8_t>(key[slot->branch()->depth]));
  }
  return true;
}

std::size_t RadixEditor::discard_all(Child top) {
  std::size_t leaves = 0;
  std::vector<Child> open{top};
  while (!open.empty()) {
    const Child child = open.back();
    open.pop_back();
    if (child.is_leaf()) {
      garbage_.leaves.push_back({&traits_, child.leaf(), this});
      ++leaves;
      continue;
    }
    Branch* branch = child.branch();
    if (branch->end) open.push_back(branch->end);
    open.insert(open.end(), branch->children(), branch->children() + branch->count());
    discard(branch);
  }
  return leaves;
}

std::size_t RadixEditor::erase_prefix(std::string_view prefix) {
  const Child doomed = subtree(root_, traits_, prefix);
  if (!doomed) return 0;
  if (doomed == root_.top) {
    root_ = Root();
    return discard_all(doomed);
  }
  Child* slot = &root_.top;
  const std::string_view path = traits_.key(any_leaf(doomed));
  while (true) {
    Child* next = step(*own(slot), path);
    if (*next == doomed) break;
    slot = next;
  }
  const std::size_t erased = discard_all(doomed);
  root_.size -= erased;
  if (path.size() == slot->branch()->depth) {
    slot->branch()->end = Child();
    collapse(slot);
  } else {
    remove_child(slot, static_cast<std::uint8_t>(path[slot->branch()->depth]));
  }
  return erased;
}

void RadixEditor::rollback(const Root& base) {
  const auto release_if_new = [&](const void* leaf) {
    if (find_leaf(base, traits_, traits_.key(leaf)) != leaf) traits_.release(leaf);
  };
  for (const Garbage::Leaf& garbage : garbage_.leaves) {
    if (garbage.editor == this) release_if_new(garbage.leaf);  // came and went within the transaction
  }
  std::vector<Child> open;
  if (root_.top) open.push_back(root_.top);
  while (!open.empty()) {
    const Child child = open.back();
    open.pop_back();
    if (child.is_leaf()) {
      release_if_new(child.leaf());
      continue;
    }
    Branch* branch = child.branch();
    if (branch->owner != owner_) continue;  // and so is nothing below it
    if (branch->end) open.push_back(branch->end);
    open.insert(open.end(), branch->children(), branch->children() + branch->count());
    branch->free(slab_);
  }
  root_ = base;
}

void destroy_tree(Child top, const LeafTraits& traits, base::Slab& slab) noexcept {
  if (!top) return;
  std::vector<Child> open;
  open.reserve(1024);
  open.push_back(top);
  while (!open.empty()) {
    const Child child = open.back();
    open.pop_back();
    if (child.is_leaf()) {
      traits.release(child.leaf());
      continue;
    }
    Branch* branch = child.branch();
    if (branch->end) open.push_back(branch->end);
    open.insert(open.end(), branch->children(), branch->children() + branch->count());
    branch->free(slab);
  }
}

}  // namespace discovery::state
