// Events over HTTP: what is asked of the bus, and how its answers look.

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

namespace discovery::http {
namespace {

using namespace std::chrono_literals;

/// Answers what it was given, and remembers what it was asked.
struct FakeBus final : model::EventBus {
  Status failure{};
  model::UserEvents held;
  std::vector<model::UserEvent> fired;
  std::vector<model::EventRead> reads;
  Call caller;
  bool defer = false;
  Async<model::UserEvents>::Callback waiting;

  Async<model::UserEvent> fire(model::UserEvent event, Call call) override {
    fired.push_back(event);
    caller = std::move(call);
    if (!failure.ok()) return failure;
    event.id = "a-b";
    return event;
  }
  Async<model::UserEvents> list(model::EventRead read, Call call) override {
    reads.push_back(std::move(read));
    caller = std::move(call);
    if (!failure.ok()) return failure;
    if (!defer) return held;
    return Async<model::UserEvents>::pending([this](auto done) { waiting = std::move(done); });
  }
  std::unique_ptr<Subscription> subscribe(std::string, OnEvent) override { testing::unexpected(); }
};

struct World {
  testing::FakeBackend backend;
  testing::FakeAgent agent;
  testing::FakeEnv env;
  FakeBus bus;
  Api api{backend, agent, env, testing::default_options(), {.events = &bus}};

  std::unique_ptr<testing::Kept> ask(std::string_view method, std::string_view target,
                                     std::string body = {}) {
    auto kept = std::make_unique<testing::Kept>();
    http1::Request request;
    request.method = method;
    request.target = target;
    request.body = std::move(body);
    api.handle(request, http1::Responder(*kept));
    return kept;
  }
};

TEST_CASE("an event is fired with its filters and payload", "[http][event]") {
  World world;
  const auto kept =
      world.ask("PUT", "/v1/event/fire/a/b%20c?node=n.*&service=s&tag=t&dc=dc2&token=secret", "payload");
  CHECK(kept->status() == 200);
  CHECK(kept->header("Content-Type") == "application/json");
  CHECK(kept->header("X-Consul-Index") == "-");
  CHECK(kept->body() ==
        R"({"ID":"a-b","Name":"a/b c","Payload":"cGF5bG9hZA==","NodeFilter":"n.*","ServiceFilter":"s",)"
        R"("TagFilter":"t","Version":1,"LTime":0})");
  REQUIRE(world.bus.fired.size() == 1);
  CHECK(world.bus.fired[0].payload == "payload");
  CHECK(world.bus.caller.datacenter == "dc2");
  CHECK(world.bus.caller.token == "secret");
}

TEST_CASE("why an event is not fired", "[http][event]") {
  World world;
  CHECK(world.ask("PUT", "/v1/event/fire/")->body() == "Missing name");
  CHECK(world.ask("PUT", "/v1/event/fire/")->status() == 400);
  CHECK(world.ask("GET", "/v1/event/fire/a")->status() == 405);
  CHECK(world.bus.fired.empty());
  world.bus.failure = invalid_argument("Invalid node filter: x");
  CHECK(world.ask("PUT", "/v1/event/fire/a?node=x")->status() == 500);
  CHECK(world.ask("PUT", "/v1/event/fire/a?node=x")->body() == "Invalid node filter: x");
  world.bus.failure = {Code::kPermissionDenied, "Permission denied"};
  CHECK(world.ask("PUT", "/v1/event/fire/a")->status() == 403);

  testing::World without;
  CHECK(without.put("/v1/event/fire/a", "")->status() == 501);
  CHECK(without.ask("/v1/event/list")->status() == 501);
}

TEST_CASE("events are listed with their index", "[http][event]") {
  World world;
  CHECK(world.ask("GET", "/v1/event/list")->body() == "[]");
  CHECK(world.ask("GET", "/v1/event/list")->header("X-Consul-Index") == "1");
  world.bus.held = {.index = 18226685519321297973U,
                    .events = {std::make_shared<const model::UserEvent>(
                        model::UserEvent{.id = "i", .name = "n", .ltime = 7})}};
  const auto kept = world.ask("GET", "/v1/event/list?name=n&index=5&wait=20s");
  CHECK(kept->status() == 200);
  CHECK(kept->header("X-Consul-Index") == "18226685519321297973");
  CHECK(kept->header("X-Consul-Knownleader") == "-");
  CHECK(
      kept->body() ==
      R"([{"ID":"i","Name":"n","Payload":null,"NodeFilter":"","ServiceFilter":"","TagFilter":"","Version":1,)"
      R"("LTime":7}])");
  CHECK(world.bus.reads.back().name == "n");
  CHECK(world.bus.reads.back().index == 5);
  CHECK(world.bus.reads.back().wait == 20s);
  CHECK(world.ask("GET", "/v1/event/list?index=x")->body() == "Invalid index");
  CHECK(world.ask("GET", "/v1/event/list?wait=x")->status() == 400);
  CHECK(world.ask("PUT", "/v1/event/list")->status() == 405);
}

TEST_CASE("who goes while waiting for events stops the wait", "[http][event]") {
  World world;
  world.bus.defer = true;
  const auto kept = world.ask("GET", "/v1/event/list?index=1");
  REQUIRE(kept->gone);
  CHECK_FALSE(world.bus.caller.stop.stop_requested());
  kept->gone();
  CHECK(world.bus.caller.stop.stop_requested());
  kept->is_gone = true;
  world.bus.waiting(Status(Code::kCancelled, "the caller has given up"));
  CHECK_FALSE(kept->response);
  CHECK(kept->abandoned);
}

}  // namespace
}  // namespace discovery::http
