#include "lib/env/posix_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

namespace discovery::env {
namespace {

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, level, name, &value, &size) == 0);
  return value;
}

TEST_CASE("connections probe their idle peers") {
  const auto listener = open_listener({"127.0.0.1", 0}, {});
  REQUIRE(listener.ok());
  sockaddr_in at{};
  socklen_t size = sizeof at;
  REQUIRE(::getsockname(listener->get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  // The unspecified address leads here, too, but is not known to; of the loopback's own the kernel tells.
  const auto client = begin_connect(*to_socket_address({"0.0.0.0", ntohs(at.sin_port)}));
  REQUIRE(client.ok());
  const auto near = begin_connect(*to_socket_address({"127.0.0.1", ntohs(at.sin_port)}));
  REQUIRE(near.ok());
  CHECK(option(near->fd.get(), SOL_SOCKET, SO_KEEPALIVE) == 0);
  pollfd waiting{listener->get(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, 5000) == 1);
  const UniqueFd taken(::accept(listener->get(), nullptr, nullptr));
  REQUIRE(taken.valid());
  for (const int fd : {taken.get(), client->fd.get()}) {
    CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 15);
    CHECK(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 15);
  }
}

}  // namespace
}  // namespace discovery::env
