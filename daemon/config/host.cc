#include "daemon/config/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>

namespace discovery::config {
namespace {

Status system_error(const std::string& what) {
  return {Code::kUnavailable, what + ": " + std::generic_category().message(errno)};
}

Result<std::string> read_hostname() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return system_error("gethostname");
  return std::string(name.data());
}

bool is_private(const in_addr& address) {
  const std::uint32_t bits = ntohl(address.s_addr);
  return (bits >> 24) == 10 || (bits >> 20) == (172U << 4 | 1) || (bits >> 16) == (192U << 8 | 168) ||
         (bits >> 22) == (100U << 2 | 1);
}

bool is_public(const in6_addr& address) {
  return !IN6_IS_ADDR_LOOPBACK(&address) && !IN6_IS_ADDR_LINKLOCAL(&address) &&
         !IN6_IS_ADDR_UNSPECIFIED(&address) && !IN6_IS_ADDR_MULTICAST(&address) &&
         (address.s6_addr[0] & 0xFE) != 0xFC;
}

/// The text of an interface's address if it is of the family and `wanted`; else empty.
template <class SocketAddress, class Address>
std::string text_if(const sockaddr* generic, int family, Address SocketAddress::*part,
                    bool (*wanted)(const Address&)) {
  if (generic == nullptr || generic->sa_family != family) return "";
  const Address& address = reinterpret_cast<const SocketAddress*>(generic)->*part;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!wanted(address) || inet_ntop(family, &address, text.data(), text.size()) == nullptr) return "";
  return text.data();
}

/// `text_of` of the addresses of all interfaces that are up, where it is not empty.
Result<std::vector<std::string>> interface_addresses(std::string (*text_of)(const sockaddr*)) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return system_error("getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, &freeifaddrs);
  std::vector<std::string> found;
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    if ((at->ifa_flags & IFF_UP) == 0) continue;
    if (std::string text = text_of(at->ifa_addr); !text.empty()) found.push_back(std::move(text));
  }
  return found;
}

Result<std::vector<std::string>> private_ipv4() {
  return interface_addresses(
      [](const sockaddr* at) { return text_if(at, AF_INET, &sockaddr_in::sin_addr, is_private); });
}

Result<std::vector<std::string>> public_ipv6() {
  return interface_addresses(
      [](const sockaddr* at) { return text_if(at, AF_INET6, &sockaddr_in6::sin6_addr, is_public); });
}

/// The interface that the default route of IPv4 leads to; empty if there is none.
std::string default_interface() {
  std::ifstream routes("/proc/net/route");
  std::string line;
  while (std::getline(routes, line)) {
    std::istringstream columns(line);
    std::string name;
    std::string destination;
    if (columns >> name >> destination && destination == "00000000") return name;
  }
  return "";
}

/// The length of a prefix, of a mask's leading bits.
template <class Bytes>
int prefix_of(const Bytes& mask) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&mask);
  int length = 0;
  while (length < static_cast<int>(8 * sizeof mask) && (bytes[length / 8] & (0x80 >> length % 8)) != 0)
    ++length;
  return length;
}

Result<std::vector<InterfaceAddress>> interfaces() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return system_error("getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, &freeifaddrs);
  const std::string by_default = default_interface();
  std::vector<InterfaceAddress> found;
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    InterfaceAddress address;
    const bool is_v4 = at->ifa_addr->sa_family == AF_INET;
    address.address =
        is_v4 ? text_if(
                    at->ifa_addr, AF_INET, &sockaddr_in::sin_addr, +[](const in_addr&) { return true; })
              : text_if(
                    at->ifa_addr, AF_INET6, &sockaddr_in6::sin6_addr, +[](const in6_addr&) { return true; });
    if (address.address.empty()) continue;
    if (at->ifa_netmask != nullptr) {
      address.prefix = is_v4 ? prefix_of(reinterpret_cast<const sockaddr_in*>(at->ifa_netmask)->sin_addr)
                             : prefix_of(reinterpret_cast<const sockaddr_in6*>(at->ifa_netmask)->sin6_addr);
    }
    const auto has = [&](unsigned flag) { return (at->ifa_flags & flag) != 0; };
    address.name = at->ifa_name;
    address.up = has(IFF_UP);
    address.loopback = has(IFF_LOOPBACK);
    address.broadcast = has(IFF_BROADCAST);
    address.multicast = has(IFF_MULTICAST);
    address.point_to_point = has(IFF_POINTOPOINT);
    address.is_default = address.name == by_default;
    found.push_back(std::move(address));
  }
  return found;
}

std::optional<std::uint64_t> max_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_max;
}

}  // namespace

Host this_host() { return {read_hostname, private_ipv4, public_ipv6, max_open_files, interfaces}; }

}  // namespace discovery::config
