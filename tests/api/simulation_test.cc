#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include <discovery/lock.h>
#include <discovery/testing/simulation.h>

namespace discovery::testing {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Agent> start(Simulation& world, AgentOptions options = {},
                             const std::string& machine = "one") {
  auto agent = world.start(std::move(options), machine);
  INFO(agent.status().to_string());
  REQUIRE(agent.ok());
  return *std::move(agent);
}

ServiceSpec web(Duration ttl) {
  ServiceSpec spec;
  spec.name = "web";
  spec.port = 80;
  CheckSpec check;
  check.probe = TtlCheck{ttl};
  check.initial = Health::kPassing;
  spec.checks.push_back(check);
  return spec;
}

TEST_CASE("an hour of virtual time passes in an instant", "[simulation]") {
  Simulation world;
  const auto agent = start(world);
  auto registration = world.wait(agent->registry().add(web(1h)));
  REQUIRE(registration.ok());
  auto watch = agent->registry().watch("web");
  world.run_for(59min);
  REQUIRE(watch.latest().value->size() == 1);
  world.run_for(2min);
  REQUIRE(watch.latest().value->empty());
}

TEST_CASE("one seed makes one history", "[simulation]") {
  const auto history = [](std::uint64_t seed) {
    Simulation world(seed);
    const auto agent = start(world);
    for (int i = 0; i < 10; ++i) REQUIRE(world.wait(agent->kv().put({"k" + std::to_string(i), "v"})).ok());
    world.run_for(5min);
    return world.trace();
  };
  REQUIRE(history(3) == history(3));
  REQUIRE(history(3) != history(4));
}

TEST_CASE("get() in a simulated world says so instead of waiting for ever", "[simulation]") {
  Simulation world;
  const auto agent = start(world);
  REQUIRE(agent->kv().get("a").get().status().code() == Code::kFailedPrecondition);
}

TEST_CASE("what an agent keeps survives a crash of its machine", "[simulation]") {
  Simulation world;
  auto agent = start(world, {.data_dir = "/data"});
  auto registration = world.wait(agent->registry().add(web(1h)));
  REQUIRE(registration.ok());
  registration->release();
  world.crash(std::move(agent));
  agent = start(world, {.data_dir = "/data"});
  REQUIRE(world.wait(agent->registry().find("web", {.passing_only = false}))->value->size() == 1);
}

TEST_CASE("who was stopped for too long knows that it holds nothing before it can act on it",
          "[simulation]") {
  Simulation world;
  const auto server = start(world, {.http_listen = "10.0.0.1:8500", .advertise = "10.0.0.1"}, "server");
  const AgentOptions remote{.mode = Mode::kRemote, .remote_urls = {"http://server:8500"}};
  const auto agent = start(world, remote, "one");
  const auto session = world.wait(agent->open_session({.ttl = 10s}));
  REQUIRE(session.ok());
  const auto held = world.wait(Lock(*session, "lock").acquire());
  REQUIRE(held.ok());
  const auto goes_on = [&] { return !world.paused("one"); };

  // For some seconds: the session is renewed in time.
  world.pause("one", 4s);
  REQUIRE(world.run_until(goes_on, 5s));
  REQUIRE(held->alive());
  world.run_for(1min);
  REQUIRE(held->alive());

  world.pause("one", 11s);
  REQUIRE(world.paused("one"));
  REQUIRE(world.run_until(goes_on, 12s));
  REQUIRE_FALSE(held->alive());
  REQUIRE_FALSE(session->alive());
  REQUIRE_FALSE(held->lost().stop_requested());  // nobody has had the time to say so
  world.run_for(1s);
  REQUIRE(held->lost().stop_requested());
}

TEST_CASE("a disk that is full refuses registrations, and says so", "[simulation]") {
  Simulation world;
  const auto agent = start(world, {.data_dir = "/data"});
  world.set_disk("one", {.capacity = 0});
  REQUIRE_FALSE(world.wait(agent->registry().add(web(1h))).ok());
  REQUIRE_FALSE(world.log("one").empty());
  world.set_disk("one", {});
  REQUIRE(world.wait(agent->registry().add(web(1h))).ok());
}

TEST_CASE("a function is a check, and the catalog hears of it", "[simulation]") {
  Simulation world;
  const auto agent = start(world);
  bool well = true;
  ServiceSpec spec;
  spec.name = "web";
  CheckSpec check;
  check.probe =
      CallCheck{[&](std::stop_token) { return well ? Status() : Status(Code::kUnavailable, "ill"); }, 1s};
  check.failures_to_trip = 3;
  spec.checks.push_back(check);
  auto registration = world.wait(agent->registry().add(spec));
  REQUIRE(registration.ok());
  auto watch = agent->registry().watch("web");
  REQUIRE(world.run_until([&] { return watch.latest().value->size() == 1; }, 2s));
  world.run_for(10min);  // its TTL does not run out while it is well
  REQUIRE(watch.latest().value->size() == 1);
  well = false;
  const Duration ill_since = world.now();
  REQUIRE(world.run_until([&] { return watch.latest().value->empty(); }, 10s));
  REQUIRE(world.now() - ill_since > 1900ms);
  registration->release();
}

}  // namespace
}  // namespace discovery::testing
