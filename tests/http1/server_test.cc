#include "lib/http1/server.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http1/server_world.h"

namespace discovery::http1 {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const std::string kDate = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n";

/// A GET without more.
std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_CASE("a request and its answer, to the byte") {
  ServerWorld it;
  it.handler.answer = [](Request&, Responder responder) {
    Response response;
    response.headers.add("Content-Type", "application/json");
    response.headers.add("X-Consul-Index", std::uint64_t{12});
    response.body = "[]";
    std::move(responder).send(std::move(response));
  };
  CHECK(it.exchange("GET /v1/kv/a?raw HTTP/1.1\r\nHost: consul\r\nX-Token: t\r\n\r\n") ==
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Consul-Index: 12\r\n" + kDate +
            "Content-Length: 2\r\n\r\n[]");
  REQUIRE(it.handler.requests.size() == 1);
  const SeenRequest& seen = it.handler.requests[0];
  CHECK(seen.method == "GET");
  CHECK(seen.target == "/v1/kv/a?raw");
  CHECK(seen.host == "consul");
  CHECK(seen.version == 11);
  CHECK(seen.keep_alive);
  CHECK(seen.remote_address == it.clients.address());
  CHECK(seen.fields ==
        std::vector<std::pair<std::string, std::string>>{{"Host", "consul"}, {"X-Token", "t"}});
  CHECK(it.server->counters().requests == 1);
  CHECK(it.server->counters().accepted == 1);
}

TEST_CASE("an answer without a body has the length 0") {
  ServerWorld it;
  it.handler.answer = [](Request&, Responder responder) { std::move(responder).send({}); };
  CHECK(it.exchange(get("/")) == "HTTP/1.1 200 OK\r\n" + kDate + "Content-Length: 0\r\n\r\n");
}

TEST_CASE("statuses without a body say nothing of one") {
  ServerWorld it;
  it.handler.answer = [](Request&, Responder responder) {
    Response response;
    response.status = 204;
    response.body = "not sent";
    std::move(responder).send(std::move(response));
  };
  CHECK(it.exchange(get("/")) == "HTTP/1.1 204 No Content\r\n" + kDate + "\r\n");
}

TEST_CASE("the answer to HEAD has the length of the body and not the body") {
  ServerWorld it;
  CHECK(it.exchange("HEAD /12 HTTP/1.1\r\nHost: h\r\n\r\nHEAD /123 HTTP/1.1\r\nHost: h\r\n\r\n") ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n" + kDate +
            "Content-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n" +
            kDate + "Content-Length: 4\r\n\r\n");
}

TEST_CASE("the date goes on") {
  ServerWorld it;
  const auto client = it.connect();
  it.run(seconds(61));
  client->send(get("/"));
  it.run();
  CHECK(contains(client->received, "Date: Mon, 01 Jan 2024 00:01:01 GMT\r\n"));
}

TEST_CASE("requests come byte by byte, one after the other, or all at once") {
  for (const bool bytewise : {false, true}) {
    ServerWorld it;
    if (bytewise) it.byte_by_byte();
    const auto client = it.connect();
    client->send("\r\n" + get("/1") + "\r\n\r\n" + get("/2") +
                 "PUT /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
                 "PUT /4 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
                 get("/5"));
    it.run(seconds(5));
    CHECK(bodies(client->received) == std::vector<std::string>{"/1", "/2", "/3", "/4", "/5"});
    REQUIRE(it.handler.requests.size() == 5);
    CHECK(it.handler.requests[2].body == "hello");
    CHECK(it.handler.requests[2].content_length == 5U);
    CHECK(it.handler.requests[3].body == "abc");
    CHECK_FALSE(it.handler.requests[3].content_length);
    CHECK(it.handler.body_empty_at_limit);
    CHECK_FALSE(client->ended);
    client->send(get("/6"));
    it.run();
    CHECK(bodies(client->received).size() == 6);
  }
}

TEST_CASE("answers come in the order of the requests, also when they come late") {
  ServerWorld it;
  std::vector<Responder> waiting;
  it.handler.answer = [&](Request&, Responder responder) { waiting.push_back(std::move(responder)); };
  const auto client = it.connect();
  client->send(get("/1") + get("/2") + get("/3"));
  it.run();
  // One at a time: the next is only looked at when this one has its answer.
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(waiting.size() == 1);
    CHECK(it.handler.requests.back().target == "/" + std::to_string(i));
    CHECK(it.server->counters().waiting == 1);
    std::move(waiting[0]).send(text_response(200, std::to_string(i)));
    waiting.clear();
    it.run();
  }
  CHECK(bodies(client->received) == std::vector<std::string>{"1", "2", "3"});
  CHECK(it.server->counters().waiting == 0);
}

