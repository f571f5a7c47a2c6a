#include "lib/dns/answer_cache.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <absl/hash/hash.h>
#include <absl/strings/string_view.h>

namespace discovery::dns {
namespace {

std::uint64_t hash_of(std::string_view key) {
  return absl::HashOf(absl::string_view(key.data(), key.size()));
}

}  // namespace

AnswerCache::AnswerCache(const Limits& limits)
    : limits_(limits), max_sets_(std::bit_ceil(std::max<std::size_t>(limits.entries / kWays, 1))) {
  const std::size_t sets = std::min(kFirstSets, max_sets_);
  slots_.resize(sets * kWays);
  set_mask_ = sets - 1;
}

EncodedAnswer* AnswerCache::find(std::string_view key) {
  const std::uint64_t hash = hash_of(key);
  Slot* const set = set_of(hash);
  for (Slot* slot = set; slot != set + kWays; ++slot) {
    if (slot->hash != hash || slot->entry == nullptr || slot->entry->key != key) continue;
    if (slot->entry->is_superseded()) {
      drop(*slot);
      return nullptr;
    }
    slot->used = true;
    return &slot->entry->answer;
  }
  return nullptr;
}

void AnswerCache::insert(std::unique_ptr<Entry> entry) {
  const std::size_t bytes = sizeof(Entry) + entry->key.capacity() + entry->answer.footprint() +
                            entry->sources.capacity() * sizeof(entry->sources[0]);
  if (bytes > std::min(limits_.entry_bytes, limits_.bytes)) return;
  const std::uint64_t hash = hash_of(entry->key);
  Slot* const set = set_of(hash);
  for (Slot* slot = set; slot != set + kWays; ++slot) {
    if (slot->entry != nullptr && slot->hash == hash && slot->entry->key == entry->key) drop(*slot);
  }
  sweep(limits_.bytes - bytes);
  Slot& slot = room_for(hash);
  drop(slot);
  slot = {hash, std::move(entry), bytes, false};
  bytes_ += bytes;
  ++size_;
}

void AnswerCache::clear() {
  for (Slot& slot : slots_) drop(slot);
}

void AnswerCache::drop(Slot& slot) {
  if (slot.entry == nullptr) return;
  bytes_ -= slot.bytes;
  --size_;
  slot = {};
}

/// Twice as many sets: each is split into two by one more bit of the hash.
void AnswerCache::grow() {
  const std::size_t sets = set_mask_ + 1;
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
  set_mask_ = 2 * sets - 1;
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (old[i].entry != nullptr) set_of(old[i].hash)[i % kWays] = std::move(old[i]);
  }
}

/// A slot that is empty, or whose answer is out of date; null if there is none.
AnswerCache::Slot* AnswerCache::free_in(Slot* set) {
  for (Slot* slot = set; slot != set + kWays; ++slot) {
    if (slot->entry == nullptr || slot->entry->is_superseded()) return slot;
  }
  return nullptr;
}

/// A slot for a new entry; what is in it may go.
AnswerCache::Slot& AnswerCache::room_for(std::uint64_t hash) {
  Slot* free = free_in(set_of(hash));
  while (free == nullptr && set_mask_ + 1 < max_sets_) {
    grow();
    free = free_in(set_of(hash));
  }
  if (free != nullptr) return *free;
  Slot* const set = set_of(hash);
  const std::size_t first = hand_++;
  for (std::size_t i = 0; i < kWays; ++i) {
    Slot& slot = set[(first + i) % kWays];
    if (!slot.used) return slot;
  }
  for (Slot* slot = set; slot != set + kWays; ++slot)
    slot->used = false;  // all are busy: they have to prove it anew
  return set[first % kWays];
}

/// Drops entries until what is left takes no more than `limit` bytes.
void AnswerCache::sweep(std::size_t limit) {
  while (bytes_ > limit) {
    Slot& slot = slots_[hand_++ % slots_.size()];
    if (slot.entry != nullptr && !std::exchange(slot.used, false)) drop(slot);
  }
}

}  // namespace discovery::dns
