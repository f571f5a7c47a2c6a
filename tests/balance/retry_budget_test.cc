#include "lib/balance/retry_budget.h"

#include <catch2/catch.hpp>

using discovery::balance::RetryBudget;
using namespace std::chrono_literals;

TEST_CASE("calls earn their part of a retry") {
  RetryBudget budget(0.2, 0);
  CHECK(!budget.spend(1s));
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 4; ++i) budget.earn();
    REQUIRE(!budget.spend(1s));
    budget.earn();
    REQUIRE(budget.spend(1s));
    REQUIRE(!budget.spend(1s));
  }
  for (int i = 0; i < 100'000; ++i) budget.earn();
  int kept = 0;
  while (budget.spend(1s)) ++kept;
  CHECK(kept == 20);  // those of a hundred calls
}

TEST_CASE("time brings some, up to those of ten seconds") {
  RetryBudget budget(0, 2);
  CHECK(budget.spend(5s));
  CHECK(budget.spend(5s));
  CHECK(!budget.spend(5s));
  CHECK(!budget.spend(5400ms));
  CHECK(budget.spend(5600ms));
  CHECK(!budget.spend(5600ms));
  CHECK(!budget.spend(5s));  // a time that was before brings nothing
  int kept = 0;
  while (budget.spend(1000s)) ++kept;
  CHECK(kept == 20);
  RetryBudget none(-1, -1);
  none.earn();
  CHECK(!none.spend(1s));
  CHECK(!none.spend(1000s));
}
