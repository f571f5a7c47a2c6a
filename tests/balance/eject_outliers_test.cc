#include <set>

#include "tests/balance/fleet.h"

using namespace discovery;
using namespace discovery::fleet;
using namespace std::chrono_literals;

namespace {

/// A fleet under virtual time: calls to those in `broken` fail.
struct World {
  BalancerPtr balancer;
  ViewPtr instances = view(10);
  Duration now = 1s;
  std::set<std::string> broken{};

  std::string call() {
    const auto picked = balancer->pick(instances, {.now = now});
    if (!picked) return {};
    bool ours = false;  // never the copy that the inner policy sees
    for (const auto& one : *instances) ours |= one.get() == picked->instance;
    REQUIRE(ours);
    const std::string id = picked->instance->id;
    balancer->done(picked->ticket, {.latency = 1ms, .ok = broken.count(id) == 0, .now = now});
    return id;
  }
  std::set<std::string> seen(int calls) {
    std::set<std::string> all;
    for (int i = 0; i < calls; ++i) all.insert(call());
    return all;
  }
};

}  // namespace

TEST_CASE("who fails in a row is ejected, each time for longer") {
  World world{eject_outliers(round_robin(), {.consecutive_failures = 5, .deviations = 0})};
  world.broken = {"i3"};
  for (int i = 0; i < 40; ++i) world.call();  // the fourth failure of i3
  CHECK(world.seen(4).count("i3") == 1);
  CHECK(world.seen(100).count("i3") == 0);

  const Duration ejected = world.now;
  world.now = ejected + 30s - 1ns;
  CHECK(world.seen(100).count("i3") == 0);
  world.now = ejected + 30s;
  CHECK(world.seen(10).count("i3") == 1);

  world.seen(60);  // fails again: two times as long
  const Duration again = world.now;
  CHECK(world.seen(20).count("i3") == 0);
  world.now = again + 60s - 1ns;
  CHECK(world.seen(20).count("i3") == 0);
  world.now = again + 60s;
  CHECK(world.seen(20).count("i3") == 1);

  SECTION("after intervals that went well as long as at first") {
    world.broken = {};
    for (int i = 0; i < 3; ++i) {
      world.now += 10s;
      world.seen(100);
    }
    world.broken = {"i3"};
    world.seen(60);
    CHECK(world.seen(20).count("i3") == 0);
    world.now += 30s;
    CHECK(world.seen(20).count("i3") == 1);
  }
  SECTION("one success begins a new row") {
    world.broken = {};
    world.seen(20);
    for (int i = 0; i < 10; ++i) {
      world.broken = {"i3"};
      world.seen(40);
      world.broken = {};
      CHECK(world.seen(10).count("i3") == 1);
    }
  }
}

TEST_CASE("an ejection never lasts longer than the longest") {
  World world{eject_outliers(round_robin(), {.ejection = 30s, .max_ejection = 70s})};
  world.broken = {"i3"};
  for (int i = 0; i < 4; ++i) {
    world.seen(60);
    CHECK(world.seen(20).count("i3") == 0);
    world.now += 70s;
    CHECK(world.seen(10).count("i3") == 1);
  }
}

TEST_CASE("no more are ejected than may be") {
  World world{eject_outliers(round_robin(), {.max_percent = 30})};
  world.broken = {"i0", "i1", "i2", "i3", "i4", "i5"};
  world.seen(200);
  CHECK(world.seen(20).size() == 7);
  // Of two one may go, of one none.
  World two{eject_outliers(round_robin(), {.max_percent = 100}), view(2)};
  two.broken = {"i0", "i1"};
  two.seen(100);
  CHECK(two.seen(20).size() == 1);
  World one{eject_outliers(round_robin({.panic_percent = 0})), view(1)};
  one.broken = {"i0"};
  one.seen(100);
  CHECK(one.seen(20) == std::set<std::string>{"i0"});
}

TEST_CASE("who is well less often than the others is ejected at the end of the interval") {
  World world{eject_outliers(round_robin(), {.consecutive_failures = 0}), view(20)};
  world.call();
  for (int i = 0; i < 20 * 40; ++i) {
    world.broken =
        i / 20 % 2 == 0 ? std::set<std::string>{"i7"} : std::set<std::string>{};  // every other call
    world.call();
  }
  CHECK(world.seen(20).count("i7") == 1);
  world.now += 10s;
  CHECK(world.seen(40).count("i7") == 0);
  world.now += 30s;
  CHECK(world.seen(20).count("i7") == 1);

  SECTION("not if all fail alike") {
    world.broken = {};
    for (const auto& one : *world.instances) world.broken.insert(one->id);
    world.seen(20 * 30);
    world.now += 10s;
    CHECK(world.seen(20).size() == 20);
  }
  SECTION("not by too few calls") {
    world.now += 10s;
    world.broken = {"i7"};
    world.seen(20 * 15);
    world.now += 10s;
    CHECK(world.seen(20).size() == 20);
  }
}

TEST_CASE("ejections stay while the view changes, and whom they hit may be drained") {
  World world{eject_outliers(round_robin())};
  world.broken = {"i3"};
  world.seen(60);
  world.instances = with(world.instances, 3, instance("i3", 2, Health::kWarning));
  CHECK(world.seen(30).count("i3") == 0);
  const ViewPtr all = world.instances;
  world.instances = without(all, 3);
  CHECK(world.seen(30).size() == 9);
  world.instances = all;
  CHECK(world.seen(30).count("i3") == 0);
  world.instances = with(all, 3, instance("i3", 2, Health::kMaintenance));
  world.now += 30s;
  CHECK(world.seen(30).size() == 9);
  world.instances = all;
  CHECK(world.seen(30).size() == 10);
}

TEST_CASE("ejected instances are used in a panic") {
  // 5 of 11 are well by their checks, one of those is ejected: fewer than half.
  std::vector<Instance> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(instance("i" + std::to_string(i), 1, i < 5 ? Health::kPassing : Health::kCritical));
  }
  World world{eject_outliers(round_robin()), view(all)};
  CHECK(world.seen(20).size() == 5);
  world.broken = {"i3"};
  world.seen(60);
  CHECK(world.seen(20).size() == 10);
}

TEST_CASE("decorators compose") {
  World world{eject_outliers(nearest(least_loaded({.seed = 5})), {.max_percent = 50})};
  std::vector<Instance> all;
  for (int i = 0; i < 4; ++i) all.push_back(instance("i" + std::to_string(i), 1, Health::kPassing, 1ms));
  for (int i = 4; i < 10; ++i) all.push_back(instance("i" + std::to_string(i), 1, Health::kPassing, 50ms));
  world.instances = view(all);
  CHECK(world.seen(200) == std::set<std::string>{"i0", "i1", "i2", "i3"});
  world.broken = {"i0", "i1", "i2"};
  for (int i = 0; i < 2000; ++i) {
    world.call();
    world.now += 1ms;
  }
  const auto left = world.seen(2000);
  CHECK(left.count("i0") + left.count("i1") + left.count("i2") == 0);
  CHECK(left.count("i3") == 1);  // 25 % times 1.4
  CHECK(left.size() == 7);
}

TEST_CASE("without a time nobody is ejected") {
  World world{eject_outliers(round_robin())};
  world.now = {};
  world.broken = {"i3"};
  world.seen(100);
  CHECK(world.seen(10).count("i3") == 1);
}
