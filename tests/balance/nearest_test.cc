#include "tests/balance/fleet.h"

using namespace discovery;
using namespace discovery::fleet;
using namespace std::chrono_literals;

namespace {

Instance at(const std::string& id, Duration rtt, Health health = Health::kPassing) {
  return instance(id, 1, health, rtt);
}

/// Ten with 1 ms (n0 ...), ten with 10 ms (m0 ...), ten that are far (f0 ...).
ViewPtr three_tiers(int near_well, int middle_well, int far_well = 10) {
  std::vector<Instance> all;
  for (int i = 0; i < 10; ++i) {
    const std::string number = std::to_string(i);
    all.push_back(at("n" + number, 1ms, i < near_well ? Health::kPassing : Health::kCritical));
    all.push_back(at("m" + number, 10ms, i < middle_well ? Health::kPassing : Health::kCritical));
    all.push_back(at("f" + number, 0ms, i < far_well ? Health::kPassing : Health::kCritical));
  }
  return view(all);
}

std::map<char, double> shares(Balancer& balancer, const ViewPtr& from) {
  constexpr int kCount = 50'000;
  std::map<char, double> all;
  for (int i = 0; i < kCount; ++i) all[pick(balancer, from).front()] += 1.0 / kCount;
  return all;
}

}  // namespace

TEST_CASE("the nearest take it all while they can") {
  const auto balancer = nearest(round_robin());
  CHECK(shares(*balancer, three_tiers(10, 10))['n'] == Approx(1));
  CHECK(shares(*balancer, three_tiers(8, 0))['n'] == Approx(1));  // 80 % times 1.4
  CHECK(picks(*balancer, view({at("c", 1s), at("a", 2ms), at("d", 0s), at("b", 1us)}), 4) == "abab");
}

TEST_CASE("a tier that thins out spills to the next") {
  const auto balancer = nearest(random_choice(), {.seed = 1});
  auto got = shares(*balancer, three_tiers(5, 10));
  CHECK(got['n'] == Approx(0.7).margin(0.01));
  CHECK(got['m'] == Approx(0.3).margin(0.01));
  CHECK(got['f'] == 0);
  got = shares(*balancer, three_tiers(5, 1, 10));
  CHECK(got['n'] == Approx(0.7).margin(0.01));
  CHECK(got['m'] == Approx(0.14).margin(0.01));
  CHECK(got['f'] == Approx(0.16).margin(0.01));
  got = shares(*balancer, three_tiers(0, 0, 10));  // a third is well: a panic
  CHECK(got['n'] == Approx(1));
  got = shares(*nearest(random_choice(), {.panic_percent = 0}), three_tiers(0, 0, 10));
  CHECK(got['f'] == Approx(1));
  got = shares(*nearest(random_choice(), {.panic_percent = 0, .seed = 2}), three_tiers(2, 2, 0));
  CHECK(got['n'] == Approx(0.5).margin(0.01));  // nobody can bear all of it
  CHECK(got['m'] == Approx(0.5).margin(0.01));
}

TEST_CASE("within a tier the inner policy picks, and learns") {
  const auto balancer = nearest(least_loaded({.seed = 1}));
  const ViewPtr all = view({at("a", 1ms), at("b", 1ms), at("far", 1s)});
  balancer->pick(all);
  balancer->done(ticket_of(*(*all)[0]), {.latency = 800ms, .now = 1s});
  balancer->done(ticket_of(*(*all)[1]), {.latency = 1ms, .now = 1s});
  CHECK(picks(*balancer, all, 10) == "bbbbbbbbbb");
  // Open calls of those that were not taken after all do not stay.
  const std::vector<std::uint64_t> near{ticket_of(*(*all)[0]), ticket_of(*(*all)[1])};
  for (int i = 0; i < 1000; ++i) {
    const auto picked = balancer->pick(all, {.avoid = near});
    REQUIRE(picked->instance->id == "far");
    balancer->done(picked->ticket, {.known = false});
  }
  CHECK(picks(*balancer, all, 10) == "bbbbbbbbbb");
}

TEST_CASE("tiers are those that were asked for, in any order") {
  const auto balancer = nearest(round_robin(), {.tiers = {30ms, 5ms}});
  CHECK(picks(*balancer, view({at("c", 31ms), at("b", 6ms), at("a", 5ms)}), 2) == "aa");
  CHECK(picks(*balancer, view({at("c", 31ms), at("b", 6ms)}), 2) == "bb");
  const auto one = nearest(round_robin(), {.tiers = {}});
  CHECK(picks(*one, view({at("a", 31ms), at("b", 6ms)}), 4) == "abab");
  std::vector<Duration> too_many(20, 1ms);
  CHECK(pick(*nearest(nullptr, {.tiers = too_many}), view({at("a", 31ms)})) == "a");
}
