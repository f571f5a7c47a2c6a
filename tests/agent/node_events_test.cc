#include "lib/agent/node_events.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/agent/event_message.h"
#include "lib/env/asio_env.h"
#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;
using model::UserEvent;
using model::UserEventPtr;
using model::UserEvents;

std::string bytes_of(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

/// The payload of an event that a Consul agent has sent to its pool.
constexpr std::string_view kRecorded =
    "87a24944d92466306462666431352d313261612d633732332d346639622d623062663030316630313531a16ea66465706c6f79a2"
    "6e66a5636c692e2aa170c4087061796c6f616431a27366a3776562a27466a161a17601";

TEST_CASE("events travel in the form of Consul's agents", "[agent][events]") {
  const UserEvent event{.id = "f0dbfd15-12aa-c723-4f9b-b0bf001f0151",
                        .name = "deploy",
                        .payload = "payload1",
                        .node_filter = "cli.*",
                        .service_filter = "web",
                        .tag_filter = "a"};
  CHECK(encode_user_event(event) == bytes_of(kRecorded));
  const auto decoded = decode_user_event(bytes_of(kRecorded));
  REQUIRE(decoded.ok());
  CHECK(*decoded == event);

  const UserEvent bare{.id = "x", .name = "n"};
  CHECK(encode_user_event(bare) == bytes_of("83a24944a178a16ea16ea17601"));
  const UserEvent longer{.id = "x", .name = std::string(40, 'n'), .payload = std::string(300, 'p')};
  CHECK(*decode_user_event(encode_user_event(longer)) == longer);
  for (std::size_t cut = 0; cut < kRecorded.size() / 2; ++cut) {
    CHECK_FALSE(decode_user_event(bytes_of(kRecorded).substr(0, cut)).ok());
  }
}

/// The events of a node in a simulated world, and what they hand to the pool.
struct Node {
  explicit Node(std::uint64_t seed = 1) : world(seed), env(world.add_env("one")) { start_bus(); }

  void start_bus() {
    bus = std::make_unique<NodeEvents>(
        NodeEvents::Parts{env, "node-1", "dc1",
                          [this](const auto& fits) {
                            return std::any_of(services.begin(), services.end(),
                                               [&](const auto& service) { return fits(service); });
                          },
                          [this](const gossip::UserEventMessage& message) { sent.push_back(message); }});
  }
  template <class T>
  std::shared_ptr<std::optional<Result<T>>> begin(Async<T> operation) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    std::move(operation).then([result](Result<T> value) { result->emplace(std::move(value)); });
    return result;
  }
  template <class T>
  Result<T> now(Async<T> operation) {
    auto result = begin(std::move(operation));
    REQUIRE(result->has_value());
    return **result;
  }
  UserEvent fire(UserEvent event) {
    auto fired = now(bus->fire(std::move(event), {}));
    INFO(fired.status().to_string());
    REQUIRE(fired.ok());
    return *fired;
  }
  std::vector<std::string> names(const std::string& only = {}) {
    std::vector<std::string> out;
    const auto list = now(bus->list({.name = only}, {}));
    for (const auto& event : list->events) out.push_back(event->name);
    return out;
  }

  env::Simulation world;
  env::SimEnv& env;
  std::vector<model::ServiceInstance> services;
  std::vector<gossip::UserEventMessage> sent;
  std::unique_ptr<NodeEvents> bus;
};

model::ServiceInstance service(std::string id, std::vector<std::string> tags = {}) {
  model::ServiceInstance instance;
  instance.name = instance.id = std::move(id);
  for (auto& tag : tags) instance.tags.emplace_back(std::move(tag));
  return instance;
}

TEST_CASE("an event gets an id when it is fired, and its time when it has come back", "[agent][events]") {
  Node node;
  node.bus->announce_leader();
  const UserEvent fired = node.fire({.name = "deploy", .payload = "x"});
  CHECK(fired.id.size() == 36);
  CHECK(fired.ltime == 0);
  CHECK(fired.version == 1);
  const auto list = node.now(node.bus->list({}, {}));
  REQUIRE(list->events.size() == 1);
  UserEvent expected = fired;
  expected.ltime = 2;
  CHECK(*list->events[0] == expected);
  CHECK(list->index == model::event_index(fired.id));
  CHECK(node.now(node.bus->list({.name = "other"}, {}))->index == 1);

  REQUIRE(node.sent.size() == 2);
  CHECK(node.sent[0].name == "consul:new-leader");
  CHECK(node.sent[0].payload == "node-1");
  CHECK(node.sent[1].name == "consul:event:deploy");
  CHECK(node.sent[1].ltime == 2);
}

