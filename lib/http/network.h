#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace discovery::http {

/// A network of IP addresses (RFC 4632). Threads: a value.
class Network {
 public:
  /// "10.0.0.0/8", "2001:db8::/32". Nothing for any other text.
  static std::optional<Network> parse(std::string_view text);

  /// Whether the text of an IP address is one of the network's. IPv4 addresses in IPv6 form count as IPv4.
  bool contains(std::string_view address) const;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  int bits_ = 0;
};

/// Whether a text is an IP address.
bool is_ip_address(std::string_view text);

/// Those of the texts that are networks.
std::vector<Network> parse_networks(const std::vector<std::string>& texts);

}  // namespace discovery::http
