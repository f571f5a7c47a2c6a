#pragma once

#include <cstdint>

namespace discovery::dns {

/// Random numbers for the order of records: fast, evenly spread, not secret (splitmix64,
/// https://prng.di.unimi.it). Threads: one at a time.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

  /// Each number below `bound` with the same probability; `bound` is not 0.
  std::uint32_t below(std::uint32_t bound) noexcept {
    // D. Lemire, "Fast random integer generation in an interval": a multiplication instead of a division, and
    // a second try for the few draws that would favour some numbers.
    std::uint64_t product = (next() >> 32) * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      const std::uint32_t uneven = (0U - bound) % bound;
      while (static_cast<std::uint32_t>(product) < uneven) product = (next() >> 32) * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  std::uint64_t state_;
};

}  // namespace discovery::dns
