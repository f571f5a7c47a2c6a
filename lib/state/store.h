#pragma once

/// \file
/// The replicated state: tables of immutable records in persistent trees. One writer at a time makes the next
/// version in a Transaction; any number of readers, on any thread and without locks, look at a Snapshot.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include <discovery/types.h>

#include "lib/base/slab.h"
#include "lib/model/kv_entry.h"
#include "lib/model/records.h"
#include "lib/state/aftermath.h"
#include "lib/state/epochs.h"
#include "lib/state/tables.h"
#include "lib/state/text_pool.h"
#include "lib/state/touched.h"
#include "lib/state/tree.h"

namespace discovery::state {

/// One version of all tables: what a root pointer points at.
struct Version {
  std::uint64_t number = 1;
  std::array<Root, kTableCount> roots{};
};

/// The state as it was at one moment. Costs O(1) to take; while it lives, nothing that it shows is freed, so
/// let go of it soon: what outlives it (answers) holds records by their own counts. Threads: safe; move-only.
class Snapshot {
 public:
  /// A table's tree.
  template <class Table>
  TreeView<typename Table::Leaf> table() const noexcept {
    return TreeView<typename Table::Leaf>(version_->roots[Table::kNumber]);
  }
  /// The index at which a row of the index table was last moved; 0 if never. See index_rows.h.
  Index index(std::string_view row) const noexcept;
  /// Grows with every commit.
  std::uint64_t version() const noexcept { return version_->number; }

 private:
  friend class Store;
  Snapshot(Epochs::Pin pin, const Version* version) : pin_(std::move(pin)), version_(version) {}
  Epochs::Pin pin_;
  const Version* version_;
};

class Store;

/// The next version in the making. Reads see its own writes. Destroying it without commit() undoes it all.
/// Threads: the writer's.
class Transaction {
 public:
  Transaction(Transaction&&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  /// The log index that this transaction's changes carry.
  Index index() const noexcept { return index_; }

  template <class Table>
  TreeView<typename Table::Leaf> table() const noexcept {
    return editor<Table>().view();
  }
  template <class Table>
  void insert(base::Ref<const typename Table::Leaf> leaf) {
    editor<Table>().insert(std::move(leaf));
  }
  /// Puts a value under a key, for tables of boxes.
  template <class Table, class T>
  void put(std::string_view key, T value) {
    insert<Table>(Table::Leaf::make(key, std::move(value)));
  }
  template <class Table>
  bool erase(std::string_view key) {
    return editor<Table>().erase(key);
  }
  template <class Table>
  std::size_t erase_prefix(std::string_view prefix) {
    return editor<Table>().erase_prefix(prefix);
  }

  /// As Snapshot::index().
  Index index(std::string_view row) const noexcept;
  /// Moves a row of the index table to this transaction's index.
  void bump(std::string_view row);
  /// Removes a row.
  void drop(std::string_view row);

  /// Lets a record share strings with others; see TextPool.
  template <class Record>
  void share_texts(Record& record);

  /// What the changes touch, for the watches.
  Touched& touched() noexcept { return touched_; }
  /// What they leave to others; to be taken after commit().
  Aftermath& aftermath() noexcept { return aftermath_; }

  /// Makes the new version the current one and hands over what it touched.
  Touched commit();

 private:
  friend class Store;
  Transaction(Store& store, Index index);

  template <class Table>
  const TreeEditor<typename Table::Leaf>& editor() const noexcept {
    return std::get<Table::kNumber>(editors_);
  }
  template <class Table>
  TreeEditor<typename Table::Leaf>& editor() noexcept {
    return std::get<Table::kNumber>(editors_);
  }

  Store& store_;
  Index index_;
  Garbage garbage_;
  Editors editors_;
  Touched touched_;
  Aftermath aftermath_;
  std::string last_bumped_;  ///< a transaction moves one row again and again
  bool done_ = false;
};

/// All tables and their versions.
class Store {
 public:
  Store();
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// The state as it is now. Threads: any. Lock-free.
  Snapshot snapshot() const;
  /// Begins the next version. One at a time. Threads: the writer's.
  Transaction begin(Index index) { return {*this, index}; }

  /// How many commits' garbage waits for readers to finish. Threads: the writer's.
  std::size_t pending_garbage() const noexcept { return retired_.size(); }

 private:
  friend class Transaction;
  struct Retired {
    std::uint64_t version;  ///< the last version that shows it
    Garbage garbage;
    std::unique_ptr<const Version> roots;
  };

  void publish(std::unique_ptr<const Version> next, Garbage garbage);
  void reclaim();

  TextPool texts_;
  base::Slab slab_;  ///< the branches of all tables
  mutable Epochs epochs_;
  std::atomic<const Version*> current_;
  std::uint64_t next_owner_ = 1;
  std::deque<Retired> retired_;
};

template <class Record>
void Transaction::share_texts(Record& record) {
  store_.texts_.share(record);
}

}  // namespace discovery::state