TEST_CASE("a client that sends without end while its request waits is held back") {
  ServerWorld it;
  std::vector<Responder> waiting;
  it.handler.answer = [&](Request&, Responder responder) { waiting.push_back(std::move(responder)); };
  const auto client = it.connect();
  std::string flood;
  for (int i = 0; i < 10000; ++i) flood += get("/" + std::to_string(i));
  client->send(flood);
  it.run(seconds(10));
  REQUIRE(waiting.size() == 1);
  it.handler.answer = nullptr;
  std::move(waiting[0]).send(text_response(200, "/0"));
  it.run(seconds(60));
  CHECK(bodies(client->received).size() == 10000);
}

TEST_CASE("large bodies in both directions") {
  ServerWorld it;
  it.handler.limit = 3'000'000;
  std::string big;
  for (int i = 0; i < 2'500'000; ++i) big += static_cast<char>('a' + i % 26);
  const auto shared = std::make_shared<const std::string>(big);
  std::string method;
  std::string field;
  it.handler.answer = [&](Request& request, Responder responder) {
    // The head's views have moved with its buffer.
    method = request.method;
    field = request.header("X-Last");
    Response response;
    response.body = Body(shared);
    std::move(responder).send(std::move(response));
  };
  const auto client = it.connect();
  client->send("PUT /big HTTP/1.1\r\nHost: host\r\nContent-Length: 2500000\r\nX-Last: value\r\n\r\n" + big);
  REQUIRE(it.world.run_until([&] { return client->received.size() > big.size(); }, minutes(5)));
  CHECK(it.handler.requests[0].body == big);
  CHECK(it.handler.requests[0].target == "/big");
  CHECK(it.handler.requests[0].host == "host");
  CHECK(method == "PUT");
  CHECK(field == "value");
  CHECK(bodies(client->received)[0] == big);
  client->received.clear();
  client->send(
      "PUT /big HTTP/1.1\r\nHost: host\r\nTransfer-Encoding: chunked\r\nX-Last: more\r\n\r\n2625A0\r\n" +
      big + "\r\n0\r\n\r\n");
  REQUIRE(it.world.run_until([&] { return client->received.size() > big.size(); }, minutes(5)));
  CHECK(it.handler.requests[1].body == big);
  CHECK(field == "more");
}

TEST_CASE("heads larger than the first buffer") {
  ServerWorld it;
  it.byte_by_byte();
  const std::string value(50000, 'v');
  const auto client = it.connect();
  client->send("GET /x HTTP/1.1\r\nHost: h\r\nX-Big: " + value + "\r\n\r\n" + get("/y"));
  it.run(seconds(9));
  REQUIRE(it.handler.requests.size() == 2);
  CHECK(it.handler.requests[0].fields[1].second == value);
  CHECK(bodies(client->received) == std::vector<std::string>{"/x", "/y"});
}

