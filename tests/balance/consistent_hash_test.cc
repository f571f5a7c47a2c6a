#include <algorithm>
#include <set>

#include "tests/balance/fleet.h"

using namespace discovery;
using namespace discovery::fleet;

namespace {

constexpr int kKeys = 20'000;

std::vector<std::string> owners(Balancer& balancer, const ViewPtr& from) {
  std::vector<std::string> all;
  for (int key = 0; key < kKeys; ++key) {
    all.push_back(pick(balancer, from, {.hash = hash_of("key-" + std::to_string(key))}));
  }
  return all;
}

}  // namespace

TEST_CASE("only the keys of who goes or comes move") {
  const auto balancer = consistent_hash();
  const ViewPtr fifty = view(50);
  const auto before = owners(*balancer, fifty);

  SECTION("goes") {
    const auto after = owners(*balancer, without(fifty, 20));
    int moved = 0;
    for (int key = 0; key < kKeys; ++key) {
      if (before[key] == "i20") {
        ++moved;
        CHECK(after[key] != "i20");
      } else {
        REQUIRE(after[key] == before[key]);
      }
    }
    CHECK(moved > kKeys / 50 * 0.6);
    CHECK(moved < kKeys / 50 * 1.5);
    // Its keys come back with it, and a balancer that saw nothing of all that agrees.
    CHECK(owners(*balancer, fifty) == before);
    CHECK(owners(*consistent_hash(), fifty) == before);
  }
  SECTION("comes") {
    auto longer = std::make_shared<Instances>(*fifty);
    longer->insert(longer->begin() + 7, shared(instance("new")));
    const auto after = owners(*balancer, longer);
    int moved = 0;
    for (int key = 0; key < kKeys; ++key) {
      if (after[key] == before[key]) continue;
      REQUIRE(after[key] == "new");
      ++moved;
    }
    CHECK(moved > kKeys / 51 * 0.6);
    CHECK(moved < kKeys / 51 * 1.5);
  }
  SECTION("is critical for a while") {
    CHECK(owners(*balancer, with(fifty, 3, instance("i3", 1, Health::kCritical))) != before);
    CHECK(owners(*balancer, with(fifty, 3, instance("i3", 1, Health::kWarning))) == before);
  }
  SECTION("after many changes it is as if they had not been") {
    ViewPtr now = fifty;
    for (std::size_t i = 0; i < 3000; ++i) {
      auto next = std::make_shared<Instances>(*now);
      if (i % 2 == 0) {
        next->push_back(shared(instance("guest" + std::to_string(i))));
      } else {
        next->erase(next->end() - 1);
      }
      now = next;
      pick(*balancer, now, {.hash = i});
    }
    CHECK(owners(*balancer, now) == before);
  }
}

TEST_CASE("keys are spread by weight") {
  const auto balancer = consistent_hash({.points = 1000});
  const ViewPtr three = view({instance("a", 1), instance("b", 2), instance("c", 5)});
  std::map<std::string, int> count;
  for (const std::string& owner : owners(*balancer, three)) ++count[owner];
  CHECK(count["a"] == Approx(kKeys / 8.0).epsilon(0.15));
  CHECK(count["b"] == Approx(kKeys / 4.0).epsilon(0.15));
  CHECK(count["c"] == Approx(kKeys * 5 / 8.0).epsilon(0.15));
}

TEST_CASE("no instance has more open calls than its bound") {
  const ViewPtr ten = view({instance("a"), instance("b"), instance("c"), instance("d"), instance("e", 5)});
  for (const unsigned percent : {100U, 125U, 200U}) {
    const auto balancer = consistent_hash({.load_percent = percent});
    std::map<std::string, int> open;
    std::vector<std::uint64_t> tickets;
    for (int i = 0; i < 2000; ++i) {
      // Half of the calls are for one key: without a bound they would all go to one instance.
      const auto picked = balancer->pick(ten, {.hash = static_cast<std::uint64_t>(i % 2 == 0 ? 42 : i)});
      REQUIRE(picked);
      tickets.push_back(picked->ticket);
      const int now = ++open[picked->instance->id];
      const double fair = (i + 1) * picked->instance->weight / 9.0;
      REQUIRE(now <= std::ceil(fair * percent / 100 - 1e-9));
    }
    for (const std::uint64_t ticket : tickets) balancer->done(ticket, {});
    const std::string owner = pick(*balancer, ten, {.hash = 42});
    CHECK(owner == pick(*consistent_hash(), ten, {.hash = 42}));  // and with their end all is as before
  }
  const auto unbound = consistent_hash({.load_percent = 0});
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(unbound->pick(ten, {.hash = 42})->instance->id);
  CHECK(seen.size() == 1);
}

TEST_CASE("calls of instances that have gone do not count") {
  const auto balancer = consistent_hash({.load_percent = 100});
  const ViewPtr two = view({instance("a"), instance("b")});
  std::vector<std::uint64_t> tickets;
  for (std::uint64_t i = 0; i < 100; ++i) tickets.push_back(balancer->pick(two, {.hash = i})->ticket);
  const ViewPtr other = view({instance("b"), instance("c")});
  std::map<std::string, int> open;
  for (std::uint64_t i = 0; i < 50; ++i) ++open[balancer->pick(other, {.hash = i})->instance->id];
  CHECK(open["c"] == 50);  // b has its fifty already
  for (const std::uint64_t ticket : tickets) balancer->done(ticket, {});
  for (std::uint64_t i = 0; i < 50; ++i) ++open[balancer->pick(other, {.hash = i})->instance->id];
  CHECK(open["b"] == 50);
}
