#include "lib/health/call_check.h"

#include <atomic>
#include <latch>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "lib/env/asio_env.h"
#include "lib/health/checker.h"
#include "tests/health/probe_world.h"

namespace discovery::health {
namespace {

using namespace std::chrono_literals;

ProbeResult call(CallFunction function, std::size_t max_output = 4096) {
  ProbeFixture f;
  ProbeWorld probes{f.client, f.dialer, nullptr, nullptr};
  const auto probe = make_call_probe(probes, std::move(function), 10s, max_output);
  return f.run(*probe);
}

TEST_CASE("What a function returns is the check's health and output", "[call]") {
  const ProbeResult good = call([](const std::stop_token&) { return Status(); });
  CHECK(good.health == Health::kPassing);
  CHECK(good.output.empty());
  const ProbeResult tight =
      call([](const std::stop_token&) { return Status(Code::kResourceExhausted, "90 % full"); });
  CHECK(tight.health == Health::kWarning);
  CHECK(tight.output == "90 % full");
  const ProbeResult bad = call([](const std::stop_token&) { return Status(Code::kUnavailable, "no disk"); });
  CHECK(bad.health == Health::kCritical);
  CHECK(bad.output == "no disk");
  const ProbeResult lengthy =
      call([](const std::stop_token&) { return Status(Code::kInternal, std::string(500, 'x')); }, 100);
  CHECK(lengthy.output == std::string(100, 'x') + " ... (captured 100 of 500 bytes)");
}

TEST_CASE("What a function throws is critical", "[call]") {
  const ProbeResult known = call([](const std::stop_token&) -> Status { throw std::runtime_error("boom"); });
  CHECK(known.health == Health::kCritical);
  CHECK(known.output == "exception: boom");
  const ProbeResult odd = call([](const std::stop_token&) -> Status { throw 7; });
  CHECK(odd.health == Health::kCritical);
  CHECK(odd.output == "exception of an unknown type");
}

/// A loop of this world, and probes on it.
struct Real {
  bool run_until(const std::function<bool()>& reached) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!reached() && std::chrono::steady_clock::now() < end) env->run_some(10ms);
    return reached();
  }
  ProbeResult run(Probe& probe) {
    std::optional<ProbeResult> result;
    probe.start([&](ProbeResult seen) { result = std::move(seen); });
    REQUIRE(run_until([&] { return result.has_value(); }));
    return *result;
  }

  std::unique_ptr<env::AsioEnv> env = std::move(*env::AsioEnv::create({}));
  Dialer dialer{*env};
  ProbeWorld probes{*env, dialer, nullptr, nullptr};
};

TEST_CASE("A function that takes too long is asked to stop, and is never called twice at a time", "[call]") {
  Real f;
  std::atomic<int> calls = 0;
  std::atomic<int> under_way = 0;
  std::atomic<bool> twice = false;
  std::atomic<bool> asked = false;
  std::latch may_end(1);
  const auto probe = make_call_probe(
      f.probes,
      [&](const std::stop_token& stop) {
        if (++under_way > 1) twice = true;
        if (++calls == 1) {
          const std::stop_callback told(stop, [&] { asked = true; });
          may_end.wait();
        }
        --under_way;
        return Status();
      },
      20ms, 4096);
  const ProbeResult first = f.run(*probe);
  CHECK(first.health == Health::kCritical);
  CHECK(first.output == "Timed out (20ms) calling the check's function");
  CHECK(asked);
  const ProbeResult second = f.run(*probe);
  CHECK(second.health == Health::kCritical);
  CHECK(second.output == "the call before has not ended, though it was asked to stop");
  CHECK(calls == 1);
  may_end.count_down();
  REQUIRE(f.run_until([&] { return f.run(*probe).health == Health::kPassing; }));
  CHECK(calls >= 2);
  CHECK(!twice);
}

TEST_CASE("A function is asked to stop when its check goes, and is waited for at the end", "[call]") {
  std::atomic<bool> ended = false;
  {
    Real f;
    std::latch called(1);
    auto probe = make_call_probe(
        f.probes,
        [&](const std::stop_token& stop) {
          called.count_down();
          std::latch asked(1);
          const std::stop_callback told(stop, [&] { asked.count_down(); });
          asked.wait();
          ended = true;
          return Status();
        },
        1h, 4096);
    probe->start([](const ProbeResult&) { FAIL("it was cancelled"); });
    called.wait();
    probe.reset();
  }
  CHECK(ended);
}

TEST_CASE("Functions run at their intervals beside other checks, with thresholds", "[call]") {
  env::Simulation world{3};
  env::SimEnv& env = world.add_env("one");
  std::vector<std::optional<Health>> seen;
  std::vector<Duration> runs;
  bool fine = true;
  Checker checker(env, {.min_interval = 1ms}, [&](const Report& report) { seen.push_back(report.health); });
  checker.add({"f",
               [&](const std::stop_token&) {
                 runs.push_back(world.now());
                 return fine ? Status() : Status(Code::kUnavailable, "down");
               },
               200ms, 1s, Thresholds(2, 3, 3)},
              4096);
  const auto run = [&](std::size_t count) {
    const std::size_t until = seen.size() + count;
    REQUIRE(world.run_until([&] { return seen.size() == until; }, 1min));
  };
  run(2);
  CHECK(seen == std::vector<std::optional<Health>>{Health::kPassing, Health::kPassing});
  fine = false;
  run(3);
  CHECK(seen[2] == std::nullopt);
  CHECK(seen[3] == std::nullopt);
  CHECK(seen[4] == Health::kCritical);
  fine = true;
  run(2);
  CHECK(seen[5] == std::nullopt);
  CHECK(seen[6] == Health::kPassing);
  CHECK(runs.back() - runs.front() >= 6 * 200ms - 10ms);
  CHECK(runs.back() - runs.front() <= 6 * 200ms + 10ms);
  checker.remove("f");
  const std::size_t before = runs.size();
  world.run_for(2s);
  CHECK(runs.size() == before);
}

}  // namespace
}  // namespace discovery::health
