#include "lib/state/store.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/model/kv_entry.h"
#include "lib/state/kv.h"

namespace discovery::state {
namespace {

void put(Transaction& tx, const std::string& key, const std::string& value) {
  tx.insert<KvTable>(model::KvEntry::make(key, value, {.modify_index = tx.index()}));
}

void put(Store& store, Index index, const std::string& key, const std::string& value) {
  Transaction tx = store.begin(index);
  put(tx, key, value);
  tx.commit();
}

TEST_CASE("a snapshot shows the state as it was", "[state][store]") {
  Store store;
  put(store, 1, "a", "1");
  const Snapshot before = store.snapshot();
  put(store, 2, "a", "2");
  put(store, 3, "b", "3");
  const Snapshot after = store.snapshot();
  REQUIRE(before.table<KvTable>().find("a")->value() == "1");
  REQUIRE(before.table<KvTable>().find("b") == nullptr);
  REQUIRE(after.table<KvTable>().find("a")->value() == "2");
  REQUIRE(after.version() > before.version());
}

TEST_CASE("a transaction that is not committed leaves nothing behind", "[state][store]") {
  Store store;
  put(store, 1, "a", "1");
  {
    Transaction tx = store.begin(2);
    put(tx, "a", "2");
    put(tx, "b", "2");
    put(tx, "b", "3");
    tx.erase<KvTable>("a");
    tx.bump(kKvRow);
    REQUIRE(tx.index(kKvRow) == 2);
  }
  const Snapshot snapshot = store.snapshot();
  REQUIRE(snapshot.table<KvTable>().size() == 1);
  REQUIRE(snapshot.table<KvTable>().find("a")->value() == "1");
  REQUIRE(snapshot.index(kKvRow) == 0);
}

TEST_CASE("undoing one table leaves the others' records alone", "[state][store]") {
  Store store;
  {
    // Two tables whose records are of one type.
    Transaction tx = store.begin(1);
    tx.put<TombstoneTable>("a", Index{1});
    tx.bump(kKvRow);
    tx.commit();
  }
  for (int round = 0; round < 3; ++round) {
    Transaction tx = store.begin(2);
    tx.put<TombstoneTable>("a", Index{2});
    tx.put<TombstoneTable>("a", Index{3});
    tx.bump(kKvRow);
    tx.drop(kKvRow);
  }
  const Snapshot snapshot = store.snapshot();
  REQUIRE(snapshot.index(kKvRow) == 1);
  REQUIRE(snapshot.table<TombstoneTable>().find("a")->value() == 1);
}

TEST_CASE("garbage is kept while somebody may read it, and freed after", "[state][store]") {
  Store store;
  put(store, 1, "a", "1");
  {
    const Snapshot reader = store.snapshot();
    for (Index index = 2; index < 10; ++index) put(store, index, "a", std::to_string(index));
    REQUIRE(store.pending_garbage() >= 8);
    REQUIRE(reader.table<KvTable>().find("a")->value() == "1");
  }
  put(store, 10, "a", "10");
  REQUIRE(store.pending_garbage() == 0);
}

TEST_CASE("more readers than ever find a place", "[state][store]") {
  Store store;
  put(store, 1, "a", "1");
  std::vector<Snapshot> readers;
  for (int reader = 0; reader < 500; ++reader) readers.push_back(store.snapshot());
  put(store, 2, "a", "2");
  for (const Snapshot& reader : readers) REQUIRE(reader.table<KvTable>().find("a")->value() == "1");
}

/// The writer keeps two facts true in every version: all keys carry the same value, and there are as many as
/// it says.
TEST_CASE("readers on other threads see whole versions only", "[state][store][threads]") {
  Store store;
  constexpr int kKeys = 40;
  {
    Transaction tx = store.begin(1);
    for (int key = 0; key < kKeys; ++key) put(tx, "k" + std::to_string(key), "1");
    tx.commit();
  }
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::atomic<std::uint64_t> reads{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&] {
      std::uint64_t last = 0;
      std::vector<model::KvEntryRef> held;
      while (!stop.load()) {
        const Snapshot snapshot = store.snapshot();
        if (snapshot.version() < last) ++torn;
        last = snapshot.version();
        std::string value;
        std::size_t count = 0;
        snapshot.table<KvTable>().scan("k", [&](const model::KvEntry& entry) {
          if (count++ == 0) value = entry.value();
          if (entry.value() != value) ++torn;
          if (held.size() < 100) held.push_back(model::KvEntryRef::share(&entry));
        });
        if (count != snapshot.table<KvTable>().size()) ++torn;
        for (const model::KvEntryRef& entry : held) {
          if (!entry->key().starts_with("k")) ++torn;
        }
        held.clear();
        ++reads;
      }
    });
  }
  for (Index index = 2; index < 2000 || reads.load() < 500; ++index) {
    Transaction tx = store.begin(index);
    for (int key = 0; key < kKeys; ++key) put(tx, "k" + std::to_string(key), std::to_string(index));
    const std::string extra = "k-extra" + std::to_string(index % 7);
    if (!tx.erase<KvTable>(extra)) put(tx, extra, std::to_string(index));
    // Extra keys keep the value of the version that made them unless they are written along.
    std::vector<std::string> extras;
    tx.table<KvTable>().scan("k-extra",
                             [&](const model::KvEntry& entry) { extras.emplace_back(entry.key()); });
    for (const std::string& key : extras) put(tx, key, std::to_string(index));
    tx.commit();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  REQUIRE(torn.load() == 0);
}

}  // namespace
}  // namespace discovery::state
