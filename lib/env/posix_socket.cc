#include "lib/env/posix_socket.h"

#include <arpa/inet.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "lib/env/posix_error.h"

namespace discovery::env {
namespace {

Result<SocketAddress> to_unix_address(const std::string& path) {
  SocketAddress result;
  auto& un = *reinterpret_cast<sockaddr_un*>(&result.storage);
  if (path.size() >= sizeof un.sun_path) {
    return Status(Code::kInvalidArgument, "the path of a Unix socket may have " +
                                              std::to_string(sizeof un.sun_path - 1) + " bytes: " + path);
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  result.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return result;
}

bool set_flag(int fd, int level, int option) {
  const int on = 1;
  return ::setsockopt(fd, level, option, &on, sizeof on) == 0;
}

/// Lets the handshake's last acknowledgement go with the first bytes that are sent, or by itself after a
/// while. All who connect from here speak first, and so there is a packet less, and the other side is woken
/// once. (What a TCP check sends is the end.)
void hold_back_first_ack(int fd) {
  const int off = 0;
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);  // refused by a Unix socket, which is fine
}

/// What to do about a bind() or listen() that failed.
Status bind_error(const Endpoint& at, int error) {
  const std::string what = "cannot listen on " + at.to_string();
  switch (error) {
    case EADDRINUSE:
      return {Code::kUnavailable,
              what + ": address already in use; stop the program that has it or choose another"};
    case EADDRNOTAVAIL:
      return {Code::kUnavailable, what + ": no interface of this machine has this address"};
    case EACCES:
      return {Code::kPermissionDenied,
              what + ": permission denied" +
                  (at.is_unix() ? "; check the directory's owner and mode"
                                : "; ports below 1024 need the capability CAP_NET_BIND_SERVICE")};
    case ENOENT:
      return {Code::kUnavailable, what + ": the directory does not exist"};
    default:
      return posix_error(what, error);
  }
}

Result<UniqueFd> open_socket(int family, int type, const std::string& purpose) {
  UniqueFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return posix_error(purpose, errno);
  return fd;
}

/// Lets connections, of a socket or of those that a listener takes, ask now and then whether their idle peers
/// are still there, as Go's do: a machine that lost its power says nothing by itself, nor does a box in
/// between that has forgotten them.
void probe_idle_peers(int fd) {
  constexpr int kSeconds = 15;  // until the first probe, and between two of them
  constexpr int kProbes = 9;
  set_flag(fd, SOL_SOCKET, SO_KEEPALIVE);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kSeconds, sizeof kSeconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kSeconds, sizeof kSeconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
}

/// Whether the other end is a socket of this kernel for certain: then it is the one that would answer for an
/// idle peer, and tells of one that is gone without being asked.
bool is_loopback(const SocketAddress& address) {
  if (address.family() == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(&address.storage);
    return ntohl(v4.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
  }
  const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(&address.storage);
  return address.family() == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/// Removes the socket file of a program that has ended; leaves all else.
void remove_stale_socket(const SocketAddress& at, const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0 || !S_ISSOCK(about.st_mode)) return;
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), at.get(), at.length) != 0 && errno == ECONNREFUSED) ::unlink(path.c_str());
}

/// The number of a user or group: given as such, or looked up by its name. `Entry` is what `look_up` fills
/// in.
template <class Entry, class LookUp>
Result<std::uint32_t> find_id(const std::string& what, const std::string& who, LookUp look_up,
                              std::uint32_t Entry::*id) {
  std::uint32_t number = 0;
  const char* const end = who.data() + who.size();
  if (const auto [stop, error] = std::from_chars(who.data(), end, number);
      error == std::errc() && stop == end) {
    return number;
  }
  Entry entry{};
  Entry* found = nullptr;
  std::array<char, 4096> buffer{};
  if (look_up(who.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return invalid_argument("invalid " + what + " specified: " + who);
  }
  return entry.*id;
}

/// Gives a Unix socket the mode and the owner that it should have.
Status own_socket_file(const std::string& path, const ListenOptions& options) {
  if (options.unix_mode != 0 && ::chmod(path.c_str(), static_cast<mode_t>(options.unix_mode)) != 0) {
    return posix_error("cannot set the mode of " + path, errno);
  }
  Result<std::uint32_t> user = ::getuid();
  Result<std::uint32_t> group = ::getgid();
  if (!options.unix_user.empty()) user = find_id("user", options.unix_user, ::getpwnam_r, &passwd::pw_uid);
  if (!options.unix_group.empty())
    group = find_id("group", options.unix_group, ::getgrnam_r, &::group::gr_gid);
  if (!user.ok()) return user.status();
  if (!group.ok()) return group.status();
  if (*user == ::getuid() && *group == ::getgid()) return {};
  if (::chown(path.c_str(), *user, *group) != 0) return posix_error("cannot set the owner of " + path, errno);
  return {};
}

/// Binds with the options that listeners and datagram sockets share.
Status bind_socket(int fd, const SocketAddress& address, const Endpoint& at, const ListenOptions& options) {
  if (address.family() != AF_UNIX) {
    if (options.reuse_port && !set_flag(fd, SOL_SOCKET, SO_REUSEPORT)) return bind_error(at, errno);
    if (address.family() == AF_INET6 && !set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY))
      return bind_error(at, errno);
  }
  if (::bind(fd, address.get(), address.length) != 0) return bind_error(at, errno);
  if (address.family() != AF_UNIX) return {};
  Status owned = own_socket_file(at.address, options);
  if (!owned.ok()) ::unlink(at.address.c_str());
  return owned;
}

}  // namespace

