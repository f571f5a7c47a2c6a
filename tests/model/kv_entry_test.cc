#include "lib/model/kv_entry.h"

#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::model {
namespace {

TEST_CASE("A key's entry holds what it was made of", "[kv_entry]") {
  const std::string key("a/\0b", 4);
  const std::string value(100'000, 'v');
  const auto entry = KvEntry::make(
      key, value, {.flags = 42, .lock_index = 3, .create_index = 7, .modify_index = 9, .session = "holder"});
  CHECK(entry->key() == key);
  CHECK(entry->value() == value);
  CHECK(entry->session() == "holder");
  CHECK(entry->flags() == 42);
  CHECK(entry->lock_index() == 3);
  CHECK(entry->create_index() == 7);
  CHECK(entry->modify_index() == 9);
}

TEST_CASE("An entry may be empty in every part", "[kv_entry]") {
  const auto entry = KvEntry::make({}, {}, {});
  CHECK(entry->key().empty());
  CHECK(entry->value().empty());
  CHECK(entry->session().empty());
}

TEST_CASE("An entry lives as long as anybody holds it, on any thread", "[kv_entry]") {
  auto entry = KvEntry::make("key", "value", {});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([entry] {
      for (int j = 0; j < 1000; ++j) {
        KvEntryRef copy = entry;
        const KvEntryRef moved = std::move(copy);
        if (moved->value() != "value") std::abort();
      }
    });
  }
  entry = nullptr;
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(entry);
}

}  // namespace
}  // namespace discovery::model
