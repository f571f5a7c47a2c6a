#include "lib/balance/mix.h"

#include <discovery/balance.h>

namespace discovery::balance {

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) noexcept {
  std::uint64_t hash = mix(seed ^ (bytes.size() * 0x9E3779B97F4A7C15U));
  while (!bytes.empty()) {
    std::uint64_t word = 0;  // put together byte by byte: the same on machines of either byte order
    const std::string_view piece = bytes.substr(0, 8);
    for (std::size_t i = 0; i < piece.size(); ++i) {
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(piece[i])) << (8 * i);
    }
    hash = mix(hash ^ word) + 0x9E3779B97F4A7C15U;
    bytes.remove_prefix(piece.size());
  }
  return mix(hash);
}

}  // namespace discovery::balance

namespace discovery::inline v0 {

std::uint64_t ticket_of(const Instance& instance) noexcept {
  const std::uint64_t hash = balance::hash_bytes(instance.id, balance::hash_bytes(instance.node, 0));
  return hash == 0 ? 1 : hash;
}

std::uint64_t hash_of(std::string_view key) noexcept { return balance::hash_bytes(key, 0); }

}  // namespace discovery::inline v0
