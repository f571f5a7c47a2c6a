#include "lib/base/slab.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace discovery::base {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCellsApart = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kCellsApart = true;
#else
constexpr bool kCellsApart = false;
#endif
#else
constexpr bool kCellsApart = false;
#endif

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kRunSize = 4096;
constexpr std::size_t kFirstChunk = std::size_t{64} << 10;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

bool is_apart(std::size_t size) { return kCellsApart || size > Slab::kLargestCell; }

}  // namespace

Slab::~Slab() {
  for (const Chunk& chunk : chunks_) {
    ::operator delete (chunk.memory, std::align_val_t{chunk.alignment});
  }
}

void* Slab::allocate(std::size_t size) {
  if (is_apart(size)) return ::operator new (size, std::align_val_t{kCacheLine});
  const std::size_t kind = size / kGranularity;
  if (FreeCell* cell = free_[kind]; cell != nullptr) {
    free_[kind] = cell->next;
    return cell;
  }
  Run& run = runs_[kind];
  if (static_cast<std::size_t>(run.end - run.next) < size) cut_run(run, size);
  void* cell = run.next;
  run.next += size;
  return cell;
}

void Slab::release(void* cell, std::size_t size) noexcept {
  if (is_apart(size)) {
    ::operator delete (cell, std::align_val_t{kCacheLine});
    return;
  }
  const std::size_t kind = size / kGranularity;
  free_[kind] = ::new (cell) FreeCell{free_[kind]};
}

void Slab::cut_run(Run& run, std::size_t size) {
  if (static_cast<std::size_t>(chunk_.end - chunk_.next) < kRunSize) add_chunk();
  run.next = chunk_.next;
  chunk_.next += kRunSize;
  run.end = run.next + kRunSize / size * size;
}

void Slab::add_chunk() {
  // Small at first, so that an idle agent stays small; from a huge page on in whole ones.
  const std::size_t size = chunks_.empty() ? kFirstChunk : std::min(chunks_.back().size * 2, kHugePage);
  const bool huge = size == kHugePage;
  const std::size_t alignment = huge ? kHugePage : kCacheLine;
  chunks_.reserve(chunks_.size() + 1);  // so that nothing is lost if memory runs out
  void* memory = ::operator new (size, std::align_val_t{alignment});
  if (huge) ::madvise(memory, size, MADV_HUGEPAGE);  // a wish: without huge pages it all works as well
  chunks_.push_back({memory, size, alignment});
  chunk_ = {static_cast<std::byte*>(memory), static_cast<std::byte*>(memory) + size};
}

}  // namespace discovery::base