TEST_CASE("what cannot be fired is refused", "[agent][events]") {
  Node node;
  CHECK(node.now(node.bus->fire({}, {})).status().code() == Code::kInvalidArgument);
  CHECK(node.now(node.bus->fire({.name = "a"}, {.datacenter = "dc2"})).status().message() ==
        "No path to datacenter");
  CHECK(node.now(node.bus->fire({.name = "a"}, {.datacenter = "dc1"})).ok());
  const auto large = node.now(node.bus->fire({.name = "a", .payload = std::string(600, 'x')}, {})).status();
  CHECK(large.code() == Code::kInvalidArgument);
  CHECK(large.message() ==
        "1 error occurred:\n\t* error broadcasting event to segment \"\": user event exceeds configured "
        "limit of "
        "512 bytes before encoding\n\n");
  CHECK(node.names() == std::vector<std::string>{"a"});
}

TEST_CASE("filters are looked at by who receives an event", "[agent][events]") {
  Node node;
  node.services = {service("web-1", {"v1", "blue"}), service("db")};
  const auto reaches = [&](UserEvent event) {
    const std::size_t before = node.names().size();
    event.name = "e";
    node.fire(std::move(event));
    return node.names().size() > before;
  };
  CHECK(reaches({}));
  CHECK(reaches({.node_filter = "node"}));
  CHECK(reaches({.node_filter = "^node-[0-9]$"}));
  CHECK_FALSE(reaches({.node_filter = "^ode"}));
  CHECK(reaches({.service_filter = "web"}));
  CHECK_FALSE(reaches({.service_filter = "^web$"}));  // the id counts
  CHECK_FALSE(reaches({.service_filter = "cache"}));
  CHECK(reaches({.service_filter = "web", .tag_filter = "^v[0-9]$"}));
  CHECK_FALSE(reaches({.service_filter = "web", .tag_filter = "green"}));
  CHECK_FALSE(reaches({.service_filter = "db", .tag_filter = "v1"}));
  CHECK_FALSE(reaches({.node_filter = "other", .service_filter = "web"}));
}

TEST_CASE("the latest 256 events are kept", "[agent][events]") {
  Node node;
  for (int i = 0; i < 300; ++i)
    node.fire({.name = i % 2 == 0 ? "even" : "odd", .payload = std::to_string(i)});
  const auto all = node.now(node.bus->list({}, {}));
  REQUIRE(all->events.size() == model::EventBus::kMaxEvents);
  CHECK(all->events.front()->payload == "44");
  CHECK(all->events.back()->payload == "299");
  CHECK(node.names("odd").size() == 128);
}

TEST_CASE("a list waits while its index is the one that is known", "[agent][events]") {
  Node node;
  const auto index = [&](const UserEvent& event) { return model::event_index(event.id); };
  const UserEvent first = node.fire({.name = "a"});
  node.world.run_for(1s);
  CHECK(node.now(node.bus->list({.index = 77}, {}))->index == index(first));

  const auto any = node.begin(node.bus->list({.index = index(first)}, {}));
  const auto named = node.begin(node.bus->list({.name = "b", .index = 1, .wait = 5s}, {}));
  node.fire({.name = "elsewhere", .node_filter = "nobody"});
  node.world.run_for(1s);
  CHECK_FALSE(any->has_value());
  const UserEvent second = node.fire({.name = "a"});
  node.world.run_for(1ms);
  REQUIRE(any->has_value());
  CHECK((**any)->events.size() == 2);
  CHECK((**any)->index == index(second));
  CHECK_FALSE(named->has_value());
  node.world.run_for(4s);
  REQUIRE(named->has_value());  // the wait is over
  CHECK((**named)->events.empty());

  std::stop_source stop;
  const auto stopped = node.begin(node.bus->list({.index = index(second)}, {.stop = stop.get_token()}));
  stop.request_stop();
  node.world.run_for(1ms);
  REQUIRE(stopped->has_value());
  CHECK((*stopped)->status().code() == Code::kCancelled);

  const auto left = node.begin(node.bus->list({.index = index(second)}, {}));
  node.bus.reset();
  REQUIRE(left->has_value());
  CHECK((*left)->status().code() == Code::kCancelled);
}

