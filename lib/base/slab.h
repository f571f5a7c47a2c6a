#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace discovery::base {

/// Cells of few sizes that live and go together: nodes of a tree. No header a cell, freed cells are used
/// again for the same size, and all memory goes back when the slab goes. Large slabs lie on huge pages where
/// the system has them, since a walk through a tree misses the address translation as often as the cache.
///
/// In builds with AddressSanitizer each cell is an allocation of its own, so that misuse is seen.
/// Threads: one at a time. Throws std::bad_alloc.
class Slab {
 public:
  /// Sizes are multiples of this.
  static constexpr std::size_t kGranularity = 16;
  /// The largest size that cells come in; above it each is an allocation of its own.
  static constexpr std::size_t kLargestCell = 640;

  Slab() = default;
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  /// A cell of `size` bytes, aligned to the largest power of two in `size`, but at most to a cache line.
  void* allocate(std::size_t size);
  /// Gives a cell of `size` bytes back.
  void release(void* cell, std::size_t size) noexcept;

 private:
  struct FreeCell {
    FreeCell* next;
  };
  struct Chunk {
    void* memory;
    std::size_t size;
    std::size_t alignment;
  };
  /// What is left of the cells that were cut off a chunk for one size.
  struct Run {
    std::byte* next = nullptr;
    std::byte* end = nullptr;
  };

  void cut_run(Run& run, std::size_t size);
  void add_chunk();

  std::array<FreeCell*, kLargestCell / kGranularity + 1> free_{};
  std::array<Run, kLargestCell / kGranularity + 1> runs_{};
  Run chunk_;
  std::vector<Chunk> chunks_;
};

}  // namespace discovery::base
