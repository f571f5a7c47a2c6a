#include "lib/http1/client_connection.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http1/server_world.h"

namespace discovery::http1 {
namespace {

using std::chrono::seconds;

/// A connection to a server that sends what it is told to.
struct KeptWorld {
  KeptWorld() {
    listener->start([this](std::unique_ptr<env::Stream> stream) {
      accepted = std::move(stream);
      read();
    });
    client.connect(at, seconds(1), [this](Result<std::unique_ptr<env::Stream>> stream) {
      connection = std::make_unique<ClientConnection>(client, *std::move(stream));
      connection->on_close([this] { closed = true; });
    });
    REQUIRE(world.run_until([this] { return connection && accepted; }, seconds(1)));
  }

  void send(std::string bytes) {
    sent.push_back(std::move(bytes));
    const std::array<std::string_view, 1> pieces = {sent.back()};
    accepted->write(pieces, [](const Status&) {});
  }

  /// Asks; once the request has come the server sends `answer`.
  Result<ClientResponse> ask(const std::string& target, const std::string& answer) {
    const auto request = encode({.target = target, .host = "h", .keep_alive = true});
    REQUIRE(request.ok());
    std::optional<Result<ClientResponse>> result;
    asked.clear();
    connection->exchange(*request, limits,
                         [&](Result<ClientResponse> got) { result.emplace(std::move(got)); });
    REQUIRE(world.run_until([&] { return asked.ends_with("\r\n\r\n"); }, seconds(1)));
    if (!answer.empty()) send(answer);
    REQUIRE(world.run_until([&] { return result.has_value(); }, seconds(60)));
    return *std::move(result);
  }

  env::Simulation world{1};
  env::SimEnv& server = world.add_env("server");
  env::SimEnv& client = world.add_env("client");
  env::Endpoint at{server.address(), 80};
  std::unique_ptr<env::Listener> listener = std::move(*server.listen(at, {}));
  std::unique_ptr<env::Stream> accepted;
  std::unique_ptr<ClientConnection> connection;
  ClientLimits limits;
  std::string asked;
  bool closed = false;
  std::vector<std::string> sent;

