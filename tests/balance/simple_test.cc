#include <set>

#include "tests/balance/fleet.h"

using namespace discovery;
using namespace discovery::fleet;

TEST_CASE("round robin takes one after the other") {
  const auto balancer = round_robin();
  const ViewPtr abc = view({instance("a"), instance("b"), instance("c")});
  CHECK(picks(*balancer, abc, 7) == "abcabca");

  SECTION("and goes on where it was in the next view") {
    CHECK(picks(*balancer, with(abc, 0, instance("d")), 4) == "bcdb");
  }
  SECTION("and begins anew when its place is gone") {
    CHECK(picks(*balancer, view({instance("x")}), 2) == "xx");
    CHECK(picks(*balancer, abc, 3) == "abc");
  }
  SECTION("a fresh one knows nothing of that") { CHECK(picks(*balancer->fresh(0), abc, 2) == "ab"); }
}

TEST_CASE("round robin with different seeds begins at different places") {
  const ViewPtr many = view(100);
  std::set<std::string> first;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) first.insert(pick(*round_robin({.seed = seed}), many));
  CHECK(first.size() > 10);
}

TEST_CASE("every policy picks nothing from nothing") {
  const ViewPtr empty = std::make_shared<Instances>();
  const ViewPtr drained =
      view({instance("a", 1, Health::kMaintenance), instance("b", 0), instance("c", 0, Health::kCritical)});
  const ViewPtr one = view({instance("a")});
  const ViewPtr hole = std::make_shared<Instances>(Instances{nullptr, one->front(), nullptr});
  for (const auto& balancer : every_policy()) {
    CHECK(!balancer->pick(nullptr));
    CHECK(!balancer->pick(empty));
    CHECK(!balancer->pick(drained));
    CHECK(pick(*balancer, one) == "a");
    CHECK(pick(*balancer, hole) == "a");
    CHECK(!balancer->pick(nullptr));
    CHECK(pick(*balancer, one) == "a");
    balancer->done(12345, {});  // nobody's ticket
  }
}

TEST_CASE("every policy leaves out who drains, and who is critical while enough are not") {
  const ViewPtr some =
      view({instance("a", 2), instance("b", 3, Health::kWarning), instance("m", 9, Health::kMaintenance),
            instance("z", 0), instance("x", 5, Health::kCritical)});
  for (const auto& balancer : every_policy()) {
    std::set<std::string> seen;
    for (std::uint64_t i = 0; i < 300; ++i) seen.insert(pick(*balancer, some, {.hash = i}));
    CHECK(seen == std::set<std::string>{"a", "b"});
  }
}

TEST_CASE("with too few that are well, all are used but those that drain") {
  const ViewPtr few = view({instance("a"), instance("b", 1, Health::kCritical),
                            instance("c", 1, Health::kCritical), instance("m", 1, Health::kMaintenance)});
  CHECK(picks(*round_robin(), few, 6) == "abcabc");
  CHECK(picks(*round_robin({.panic_percent = 30}), few, 3) == "aaa");
  const ViewPtr none = view({instance("b", 1, Health::kCritical)});
  CHECK(picks(*round_robin(), none, 2) == "bb");
  CHECK(!round_robin({.panic_percent = 0})->pick(none));
  // Exactly half is enough.
  const ViewPtr half = view({instance("a"), instance("b", 1, Health::kCritical)});
  CHECK(picks(*round_robin(), half, 2) == "aa");
}

TEST_CASE("every policy goes elsewhere while there is somebody else") {
  using std::chrono::milliseconds;
  const ViewPtr three = view({instance("a", 100, Health::kPassing, milliseconds(1)),
                              instance("b", 1, Health::kPassing, milliseconds(1)),
                              instance("c", 1, Health::kPassing, milliseconds(50))});
  for (const auto& balancer : every_policy()) {
    for (std::uint64_t hash = 0; hash < 50; ++hash) {
      std::vector<std::uint64_t> failed;
      std::set<std::string> tried;
      for (int i = 0; i < 3; ++i) {
        const auto next = balancer->pick(three, {.hash = hash, .avoid = failed});
        REQUIRE(next);
        CHECK(next->ticket == ticket_of(*next->instance));
        balancer->done(next->ticket, {.known = false});
        tried.insert(next->instance->id);
        failed.push_back(next->ticket);
      }
      CHECK(tried.size() == 3);
      CHECK(!pick(*balancer, three, {.hash = hash, .avoid = failed}).empty());  // nobody is left: again, then
    }
  }
}

TEST_CASE("random choice is uniform") {
  const auto balancer = random_choice({.seed = 7});
  const ViewPtr many = view(100);
  std::map<std::string, double> even;
  for (const auto& one : *many) even[one->id] = 1;
  CHECK(excess(tally(*balancer, many, 100'000), even) < 4);
  CHECK(picks(*random_choice({.seed = 7}), many, 20) == picks(*random_choice({.seed = 7}), many, 20));
  CHECK(picks(*random_choice({.seed = 7}), many, 20) != picks(*random_choice({.seed = 8}), many, 20));
}

TEST_CASE("tickets and hashes never change") {
  // Consistent hashing by programs of different releases relies on these.
  CHECK(ticket_of(instance("a")) == ticket_of(instance("a", 7, Health::kCritical)));
  CHECK(ticket_of(instance("a")) != ticket_of(instance("b")));
  Instance one = instance("a");
  one.node = "x";
  CHECK(ticket_of(one) != ticket_of(instance("a")));
  std::set<std::uint64_t> all;
  for (int i = 0; i < 1000; ++i) all.insert(hash_of(std::to_string(i)));
  for (std::size_t i = 0; i < 20; ++i) all.insert(hash_of(std::string(i, '\0')));
  CHECK(all.size() == 1020);
  CHECK(hash_of("") == 0U);
  CHECK(hash_of("user-4711") == 0x94931D826EF36FAFU);
  CHECK(ticket_of(instance("a")) == 0xB5C1A1AABF149265U);
}
