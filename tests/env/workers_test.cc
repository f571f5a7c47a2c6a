#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/worker_pool.h"
#include "tests/env/world.h"

namespace discovery::env {
namespace {

TEMPLATE_TEST_CASE("work is done later, and then said so on the loop", "", RealWorld, SimWorld) {
  TestType world;
  const auto workers = world.server().make_workers(100);
  std::atomic<int> worked = 0;
  int done = 0;
  for (int i = 0; i < 100; ++i) {
    const Status status = workers->run([&] { ++worked; },
                                       [&] {
                                         CHECK(world.server().on_loop());
                                         ++done;
                                         CHECK(worked >= done);
                                       });
    REQUIRE(status.ok());
  }
  CHECK(done == 0);
  REQUIRE(world.run_until([&] { return done == 100; }));
  CHECK(worked == 100);
}

TEST_CASE("work that waits for others does not keep computations waiting") {
  RealWorld world;
  const auto waiting = world.server().make_waiting_workers(100);
  const auto computing = world.server().make_workers(1);
  std::latch computed(1);
  int done = 0;
  for (int i = 0; i < 40; ++i) REQUIRE(waiting->run([&] { computed.wait(); }, [&] { ++done; }).ok());
  REQUIRE(computing->run([&] { computed.count_down(); }, nullptr).ok());
  CHECK(world.run_until([&] { return done == 40; }));
}

TEMPLATE_TEST_CASE("work needs nobody who hears that it is done", "", RealWorld, SimWorld) {
  TestType world;
  const auto workers = world.server().make_workers(1);
  std::atomic<bool> worked = false;
  REQUIRE(workers->run([&] { worked = true; }, nullptr).ok());
  CHECK(world.run_until([&] { return worked.load(); }));
}

TEMPLATE_TEST_CASE("more work than the limit is refused, each owner by its own", "", RealWorld, SimWorld) {
  TestType world;
  const auto workers = world.server().make_workers(2);
  const auto others = world.server().make_workers(1);
  int done = 0;
  const auto count = [&] { ++done; };
  REQUIRE(workers->run([] {}, count).ok());
  REQUIRE(workers->run([] {}, count).ok());
  CHECK(workers->run([] {}, count).code() == Code::kResourceExhausted);
  CHECK(others->run([] {}, count).ok());
  REQUIRE(world.run_until([&] { return done == 3; }));
  CHECK(workers->run([] {}, count).ok());
  CHECK(world.run_until([&] { return done == 4; }));
}

TEMPLATE_TEST_CASE("an owner that goes hears of nothing any more", "", RealWorld, SimWorld) {
  TestType world;
  const auto held = std::make_shared<int>();
  bool done = false;
  auto workers = world.server().make_workers(10);
  for (int i = 0; i < 10; ++i) {
    REQUIRE(workers->run([held] {}, [&done, held] { done = true; }).ok());
  }
  workers.reset();
  world.settle();
  CHECK_FALSE(done);
  CHECK(held.use_count() == 1);
}

TEST_CASE("an owner that goes waits for what is running, and drops the rest") {
  RealWorld world;
  auto workers = world.server().make_workers(2);
  std::atomic<bool> begun = false;
  std::atomic<bool> stop = false;
  std::atomic<bool> ended = false;
  REQUIRE(workers
              ->run(
                  [&] {
                    begun = true;
                    while (!stop) std::this_thread::yield();
                    ended = true;
                  },
                  nullptr)
              .ok());
  while (!begun) std::this_thread::yield();
  std::thread stopper([&] { stop = true; });
  workers.reset();
  CHECK(ended);
  stopper.join();
}

TEST_CASE("threads are as many as configured, and none before there is work") {
  WorkerPool pool(3);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<int> together = 0;
  std::atomic<int> completed = 0;
  const auto meet = [&] {
    {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    }
    ++together;
    while (together < 3) std::this_thread::yield();  // ends only if three run at once
  };
  for (int i = 0; i < 9; ++i) REQUIRE(pool.submit(&pool, meet, [&] { ++completed; }));
  while (completed < 9) std::this_thread::yield();
  CHECK(threads.size() == 3);
  CHECK_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST_CASE("a pool that goes with work waiting drops that work") {
  const auto held = std::make_shared<int>();
  std::atomic<bool> begun = false;
  {
    WorkerPool pool(1);
    REQUIRE(pool.submit(
        &pool, [&begun] { begun = true; }, [] {}));
    for (int i = 0; i < 10; ++i)
      REQUIRE(pool.submit(
          &pool, [held] {}, [held] {}));
    while (!begun) std::this_thread::yield();
  }
  CHECK(held.use_count() == 1);
}

}  // namespace
}  // namespace discovery::env
