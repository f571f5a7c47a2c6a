#include "daemon/config/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
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

std::optional<std::uint64_t> max_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_max;
}

}  // namespace

Host this_host() { return {read_hostname, private_ipv4, public_ipv6, max_open_files}; }

}  // namespace discovery::config
