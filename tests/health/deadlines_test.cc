#include "lib/health/deadlines.h"

#include <chrono>
#include <map>
#include <random>
#include <string>

#include <catch2/catch.hpp>

namespace discovery::health {
namespace {

using namespace std::chrono_literals;

TEST_CASE("Deadlines come due in their order", "[deadlines]") {
  Deadlines deadlines;
  CHECK_FALSE(deadlines.next());
  CHECK_FALSE(deadlines.take_due(1h));
  deadlines.set("b", 20s);
  deadlines.set("a", 10s);
  deadlines.set("c", 20s);
  CHECK(deadlines.next() == 10s);
  CHECK_FALSE(deadlines.take_due(9s));
  CHECK(deadlines.take_due(10s) == "a");
  CHECK_FALSE(deadlines.take_due(10s));
  CHECK(deadlines.take_due(20s) == "b");
  CHECK(deadlines.take_due(20s) == "c");
  CHECK(deadlines.size() == 0);
}

TEST_CASE("A deadline may move both ways and vanish", "[deadlines]") {
  Deadlines deadlines;
  deadlines.set("a", 10s);
  deadlines.set("b", 11s);
  deadlines.set("a", 12s);
  CHECK(deadlines.next() == 11s);
  deadlines.set("a", 1s);
  CHECK(deadlines.next() == 1s);
  deadlines.clear("a");
  deadlines.clear("nope");
  CHECK_FALSE(deadlines.contains("a"));
  CHECK(deadlines.contains("b"));
  CHECK(deadlines.next() == 11s);
}

TEST_CASE("Deadlines agree with a plain map after random changes", "[deadlines]") {
  std::mt19937_64 random(7);
  Deadlines deadlines;
  std::map<std::string, Duration> model;
  Duration now{};
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = "check-" + std::to_string(random() % 200);
    switch (random() % 4) {
      case 0:
        deadlines.clear(id);
        model.erase(id);
        break;
      case 1:
        now += std::chrono::milliseconds(random() % 200);
        while (const auto due = deadlines.take_due(now)) {
          REQUIRE(model.at(*due) <= now);
          model.erase(*due);
        }
        for (const auto& [left, at] : model) REQUIRE(at > now);
        break;
      default:
        const Duration at = now + std::chrono::milliseconds(1 + random() % 5000);
        deadlines.set(id, at);
        model[id] = at;
    }
    REQUIRE(deadlines.size() == model.size());
  }
}

}  // namespace
}  // namespace discovery::health
