#include "lib/base/slab.h"

#include <cstdint>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

struct Cell {
  std::byte* at;
  std::size_t size;
  std::byte mark;
};

bool holds_its_mark(const Cell& cell) {
  for (std::size_t at = 0; at < cell.size; ++at) {
    if (cell.at[at] != cell.mark) return false;
  }
  return true;
}

TEST_CASE("cells are aligned and do not overlap, however they come and go", "[base][slab]") {
  Slab slab;
  std::mt19937 random(GENERATE(range(1U, 6U)));
  std::vector<Cell> cells;
  for (int step = 0; step < 20'000; ++step) {
    if (!cells.empty() && random() % 3 == 0) {
      const std::size_t which = random() % cells.size();
      REQUIRE(holds_its_mark(cells[which]));
      slab.release(cells[which].at, cells[which].size);
      cells[which] = cells.back();
      cells.pop_back();
      continue;
    }
    const std::size_t size = (1 + random() % 70) * Slab::kGranularity;  // up to ones too large for cells
    Cell cell{static_cast<std::byte*>(slab.allocate(size)), size, static_cast<std::byte>(random())};
    const std::size_t alignment = std::min<std::size_t>(size & (~size + 1), 64);
    REQUIRE(reinterpret_cast<std::uintptr_t>(cell.at) % alignment == 0);
    std::memset(cell.at, static_cast<int>(cell.mark), size);
    cells.push_back(cell);
  }
  for (const Cell& cell : cells) {
    REQUIRE(holds_its_mark(cell));
    slab.release(cell.at, cell.size);
  }
}

TEST_CASE("a cell of exactly the largest size fits", "[base][slab]") {
  Slab slab;
  std::set<void*> seen;
  for (int number = 0; number < 100; ++number) {
    void* cell = slab.allocate(Slab::kLargestCell);
    std::memset(cell, number, Slab::kLargestCell);
    REQUIRE(seen.insert(cell).second);
  }
  for (void* cell : seen) slab.release(cell, Slab::kLargestCell);
}

}  // namespace
}  // namespace discovery::base