Result<SocketAddress> to_socket_address(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return to_unix_address(endpoint.address);
  SocketAddress result;
  auto& v4 = *reinterpret_cast<sockaddr_in*>(&result.storage);
  if (::inet_pton(AF_INET, endpoint.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    result.length = sizeof v4;
    return result;
  }
  auto& v6 = *reinterpret_cast<sockaddr_in6*>(&result.storage);
  const std::size_t percent = endpoint.address.find('%');
  if (::inet_pton(AF_INET6, endpoint.address.substr(0, percent).c_str(), &v6.sin6_addr) != 1) {
    return Status(Code::kInvalidArgument, "not an IP address: " + endpoint.address);
  }
  if (percent != std::string::npos) {
    const char* const zone = endpoint.address.c_str() + percent + 1;
    v6.sin6_scope_id = ::if_nametoindex(zone);
    if (v6.sin6_scope_id == 0) v6.sin6_scope_id = static_cast<std::uint32_t>(std::strtoul(zone, nullptr, 10));
    if (v6.sin6_scope_id == 0)
      return Status(Code::kInvalidArgument, "no such interface: " + endpoint.address);
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  result.length = sizeof v6;
  return result;
}

Endpoint to_endpoint(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN + IF_NAMESIZE + 1> text{};
  if (address.family() == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(&address.storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(v4.sin_port)};
  }
  if (address.family() == AF_INET6) {
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(&address.storage);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    Endpoint result{text.data(), ntohs(v6.sin6_port)};
    if (v6.sin6_scope_id != 0) result.address += "%" + std::to_string(v6.sin6_scope_id);
    return result;
  }
  const auto& un = *reinterpret_cast<const sockaddr_un*>(&address.storage);
  const std::size_t named =
      address.length > offsetof(sockaddr_un, sun_path) ? address.length - offsetof(sockaddr_un, sun_path) : 0;
  return {std::string(un.sun_path, ::strnlen(un.sun_path, named)), 0};
}

Result<UniqueFd> open_listener(const Endpoint& at, const ListenOptions& options) {
  const Result<SocketAddress> address = to_socket_address(at);
  if (!address) return address.status();
  Result<UniqueFd> fd = open_socket(address->family(), SOCK_STREAM, "cannot listen on " + at.to_string());
  if (!fd) return fd;
  if (at.is_unix()) {
    remove_stale_socket(*address, at.address);
  } else if (!set_flag(fd->get(), SOL_SOCKET, SO_REUSEADDR)) {
    // Without it, connections of an earlier run that linger hold the port. (For datagrams it would share the
    // port.)
    return bind_error(at, errno);
  }
  if (!at.is_unix()) probe_idle_peers(fd->get());
  if (Status bound = bind_socket(fd->get(), *address, at, options); !bound.ok()) return bound;
  if (::listen(fd->get(), options.backlog) != 0) return bind_error(at, errno);
  return fd;
}

Result<UniqueFd> open_datagram(const Endpoint& at, const ListenOptions& options) {
  if (at.is_unix()) return invalid_argument("datagrams go to IP addresses only, not to " + at.to_string());
  const Result<SocketAddress> address = to_socket_address(at);
  if (!address) return address.status();
  Result<UniqueFd> fd = open_socket(address->family(), SOCK_DGRAM, "cannot listen on " + at.to_string());
  if (!fd) return fd;
  if (Status bound = bind_socket(fd->get(), *address, at, options); !bound.ok()) return bound;
  return fd;
}

Result<Connecting> begin_connect(const SocketAddress& to) {
  Result<UniqueFd> fd = open_socket(to.family(), SOCK_STREAM, "cannot connect");
  if (!fd) return fd.status();
  hold_back_first_ack(fd->get());
  if (to.family() != AF_UNIX && !is_loopback(to)) probe_idle_peers(fd->get());
  // On this machine a connection is there, or refused, at once. The first call says of TCP that it is under
  // way all the same; a second one knows.
  bool there = ::connect(fd->get(), to.get(), to.length) == 0;
  if (!there && errno == EINPROGRESS) there = ::connect(fd->get(), to.get(), to.length) == 0;
  if (!there && errno != EALREADY && errno != EINPROGRESS) {
    return posix_error("cannot connect to " + to_endpoint(to).to_string(), errno);
  }
  return Connecting{std::move(*fd), there};
}

void set_no_delay(int fd) {
  set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
}  // refused by a Unix socket, which is fine

Endpoint local_endpoint(int fd) {
  SocketAddress address;
  if (::getsockname(fd, address.get(), &address.length) != 0) return {};
  return to_endpoint(address);
}

}  // namespace discovery::env
