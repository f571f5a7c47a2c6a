// The public interface over HTTP, in a simulated world: a program with a remote agent on one machine, an
// embedded agent that serves HTTP on another.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <discovery/agent.h>
#include <discovery/lock.h>
#include <discovery/testing/simulation.h>

namespace discovery::testing {
namespace {

using namespace std::chrono_literals;

struct World {
  Simulation simulation;
  std::unique_ptr<Agent> server;
  std::unique_ptr<Agent> client;

  explicit World(std::uint64_t seed = 1) : simulation(seed) {
    server = start({.http_listen = "10.0.0.1:8500", .advertise = "10.0.0.1"}, "server");
    client =
        start({.mode = Mode::kRemote, .data_dir = "/cache", .remote_urls = {"http://server:8500"}}, "client");
  }

  std::unique_ptr<Agent> start(AgentOptions options, const std::string& machine) {
    auto started = simulation.start(std::move(options), machine);
    INFO(started.status().to_string());
    REQUIRE(started.ok());
    return *std::move(started);
  }
  void restart_client() {
    client.reset();
    client =
        start({.mode = Mode::kRemote, .data_dir = "/cache", .remote_urls = {"http://server:8500"}}, "client");
  }

  template <class T>
  T take(Async<T> operation) {
    Result<T> result = simulation.wait(std::move(operation));
    INFO(result.status().to_string());
    REQUIRE(result.ok());
    return *std::move(result);
  }
};

TEST_CASE("what a remote agent registers is found here and there", "[remote_agent]") {
  World world;
  REQUIRE(world.simulation.run_until([&] { return world.simulation.wait(world.client->node()).ok(); }));
  REQUIRE(world.take(world.client->node()) == "server");
  Registry here = world.client->registry();
  Registry there = world.server->registry();
  {
    ServiceSpec web{.name = "web", .port = 8080, .tags = {"blue"}};
    web.checks.push_back({.probe = TtlCheck{1min}, .initial = Health::kPassing});
    Registration registration = world.take(here.add(web));
    REQUIRE(world.take(there.find("web")).value->size() == 1);
    REQUIRE(*world.take(here.find("web")).value->front() == *world.take(there.find("web")).value->front());
    REQUIRE(registration.report(Health::kCritical, "ill").ok());
    REQUIRE(world.simulation.run_until([&] { return world.take(there.find("web")).value->empty(); }));
  }
  REQUIRE(world.simulation.run_until(
      [&] { return world.take(there.find("web", {.passing_only = false})).value->empty(); }));
}

TEST_CASE("several are registered one by one, and taken back if one fails", "[remote_agent]") {
  World world;
  Registry registry = world.client->registry();
  const auto both = world.take(registry.add_all({{.name = "a"}, {.name = "b"}}));
  REQUIRE(world.take(world.server->registry().find("b")).value->size() == 1);
  ServiceSpec broken{.name = "d", .meta = {{"consul-x", "reserved"}}};
  REQUIRE_FALSE(world.simulation.wait(registry.add_all({{.name = "c"}, broken})).ok());
  REQUIRE(world.take(world.server->registry().find("c")).value->empty());
}

TEST_CASE("keys are written with their index over HTTP", "[remote_agent]") {
  World world;
  KVStore kv = world.client->kv();
  const Index index = world.take(kv.put({"a", "1"}));
  REQUIRE(index > 0);
  REQUIRE(world.take(kv.get("a")).value->value().modified == index);
  REQUIRE(world.simulation.wait(kv.put({.key = "a", .value = "2", .if_modified = 1})).status().code() ==
          Code::kConflict);
  REQUIRE(world.take(kv.put({.key = "a", .value = "2", .if_modified = index})) > index);
  REQUIRE(world.take(kv.commit({Put{"b", "1"}, Require{"a", world.take(kv.get("a")).meta.index}})) > index);
  world.take(kv.put({"big", std::string(300'000, 'x')}));
  REQUIRE(world.take(kv.get("big")).value->value().value.size() == 300'000);
  REQUIRE(world.take(kv.list("")).value->size() == 3);
}

TEST_CASE("a watch goes through an outage with the last known view", "[remote_agent]") {
  World world;
  const Registration registration = world.take(world.server->registry().add({.name = "web"}));
  auto watch = world.client->registry().watch("web");
  REQUIRE(world.take(watch.next()).view.value->size() == 1);
  world.simulation.cut("server", "client");
  REQUIRE(world.simulation.run_until([&] { return !watch.latest().meta.live; }, 1min));
  REQUIRE(watch.latest().value->size() == 1);
  REQUIRE(watch.latest().meta.as_of > std::chrono::system_clock::time_point());
  world.simulation.mend("server", "client");
  REQUIRE(world.simulation.run_until([&] { return watch.latest().meta.live; }, 1min));
}

TEST_CASE("a program that is started during an outage finds what was known before", "[remote_agent]") {
  World world;
  const Registration registration = world.take(world.server->registry().add({.name = "web", .port = 80}));
  {
    auto watch = world.client->registry().watch("web");
    REQUIRE(world.take(watch.next()).view.value->size() == 1);
    world.simulation.run_for(3s);
  }
  world.client.reset();
  world.simulation.cut("server", "client");
  world.restart_client();
  auto watch = world.client->registry().watch("web");
  REQUIRE(world.simulation.run_until([&] { return !watch.latest().value->empty(); }, 1min));
  REQUIRE_FALSE(watch.latest().meta.live);
  const View<Instances> found = world.take(world.client->registry().find("web"));
  REQUIRE_FALSE(found.meta.live);
  REQUIRE(found.value->front()->port == 80);
}

TEST_CASE("remote sessions are renewed, and lost by the local clock when they cannot be", "[remote_agent]") {
  World world;
  Session session = world.take(world.client->open_session({.ttl = 10s}));
  Held held = world.take(Lock(session, "lock").acquire());
  world.simulation.run_for(5min);
  REQUIRE(session.alive());
  REQUIRE(held.alive());
  REQUIRE(world.take(world.server->kv().get("lock")).value->value().session == session.id());

  std::optional<Duration> lost_at;
  const std::stop_callback lost(held.lost(), [&] { lost_at = world.simulation.now(); });
  const Duration cut_at = world.simulation.now();
  world.simulation.cut("server", "client");
  REQUIRE(world.simulation.run_until([&] { return !session.alive(); }, 1min));
  REQUIRE(world.simulation.now() - cut_at <= 10s);
  world.simulation.run_for(100ms);
  REQUIRE(lost_at.has_value());
  REQUIRE_FALSE(held.alive());
  // The server lets others have it at twice the TTL, and never before this holder knows.
  REQUIRE(world.simulation.run_until(
      [&] { return world.take(world.server->kv().get("lock")).value->value().session.empty(); }, 1min));
  REQUIRE(*lost_at < world.simulation.now());
}

TEST_CASE("a remote holder's locks pass to another at once when it is released", "[remote_agent]") {
  World world;
  Session session = world.take(world.client->open_session());
  Held held = world.take(Lock(session, "lock", "client").acquire());
  const std::uint64_t fence = held.fence();
  REQUIRE(fence > 0);
  Session other = world.take(world.server->open_session());
  std::optional<Result<Held>> waiting;
  Lock(other, "lock", "server").acquire().then([&](Result<Held> result) {
    waiting.emplace(std::move(result));
  });
  world.simulation.run_for(10s);
  REQUIRE_FALSE(waiting.has_value());
  REQUIRE(world.simulation.wait(std::move(held).release()).ok());
  REQUIRE(world.simulation.run_until([&] { return waiting.has_value(); }, 1s));
  REQUIRE((*waiting)->fence() > fence);
}

TEST_CASE("events are fired and heard over HTTP", "[remote_agent]") {
  World world;
  world.take(world.server->events().fire({.name = "deploy", .payload = "before"}));
  std::vector<std::string> heard;
  const Subscription subscription =
      world.client->events().subscribe("deploy", [&](const Event& event) { heard.push_back(event.payload); });
  world.simulation.run_for(1s);
  world.take(world.server->events().fire({.name = "deploy", .payload = "v1"}));
  REQUIRE_FALSE(world.take(world.client->events().fire({.name = "deploy", .payload = "v2"})).empty());
  world.take(world.server->events().fire({.name = "other"}));
  world.simulation.run_for(1s);
  REQUIRE(heard == std::vector<std::string>{"v1", "v2"});

  world.simulation.cut("server", "client");
  world.simulation.run_for(1min);
  world.take(world.server->events().fire({.name = "deploy", .payload = "v3"}));
  world.simulation.mend("server", "client");
  REQUIRE(world.simulation.run_until([&] { return heard.size() == 3; }));
  REQUIRE(heard.back() == "v3");
}

TEST_CASE("a remote agent that is not there says so, and goes on trying", "[remote_agent]") {
  Simulation simulation;
  auto client = simulation.start({.mode = Mode::kRemote, .remote_urls = {"http://server:8500"}}, "client");
  REQUIRE(client.ok());
  REQUIRE(simulation.wait((*client)->registry().find("web")).status().code() == Code::kUnavailable);
  REQUIRE(simulation.wait((*client)->node()).status().code() == Code::kUnavailable);
  auto watch = (*client)->registry().watch("web");
  REQUIRE(simulation.wait(watch.next()).status().code() == Code::kUnavailable);
  auto server = simulation.start({.http_listen = "10.0.0.2:8500", .advertise = "10.0.0.2"}, "server");
  REQUIRE(server.ok());
  REQUIRE(simulation.wait(watch.next()).ok());
}

TEST_CASE("a watch whose connection was given up by the agent alone goes on soon", "[remote_agent]") {
  // The agent gives up after 15 s without a way; the next sign of life may come when there is one again.
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    World world(seed);
    auto watch = world.client->kv().watch("a");
    REQUIRE(world.simulation.run_until([&] { return watch.latest().meta.live; }));
    world.simulation.run_for(10100ms);
    world.simulation.cut("server", "client");
    world.take(world.server->kv().put({"a", "1"}));
    world.simulation.run_for(15500ms);
    world.simulation.mend("server", "client");
    REQUIRE(world.simulation.run_until([&] { return watch.latest().value->size() == 1; }, 30s));
  }
}

}  // namespace
}  // namespace discovery::testing