 private:
  void read() {
    accepted->read_some(buffer_, [this](Result<std::size_t> size) {
      if (!size || *size == 0) return;
      asked.append(buffer_.data(), *size);
      read();
    });
  }
  std::array<char, 1000> buffer_{};
};

constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_CASE("one connection carries one exchange after another") {
  KeptWorld it;
  for (const char* answer :
       {kAnswer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nok"}) {
    const auto response = it.ask("/x", answer);
    REQUIRE(response.ok());
    CHECK(response->body == "ok");
    CHECK(it.asked == "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(it.connection->open());
    CHECK(it.connection->heard());
  }
  CHECK_FALSE(it.closed);
}

TEST_CASE("a connection that was to carry one exchange is closed after it, whatever the server offers") {
  KeptWorld it;
  const auto request = encode({.host = "h"});
  std::optional<Result<ClientResponse>> result;
  it.connection->exchange(*request, it.limits, [&](Result<ClientResponse> got) { result = std::move(got); });
  it.send(kAnswer);
  REQUIRE(it.world.run_until([&] { return result.has_value(); }, seconds(1)));
  CHECK(result->ok());
  CHECK_FALSE(it.connection->open());
}

TEST_CASE("a body is handed over as it comes, as long as it is wanted") {
  KeptWorld it;
  it.limits.max_body_bytes = 4;  // no bound of what is handed over
  std::vector<std::string> pieces;
  std::size_t wanted = 100;
  it.connection->on_body([&](std::string_view piece) {
    pieces.emplace_back(piece);
    return pieces.size() < wanted;
  });
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto request = encode({.host = "h", .keep_alive = true});
  std::optional<Result<ClientResponse>> result;
  const auto ask = [&] {
    it.connection->exchange(*request, it.limits,
                            [&](Result<ClientResponse> got) { result = std::move(got); });
    it.send(head + "5\r\nfirst\r\n");
  };
  ask();
  REQUIRE(it.world.run_until([&] { return pieces.size() == 1; }, seconds(1)));
  CHECK_FALSE(result.has_value());
  SECTION("to its end") {
    it.send("6\r\nsecond\r\n");
    REQUIRE(it.world.run_until([&] { return pieces.size() == 2; }, seconds(1)));
    it.send("0\r\n\r\n");
    REQUIRE(it.world.run_until([&] { return result.has_value(); }, seconds(1)));
    REQUIRE(result->ok());
    CHECK((*result)->body.empty());
    CHECK_FALSE((*result)->truncated);
    CHECK(pieces == std::vector<std::string>{"first", "second"});
    CHECK(it.connection->open());
    // What is no 200 is gathered as ever.
    const auto refused = it.ask("/", "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
    REQUIRE(refused.ok());
    CHECK(refused->body == "no");
    CHECK(pieces.size() == 2);
  }
  SECTION("until no more is wanted") {
    wanted = 2;
    it.send("6\r\nsecond\r\n5\r\nth");
    REQUIRE(it.world.run_until([&] { return result.has_value(); }, seconds(1)));
    CHECK(result->ok());
    CHECK_FALSE(it.connection->open());
  }
  SECTION("and a break is an error") {
    it.accepted.reset();
    REQUIRE(it.world.run_until([&] { return result.has_value(); }, seconds(1)));
    CHECK(result->status().code() == Code::kUnavailable);
  }
}

TEST_CASE("a connection is given up after what leaves no other request its place") {
  KeptWorld it;
  std::string answer;
  SECTION("the server says so") {
    answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
  }
  SECTION("there are bytes behind the answer") { answer = std::string(kAnswer) + "more"; }
  SECTION("it is HTTP/1.0") { answer = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"; }
  SECTION("the body is longer than what is taken") {
    it.limits.max_body_bytes = 1;
    answer = kAnswer;
  }
  CHECK(it.ask("/x", answer).ok());
  CHECK_FALSE(it.connection->open());
}

TEST_CASE("an answer that does not come closes the connection") {
  KeptWorld it;
  CHECK(it.ask("/x", "").status().code() == Code::kDeadlineExceeded);
  CHECK_FALSE(it.connection->open());
  CHECK_FALSE(it.connection->heard());
}

TEST_CASE("the server's closing is seen while nothing is asked") {
  KeptWorld it;
  REQUIRE(it.ask("/x", kAnswer).ok());
  SECTION("by its end of sending") { it.accepted->shutdown_send(); }
  SECTION("by a reset") { it.world.reset_streams(it.client, it.server); }
  SECTION("by words that nobody has asked for") { it.send("HTTP/1.1 408 Too Late\r\n\r\n"); }
  REQUIRE(it.world.run_until([&] { return it.closed; }, seconds(1)));
  CHECK_FALSE(it.connection->open());
}

TEST_CASE("a connection that breaks within an exchange says whether any of the answer had come") {
  KeptWorld it;
  const bool partly = GENERATE(false, true);
  const auto request = encode({.host = "h", .keep_alive = true});
  std::optional<Result<ClientResponse>> result;
  it.connection->exchange(*request, {}, [&](Result<ClientResponse> got) { result.emplace(std::move(got)); });
  REQUIRE(it.world.run_until([&] { return !it.asked.empty(); }, seconds(1)));
  if (partly) it.send("HTTP/1.1 2");
  it.world.run_for(seconds(1));
  it.accepted.reset();
  REQUIRE(it.world.run_until([&] { return result.has_value(); }, seconds(1)));
  CHECK(result->status().code() == Code::kUnavailable);
  CHECK(it.connection->heard() == partly);
  CHECK_FALSE(it.closed);
}

}  // namespace
}  // namespace discovery::http1
