#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/asio_env.h"
#include "lib/env/unique_fd.h"
#include "lib/http1/client.h"
#include "lib/http1/server.h"

namespace discovery::http1 {
namespace {

using std::chrono::seconds;

/// Echoes target and body; keeps what is asked for under /wait.
class EchoHandler final : public Handler {
 public:
  std::uint64_t body_limit(const Request&) override { return 10U << 20; }
  void handle(Request& request, Responder responder) override {
    if (request.target == "/wait") {
      responder.on_disconnect([this] {
        ++gone;
        waiting.clear();
      });
      waiting.push_back(std::move(responder));
      return;
    }
    std::move(responder).send(text_response(200, std::string(request.target) + request.body));
  }

  std::vector<Responder> waiting;
  int gone = 0;
};

/// A blocking client of the kernel's sockets.
class BlockingClient {
 public:
  explicit BlockingClient(const env::Endpoint& to) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(to.port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      REQUIRE(sent > 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Reads until `size` bytes are there, or the end.
  std::string receive(std::size_t size) {
    std::string text;
    std::vector<char> buffer(65536);
    while (text.size() < size) {
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  env::UniqueFd fd_;
};

/// A server on a thread of its own.
struct Loopback {
  Loopback() {
    server->serve(std::move(listener));
    thread = std::thread([this] { env->run(); });
  }
  ~Loopback() {
    env->stop();
    thread.join();
  }
  /// Runs `task` on the loop and waits for it.
  template <class Task>
  auto on_loop(Task task) {
    std::promise<decltype(task())> promise;
    env->post([&] { promise.set_value(task()); });
    return promise.get_future().get();
  }
  /// Asks on the loop until it is true.
  template <class Predicate>
  bool eventually(Predicate predicate) {
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (!on_loop(predicate)) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  EchoHandler handler;
  std::unique_ptr<env::AsioEnv> env = std::move(*env::AsioEnv::create({}));
  std::unique_ptr<env::Listener> listener = std::move(*env->listen({"127.0.0.1", 0}, {}));
  const env::Endpoint at = listener->local();
  std::unique_ptr<Server> server = std::make_unique<Server>(*env, ServerOptions{}, handler);
  std::thread thread;
};

TEST_CASE("the server over loopback: keep-alive, pipelining, bodies") {
  Loopback it;
  BlockingClient client(it.at);
  for (int i = 0; i < 50; ++i) {
    client.send("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(client.receive(1).find("\r\n\r\n/" + std::to_string(i)) != std::string::npos);
  }
  std::string many;
  for (int i = 0; i < 100; ++i) many += "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  client.send(many);
  std::string received;
  while (received.size() < 100 * 100 && !received.ends_with("/xabc")) received += client.receive(1);
  const std::string big(5U << 20, 'b');
  BlockingClient other(it.at);
  other.send("PUT /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " +
             std::to_string(big.size()) + "\r\n\r\n" + big);
  const std::string answer = other.receive(std::string::npos);
  CHECK(answer.size() > big.size());
  CHECK(answer.ends_with("b"));
  CHECK(it.on_loop([&] { return it.server->counters().requests; }) == 151);
}

TEST_CASE("the server over loopback: a waiting request is answered by another, or freed") {
  Loopback it;
  auto waiting = std::make_unique<BlockingClient>(it.at);
  waiting->send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(it.eventually([&] { return it.handler.waiting.size() == 1; }));
  it.on_loop([&] {
    std::move(it.handler.waiting.back()).send(text_response(200, "now"));
    it.handler.waiting.clear();
    return true;
  });
  CHECK(waiting->receive(1).ends_with("now"));
  waiting->send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(it.eventually([&] { return it.handler.waiting.size() == 1; }));
  waiting.reset();
  REQUIRE(it.eventually([&] { return it.handler.gone == 1; }));
  CHECK(it.eventually([&] { return it.server->counters().open == 0; }));
}

TEST_CASE("the client over loopback") {
  Loopback it;
  std::promise<Result<ClientResponse>> promise;
  std::unique_ptr<Fetch> fetching;
  it.env->post([&] {
    ClientRequest request;
    request.target = "/hello";
    request.host = "h";
    fetching = fetch(*it.env, it.at, std::move(request), {},
                     [&](Result<ClientResponse> result) { promise.set_value(std::move(result)); });
  });
  const auto result = promise.get_future().get();
  REQUIRE(result.ok());
  CHECK(result->body == "/hello");
  it.on_loop([&] {
    fetching.reset();
    return true;
  });
}

TEST_CASE("the server over loopback: shutting down") {
  Loopback it;
  BlockingClient idle(it.at);
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK_FALSE(idle.receive(1).empty());
  std::promise<void> promise;
  it.env->post([&] { it.server->shutdown(seconds(5), [&] { promise.set_value(); }); });
  promise.get_future().get();
  CHECK(idle.receive(1).empty());
}

}  // namespace
}  // namespace discovery::http1
