#include "lib/http1/client.h"

#include <optional>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "tests/http1/server_world.h"

namespace discovery::http1 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// One machine that answers whatever it is told, and one that fetches.
struct FetchWorld {
  FetchWorld() {
    listener->start([this](std::unique_ptr<env::Stream> stream) {
      accepted = std::move(stream);
      read();
      const std::array<std::string_view, 1> pieces = {answer};
      accepted->write(pieces, [this](Status) {
        if (close_after) accepted->shutdown_send();
      });
    });
  }

  /// Fetches while the server answers `bytes`, and ends its sending after them.
  Result<ClientResponse> fetch_from(std::string bytes, ClientRequest request = {}) {
    answer = std::move(bytes);
    std::optional<Result<ClientResponse>> result;
    fetching = fetch(client, at, std::move(request), limits,
                     [&](Result<ClientResponse> got) { result.emplace(std::move(got)); });
    CHECK_FALSE(result);
    world.run_until([&] { return result.has_value(); }, seconds(60));
    REQUIRE(result);
    return std::move(*result);
  }

  env::Simulation world{1};
  env::SimEnv& server = world.add_env("server");
  env::SimEnv& client = world.add_env("client");
  env::Endpoint at{server.address(), 80};
  std::unique_ptr<env::Listener> listener = std::move(*server.listen(at, {}));
  std::unique_ptr<env::Stream> accepted;
  std::string answer;
  std::string asked;
  bool close_after = true;
  ClientLimits limits;
  std::unique_ptr<Fetch> fetching;

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

TEST_CASE("a request and its answer, from our own server") {
  ServerWorld it;
  it.handler.answer = [](Request& request, Responder responder) {
    Response response = text_response(404, request.body + "!");
    response.headers.add("X-Seen", request.header("X-Sent"));
    std::move(responder).send(std::move(response));
  };
  ClientRequest request;
  request.method = "PUT";
  request.target = "/v1/x?y";
  request.host = "consul.local";
  request.body = "body";
  request.headers.add("X-Sent", "value");
  std::optional<Result<ClientResponse>> result;
  const auto fetching = fetch(it.clients, {it.machine.address(), 8500}, std::move(request), {},
                              [&](Result<ClientResponse> got) { result.emplace(std::move(got)); });
  it.run(seconds(1));
  REQUIRE(result);
  REQUIRE(result->ok());
  CHECK((*result)->status == 404);
  CHECK((*result)->body == "body!");
  CHECK((*result)->header("x-seen") == "value");
  CHECK((*result)->header("missing").empty());
  REQUIRE(it.handler.requests.size() == 1);
  CHECK(it.handler.requests[0].target == "/v1/x?y");
  CHECK(it.handler.requests[0].host == "consul.local");
  CHECK_FALSE(it.handler.requests[0].keep_alive);
  it.run(seconds(1));
  CHECK(it.server->counters().open == 0);
}

TEST_CASE("the request, to the byte") {
  FetchWorld it;
  ClientRequest request;
  request.host = "h";
  request.headers.add("Accept", "*/*");
  const auto result = it.fetch_from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", std::move(request));
  CHECK(result.ok());
  CHECK(it.asked == "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept: */*\r\n\r\n");
}

TEST_CASE("answers of all framings, in pieces of any size") {
  for (const std::size_t segment : {std::size_t{1}, std::size_t{10000}}) {
    FetchWorld it;
    env::LinkOptions link;
    link.segment_bytes = segment;
    it.world.set_link(link);
    auto result = it.fetch_from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhelloignored");
    REQUIRE(result.ok());
    CHECK(result->body == "hello");
    CHECK(result->header("a") == "b");
    result = it.fetch_from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    REQUIRE(result.ok());
    CHECK(result->body == "hello");
    result = it.fetch_from("HTTP/1.0 200 OK\r\n\r\nhello");
    REQUIRE(result.ok());
    CHECK(result->body == "hello");
    result = it.fetch_from(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: y\r\n\r\nHTTP/1.1 204 No\r\n\r\n");
    REQUIRE(result.ok());
    CHECK(result->status == 204);
    CHECK(result->headers.empty());
    ClientRequest head;
    head.method = "HEAD";
    result = it.fetch_from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", std::move(head));
    REQUIRE(result.ok());
    CHECK(result->body.empty());
  }
}

TEST_CASE("answers that are none") {
  FetchWorld it;
  for (const std::string bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "SSH-2.0-OpenSSH\r\n", "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "a\nb"}) {
    CAPTURE(bytes);
    CHECK(it.fetch_from(bytes).status().code() == Code::kUnavailable);
  }
  it.limits.max_header_bytes = 1000;
  CHECK(it.fetch_from("HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + std::string(3000, 'x')).ok());
  CHECK(it.fetch_from("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x')).status().code() ==
        Code::kResourceExhausted);
}

TEST_CASE("a body over the limit is cut") {
  FetchWorld it;
  it.limits.max_body_bytes = 4;
  for (const std::string head : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"}) {
    const auto result = it.fetch_from(head + "hello");
    REQUIRE(result.ok());
    CHECK(result->body == "hell");
    CHECK(result->truncated);
  }
  const auto exact = it.fetch_from("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell");
  CHECK(exact->body == "hell");
  CHECK_FALSE(exact->truncated);
}

TEST_CASE("who does not answer in time") {
  FetchWorld it;
  it.close_after = false;
  it.limits.timeout = seconds(3);
  const Duration begin = it.world.now();
  CHECK(it.fetch_from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel").status().code() ==
        Code::kDeadlineExceeded);
  CHECK(it.world.now() - begin < seconds(4));
  it.at.address = "10.1.2.3";
  CHECK(it.fetch_from("").status().code() == Code::kDeadlineExceeded);
  it.at = {it.server.address(), 81};
  CHECK(it.fetch_from("").status().code() == Code::kUnavailable);
}

TEST_CASE("a cancelled request calls nobody") {
  FetchWorld it;
  it.close_after = false;
  for (const auto span : {Duration::zero(), Duration(milliseconds(1)), Duration(seconds(1))}) {
    bool called = false;
    auto fetching = fetch(it.client, it.at, {}, it.limits, [&](Result<ClientResponse>) { called = true; });
    it.world.run_for(span);
    fetching.reset();
    it.world.run_for(seconds(30));
    CHECK_FALSE(called);
  }
}

TEST_CASE("nothing can be smuggled into the request line") {
  FetchWorld it;
  ClientRequest request;
  request.target = "/ HTTP/1.1\r\nX: y";
  CHECK(it.fetch_from("", request).status().code() == Code::kInvalidArgument);
  request.target = "";
  CHECK(it.fetch_from("", request).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace discovery::http1
