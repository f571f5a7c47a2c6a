#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "tests/http1/server_world.h"

namespace discovery::http1 {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const std::string kDate = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n";

/// A server whose answers are streams that the test holds.
struct Streaming : ServerWorld {
  Streaming() {
    handler.answer = [this](Request&, Responder responder) {
      Response head;
      head.body = Body(std::string(first));
      stream.emplace(std::move(responder).start_stream(std::move(head)));
      stream->on_disconnect([this] { ++gone; });
    };
    client = connect();
  }
  void request(const std::string& line = "GET / HTTP/1.1", const std::string& fields = "") {
    client->send(line + "\r\nHost: h\r\n" + fields + "\r\n");
    run();
    REQUIRE(stream);
  }
  void write(std::string piece) {
    stream->write(std::move(piece), [this](Status status) { (status.ok() ? written : lost) += 1; });
  }
  std::string received() { return std::exchange(client->received, {}); }

  std::string first;
  std::optional<ResponseStream> stream;
  std::unique_ptr<RawClient> client;
  int written = 0;
  int lost = 0;
  int gone = 0;
};

TEST_CASE("an answer in pieces, as chunks") {
  Streaming it;
  it.first = "first";
  it.request();
  CHECK(it.received() == "HTTP/1.1 200 OK\r\n" + kDate + "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  it.write("");
  it.run();
  CHECK(it.written == 1);
  CHECK(it.received().empty());
  it.write("0123456789");
  CHECK(it.written == 1);
  it.run(minutes(10));  // pieces may be rare
  CHECK(it.written == 2);
  CHECK(it.received() == "a\r\n0123456789\r\n");
  const std::string big(100000, 'x');
  it.write(big);
  it.run(seconds(5));
  CHECK(it.received() == "186a0\r\n" + big + "\r\n");
  std::move(*it.stream).finish();
  it.run();
  CHECK(it.received() == "0\r\n\r\n");
  CHECK(it.gone == 0);
  it.handler.answer = nullptr;
  it.client->send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  it.run();
  CHECK(bodies(it.client->received) == std::vector<std::string>{"/next"});
  CHECK(it.server->counters().waiting == 0);
}

TEST_CASE("pieces and the end may be given before the head has gone out") {
  ServerWorld it;
  int written = 0;
  it.handler.answer = [&](Request&, Responder responder) {
    ResponseStream stream = std::move(responder).start_stream({});
    stream.write("piece", [&](Status) { ++written; });
    std::move(stream).finish();
  };
  CHECK(it.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").ends_with("\r\n\r\n5\r\npiece\r\n0\r\n\r\n"));
  CHECK(written == 0);  // the stream was given up: nobody is told
}

TEST_CASE("a stream that is given up breaks off without its end") {
  Streaming it;
  SECTION("between pieces") {
    it.request();
    it.stream.reset();
  }
  SECTION("in the handler") {
    it.handler.answer = [](Request&, Responder responder) {
      ResponseStream stream = std::move(responder).start_stream({});
      stream.write("piece", [](Status) {});
    };
    it.client->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  it.run();
  CHECK(it.client->ended);
  CHECK(it.client->received.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK_FALSE(it.client->received.ends_with("0\r\n\r\n"));
  it.client->drop();
  it.run();
  CHECK(it.server->counters().open == 0);
}

TEST_CASE("back-pressure: the next piece is asked for when this one has gone") {
  Streaming it;
  it.request();
  it.client->read_on = false;
  it.write(std::string(1'000'000, 'x'));
  it.run(seconds(30));
  CHECK(it.written == 0);
  it.run(seconds(40));  // and who does not read at all is cut off
  CHECK(it.written == 0);
  CHECK(it.lost == 1);
  CHECK(it.gone == 1);
  CHECK(it.server->counters().timed_out == 1);
  it.stream.reset();
  CHECK(it.server->counters().waiting == 0);
}

TEST_CASE("a client that goes during a stream") {
  Streaming it;
  it.request();
  it.client->drop();
  it.run();
  CHECK(it.gone == 1);
  // Its connection may still take a write; the second finds out.
  it.write("x");
  it.run();
  it.write("x");
  it.run();
  CHECK(it.written + it.lost == 2);
  CHECK(it.lost >= 1);
  it.write("x");
  it.run();
  CHECK(it.lost >= 2);
  std::move(*it.stream).finish();
  it.run();
  CHECK(it.server->counters().open == 0);
  CHECK(it.server->counters().disconnects == 1);
}

TEST_CASE("HTTP/1.0 gets a stream that the connection's end ends") {
  Streaming it;
  it.request("GET / HTTP/1.0", "Connection: keep-alive\r\n");
  it.write("piece");
  it.run();
  CHECK(it.received() == "HTTP/1.0 200 OK\r\n" + kDate + "Connection: close\r\n\r\npiece");
  CHECK_FALSE(it.client->ended);
  std::move(*it.stream).finish();
  it.run();
  CHECK(it.client->ended);
}

TEST_CASE("a stream as the answer to HEAD has no pieces") {
  Streaming it;
  it.first = "first";
  it.request("HEAD / HTTP/1.1");
  it.write("piece");
  it.run();
  CHECK(it.written == 1);
  std::move(*it.stream).finish();
  it.run();
  CHECK(it.received() == "HTTP/1.1 200 OK\r\n" + kDate + "Transfer-Encoding: chunked\r\n\r\n");
  CHECK_FALSE(it.client->ended);
}

TEST_CASE("shutting down cuts a stream off when the grace is over") {
  Streaming it;
  it.request();
  bool done = false;
  it.server->shutdown(seconds(1), [&] { done = true; });
  it.run(seconds(2));
  CHECK(done);
  CHECK(it.gone == 1);
  CHECK(it.client->ended);
}

}  // namespace
}  // namespace discovery::http1