TEST_CASE("requests that never reach the handler get the answers of Go's server") {
  const std::string end = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";
  const auto same = [&](const std::string& text) { return "HTTP/1.1 " + text + end + text; };
  struct Case {
    std::string request;
    std::string answer;
  };
  ServerOptions options;
  options.max_header_bytes = 5000;
  const Case cases[] = {
      {"GARBAGE\r\n\r\n", same("400 Bad Request")},
      {"GET / HTTP/1.1\nHost: h\n\n", same("400 Bad Request")},
      {"GET / HTTP/1.1\r\n\r\n", same("400 Bad Request: missing required Host header")},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", same("400 Bad Request: too many Host headers")},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", same("400 Bad Request: malformed Host header")},
      {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
       "HTTP/1.1 501 Not Implemented" + end + "Unsupported transfer encoding"},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
       same("505 HTTP Version Not Supported: unsupported protocol version")},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(6000, 'x'),
       same("431 Request Header Fields Too Large")},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(6000, 'x') + "\r\n\r\n",
       same("431 Request Header Fields Too Large")},
      {"GET / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n", "HTTP/1.1 417 Expectation Failed" + end},
      {"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", same("400 Bad Request")},
  };
  for (const Case& item : cases) {
    CAPTURE(item.request);
    ServerWorld it(options);
    const auto client = it.connect();
    client->send(item.request);
    it.run(seconds(1));
    CHECK(client->received == item.answer);
    CHECK(client->ended);
    CHECK(it.handler.requests.empty());
    CHECK(it.server->counters().bad_requests == 1);
    client->drop();
    it.run(seconds(1));
    CHECK(it.server->counters().open == 0);
  }
}

TEST_CASE("a bad request after a good one") {
  ServerWorld it;
  const auto client = it.connect();
  client->send(get("/1") + "nonsense\r\n\r\n");
  it.run(seconds(1));
  CHECK(bodies(client->received).at(0) == "/1");
  CHECK(contains(client->received, "400 Bad Request"));
  CHECK(client->ended);
}

TEST_CASE("HTTP/1.0 ends the connection unless the client asks otherwise") {
  ServerWorld it;
  const auto client = it.connect();
  client->send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  it.run();
  CHECK(client->received.starts_with("HTTP/1.0 200 OK\r\n"));
  CHECK(contains(client->received, "Content-Length: 2\r\nConnection: keep-alive\r\n\r\n/1"));
  CHECK_FALSE(client->ended);
  client->received.clear();
  client->send("GET /2 HTTP/1.0\r\n\r\n");
  it.run();
  CHECK(contains(client->received, "Connection: close\r\n\r\n/2"));
  CHECK(client->ended);
}

