#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <discovery/lock.h>
#include <discovery/testing/simulation.h>

namespace discovery::testing {
namespace {

using namespace std::chrono_literals;

/// One agent in a simulated world, and sessions on it.
struct World {
  Simulation simulation;
  std::unique_ptr<Agent> agent;

  World() {
    auto started = simulation.start();
    REQUIRE(started.ok());
    agent = *std::move(started);
  }

  template <class T>
  T take(Async<T> operation) {
    Result<T> result = simulation.wait(std::move(operation));
    INFO(result.status().to_string());
    REQUIRE(result.ok());
    return *std::move(result);
  }
  template <class T>
  Code code(Async<T> operation) {
    return simulation.wait(std::move(operation)).status().code();
  }
  Session session(SessionSpec spec = {}) { return take(agent->open_session(std::move(spec))); }

  /// An operation that goes on while the test does other things.
  template <class T>
  std::shared_ptr<std::optional<Result<T>>> begin(Async<T> operation) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    std::move(operation).then([result](Result<T> value) { result->emplace(std::move(value)); });
    return result;
  }
};

TEST_CASE("a lock has one holder, and its fences grow", "[lock]") {
  World world;
  Session one = world.session();
  Session two = world.session();
  REQUIRE(one.alive());
  REQUIRE(one.id() != two.id());
  Lock first(one, "jobs/lock", "one");
  Lock second(two, "jobs/lock", "two");
  Held held = world.take(first.acquire());
  REQUIRE(held.alive());
  REQUIRE(world.code(second.try_acquire()) == Code::kConflict);
  REQUIRE(world.code(first.acquire()) == Code::kFailedPrecondition);  // it has it already
  const auto waiting = world.begin(second.acquire());
  world.simulation.run_for(1min);
  REQUIRE_FALSE(waiting->has_value());

  const std::uint64_t fence = held.fence();
  const Duration released = world.simulation.now();
  REQUIRE(world.code(std::move(held).release()) == Code::kOk);
  REQUIRE(world.simulation.run_until([&] { return waiting->has_value(); }, 1s));
  REQUIRE(world.simulation.now() - released < 10ms);
  REQUIRE((*waiting)->ok());
  REQUIRE((**waiting)->fence() > fence);
  REQUIRE(world.take(world.agent->kv().get("jobs/lock")).value->value().value == "two");
}

TEST_CASE("a lock is released when its Held goes", "[lock]") {
  World world;
  Session session = world.session();
  Lock lock(session, "lock");
  { const Held held = world.take(lock.acquire()); }
  const Held again = world.take(lock.acquire());
  REQUIRE(again.alive());
}

TEST_CASE("a closed session loses its locks, which are free after the lock-delay", "[lock]") {
  World world;
  Session one = world.session({.lock_delay = 5s});
  Session two = world.session();
  const Held held = world.take(Lock(one, "lock").acquire());
  bool told = false;
  const std::stop_callback callback(held.lost(), [&] { told = true; });
  const auto waiting = world.begin(Lock(two, "lock").acquire());
  const Duration closed = world.simulation.now();
  REQUIRE(world.code(one.close()) == Code::kOk);
  REQUIRE_FALSE(one.alive());
  REQUIRE_FALSE(held.alive());
  REQUIRE(world.simulation.run_until([&] { return told; }, 10ms));
  REQUIRE(world.simulation.run_until([&] { return waiting->has_value(); }, 10s));
  REQUIRE(world.simulation.now() - closed >= 5s);
  REQUIRE(world.simulation.now() - closed <= 6s);
  REQUIRE((*waiting)->ok());
  REQUIRE(world.code(Lock(one, "lock").acquire()) == Code::kFailedPrecondition);
}

TEST_CASE("who deletes the key of a lock takes it away, and its holder hears of it", "[lock]") {
  World world;
  Session session = world.session();
  Held held = world.take(Lock(session, "lock").acquire());
  REQUIRE(world.code(world.agent->kv().erase({"lock"})) == Code::kOk);
  REQUIRE(world.simulation.run_until([&] { return held.lost().stop_requested(); }, 10ms));
  REQUIRE_FALSE(held.alive());
  REQUIRE(session.alive());
  REQUIRE(world.code(std::move(held).release()) == Code::kNotFound);
}

TEST_CASE("who gives up waiting does not get the lock later", "[lock]") {
  World world;
  Session one = world.session();
  Session two = world.session();
  Held held = world.take(Lock(one, "lock").acquire());
  std::stop_source stop;
  const auto stopped = world.begin(Lock(two, "lock").acquire({.stop = stop.get_token()}));
  world.simulation.run_for(1s);
  stop.request_stop();
  REQUIRE(world.simulation.run_until([&] { return stopped->has_value(); }, 1s));
  REQUIRE((*stopped)->status().code() == Code::kCancelled);
  REQUIRE(world.code(Lock(two, "lock").acquire({.timeout = 3s})) == Code::kDeadlineExceeded);
  REQUIRE(world.code(std::move(held).release()) == Code::kOk);
  world.simulation.run_for(1min);
  REQUIRE(world.take(world.agent->kv().get("lock")).value->value().session.empty());
}

TEST_CASE("a key that is used for something else is left alone", "[lock]") {
  World world;
  world.take(world.agent->kv().put({"config", "precious"}));
  REQUIRE(world.code(Lock(world.session(), "config").acquire()) == Code::kFailedPrecondition);
  REQUIRE(world.take(world.agent->kv().get("config")).value->value().value == "precious");
}

TEST_CASE("a semaphore has so many holders", "[lock]") {
  World world;
  std::vector<Session> sessions;
  std::vector<Held> held;
  for (int i = 0; i < 3; ++i) sessions.push_back(world.session());
  for (int i = 0; i < 2; ++i) held.push_back(world.take(Semaphore(sessions[i], "pool", 2).acquire()));
  REQUIRE(held[1].fence() > held[0].fence());
  REQUIRE(world.code(Semaphore(sessions[2], "pool", 2).try_acquire()) == Code::kConflict);
  REQUIRE(world.code(Semaphore(sessions[2], "pool", 3).try_acquire()) == Code::kFailedPrecondition);
  const auto waiting = world.begin(Semaphore(sessions[2], "pool", 2).acquire());
  world.simulation.run_for(1s);
  REQUIRE_FALSE(waiting->has_value());
  REQUIRE(world.code(std::move(held[0]).release()) == Code::kOk);
  REQUIRE(world.simulation.run_until([&] { return waiting->has_value(); }, 1s));
  REQUIRE((**waiting)->fence() > held[1].fence());
  REQUIRE(held[1].alive());
  // Another one's end makes room as well.
  const auto next = world.begin(Semaphore(sessions[0], "pool", 2).acquire());
  REQUIRE(world.code(sessions[1].close()) == Code::kOk);
  REQUIRE(world.simulation.run_until([&] { return next->has_value(); }, 5s));
  REQUIRE((*next)->ok());
  REQUIRE_FALSE(held[1].alive());
}

TEST_CASE("one candidate leads, and everybody sees who", "[lock]") {
  World world;
  auto watch = LeaderElection::observe(world.agent->kv(), "leader");
  REQUIRE_FALSE(world.take(watch.next()).view.value->has_value());
  Session one = world.session();
  Session two = world.session();
  LeaderElection first(one, "leader", "10.0.0.1");
  LeaderElection second(two, "leader", "10.0.0.2");
  Held leading = world.take(first.campaign());
  const auto seen = *world.take(watch.next()).view.value;
  REQUIRE(seen == Leader{"10.0.0.1", one.id(), leading.fence()});
  const auto candidate = world.begin(second.campaign());
  world.simulation.run_for(1min);
  REQUIRE_FALSE(candidate->has_value());
  const Duration resigned = world.simulation.now();
  REQUIRE(world.code(std::move(leading).release()) == Code::kOk);
  REQUIRE(world.simulation.run_until(
      [&] { return *watch.latest().value && (*watch.latest().value)->value == "10.0.0.2"; }, 1s));
  REQUIRE(world.simulation.now() - resigned <= 10ms);
}

TEST_CASE("a commit may require that a session holds a key", "[lock]") {
  World world;
  KVStore kv = world.agent->kv();
  Session session = world.session();
  Held held = world.take(Lock(session, "lock").acquire());
  world.take(kv.commit({Require{"lock", session.id()}, Put{"state", "1"}}));
  REQUIRE(world.code(std::move(held).release()) == Code::kOk);
  REQUIRE(world.code(kv.commit({Require{"lock", session.id()}, Put{"state", "2"}})) == Code::kConflict);
  REQUIRE(world.take(kv.get("state")).value->value().value == "1");
}

TEST_CASE("sessions and locks outlive their agent, and are lost then", "[lock]") {
  World world;
  Session session = world.session();
  Held held = world.take(Lock(session, "lock").acquire());
  const auto waiting = world.begin(Lock(world.session(), "lock").acquire());
  world.simulation.run_for(1s);
  world.agent.reset();
  world.simulation.run_for(1s);
  REQUIRE_FALSE(session.alive());
  REQUIRE_FALSE(held.alive());
  REQUIRE(waiting->has_value());
  REQUIRE_FALSE((*waiting)->ok());
  REQUIRE(std::move(held).release().get().status().code() == Code::kCancelled);
}

TEST_CASE("events reach who has subscribed to them", "[lock]") {
  World world;
  std::vector<std::string> seen;
  const Subscription subscription = world.agent->events().subscribe(
      "deploy", [&](const Event& event) { seen.push_back(event.name + " " + event.payload); });
  REQUIRE_FALSE(world.take(world.agent->events().fire({.name = "deploy", .payload = "v2"})).empty());
  world.take(world.agent->events().fire({.name = "other"}));
  REQUIRE(world.code(world.agent->events().fire({})) == Code::kInvalidArgument);
  world.simulation.run_for(1s);
  REQUIRE(seen == std::vector<std::string>{"deploy v2"});
}

}  // namespace
}  // namespace discovery::testing
