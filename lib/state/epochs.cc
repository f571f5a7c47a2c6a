#include "lib/state/epochs.h"

#include <algorithm>
#include <utility>

namespace discovery::state {

Epochs::~Epochs() {
  Block* block = first_.next.load();
  while (block != nullptr) delete std::exchange(block, block->next.load());
}

std::atomic<std::uint64_t>& Epochs::claim() {
  Block* block = &first_;
  while (true) {
    for (Slot& slot : block->slots) {
      // Claimed with version 0, older than all, so that a writer that looks between claim and pin frees
      // nothing.
      std::uint64_t idle = kIdle;
      if (slot.version.load(std::memory_order_relaxed) == kIdle &&
          slot.version.compare_exchange_strong(idle, 0, std::memory_order_seq_cst)) {
        return slot.version;
      }
    }
    Block* next = block->next.load(std::memory_order_acquire);
    if (next == nullptr) {
      auto fresh = std::make_unique<Block>();
      if (block->next.compare_exchange_strong(next, fresh.get(), std::memory_order_acq_rel))
        next = fresh.release();
    }
    block = next;
  }
}

Epochs::Pin Epochs::pin() {
  std::atomic<std::uint64_t>& slot = claim();
  std::uint64_t version = current_.load(std::memory_order_acquire);
  while (true) {
    slot.store(version, std::memory_order_seq_cst);
    const std::uint64_t now = current_.load(std::memory_order_seq_cst);
    if (now == version) return Pin(&slot);
    version = now;
  }
}

std::uint64_t Epochs::oldest() const noexcept {
  std::uint64_t oldest = current_.load(std::memory_order_seq_cst);
  for (const Block* block = &first_; block != nullptr; block = block->next.load(std::memory_order_acquire)) {
    for (const Slot& slot : block->slots) {
      oldest = std::min(oldest, slot.version.load(std::memory_order_seq_cst));
    }
  }
  return oldest;
}

}  // namespace discovery::state
