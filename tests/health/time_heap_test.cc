#include "lib/health/time_heap.h"

#include <array>
#include <chrono>
#include <map>
#include <random>
#include <utility>

#include <catch2/catch.hpp>

namespace discovery::health {
namespace {

using namespace std::chrono_literals;

TEST_CASE("What is due at the same time comes in the order in which it was set", "[time_heap]") {
  std::array<Timed, 4> items;
  TimeHeap heap;
  CHECK(heap.first() == nullptr);
  for (const std::size_t i : {2, 0, 3, 1}) heap.set(items.at(i), 5s);
  heap.set(items[0], 5s);  // anew: behind the others
  for (const std::size_t i : {2, 3, 1, 0}) {
    Timed& item = items.at(i);
    REQUIRE(heap.first() == &item);
    CHECK(item.waits());
    heap.erase(item);
    CHECK_FALSE(item.waits());
    CHECK(item.at == 5s);
  }
  CHECK(heap.first() == nullptr);
  heap.erase(items[0]);
}

TEST_CASE("A heap agrees with a sorted map after random changes", "[time_heap]") {
  std::mt19937_64 random(3);
  std::array<Timed, 100> items;
  std::array<int, 100> set_in{};
  TimeHeap heap;
  std::map<std::pair<Duration, int>, Timed*> model;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t at = random() % items.size();
    Timed& item = items.at(at);
    if (item.waits()) REQUIRE(model.erase({item.at, set_in.at(at)}) == 1);
    if (random() % 3 == 0) {
      heap.erase(item);
    } else {
      heap.set(item, std::chrono::milliseconds(random() % 50));
      set_in.at(at) = i;
      model[{item.at, i}] = &item;
    }
    REQUIRE(heap.first() == (model.empty() ? nullptr : model.begin()->second));
  }
}

}  // namespace
}  // namespace discovery::health
