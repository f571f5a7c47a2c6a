#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace discovery::fuzz {

/// What takes a text apart, and aborts if something that must hold does not.
using Reader = void (*)(std::string_view input);

/// Lets the first byte of an input choose who reads the rest. The seeds count on the order of `readers`: new
/// ones come last.
inline int read_by_first_byte(std::span<const Reader> readers, const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  readers[data[0] % readers.size()]({reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

}  // namespace discovery::fuzz
