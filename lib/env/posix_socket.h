#pragma once

/// \file
/// The socket calls of POSIX that the real world needs, with errors as values. All sockets are non-blocking
/// and close on exec. Threads: safe.

#include <sys/socket.h>

#include <discovery/status.h>

#include "lib/env/env.h"
#include "lib/env/unique_fd.h"

namespace discovery::env {

/// An address as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const noexcept { return storage.ss_family; }
};

/// kInvalidArgument: neither an IP address (IPv6 with an optional zone) nor a path that fits a Unix socket.
Result<SocketAddress> to_socket_address(const Endpoint& endpoint);
/// The other way round. The unnamed end of a Unix connection is an empty address.
Endpoint to_endpoint(const SocketAddress& address);

/// A listening stream socket. A Unix socket that nobody listens on any more is replaced. Errors:
/// Env::listen().
Result<UniqueFd> open_listener(const Endpoint& at, const ListenOptions& options);
/// A bound datagram socket (IP only). Errors: Env::bind().
Result<UniqueFd> open_datagram(const Endpoint& at, const ListenOptions& options);
/// A stream socket on its way.
struct Connecting {
  UniqueFd fd;
  bool there = false;  ///< else it is there, or failed, when it is writable
};
/// Begins a connection to `to`.
Result<Connecting> begin_connect(const SocketAddress& to);
/// Small writes go out at once, for TCP.
void set_no_delay(int fd);
/// Where a socket is bound.
Endpoint local_endpoint(int fd);

}  // namespace discovery::env
