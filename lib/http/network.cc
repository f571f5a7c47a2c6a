#include "lib/http/network.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace discovery::http {
namespace {

using Bytes = std::array<std::uint8_t, 16>;
constexpr int kV4Bits = 96;  // that stand before an IPv4 address in IPv6 form

struct Parsed {
  Bytes bytes{};
  bool is_v4 = false;
};

std::optional<Parsed> parse_address(std::string_view text) {
  const std::string copy(text);
  Parsed parsed;
  if (inet_pton(AF_INET6, copy.c_str(), parsed.bytes.data()) == 1) return parsed;
  parsed.bytes[10] = parsed.bytes[11] = 0xff;
  if (inet_pton(AF_INET, copy.c_str(), parsed.bytes.data() + 12) != 1) return std::nullopt;
  parsed.is_v4 = true;
  return parsed;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = parse_address(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  Network network;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), network.bits_);
  if (!address || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (network.bits_ < 0 || network.bits_ > (address->is_v4 ? 32 : 128)) return std::nullopt;
  if (address->is_v4) network.bits_ += kV4Bits;
  network.bytes_ = address->bytes;
  return network;
}

bool Network::contains(std::string_view address) const {
  const auto parsed = parse_address(address);
  if (!parsed) return false;
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (std::memcmp(parsed->bytes.data(), bytes_.data(), whole) != 0) return false;
  const int rest = bits_ % 8;
  if (rest == 0) return true;
  const int mask = 0xff << (8 - rest) & 0xff;
  return (parsed->bytes[whole] & mask) == (bytes_[whole] & mask);
}

bool is_ip_address(std::string_view text) { return parse_address(text).has_value(); }

std::vector<Network> parse_networks(const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (const std::string& text : texts) {
    if (auto network = Network::parse(text)) networks.push_back(*network);
  }
  return networks;
}

}  // namespace discovery::http
