#include "lib/server/session_timers.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/sim_env.h"
#include "lib/server/lock_delays.h"

namespace discovery::server {
namespace {

using namespace std::chrono_literals;
using model::Session;
using model::SessionKey;

Session session(int n, const std::string& ttl) {
  Session made;
  std::string digits = std::to_string(n);
  digits.insert(0, 12 - digits.size(), '0');
  made.id = "aaaaaaaa-bbbb-cccc-dddd-" + digits;
  made.ttl = ttl;
  return made;
}
SessionKey key_of(int n) { return *SessionKey::parse(session(n, "").id); }

/// Timers that note what they end; what is ended goes, unless the test says otherwise.
struct TimerWorld {
  env::Simulation simulation{3};
  env::SimEnv& machine = simulation.add_env("one");
  std::vector<std::pair<std::string, Duration>> ended;
  bool goes = true;
  SessionTimers timers{machine, [this](const SessionKey& key) {
                         for (int n = 0; n < 1000; ++n) {
                           if (!(key == key_of(n))) continue;
                           ended.emplace_back(session(n, "").id.str(), simulation.now());
                           if (goes) timers.remove(session(n, ""));
                           return;
                         }
                       }};
};

TEST_CASE("sessions end in time, and never late", "[session]") {
  for (unsigned seed = 0; seed < 30; ++seed) {
    TimerWorld world;
    std::mt19937 random(seed);
    const auto below = [&](int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random); };
    std::map<std::string, std::pair<Duration, Duration>> expected;  // when, TTL
    for (int step = 0; step < 300; ++step) {
      const int n = below(30);
      const std::string id = session(n, "").id.str();
      const Duration now = world.simulation.now();
      switch (below(4)) {
        case 0: {
          const Duration ttl = std::chrono::milliseconds(10'000 + below(10'000));
          if (expected.count(id) != 0) break;
          world.timers.add(session(n, std::to_string(ttl / 1ms) + "ms"));
          expected[id] = {now + 2 * ttl, ttl};
          break;
        }
        case 1:
          CHECK(world.timers.renew(key_of(n)));
          if (expected.count(id) != 0) expected[id].first = now + 2 * expected[id].second;
          break;
        case 2:
          if (below(3) != 0) break;
          world.timers.remove(session(n, ""));
          expected.erase(id);
          break;
        default:
          world.simulation.run_for(std::chrono::milliseconds(below(6000)));
      }
      const Duration then = world.simulation.now();
      for (const auto& [gone, at] : world.ended) {
        REQUIRE(expected.count(gone) != 0);
        CHECK(at <= expected[gone].first);
        CHECK(at > expected[gone].first - SessionTimers::kTick);
        expected.erase(gone);
      }
      world.ended.clear();
      for (const auto& [left, when] : expected) CHECK(when.first > then);
      REQUIRE(world.timers.size() == expected.size());
    }
  }
}

TEST_CASE("an end that fails is tried again, and nothing puts it off", "[session]") {
  TimerWorld world;
  world.goes = false;
  world.timers.add(session(1, "10s"));
  world.simulation.run_for(20s);
  REQUIRE(world.ended.size() == 1);
  CHECK_FALSE(world.timers.renew(key_of(1)));
  world.simulation.run_for(SessionTimers::kRetry);
  CHECK(world.ended.size() == 2);
  world.goes = true;
  world.simulation.run_for(SessionTimers::kRetry);
  CHECK(world.ended.size() == 3);
  CHECK(world.timers.size() == 0);
  world.simulation.run_for(1h);
  CHECK(world.ended.size() == 3);
}

TEST_CASE("a session that comes again is counted anew", "[session]") {
  TimerWorld world;
  world.timers.add(session(1, "10s"));
  world.simulation.run_for(15s);
  world.timers.remove(session(1, ""));
  world.timers.add(session(1, "10s"));
  world.simulation.run_for(19s);
  CHECK(world.ended.empty());
  world.timers.add(session(1, "10s"));  // as a new leader does
  world.simulation.run_for(19s);
  CHECK(world.ended.empty());
  world.simulation.run_for(1s);
  CHECK(world.ended.size() == 1);
}

TEST_CASE("lock-delays are kept no longer than they count", "[session]") {
  env::Simulation simulation{3};
  env::SimEnv& machine = simulation.add_env("one");
  LockDelays delays(machine.clock());
  CHECK_FALSE(delays.holds("a"));
  delays.set("a", 5s);
  delays.set("b", 1s);
  delays.set("a", 2s);  // the longer one stays
  simulation.run_for(2s);
  CHECK(delays.holds("a"));
  CHECK_FALSE(delays.holds("b"));
  CHECK(delays.size() == 1);
  delays.set("a", 4s);
  simulation.run_for(4s - 1ns);
  CHECK(delays.holds("a"));
  simulation.run_for(1ns);
  CHECK_FALSE(delays.holds("a"));
  CHECK(delays.size() == 0);
}

}  // namespace
}  // namespace discovery::server
