#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "lib/env/env.h"

namespace discovery::env {

/// The same numbers for the same seed: xoshiro256** (https://prng.di.unimi.it), seeded by splitmix64.
/// Threads: one at a time.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) noexcept;
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 4> state_;
};

/// Numbers that nobody can predict: the kernel's (getrandom(2)), drawn in batches. A number is forgotten once
/// it was given out. Threads: one at a time. Blocks: only before the kernel's pool is first filled, early at
/// boot.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 64> batch_{};
  std::size_t left_ = 0;  // the first left_ numbers of batch_ are still unused
};

/// A new UUID of 16 random bytes, as Consul makes its ids.
std::string random_uuid(Random& random);

}  // namespace discovery::env
