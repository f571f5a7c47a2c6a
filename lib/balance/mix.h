#pragma once

#include <cstdint>
#include <string_view>

namespace discovery::balance {

/// Spreads a number over all 64 bits, one to one (splitmix64's finaliser, https://prng.di.unimi.it). What
/// consistent hashing builds on it must not change.
inline std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

/// A hash of bytes, alike on every machine and in every release.
std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) noexcept;

/// Random numbers from a seed (splitmix64), two nanoseconds each. Threads: a value.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) noexcept : state_(mix(seed + kStep)) {}
  std::uint64_t next() noexcept { return mix(state_ += kStep); }
  /// Uniform in [0, bound), but for an error of bound / 2^32. REQUIRES: 0 < bound < 2^32.
  std::uint32_t below(std::uint64_t bound) noexcept {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15U;
  std::uint64_t state_;
};

}  // namespace discovery::balance
