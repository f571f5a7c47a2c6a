#include "lib/state/store.h"

#include <algorithm>
#include <utility>

namespace discovery::state {
namespace {

Index row_index(const TreeView<IndexTable::Leaf>& rows, std::string_view row) {
  const IndexTable::Leaf* leaf = rows.find(row);
  return leaf == nullptr ? 0 : leaf->value();
}

template <std::size_t... I>
Editors make_editors(const Version& base, std::uint64_t owner, base::Slab& slab, Garbage& garbage,
                     std::index_sequence<I...>) {
  return Editors{std::tuple_element_t<I, Editors>(base.roots[I], owner, slab, garbage)...};
}

template <std::size_t... I>
void collect_roots(const Editors& editors, Version& version, std::index_sequence<I...>) {
  ((version.roots[I] = std::get<I>(editors).root()), ...);
}

template <std::size_t... I>
void rollback_all(Editors& editors, const Version& base, std::index_sequence<I...>) {
  (std::get<I>(editors).rollback(base.roots[I]), ...);
}

template <std::size_t... I>
void destroy_all(const Version& version, base::Slab& slab, std::index_sequence<I...>) {
  (std::tuple_element_t<I, Editors>::destroy(version.roots[I], slab), ...);
}

constexpr auto kAllTables = std::make_index_sequence<kTableCount>();

}  // namespace

Index Snapshot::index(std::string_view row) const noexcept { return row_index(table<IndexTable>(), row); }

Transaction::Transaction(Store& store, Index index)
    : store_(store),
      index_(index),
      editors_(make_editors(*store.current_.load(std::memory_order_relaxed), store.next_owner_++, store.slab_,
                            garbage_, kAllTables)) {}

Transaction::~Transaction() {
  if (!done_) rollback_all(editors_, *store_.current_.load(std::memory_order_relaxed), kAllTables);
}

Index Transaction::index(std::string_view row) const noexcept { return row_index(table<IndexTable>(), row); }

void Transaction::bump(std::string_view row) {
  if (row == last_bumped_) return;
  last_bumped_ = row;
  if (index(row) != index_) put<IndexTable>(row, index_);
}

void Transaction::drop(std::string_view row) {
  if (row == last_bumped_) last_bumped_.clear();
  erase<IndexTable>(row);
}

Touched Transaction::commit() {
  auto next = std::make_unique<Version>();
  next->number = store_.current_.load(std::memory_order_relaxed)->number + 1;
  collect_roots(editors_, *next, kAllTables);
  done_ = true;
  store_.publish(std::move(next), std::move(garbage_));
  return std::move(touched_);
}

Store::Store() : current_(new Version) {}

Store::~Store() {
  for (Retired& retired : retired_) retired.garbage.free(slab_);
  const std::unique_ptr<const Version> last(current_.load());
  destroy_all(*last, slab_, kAllTables);
}

Snapshot Store::snapshot() const {
  Epochs::Pin pin = epochs_.pin();
  return {std::move(pin), current_.load(std::memory_order_acquire)};
}

void Store::publish(std::unique_ptr<const Version> next, Garbage garbage) {
  const Version* previous = current_.exchange(next.release(), std::memory_order_acq_rel);
  retired_.push_back({epochs_.current(), std::move(garbage), std::unique_ptr<const Version>(previous)});
  epochs_.advance();
  reclaim();
}

void Store::reclaim() {
  const std::uint64_t oldest = epochs_.oldest();
  while (!retired_.empty() && retired_.front().version < oldest) {
    retired_.front().garbage.free(slab_);
    retired_.pop_front();
  }
}

}  // namespace discovery::state
