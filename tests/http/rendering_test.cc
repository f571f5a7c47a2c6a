#include "lib/http/rendering.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/sim_env.h"

namespace discovery::http {
namespace {

TEST_CASE("what takes long to free is freed by a worker") {
  env::Simulation world(1);
  env::SimEnv& machine = world.add_env("one");
  auto renderings = std::make_unique<Renderings>(machine);
  const std::size_t size = GENERATE(std::size_t{100}, std::size_t{2} << 20);
  const bool is_long = size > (1U << 20);
  auto bytes = std::make_shared<const std::string>(size, 'x');
  const std::weak_ptr<const std::string> seen = bytes;
  auto sent = renderings->freed_by_worker(std::move(bytes));
  CHECK(sent->size() == size);
  SECTION("on the loop") {
    machine.post([&] {
      sent.reset();
      CHECK(seen.expired() == !is_long);
    });
    world.run_for(std::chrono::seconds(1));
  }
  SECTION("when nobody is left to do it") {
    renderings.reset();
    sent.reset();
  }
  CHECK(seen.expired());
}

TEST_CASE("what workers have to free does not pile up behind their other work") {
  env::Simulation world(1);
  env::SimEnv& machine = world.add_env("one");
  Renderings renderings(machine);
  const auto let_go = [&] {
    auto bytes = std::make_shared<const std::string>(Renderings::kMaxToFree / 2, 'x');
    const std::weak_ptr<const std::string> seen = bytes;
    renderings.freed_by_worker(std::move(bytes)).reset();
    return seen;
  };
  std::vector<std::weak_ptr<const std::string>> seen;
  machine.post([&] {
    for (int i = 0; i < 3; ++i) seen.push_back(let_go());
    CHECK_FALSE(seen[0].expired());
    CHECK_FALSE(seen[1].expired());
    CHECK(seen[2].expired());  // at once: the workers have enough of them
  });
  world.run_for(std::chrono::seconds(1));
  REQUIRE(seen.size() == 3);
  CHECK(seen[1].expired());
  machine.post([&] { CHECK_FALSE(let_go().expired()); });
  world.run_for(std::chrono::seconds(1));
}

}  // namespace
}  // namespace discovery::http
