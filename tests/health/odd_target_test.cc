// What HTTP checks make of targets that do not behave like a plain HTTP server, in both worlds.

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/health/checker.h"
#include "tests/env/world.h"
#include "tests/health/probe_world.h"

namespace discovery::health {
namespace {

using namespace std::chrono_literals;
using env::RealWorld;
using env::SimWorld;

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A target that does with each connection what a test wants.
template <class World>
struct OddTarget {
  using Served = std::function<void(env::Stream&)>;

  explicit OddTarget(Served what_is_done)
      : listener(*world.server().listen({world.address(), 0}, {})), served(std::move(what_is_done)) {
    listener->start([this](std::unique_ptr<env::Stream> stream) {
      streams.push_back(std::move(stream));
      served(*streams.back());
    });
  }

  model::CheckSpec check() const {
    auto spec = http_check("http://" + listener->local().to_string() + "/health");
    spec.timeout = 10s;
    return spec;
  }

  ProbeResult run(const model::CheckSpec& spec) {
    auto probe = make_probe(probes, spec, 4096);
    REQUIRE(probe.ok());
    std::optional<ProbeResult> result;
    (*probe)->start([&](ProbeResult seen) { result = std::move(seen); });
    CHECK_FALSE(result.has_value());
    REQUIRE(world.run_until([&] { return result.has_value(); }));
    return *result;
  }

  /// Sends what is left of `text` in pieces of `size` bytes, each a while after the one before.
  void trickle(env::Stream& stream, std::string_view text, std::size_t size) {
    if (text.empty()) return;
    piece = {text.substr(0, size)};
    stream.write(piece, [](const Status&) {});
    timer->start(1ms, [this, &stream, rest = text.substr(std::min(size, text.size())), size] {
      trickle(stream, rest, size);
    });
  }

  /// Calls `then` when something has come.
  void once_asked(env::Stream& stream, std::function<void()> then) {
    stream.read_some(buffer, [then = std::move(then)](const Result<std::size_t>&) { then(); });
  }

  World world;
  Dialer dialer{world.client()};
  ProbeWorld probes{world.client(), dialer, nullptr, nullptr};
  std::array<std::string_view, 1> piece{};
  std::array<char, 4096> buffer{};
  std::unique_ptr<env::Timer> timer = world.server().make_timer();
  std::vector<std::unique_ptr<env::Stream>> streams;
  std::unique_ptr<env::Listener> listener;
  Served served;
};

TEMPLATE_TEST_CASE("A target that closes without an answer is critical", "[http_check]", RealWorld,
                   SimWorld) {
  OddTarget<TestType>* self = nullptr;
  const bool reads = GENERATE(false, true);
  OddTarget<TestType> target([&](env::Stream& stream) {
    if (reads) return self->once_asked(stream, [&stream] { stream.close(); });
    stream.close();  // with a request that it has not read this is a reset
  });
  self = &target;
  const auto result = target.run(target.check());
  CHECK(result.health == Health::kCritical);
  CHECK(result.code == 0);
  CHECK(result.output.starts_with("Get \"http://"));
}

TEMPLATE_TEST_CASE("A target that closes within its answer is critical", "[http_check]", RealWorld,
                   SimWorld) {
  OddTarget<TestType>* self = nullptr;
  OddTarget<TestType> target([&](env::Stream& stream) {
    self->once_asked(stream, [&] {
      self->piece = {kAnswer.substr(0, kAnswer.size() - 1)};
      stream.write(self->piece, [&stream](const Status&) { stream.shutdown_send(); });
    });
  });
  self = &target;
  CHECK(target.run(target.check()).output.ends_with("the connection ended before the answer"));
}

TEMPLATE_TEST_CASE("An answer in pieces is an answer", "[http_check]", RealWorld, SimWorld) {
  OddTarget<TestType>* self = nullptr;
  OddTarget<TestType> target(
      [&](env::Stream& stream) { self->once_asked(stream, [&] { self->trickle(stream, kAnswer, 7); }); });
  self = &target;
  const auto result = target.run(target.check());
  CHECK(result.health == Health::kPassing);
  CHECK(result.output.ends_with(": 200 OK Output: ok"));
}

TEMPLATE_TEST_CASE("An answer that comes before the request was read is an answer", "[http_check]", RealWorld,
                   SimWorld) {
  OddTarget<TestType>* self = nullptr;
  OddTarget<TestType> target([&](env::Stream& stream) {
    self->piece = {kAnswer};
    stream.write(self->piece, [](const Status&) {});
  });
  self = &target;
  CHECK(target.run(target.check()).health == Health::kPassing);
}

TEMPLATE_TEST_CASE("A target that never answers is critical at its timeout", "[http_check]", RealWorld,
                   SimWorld) {
  OddTarget<TestType> target([](env::Stream&) {});
  auto spec = target.check();
  spec.timeout = 200ms;
  auto& clock = target.world.client().clock();
  const Duration begun = clock.monotonic();
  const auto result = target.run(spec);
  const Duration took = clock.monotonic() - begun;
  CHECK(result.output.ends_with("(Client.Timeout exceeded while awaiting headers)"));
  CHECK(took >= 200ms);
  CHECK(took < 2s);  // of a busy machine
}

TEST_CASE("A reset connection is critical", "[http_check]") {
  ProbeFixture f;
  Target target(f.server);
  target.answer = [&](const std::string&) {
    f.world.reset_streams(f.server, f.client);
    return std::string();
  };
  const auto result = f.run(http_check("http://server/"));
  CHECK(result.health == Health::kCritical);
  CHECK(result.output.find("connection reset by peer") != std::string::npos);
}

TEST_CASE("A target that takes no new connections is critical, though old ones are open", "[checker]") {
  ProbeFixture f;
  auto target = std::make_unique<Target>(f.server);
  std::vector<Health> seen;
  Checker checker(f.client, {}, [&](const Report& report) { seen.push_back(report.seen.health); });
  auto spec = http_check("http://10.0.0.1/");
  spec.interval = 1s;
  REQUIRE(checker.add(spec, 100).ok());
  REQUIRE(f.world.run_until([&] { return seen.size() == 2; }, 10s));
  CHECK(seen == std::vector<Health>(2, Health::kPassing));
  target->listener.reset();
  REQUIRE(f.world.run_until([&] { return seen.size() == 3; }, 10s));
  CHECK(seen.back() == Health::kCritical);
}

TEST_CASE("All of many checks that are due together run", "[checker]") {
  ProbeFixture f;
  Target target(f.server);
  constexpr std::size_t kChecks = 40 * Checker::kMaxStarts;  // in ten slots
  std::size_t reports = 0;
  Checker checker(f.client, {}, [&](const Report&) { ++reports; });
  for (std::size_t i = 0; i < kChecks; ++i) {
    auto spec = http_check("http://10.0.0.1/");
    spec.id = std::to_string(i);
    spec.interval = 1s;
    REQUIRE(checker.add(spec, 100).ok());
  }
  f.world.run_for(1100ms);
  CHECK(reports >= kChecks);
  CHECK(reports < 2 * kChecks);
}

}  // namespace
}  // namespace discovery::health
