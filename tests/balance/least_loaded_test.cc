#include <algorithm>

#include "tests/balance/fleet.h"

using namespace discovery;
using namespace discovery::fleet;
using namespace std::chrono_literals;

namespace {

/// The most open calls that an instance has when `count` calls were made and none has ended.
int most_open(Balancer& balancer, const ViewPtr& from, int count) {
  std::map<std::string, int> open;
  for (int i = 0; i < count; ++i) ++open[balancer.pick(from)->instance->id];
  int most = 0;
  for (const auto& [id, calls] : open) most = std::max(most, calls);
  return most;
}

}  // namespace

TEST_CASE("two choices leave no instance far above the others") {
  // n calls on n instances: the fullest has about log n / log log n with one choice, log log n with two.
  const ViewPtr many = view(1000);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CHECK(most_open(*least_loaded({.seed = seed}), many, 1000) <= 3);
    CHECK(most_open(*least_loaded({.choices = 1, .seed = seed}), many, 1000) >= 5);
    CHECK(most_open(*random_choice({.seed = seed}), many, 1000) >= 5);
    CHECK(most_open(*least_loaded({.seed = seed}), many, 20'000) <= 23);
    CHECK(most_open(*random_choice({.seed = seed}), many, 20'000) >= 30);
  }
}

TEST_CASE("open calls are shared out by weight") {
  const auto balancer = least_loaded({.choices = 8, .seed = 1});
  const ViewPtr both = view({instance("a", 3), instance("b", 1)});
  std::map<std::string, int> open;
  for (int i = 0; i < 400; ++i) ++open[balancer->pick(both)->instance->id];
  CHECK(open["a"] >= 295);
  CHECK(open["a"] <= 305);
}

TEST_CASE("who is slow or fails gets less, until that is forgotten") {
  const auto balancer = least_loaded({.memory = 10s, .seed = 3});
  const ViewPtr both = view({instance("slow"), instance("quick")});
  Duration now = 1s;
  const auto call = [&](Duration slow, bool slow_ok) {
    const auto picked = balancer->pick(both, {.now = now});
    const bool is_slow = picked->instance->id == "slow";
    now += 10ms;
    balancer->done(picked->ticket, {.latency = is_slow ? slow : 5ms, .ok = !is_slow || slow_ok, .now = now});
    return is_slow;
  };
  SECTION("slow") {
    int slow = 0;
    for (int i = 0; i < 200; ++i) slow += call(100ms, true) ? 1 : 0;
    CHECK(slow >= 1);
    CHECK(slow <= 3);
    now += 60s;  // of 100 ms less than one is left
    slow = 0;
    for (int i = 0; i < 200; ++i) slow += call(5ms, true) ? 1 : 0;
    CHECK(slow >= 40);
  }
  SECTION("failing fast") {
    int failing = 0;
    for (int i = 0; i < 200; ++i) failing += call(10us, false) ? 1 : 0;
    CHECK(failing <= 2);
  }
  SECTION("a peak counts at once, calm slowly") {
    for (int i = 0; i < 50; ++i) call(5ms, true);
    const std::uint64_t slow_ticket = ticket_of(*both->front());
    balancer->done(slow_ticket, {.latency = 500ms, .now = now});
    for (int i = 0; i < 5; ++i) balancer->done(slow_ticket, {.latency = 5ms, .now = now});
    int slow = 0;
    for (int i = 0; i < 100; ++i) slow += call(5ms, true) ? 1 : 0;
    CHECK(slow == 0);
  }
}

TEST_CASE("what is known of an instance stays with its node and id") {
  const auto balancer = least_loaded({.seed = 3});
  ViewPtr now = view({instance("a"), instance("b")});
  balancer->pick(now);
  balancer->done(ticket_of(*(*now)[0]), {.latency = 900ms, .now = 1s});
  balancer->done(ticket_of(*(*now)[1]), {.latency = 1ms, .now = 1s});
  SECTION("when it changes") { now = with(now, 0, instance("a", 1, Health::kWarning)); }
  SECTION("when its place changes") {
    now = view({instance("b"), instance("x", 1, Health::kMaintenance), instance("a")});
  }
  SECTION("when it is away for a while") {
    const ViewPtr with_a = now;
    now = without(now, 0);
    CHECK(picks(*balancer, now, 2) == "bb");
    now = with_a;
  }
  CHECK(picks(*balancer, now, 30) == std::string(30, 'b'));
}

TEST_CASE("a new instance gets one call before it has answered, not all") {
  const auto balancer = least_loaded({.seed = 3});
  const ViewPtr old = view({instance("a"), instance("b")});
  balancer->pick(old);
  balancer->done(ticket_of(*(*old)[0]), {.latency = 5ms, .now = 1s});
  balancer->done(ticket_of(*(*old)[1]), {.latency = 5ms, .now = 1s});
  auto longer = std::make_shared<Instances>(*old);
  longer->push_back(shared(instance("new")));
  int calls = 0;
  for (int i = 0; i < 30; ++i) {
    const auto picked = balancer->pick(longer, {.now = 1s});
    if (picked->instance->id == "new") {
      ++calls;  // and stays open
    } else {
      balancer->done(picked->ticket, {.latency = 5ms, .now = 1s});
    }
  }
  CHECK(calls == 1);
}
