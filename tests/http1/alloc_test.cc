#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/asio_env.h"
#include "lib/env/unique_fd.h"
#include "lib/http1/server.h"
#include "tests/support/count_allocations.h"

#ifdef DISCOVERY_COUNT_ALLOCATIONS

namespace discovery::http1 {
namespace {

/// Answers with 200 shared bytes; keeps what is asked for under /wait.
class SharedAnswer final : public Handler {
 public:
  std::uint64_t body_limit(const Request&) override { return limit; }
  void handle(Request& request, Responder responder) override {
    if (request.target == "/wait") {
      waiting.push_back(std::move(responder));
      return;
    }
    Response response;
    response.headers.add("Content-Type", "application/json");
    response.headers.add("X-Consul-Index", std::uint64_t{12345});
    response.body = Body(body);
    std::move(responder).send(std::move(response));
  }

  std::shared_ptr<const std::string> body = std::make_shared<const std::string>(200, 'x');
  std::vector<Responder> waiting;
  std::uint64_t limit = 0;
};

struct Measured {
  SharedAnswer handler;
  std::unique_ptr<env::AsioEnv> env = std::move(*env::AsioEnv::create({}));
  Server server{*env, {}, handler};
  env::Endpoint at;

  Measured() {
    auto listener = std::move(*env->listen({"127.0.0.1", 0}, {}));
    at = listener->local();
    server.serve(std::move(listener));
  }
  env::UniqueFd connect() const {
    env::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(at.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    return fd;
  }
  /// Sends, and runs the loop until something has come back.
  std::size_t exchange(int fd, std::string_view request) {
    send(fd, request);
    std::array<char, 4096> buffer;
    ssize_t got = -1;
    while (got < 0) {
      env->run_some(std::chrono::milliseconds(10));
      got = ::recv(fd, buffer.data(), buffer.size(), 0);
    }
    return static_cast<std::size_t>(got);
  }
  void send(int fd, std::string_view request) {
    while (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0)
      env->run_some(std::chrono::milliseconds(10));
  }
  /// Sends the same on all, to each a piece in its turn; those that the server has closed are passed over.
  void send_in_turns(const std::vector<env::UniqueFd>& clients, std::string_view request) {
    std::vector<std::string_view> rest(clients.size(), request);
    for (std::size_t left = clients.size(); left > 0;) {
      left = 0;
      for (std::size_t i = 0; i < clients.size(); ++i) {
        const std::string_view piece = rest[i].substr(0, 65536);
        const ssize_t sent = ::send(clients[i].get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        if (sent >= 0) rest[i].remove_prefix(static_cast<std::size_t>(sent));
        if (sent < 0 && errno != EAGAIN) rest[i] = {};
        if (!rest[i].empty()) ++left;
      }
      env->run_some(std::chrono::milliseconds(1));
    }
  }
};

TEST_CASE("a request on a kept connection allocates nothing") {
  Measured it;
  const env::UniqueFd client = it.connect();
  constexpr std::string_view kRequest =
      "GET /v1/kv/bench/k000000 HTTP/1.1\r\nHost: 127.0.0.1:8500\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
  for (int i = 0; i < 100; ++i) REQUIRE(it.exchange(client.get(), kRequest) > 200);
  const std::size_t before = count.allocations;
  std::size_t received = 0;
  for (int i = 0; i < 1000; ++i) received += it.exchange(client.get(), kRequest);
  const std::size_t allocated = count.allocations - before;
  CHECK(received > 200'000);
  CHECK(allocated == 0);
}

TEST_CASE("a waiting request holds little memory") {
  Measured it;
  constexpr int kWaiting = 500;
  std::vector<env::UniqueFd> clients;
  clients.reserve(kWaiting);
  it.server.set_options({.max_connections_per_address = 0});
  const auto park = [&](std::size_t number) {
    while (clients.size() < number) {
      clients.push_back(it.connect());
      it.send(clients.back().get(), "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    while (it.handler.waiting.size() < number) it.env->run_some(std::chrono::milliseconds(10));
  };
  it.handler.waiting.reserve(kWaiting);
  park(100);
  const std::ptrdiff_t before = count.bytes;
  park(kWaiting);
  const std::ptrdiff_t each = (count.bytes - before) / (kWaiting - 100);
  CAPTURE(each);
  CHECK(each < 2048);  // the stream, Asio's part and the counting of addresses included
}

TEST_CASE("the memory of a large body goes with its request") {
  constexpr std::size_t kSize = 1'000'000;
  constexpr std::size_t kClients = 16;
  constexpr std::size_t kMostKept = (2U << 20) + kClients * 32768;
  Measured it;
  it.handler.limit = 2 * kSize;
  const std::string body(kSize, 'x');
  std::string request = "PUT / HTTP/1.1\r\nHost: h\r\n";
  SECTION("that was served") { request += "Content-Length: 1000000\r\n\r\n" + body; }
  SECTION("that was too large") {
    request += "Transfer-Encoding: chunked\r\n\r\nF4240\r\n" + body + "\r\nF42400\r\n" + body + body;
  }
  SECTION("that never came to its end") { request += "Content-Length: 1000001\r\n\r\n" + body; }

  const std::ptrdiff_t before = count.bytes;
  std::vector<env::UniqueFd> clients;
  clients.reserve(kClients);
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(it.connect());
  it.send_in_turns(clients, request);
  CHECK(it.server.counters().open == kClients);
  clients.clear();
  while (it.server.counters().open > 0) it.env->run_some(std::chrono::milliseconds(10));
  CHECK(count.bytes - before < static_cast<std::ptrdiff_t>(kMostKept));
}

}  // namespace
}  // namespace discovery::http1

#endif
