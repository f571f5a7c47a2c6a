#include "lib/state/text_pool.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::state {
namespace {

model::ServiceInstance instance(const std::string& number) {
  model::ServiceInstance service;
  service.id = "a-service-with-a-long-name-" + number;
  service.name = "a-service-with-a-long-name";
  service.tags = {"a-tag-that-many-have", "v1"};
  service.meta = {{"a-key-that-many-have", "a-value-that-many-have"}};
  return service;
}

TEST_CASE("what records have in common is kept once", "[state][text]") {
  TextPool pool;
  model::ServiceInstance first = instance("1");
  model::ServiceInstance second = instance("2");
  pool.share(first);
  pool.share(second);
  CHECK(first.name.view().data() == second.name.view().data());
  CHECK(first.tags[0].view().data() == second.tags[0].view().data());
  CHECK(first.meta.begin()->second.view().data() == second.meta.begin()->second.view().data());
  CHECK(second.same_content(instance("2")));
  CHECK(first.id.sharers() == 1);
  CHECK(pool.size() == 4);
}

TEST_CASE("strings that no record has any more are let go", "[state][text]") {
  TextPool pool;
  model::HealthCheck kept;
  kept.name = "a name that stays for good";
  pool.share(kept);
  for (int number = 0; number < 100'000; ++number) {
    model::HealthCheck check;
    check.name = "a name of its own: " + std::to_string(number);
    pool.share(check);
  }
  CHECK(pool.size() <= 2048);
  model::HealthCheck again;
  again.name = kept.name.str();
  pool.share(again);
  CHECK(again.name.view().data() == kept.name.view().data());
}

}  // namespace
}  // namespace discovery::state
