#include "lib/health/time_heap.h"

#include <array>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

namespace discovery::health {
namespace {

using namespace std::chrono_literals;

TEST_CASE("What is due at the same time comes in the order of its ids", "[time_heap]") {
  const std::array<std::string, 4> ids = {"a", "b", "c", "d"};
  std::array<Timed, 4> items;
  TimeHeap heap;
  CHECK(heap.first() == nullptr);
  for (const std::size_t i : {2, 0, 3, 1}) {
    items.at(i).id = &ids.at(i);
    heap.set(items.at(i), 5s);
  }
  for (auto& item : items) {
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
  std::map<std::string, Timed> items;
  for (int i = 0; i < 100; ++i) items[std::to_string(i)];
  for (auto& [id, item] : items) item.id = &id;
  TimeHeap heap;
  std::map<std::pair<Duration, std::string>, Timed*> model;
  for (int i = 0; i < 20'000; ++i) {
    auto& [id, item] = *std::next(items.begin(), static_cast<long>(random() % items.size()));
    if (item.waits()) REQUIRE(model.erase({item.at, id}) == 1);
    if (random() % 3 == 0) {
      heap.erase(item);
    } else {
      heap.set(item, std::chrono::milliseconds(random() % 50));
      model[{item.at, id}] = &item;
    }
    REQUIRE(heap.first() == (model.empty() ? nullptr : model.begin()->second));
  }
}

}  // namespace
}  // namespace discovery::health
