// What all connections of a server share: places, memory for requests that come in and for answers that go
// out. Who takes more than is there goes, and nobody else.

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http1/server_world.h"

namespace discovery::http1 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"; }
std::string put(std::size_t length) {
  return "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}

bool is_answered(const RawClient& client, std::string_view status) {
  return client.received.starts_with("HTTP/1.1 " + std::string(status));
}

TEST_CASE("if no connection is idle, there is no place for another one") {
  ServerOptions options;
  options.max_connections = 2;
  ServerWorld it(options);
  std::vector<Responder> waiting;
  it.handler.answer = [&](Request&, Responder responder) { waiting.push_back(std::move(responder)); };
  const auto first = it.connect();
  const auto second = it.connect();
  first->send(get("/1"));
  second->send(get("/2"));
  it.run();
  const auto third = it.connect();
  it.run();
  CHECK(third->ended);
  CHECK(it.server->counters().refused_total == 1);
  CHECK(it.server->counters().pushed_out == 0);
  for (Responder& responder : waiting) std::move(responder).send(text_response(200, "here"));
  it.run();
  CHECK(is_answered(*first, "200"));
  CHECK(is_answered(*second, "200"));
}

TEST_CASE("those who are refused and stay take few places") {
  ServerOptions options;
  options.max_connections_per_address = 1;
  options.max_refusals = 2;
  ServerWorld it(options);
  const auto served = it.connect();
  served->send(get("/"));
  it.run();
  std::vector<std::unique_ptr<RawClient>> refused;
  for (int i = 0; i < 10; ++i) {
    refused.push_back(it.connect());
    it.run();
  }
  for (const auto& client : refused) CHECK(is_answered(*client, "429"));
  CHECK(it.server->counters().refused_per_address == 10);
  CHECK(it.server->counters().open == 3);
  it.run(seconds(10));
  CHECK(it.server->counters().open == 1);
  served->send(get("/"));
  it.run();
  CHECK(bodies(served->received).size() == 2);
}

TEST_CASE("requests that come in share their memory, and the one goes that began first") {
  ServerOptions options;
  options.max_incoming_bytes = 200'000;
  ServerWorld it(options);
  it.handler.limit = 1'000'000;
  const auto slow = it.connect();
  slow->send(put(100'000) + std::string(90'000, 'a'));
  it.run();
  CHECK(it.server->counters().incoming_bytes >= 90'000);
  const auto other = it.connect();
  SECTION("a body") { other->send(put(120'000) + std::string(110'000, 'b')); }
  SECTION("a head") { other->send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(120'000, 'b')); }
  it.run();
  CHECK(slow->ended);
  CHECK(it.server->counters().cut_incoming == 1);
  const auto small = it.connect();
  small->send(put(100) + std::string(100, 'c'));
  it.run();
  CHECK(is_answered(*small, "200"));
  CHECK_FALSE(other->ended);
  other->drop();
  it.run();
  CHECK(it.server->counters().incoming_bytes == 0);
}

TEST_CASE("requests that all grow in one turn of the loop do not take more than their share before it ends") {
  ServerOptions options;
  options.max_incoming_bytes = 200'000;
  ServerWorld it(options);
  it.handler.limit = 1'000'000;
  env::LinkOptions link;
  link.min_delay = link.max_delay;  // what is sent together comes together
  it.world.set_link(link);
  std::vector<std::unique_ptr<RawClient>> growing;
  for (int i = 0; i < 10; ++i) growing.push_back(it.connect());
  const auto small = it.connect();
  std::uint64_t seen = 0;
  it.handler.answer = [&](Request&, Responder responder) {
    seen = it.server->counters().incoming_bytes;
    std::move(responder).send(text_response(200, "ok"));
  };
  it.run();
  for (const auto& client : growing) client->send(put(120'000) + std::string(90'000, 'a'));
  small->send(get("/"));
  it.run();
  CHECK(is_answered(*small, "200"));
  CHECK(seen > 0);
  CHECK(seen <= options.max_incoming_bytes);
}

TEST_CASE("a single request may have all memory that there is for requests") {
  ServerOptions options;
  options.max_incoming_bytes = 1000;
  ServerWorld it(options);
  it.handler.limit = 1'000'000;
  const auto client = it.connect();
  client->send(put(500'000) + std::string(499'999, 'a'));
  it.run(seconds(1));
  client->send("b");
  it.run();
  CHECK(is_answered(*client, "200"));
  CHECK(it.server->counters().incoming_bytes == 0);
}

TEST_CASE("a request with a long head holds no more memory than others while it waits") {
  ServerWorld it;
  std::vector<Responder> waiting;
  it.handler.answer = [&](Request&, Responder responder) { waiting.push_back(std::move(responder)); };
  const auto client = it.connect();
  client->send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n" + get("/next"));
  it.run();
  REQUIRE(waiting.size() == 1);
  CHECK(it.server->counters().incoming_bytes == 0);
  std::move(waiting[0]).send(text_response(200, "one"));
  it.run();
  REQUIRE(waiting.size() == 2);
  std::move(waiting[1]).send(text_response(200, "two"));
  it.run();
  CHECK(bodies(client->received) == std::vector<std::string>{"one", "two"});
}

/// A server whose answers are large, each another one.
struct LargeAnswers {
  LargeAnswers() : it(options()) {
    it.handler.answer = [this](Request& request, Responder responder) {
      Response response;
      response.body = request.target == "/shared" ? Body(shared) : Body(std::string(700'000, 'x'));
      std::move(responder).send(std::move(response));
    };
  }
  static ServerOptions options() {
    ServerOptions options;
    options.max_outgoing_bytes = 1'000'000;
    return options;
  }
  /// A client that asks and reads nothing.
  std::unique_ptr<RawClient> ask_and_wait(const std::string& target) {
    auto client = it.connect();
    client->read_on = false;
    it.run();
    client->send(get(target));
    it.run(milliseconds(300));
    return client;
  }
  std::unique_ptr<RawClient> ask(const std::string& target) {
    auto client = it.connect();
    client->send(get(target));
    it.run(seconds(1));
    return client;
  }

  std::shared_ptr<const std::string> shared = std::make_shared<const std::string>(700'000, 's');
  ServerWorld it;
};

TEST_CASE("large answers that go out share their memory, and slow clients go first") {
  LargeAnswers world;
  ServerWorld& it = world.it;
  const auto slow = world.ask_and_wait("/1");
  CHECK(it.server->counters().outgoing_bytes == 700'000);
  const auto refused = world.ask("/2");
  CHECK(is_answered(*refused, "503"));
  CHECK(it.server->counters().refused_answers == 1);
  it.run(seconds(2));
  const auto served = world.ask("/3");
  CHECK(is_answered(*served, "200"));
  CHECK(bodies(served->received).at(0).size() == 700'000);
  CHECK(it.server->counters().cut_outgoing == 1);
  CHECK(it.server->counters().outgoing_bytes == 0);
}

TEST_CASE("an answer that several get counts once") {
  LargeAnswers world;
  ServerWorld& it = world.it;
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 5; ++i) slow.push_back(world.ask_and_wait("/shared"));
  CHECK(it.server->counters().outgoing_bytes == 700'000);
  CHECK(it.server->counters().refused_answers == 0);
  CHECK(it.server->counters().cut_outgoing == 0);
  slow.clear();
  it.run(seconds(1));
  CHECK(it.server->counters().outgoing_bytes == 0);
}

TEST_CASE("a request that there is no memory for is refused, and the server goes on") {
  ServerWorld it;
  const auto client = it.connect();
  SECTION("while it is handled") {
    it.handler.answer = [](Request&, const Responder&) { throw std::bad_alloc(); };
    client->send(get("/"));
    it.run();
    CHECK(is_answered(*client, "503 Service Unavailable"));
    it.handler.answer = nullptr;
    client->send(get("/again"));
    it.run();
    CHECK(bodies(client->received).at(1) == "/again");
  }
  SECTION("while it comes in") {
    it.handler.limit_fails = true;
    client->send(put(10));
    it.run();
    CHECK(is_answered(*client, "503 Service Unavailable"));
  }
  CHECK(it.server->counters().out_of_memory == 1);
  it.handler.limit_fails = false;
  CHECK(it.exchange(get("/other")).ends_with("/other"));
}

}  // namespace
}  // namespace discovery::http1
