#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace discovery::dns {

/// An IP address as A and AAAA records carry it. An IPv4 address that is spelled as an IPv6 one
/// ("::ffff:192.0.2.1") is an IPv4 address. Threads: a value.
class IpAddress {
 public:
  /// The address that `text` spells, or none where it is something else, such as a host's name.
  static std::optional<IpAddress> parse(std::string_view text);
  /// From 4 or 16 bytes in network order; none for another size.
  static std::optional<IpAddress> from_bytes(std::span<const std::uint8_t> bytes);
  /// From 8 or 32 hexadecimal digits; none for anything else.
  static std::optional<IpAddress> from_hex(std::string_view digits);

  bool is_v4() const noexcept { return size_ == 4; }
  /// 4 or 16 bytes in network order.
  std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), size_}; }
  /// "192.0.2.1" or "2001:db8::1" (RFC 5952).
  std::string to_text() const;
  /// 8 or 32 lower-case hexadecimal digits.
  std::string to_hex() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::size_t size_ = 4;
};

}  // namespace discovery::dns
