// Picking and telling how calls ended makes no allocation once a view is known.

#include "tests/balance/fleet.h"
#include "tests/support/count_allocations.h"

#ifdef DISCOVERY_COUNT_ALLOCATIONS

using namespace discovery;
using namespace discovery::fleet;
using namespace std::chrono_literals;

TEST_CASE("picks allocate nothing") {
  std::vector<Instance> made;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    made.push_back(instance("i" + std::to_string(i), 1 + i % 3,
                            i % 5 == 0 ? Health::kCritical : Health::kPassing,
                            std::chrono::milliseconds(i % 60)));
  }
  const ViewPtr many = view(made);
  for (const auto& balancer : every_policy()) {
    REQUIRE(balancer->pick(many, {.now = 1s}));
    const std::size_t before = count.allocations;
    bool found = true;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const auto picked = balancer->pick(many, {.hash = i, .now = 1s});
      found = found && picked.has_value();
      if (picked) balancer->done(picked->ticket, {.latency = 1ms, .now = 1s});
    }
    CHECK(count.allocations == before);
    CHECK(found);
  }
}

#endif