TEST_CASE("subscribers hear what comes after them, outside of the call that fires", "[agent][events]") {
  Node node;
  std::vector<std::string> all;
  std::vector<std::string> named;
  node.fire({.name = "before"});
  auto every = node.bus->subscribe("", [&](const UserEventPtr& event) { all.push_back(event->name); });
  auto some = node.bus->subscribe("b", [&](const UserEventPtr& event) {
    named.push_back(event->payload);
    if (event->payload == "again") node.fire({.name = "b", .payload = "more"});
  });
  node.fire({.name = "a"});
  node.fire({.name = "b", .payload = "again"});
  CHECK(all.empty());
  node.world.run_for(1ms);
  CHECK(all == std::vector<std::string>{"a", "b", "b"});
  CHECK(named == std::vector<std::string>{"again", "more"});
  every.reset();
  node.fire({.name = "b", .payload = "last"});
  node.world.run_for(1ms);
  CHECK(all.size() == 3);
  CHECK(named.back() == "last");
  SECTION("one may end itself, or the bus") {
    auto self = node.bus->subscribe("c", [&](const UserEventPtr&) { some.reset(); });
    auto end = node.bus->subscribe("d", [&](const UserEventPtr&) { node.bus.reset(); });
    auto late = node.bus->subscribe("d", [&](const UserEventPtr&) { FAIL("the bus is gone"); });
    node.fire({.name = "c"});
    node.fire({.name = "d"});
    node.world.run_for(1ms);
    CHECK(node.bus == nullptr);
  }
}

TEST_CASE("a message of the pool is taken once, and what it says may be wrong", "[agent][events]") {
  Node node;
  const std::string payload = encode_user_event({.id = "i", .name = "far"});
  CHECK(node.bus->receive({.ltime = 40, .name = "consul:event:far", .payload = payload}));
  CHECK_FALSE(node.bus->receive({.ltime = 40, .name = "consul:event:far", .payload = payload}));
  CHECK(node.bus->receive({.ltime = 41, .name = "consul:event:far", .payload = "no event"}));
  CHECK(node.bus->receive({.ltime = 42, .name = "something else", .payload = payload}));
  const auto list = node.now(node.bus->list({}, {}));
  REQUIRE(list->events.size() == 1);
  CHECK(list->events[0]->ltime == 40);
  CHECK(node.sent.empty());
  node.fire({.name = "near"});
  CHECK(node.sent.at(0).ltime == 43);
  node.fire({.name = "_rexec"});
  CHECK(node.names() == std::vector<std::string>{"far", "near"});
}

TEST_CASE("events may be fired, listed and subscribed to from any thread", "[agent][events]") {
  constexpr int kThreads = 4;
  constexpr int kRounds = 50;
  auto env = env::AsioEnv::create({});
  REQUIRE(env.ok());
  NodeEvents bus({**env, "n", "dc1", [](const auto&) { return false; }});
  std::thread loop([&] { (*env)->run(); });

  std::atomic<int> failures{0};
  std::atomic<int> heard{0};
  std::vector<std::thread> callers;
  for (int number = 0; number < kThreads; ++number) {
    callers.emplace_back([&, name = "e" + std::to_string(number)] {
      for (int round = 0; round < kRounds; ++round) {
        std::promise<std::string> promise;
        bool told = false;
        auto subscription = bus.subscribe(name, [&](const UserEventPtr& event) {
          ++heard;
          if (!std::exchange(told, true)) promise.set_value(event->id);
        });
        const auto fired = bus.fire({.name = name}, {}).get();
        if (!fired.ok() || promise.get_future().get() != fired->id) ++failures;
        subscription.reset();
        const auto list = bus.list({.name = name}, {}).get();
        if (!list.ok() || list->events.empty()) ++failures;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  (*env)->stop();
  loop.join();
  CHECK(failures == 0);
  CHECK(heard == kThreads * kRounds);
}

}  // namespace
}  // namespace discovery::agent
