#include "lib/env/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/uuid.h"

namespace discovery::env {

SeededRandom::SeededRandom(std::uint64_t seed) noexcept : state_{} {
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    word = mixed ^ (mixed >> 31);
  }
}

std::uint64_t SeededRandom::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t SystemRandom::next() {
  if (left_ == 0) {
    auto* at = reinterpret_cast<unsigned char*>(batch_.data());
    std::size_t missing = sizeof batch_;
    while (missing > 0) {
      // Flags 0 and sizes over 256 bytes: may be short or interrupted, fails otherwise on no supported
      // kernel.
      const ssize_t got = ::getrandom(at, missing, 0);
      if (got < 0 && errno != EINTR) break;
      if (got > 0) {
        at += got;
        missing -= static_cast<std::size_t>(got);
      }
    }
    left_ = batch_.size();
  }
  return std::exchange(batch_[--left_], 0);
}

std::string random_uuid(Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  const std::array<std::uint64_t, 2> drawn = {random.next(), random.next()};
  std::memcpy(bytes.data(), drawn.data(), bytes.size());
  return base::format_uuid(bytes);
}

}  // namespace discovery::env
