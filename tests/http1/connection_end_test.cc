// Who wants to know when a connection ends, whatever it did meanwhile.

#include <memory>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http1/server_world.h"

namespace discovery::http1 {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

struct Counter final : EndListener {
  int ends = 0;
  void on_connection_end() override { ++ends; }
};

/// A connection whose first request makes a listener listen.
struct EndWorld : ServerWorld {
  std::shared_ptr<Counter> listener = std::make_shared<Counter>();
  std::unique_ptr<RawClient> client;
  std::vector<Responder> held;
  bool accepted = false;

  EndWorld() {
    handler.answer = [this](Request& request, Responder responder) {
      if (request.target == "/wait") {
        held.push_back(std::move(responder));
        return;
      }
      if (handler.requests.size() == 1) accepted = responder.on_connection_end(listener);
      std::move(responder).send(text_response(200, "ok"));
    };
    client = connect();
    client->send(kGet);
    run();
    REQUIRE(bodies(client->received).size() == 1);
    REQUIRE(accepted);
    REQUIRE(listener->ends == 0);
  }
  ~EndWorld() { held.clear(); }
};

TEST_CASE("the end of an idle connection is told") {
  EndWorld world;
  world.client->send(kGet);
  world.run();
  CHECK(bodies(world.client->received).size() == 2);
  CHECK(world.listener->ends == 0);
  world.client->drop();
  world.run();
  CHECK(world.listener->ends == 1);
  CHECK(world.server->counters().open == 0);
}

TEST_CASE("the end of a connection is told while its request waits") {
  EndWorld world;
  world.client->send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  world.run();
  REQUIRE(world.held.size() == 1);
  SECTION("when the client has gone") { world.client->drop(); }
  SECTION("when it sends no more") { world.client->shutdown_send(); }
  SECTION("when the network breaks it off") { world.world.reset_streams(world.machine, world.clients); }
  world.run();
  CHECK(world.listener->ends == 1);
  world.held.clear();
  world.run(5min);
  CHECK(world.listener->ends == 1);
}

TEST_CASE("a connection that is listened to may be idle as long as it likes") {
  EndWorld world;
  world.run(1h);
  CHECK(world.listener->ends == 0);
  world.client->send(kGet);
  world.run();
  CHECK(bodies(world.client->received).size() == 2);
  // Nobody listens any more: then it ends as others do.
  world.listener.reset();
  world.client->send(kGet);
  world.run(1h);
  CHECK(world.client->ended);
}

TEST_CASE("a client that is too slow for its own request has gone") {
  EndWorld world;
  world.client->send("GET /half");
  world.run(1min);
  CHECK(world.listener->ends == 1);
}

TEST_CASE("nobody is told when the server ends") {
  EndWorld world;
  SECTION("by itself") {
    bool done = false;
    world.server->shutdown(1s, [&] { done = true; });
    world.run(2s);
    CHECK(done);
  }
  SECTION("at once") { world.server.reset(); }
  world.run();
  CHECK(world.listener->ends == 0);
}

TEST_CASE("listening to a connection that has ended") {
  ServerWorld world;
  const auto listener = std::make_shared<Counter>();
  std::vector<Responder> held;
  world.handler.answer = [&](Request&, Responder responder) { held.push_back(std::move(responder)); };
  const auto client = world.connect();
  client->send(kGet);
  world.run();
  client->drop();
  world.run();
  REQUIRE(held.size() == 1);
  CHECK(held[0].on_connection_end(listener));
  CHECK(listener->ends == 0);
  world.run();
  CHECK(listener->ends == 1);
}

TEST_CASE("the listeners of one connection have a bound, to which those that are gone do not count") {
  ServerWorld world;
  std::vector<std::shared_ptr<Counter>> listeners;
  std::size_t accepted = 0;
  bool keep = false;
  world.handler.answer = [&](Request&, Responder responder) {
    for (int i = 0; i < 2000; ++i) {
      auto listener = std::make_shared<Counter>();
      if (!responder.on_connection_end(listener)) continue;
      ++accepted;
      if (keep) listeners.push_back(std::move(listener));
    }
    std::move(responder).send(text_response(200, "ok"));
  };
  const auto client = world.connect();
  client->send(kGet);
  world.run();
  CHECK(accepted == 2000);
  keep = true;
  client->send(kGet);
  world.run();
  CHECK(listeners.size() > 500);
  CHECK(listeners.size() <= 1024);
  client->drop();
  world.run();
  for (const auto& listener : listeners) REQUIRE(listener->ends == 1);
}

}  // namespace
}  // namespace discovery::http1
