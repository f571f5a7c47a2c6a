#include "lib/state/radix_tree.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace discovery::state {
namespace {

/// Children come in steps that keep small branches tight and let large ones grow without a copy each time.
std::uint16_t capacity_for(std::size_t count) {
  const std::size_t step = count <= 8 ? 2 : count <= 32 ? 8 : 32;
  return static_cast<std::uint16_t>((count + step - 1) / step * step);
}

Branch* allocate(std::uint16_t capacity) {
  void* memory = ::operator new (sizeof(Branch) + std::size_t{capacity} * sizeof(Child));
  return ::new (memory) Branch;
}

void deallocate(Branch* branch) noexcept { ::operator delete(branch); }

Branch* new_branch(std::uint64_t owner, std::size_t depth, std::uint16_t capacity) {
  Branch* branch = allocate(capacity);
  branch->owner = owner;
  std::fill(std::begin(branch->bitmap), std::end(branch->bitmap), 0);
  std::fill(std::begin(branch->before), std::end(branch->before), std::uint8_t{0});
  branch->depth = static_cast<std::uint32_t>(depth);
  branch->count = 0;
  branch->capacity = capacity;
  branch->unused = 0;
  branch->end = Child();
  return branch;
}

Branch* copy_branch(const Branch& from, std::uint64_t owner, std::uint16_t capacity) {
  Branch* branch = allocate(capacity);
  *branch = from;
  branch->owner = owner;
  branch->capacity = capacity;
  std::copy_n(from.children(), from.count, branch->children());
  return branch;
}

void recount(Branch& branch) {
  std::size_t total = 0;
  for (std::size_t word = 0; word < 4; ++word) {
    branch.before[word] = static_cast<std::uint8_t>(total);
    total += static_cast<std::size_t>(__builtin_popcountll(branch.bitmap[word]));
  }
}

void put_child(Branch& branch, std::uint8_t byte, Child child) {
  const std::size_t at = branch.rank(byte);
  Child* children = branch.children();
  std::copy_backward(children + at, children + branch.count, children + branch.count + 1);
  children[at] = child;
  ++branch.count;
  branch.bitmap[byte >> 6] |= std::uint64_t{1} << (byte & 63U);
  recount(branch);
}

/// A child of `branch` in which `key` may be, or null: `end` if the key ends here.
Child* step(Branch& branch, std::string_view key) {
  if (key.size() <= branch.depth) return key.size() == branch.depth && branch.end ? &branch.end : nullptr;
  const auto byte = static_cast<std::uint8_t>(key[branch.depth]);
  return branch.has(byte) ? &branch.children()[branch.rank(byte)] : nullptr;
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

void Garbage::free() noexcept {
  for (Branch* branch : branches) deallocate(branch);
  for (const auto& [traits, leaf] : leaves) traits->release(leaf);
  branches.clear();
  leaves.clear();
}

const void* find_leaf(const Root& root, const LeafTraits& traits, std::string_view key) noexcept {
  Child child = root.top;
  if (!child) return nullptr;
  while (!child.is_leaf()) {
    const Branch& branch = *child.branch();
    __builtin_prefetch(branch.children());  // the two cache lines that a step needs come at once
    if (key.size() <= branch.depth) {
      if (key.size() < branch.depth || !branch.end) return nullptr;
      child = branch.end;
      break;
    }
    const auto byte = static_cast<std::uint8_t>(key[branch.depth]);
    if (!branch.has(byte)) return nullptr;
    child = branch.children()[branch.rank(byte)];
  }
  return traits.key(child.leaf()) == key ? child.leaf() : nullptr;
}

Child subtree(const Root& root, const LeafTraits& traits, std::string_view prefix) noexcept {
  Child child = root.top;
  while (child && !child.is_leaf() && child.branch()->depth < prefix.size()) {
    const Branch& branch = *child.branch();
    const auto byte = static_cast<std::uint8_t>(prefix[branch.depth]);
    child = branch.has(byte) ? branch.children()[branch.rank(byte)] : Child();
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
    if (frame.position < frame.branch->count) return descend(frame.branch->children()[frame.position++]);
    stack_.pop_back();
  }
  return nullptr;
}

void RadixEditor::discard(Branch* branch) {
  if (branch->owner == owner_) {
    deallocate(branch);  // made by this editor, so no reader has seen it
  } else {
    garbage_.branches.push_back(branch);
  }
}

Branch* RadixEditor::own(Child* slot) {
  Branch* branch = slot->branch();
  if (branch->owner == owner_) return branch;
  Branch* mine = copy_branch(*branch, owner_, branch->capacity);
  garbage_.branches.push_back(branch);
  *slot = Child(mine);
  return mine;
}

Branch* RadixEditor::with_room(Child* slot) {
  Branch* branch = slot->branch();
  if (branch->count < branch->capacity) return own(slot);
  Branch* mine = copy_branch(*branch, owner_, capacity_for(branch->count + std::size_t{1}));
  discard(branch);
  *slot = Child(mine);
  return mine;
}

void RadixEditor::add_child(Child* slot, std::uint8_t byte, Child child) {
  put_child(*with_room(slot), byte, child);
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
    garbage_.leaves.emplace_back(&traits_, slot->leaf());
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
  Branch* branch = new_branch(owner_, fork, capacity_for(2));
  const auto place = [&](std::string_view whose, Child child) {
    if (whose.size() == fork) {
      branch->end = child;
    } else {
      put_child(*branch, static_cast<std::uint8_t>(whose[fork]), child);
    }
  };
  place(other, *slot);
  place(key, Child(leaf));
  *slot = Child(branch);
}

void RadixEditor::collapse(Child* slot) {
  Branch* branch = slot->branch();
  const std::size_t total = branch->count + (branch->end ? std::size_t{1} : std::size_t{0});
  if (total > 1) return;
  *slot = total == 0 ? Child() : branch->end ? branch->end : branch->children()[0];
  discard(branch);
}

void RadixEditor::remove_child(Child* slot, std::uint8_t byte) {
  Branch* branch = own(slot);
  const std::size_t at = branch->rank(byte);
  Child* children = branch->children();
  std::copy(children + at + 1, children + branch->count, children + at);
  --branch->count;
  branch->bitmap[byte >> 6] &= ~(std::uint64_t{1} << (byte & 63U));
  recount(*branch);
  collapse(slot);
}

bool RadixEditor::erase(std::string_view key) {
  const void* leaf = find_leaf(root_, traits_, key);
  if (leaf == nullptr) return false;
  --root_.size;
  garbage_.leaves.emplace_back(&traits_, leaf);
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
      garbage_.leaves.emplace_back(&traits_, child.leaf());
      ++leaves;
      continue;
    }
    Branch* branch = child.branch();
    if (branch->end) open.push_back(branch->end);
    open.insert(open.end(), branch->children(), branch->children() + branch->count);
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
  for (const auto& [traits, leaf] : garbage_.leaves) {
    if (traits == &traits_) release_if_new(leaf);  // came and went within the transaction
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
    open.insert(open.end(), branch->children(), branch->children() + branch->count);
    deallocate(branch);
  }
  root_ = base;
}

void destroy_tree(Child top, const LeafTraits& traits) noexcept {
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
    open.insert(open.end(), branch->children(), branch->children() + branch->count);
    deallocate(branch);
  }
}

}  // namespace discovery::state
