#include <string>

#include <catch2/catch.hpp>

#include <discovery/agent.h>
#include <discovery/balance.h>

#include "tests/support/count_allocations.h"

namespace discovery {
namespace {

#ifdef DISCOVERY_COUNT_ALLOCATIONS
TEST_CASE("reading the latest view and picking an instance allocates nothing") {
  const auto agent = Agent::start({.node = "one"});
  REQUIRE(agent.ok());
  const auto registration = (*agent)->registry().add({.name = "web", .port = 80}).get();
  REQUIRE(registration.ok());
  auto watch = (*agent)->registry().watch("web");
  REQUIRE(watch.next().get().ok());
  auto reader = watch.reader();
  const BalancerPtr balancer = round_robin();
  REQUIRE(balancer->pick(reader.latest().value));
  const std::size_t before = count.allocations;
  std::uint64_t ports = 0;
  for (int i = 0; i < 1000; ++i) {
    ports += balancer->pick(watch.latest().value)->instance->port;
    ports += balancer->pick(reader.latest().value)->instance->port;
  }
  REQUIRE(count.allocations == before);
  REQUIRE(ports == 160'000);
}
#endif

}  // namespace
}  // namespace discovery