TEST_CASE("a client that wants the connection to end gets that") {
  ServerWorld it;
  const auto client = it.connect();
  client->send("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  it.run();
  CHECK(contains(client->received, "Connection: close\r\n\r\n/1"));
  CHECK(client->ended);
}

TEST_CASE("100 Continue is said to those who wait for it, and to no others") {
  ServerWorld it;
  const auto client = it.connect();
  const std::string head = "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  client->send(head);
  it.run();
  CHECK(client->received == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(it.handler.requests.empty());
  client->send("hello");
  it.run();
  REQUIRE(it.handler.requests.size() == 1);
  CHECK(it.handler.requests[0].body == "hello");
  client->received.clear();
  client->send(head + "hello");
  it.run();
  CHECK(it.handler.requests.size() == 2);
  CHECK_FALSE(contains(client->received, "100 Continue"));
  // A body that will be refused is not invited.
  client->received.clear();
  it.handler.limit = 4;
  client->send(head);
  it.run();
  CHECK_FALSE(contains(client->received, "100 Continue"));
  REQUIRE(it.handler.requests.size() == 3);
  CHECK(it.handler.requests[2].body_too_large);
  CHECK(client->ended);
}

TEST_CASE("a body over its limit is not read, and the client hears why") {
  for (const bool chunked : {false, true}) {
    ServerWorld it;
    it.handler.limit = 10;
    it.handler.answer = [](Request& request, Responder responder) {
      std::move(responder).send(text_response(request.body_too_large ? 413 : 200, "text"));
    };
    const auto client = it.connect();
    // Some of the body comes before the answer and some after; neither loses the answer.
    client->send(chunked ? "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n"
                         : "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n");
    client->send(std::string(65536, 'x'));
    it.run(seconds(1));
    CHECK(contains(client->received, "HTTP/1.1 413 Request Entity Too Large\r\n"));
    CHECK(contains(client->received, "Connection: close\r\n\r\ntext"));
    CHECK(client->ended);
    CHECK_FALSE(client->failed);
    REQUIRE(it.handler.requests.size() == 1);
    CHECK(it.handler.requests[0].body.empty());
    CHECK(it.handler.requests[0].content_length.has_value() != chunked);
    CHECK(it.server->counters().bodies_too_large == 1);
    client->drop();
    it.run(seconds(1));
    CHECK(it.server->counters().open == 0);
  }
}

/// A client whose body of a terabyte is refused, and that has not sent any of it.
std::unique_ptr<RawClient> refused_client(ServerWorld& it) {
  it.handler.limit = 10;
  it.handler.answer = [](Request& request, Responder responder) {
    std::move(responder).send(text_response(request.body_too_large ? 413 : 200, "text"));
  };
  auto client = it.connect();
  client->send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000000\r\n\r\n");
  it.run();
  REQUIRE(contains(client->received, "HTTP/1.1 413 "));
  REQUIRE(client->ended);
  return client;
}

TEST_CASE("what is drained of a refused body has a bound") {
  ServerOptions options;
  options.max_drain_bytes = 100000;
  ServerWorld it(options);
  const auto client = refused_client(it);
  client->send(std::string(100000, 'x'));
  it.run();
  CHECK(it.server->counters().open == 1);
  client->send("x");
  it.run();
  CHECK(it.server->counters().open == 0);
}

TEST_CASE("a body far over its limit is drained as far as its client sends it at once") {
  ServerWorld it;
  const auto client = refused_client(it);
  const std::string body(16U << 20, 'x');
  client->send(body);
  it.run(seconds(1));
  CHECK(it.server->counters().open == 1);
  SECTION("and no further") {
    client->send("x");
    it.run();
    CHECK(it.server->counters().open == 0);
  }
  SECTION("and it may end by itself") {
    client->drop();
    it.run();
    CHECK(it.server->counters().open == 0);
    CHECK(it.server->counters().timed_out == 0);
  }
}

TEST_CASE("a client that sends a refused body without end is cut off, however busy it is") {
  ServerWorld it;
  const auto client = refused_client(it);
  for (int tenths = 0; tenths < 45; ++tenths) {
    client->send("x");
    it.run();
  }
  CHECK(it.server->counters().open == 1);
  for (int tenths = 0; tenths < 12; ++tenths) {
    client->send("x");
    it.run();
  }
  CHECK(it.server->counters().open == 0);
}

TEST_CASE("a client that only waits for the end is let go after a while") {
  ServerWorld it;
  const auto client = it.connect();
  client->send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  it.run(seconds(1));
  CHECK(client->ended);
  CHECK(it.server->counters().open == 1);  // the client has not closed its side
  it.run(seconds(6));
  CHECK(it.server->counters().open == 0);
  CHECK(it.server->counters().timed_out == 0);
}

TEST_CASE("each timeout cuts the connection off") {
  ServerWorld it;
  const auto client = it.connect();
  Duration expected{};
  SECTION("nothing comes") { expected = seconds(120); }
  SECTION("nothing comes after an answer") {
    it.run(seconds(60));
    client->send(get("/"));
    expected = seconds(120);
  }
  SECTION("a head comes too slowly") { expected = seconds(10); }
  SECTION("a body stops") {
    client->send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
    expected = seconds(30);
  }
  SECTION("an invited body does not come") {
    client->send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    expected = seconds(30);
  }
  if (expected == seconds(10)) {
    // A byte each second, as one who wants to hold the connection.
    client->send("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 9; ++i) {
      it.run(seconds(1));
      client->send("x");
    }
    it.run(seconds(1) - milliseconds(10));
  } else {
    it.run(expected - milliseconds(10));
  }
  CHECK_FALSE(client->ended);
  it.run(seconds(1));
  CHECK(client->ended);
  CHECK(it.server->counters().timed_out == 1);
  CHECK(it.server->counters().open == 0);
}

TEST_CASE("a client that does not read its answer is cut off") {
  ServerWorld it;
  it.handler.answer = [](Request&, Responder responder) {
    Response response;
    response.body = std::string(1'000'000, 'x');
    std::move(responder).send(std::move(response));
  };
  const auto client = it.connect();
  client->read_on = false;
  client->send(get("/"));
  it.run(seconds(59));
  CHECK(it.server->counters().open == 1);
  it.run(seconds(2));
  CHECK(it.server->counters().open == 0);
  CHECK(it.server->counters().timed_out == 1);
}

TEST_CASE("a request may wait as long as it likes") {
  ServerWorld it;
  std::vector<Responder> waiting;
  it.handler.answer = [&](Request&, Responder responder) { waiting.push_back(std::move(responder)); };
  const auto client = it.connect();
  client->send(get("/"));
  it.run(minutes(60));
  REQUIRE(waiting.size() == 1);
  CHECK_FALSE(waiting[0].disconnected());
  std::move(waiting[0]).send(text_response(200, "at last"));
  it.run();
  CHECK(bodies(client->received) == std::vector<std::string>{"at last"});
  it.handler.answer = nullptr;
  client->send(get("/next"));
  it.run();
  CHECK(bodies(client->received).size() == 2);
}

TEST_CASE("a client that goes while its request waits is noticed") {
  ServerWorld it;
  std::vector<Responder> waiting;
  int gone = 0;
  it.handler.answer = [&](Request&, Responder responder) {
    responder.on_disconnect([&] {
      ++gone;
      waiting.clear();
    });
    waiting.push_back(std::move(responder));
  };
  auto client = it.connect();
  client->send(get("/") + get("/pipelined"));
  it.run();
  REQUIRE(waiting.size() == 1);
  SECTION("it closes") { client->drop(); }
  SECTION("it is reset") { it.world.reset_streams(it.machine, it.clients); }
  it.run();
  CHECK(gone == 1);
  CHECK(it.server->counters().open == 0);
  CHECK(it.server->counters().waiting == 0);
  CHECK(it.server->counters().disconnects == 1);
}

TEST_CASE("a client that has ended its sending still gets its answer") {
  ServerWorld it;
  std::vector<Responder> waiting;
  int gone = 0;
  it.handler.answer = [&](Request&, Responder responder) {
    responder.on_disconnect([&] { ++gone; });
    waiting.push_back(std::move(responder));
  };
  const auto client = it.connect();
  it.run();
  client->send(get("/"));
  client->shutdown_send();
  it.run();
  CHECK(gone == 1);
  REQUIRE(waiting.size() == 1);
  CHECK(waiting[0].disconnected());
  std::move(waiting[0]).send(text_response(200, "answer"));
  it.run();
  CHECK(bodies(client->received) == std::vector<std::string>{"answer"});
  CHECK(client->ended);
  CHECK(it.server->counters().open == 0);
}

TEST_CASE("a request that is let go of after its client went is not answered") {
  ServerWorld it;
  std::vector<Responder> waiting;
  bool at_once = false;
  it.handler.answer = [&](Request&, Responder responder) {
    waiting.push_back(std::move(responder));
    waiting.back().on_disconnect([&] {
      if (at_once) waiting.clear();
    });
  };
  SECTION("inside of the callback") { at_once = true; }
  SECTION("later") {}
  const auto client = it.connect();
  client->send(get("/"));
  it.run();
  client->shutdown_send();  // and it would see an answer
  it.run();
  REQUIRE(waiting.size() == (at_once ? 0 : 1));
  waiting.clear();
  it.run();
  CHECK(client->ended);
  CHECK_FALSE(client->failed);
  CHECK(client->received.empty());
  const ServerCounters& counters = it.server->counters();
  CHECK(counters.open == 0);
  CHECK(counters.waiting == 0);
  CHECK(counters.disconnects == 1);
  CHECK(counters.unanswered == 0);
}

TEST_CASE("asking for a disconnect that has happened") {
  ServerWorld it;
  std::vector<Responder> waiting;
  it.handler.answer = [&](Request&, Responder responder) { waiting.push_back(std::move(responder)); };
  auto client = it.connect();
  client->send(get("/"));
  it.run();
  it.world.reset_streams(it.machine, it.clients);
  it.run();
  REQUIRE(waiting.at(0).disconnected());
  int gone = 0;
  waiting[0].on_disconnect([&] { ++gone; });
  CHECK(gone == 0);
  it.run();
  CHECK(gone == 1);
  waiting[0].on_disconnect([&] { ++gone; });
  std::move(waiting[0]).send(text_response(200, "to nobody"));
  it.run();
  CHECK(gone == 1);
  CHECK(it.server->counters().waiting == 0);
  CHECK(it.server->counters().unanswered == 0);
}

TEST_CASE("a request that nobody answers gets 500") {
  ServerWorld it;
  it.handler.answer = [](Request&, Responder) {};
  const auto client = it.connect();
  client->send(get("/"));
  it.run();
  CHECK(client->received.starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
  CHECK(it.server->counters().unanswered == 1);
  it.handler.answer = nullptr;
  client->send(get("/next"));
  it.run();
  CHECK(bodies(client->received).back() == "/next");
}

TEST_CASE("connections have bounds, in all and for each address") {
  ServerOptions options;
  options.max_connections = 5;
  options.max_connections_per_address = 3;
  ServerWorld it(options);
  env::SimEnv& others = it.world.add_env("others");
  std::vector<std::unique_ptr<RawClient>> kept;
  for (int i = 0; i < 3; ++i) {
    kept.push_back(it.connect());
    kept.back()->send(get("/"));
  }
  it.run();
  for (const auto& client : kept) CHECK(bodies(client->received).size() == 1);
  const auto fourth = it.connect();
  fourth->send(get("/"));
  it.run();
  CHECK(fourth->received ==
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 80\r\nConnection: "
        "close\r\n\r\n"
        "Your IP is issuing too many concurrent connections, please rate limit your calls");
  CHECK(fourth->ended);
  CHECK(it.server->counters().refused_per_address == 1);
  fourth->drop();
  it.run(seconds(1));
  // Another address has its own count.
  const env::Endpoint to{it.machine.address(), 8500};
  RawClient other1(others, to);
  RawClient other2(others, to);
  RawClient other3(others, to);
  it.run(seconds(1));
  CHECK(int{other1.ended} + int{other2.ended} + int{other3.ended} == 0);
  CHECK(it.server->counters().pushed_out == 1);
  // Those that were idle for longest are the first.
  CHECK(int{kept[0]->ended} + int{kept[1]->ended} + int{kept[2]->ended} == 1);
  CHECK(it.server->counters().open == 5);
  // One that goes makes room.
  kept.pop_back();
  it.run();
  const auto again = it.connect();
  again->send(get("/"));
  it.run();
  CHECK(bodies(again->received).size() == 1);
  // Limits can be changed while connections are there.
  options.max_connections_per_address = 0;
  options.max_connections = 100;
  it.server->set_options(options);
  for (int i = 0; i < 10; ++i) kept.push_back(it.connect());
  it.run();
  CHECK(it.server->counters().open == 15);
}

TEST_CASE("shutting down: idle connections at once, the others after their answer") {
  ServerWorld it;
  std::vector<Responder> waiting;
  it.handler.answer = [&](Request&, Responder responder) { waiting.push_back(std::move(responder)); };
  const auto idle = it.connect();
  const auto busy = it.connect();
  it.run();
  busy->send(get("/"));
  it.run();
  REQUIRE(waiting.size() == 1);
  bool done = false;
  it.server->shutdown(seconds(30), [&] { done = true; });
  it.run();
  CHECK(idle->ended);
  CHECK_FALSE(busy->ended);
  CHECK_FALSE(done);
  const auto late = it.connect();
  it.run();
  CHECK(late->failed);
  std::move(waiting[0]).send(text_response(200, "answer"));
  it.run();
  CHECK(contains(busy->received, "Connection: close\r\n\r\nanswer"));
  CHECK(busy->ended);
  busy->drop();
  it.run();
  CHECK(done);
}

TEST_CASE("shutting down takes no longer than its grace") {
  ServerWorld it;
  std::vector<Responder> waiting;
  int gone = 0;
  it.handler.answer = [&](Request&, Responder responder) {
    responder.on_disconnect([&] { ++gone; });
    waiting.push_back(std::move(responder));
  };
  const auto busy = it.connect();
  busy->send(get("/"));
  it.run();
  bool done = false;
  it.server->shutdown(seconds(3), [&] { done = true; });
  it.run(seconds(3) - milliseconds(1));
  CHECK_FALSE(done);
  it.run(milliseconds(10));
  CHECK(done);
  CHECK(gone == 1);
  CHECK(busy->ended);
}

TEST_CASE("shutting down a server without connections") {
  ServerWorld it;
  bool done = false;
  it.server->shutdown(seconds(3), [&] { done = true; });
  CHECK_FALSE(done);
  it.run();
  CHECK(done);
}

TEST_CASE("Responders outlive their server") {
  ServerWorld it;
  std::vector<Responder> waiting;
  std::vector<ResponseStream> streams;
  int called = 0;
  it.handler.answer = [&](Request& request, Responder responder) {
    responder.on_disconnect([&] { ++called; });
    if (request.target == "/stream") {
      streams.push_back(std::move(responder).start_stream({}));
    } else {
      waiting.push_back(std::move(responder));
    }
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  for (const char* target : {"/1", "/2", "/3", "/stream", "/stream"}) {
    clients.push_back(it.connect());
    clients.back()->send(get(target));
  }
  it.run();
  REQUIRE(waiting.size() == 3);
  REQUIRE(streams.size() == 2);
  it.server.reset();
  CHECK(waiting[0].disconnected());
  waiting[0].on_disconnect([&] { ++called; });
  std::move(waiting[0]).send(text_response(200, "x"));
  streams[0].write("x", [&](Status) { ++called; });
  std::move(streams[0]).finish();
  std::move(waiting[1]).start_stream({});
  waiting.clear();
  streams.clear();
  it.run();
  CHECK(called == 0);
  for (const auto& client : clients) CHECK(client->ended);
}

TEST_CASE("an orphan, a connection that ended before its Responder, touches no server that has gone") {
  ServerWorld it;
  std::vector<Responder> waiting;
  std::vector<ResponseStream> streams;
  int gone = 0;
  it.handler.answer = [&](Request& request, Responder responder) {
    if (request.target == "/stream") {
      streams.push_back(std::move(responder).start_stream({}));
      streams.back().on_disconnect([&] { ++gone; });
    } else {
      responder.on_disconnect([&] { ++gone; });
      waiting.push_back(std::move(responder));
    }
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  for (const char* target : {"/1", "/2", "/3", "/4", "/5", "/stream", "/stream"}) {
    clients.push_back(it.connect());
    clients.back()->send(get(target));
  }
  it.run();
  REQUIRE(waiting.size() == 5);
  REQUIRE(streams.size() == 2);
  bool done = false;
  it.server->shutdown(seconds(1), [&] { done = true; });
  it.run(seconds(2));
  REQUIRE(done);
  REQUIRE(gone == 7);
  // Cut off, and yet there: as long as the server is, it counts what becomes of them.
  CHECK(it.server->counters().open == 0);
  CHECK(it.server->counters().waiting == 7);
  std::move(waiting[4]).send(text_response(200, "x"));
  CHECK(it.server->counters().waiting == 6);
  it.server.reset();
  int called = 0;
  CHECK(waiting[0].disconnected());
  waiting[0].on_disconnect([&] { ++called; });
  std::move(waiting[0]).send(text_response(200, std::string(100'000, 'x')));
  std::move(waiting[1]).start_stream({}).write("x", [&](Status) { ++called; });
  waiting[2].on_disconnect([&] { ++called; });
  streams[0].write("x", [&](Status) { ++called; });
  std::move(streams[0]).finish();
  it.run();
  waiting.clear();  // the fourth without an answer
  streams.clear();
  it.run();
  CHECK(called == 0);
  CHECK(gone == 7);
}

}  // namespace
}  // namespace discovery::http1
