#include "lib/state/kv.h"

#include <algorithm>
#include <string>
#include <vector>

#include "lib/state/sessions.h"

namespace discovery::state {
namespace {

using model::KvEntry;

/// Who holds a key, and how often it was locked.
struct Lock {
  std::string_view session{};
  Index index = 0;
};

void bury(Transaction& tx, std::string_view key) {
  tx.put<TombstoneTable>(key, tx.index());
  tx.bump(kTombstonesRow);
  tx.aftermath().buried = true;
}

/// Calls `change` with the row of LockTable for a session that holds a key; not for nobody.
template <class Change>
void with_lock_row(std::string_view session, std::string_view key, Change&& change) {
  if (session.empty()) return;
  if (const auto holder = model::SessionKey::parse(session); holder.ok()) change(lock_row(*holder, key));
}

void forget_lock(Transaction& tx, const KvEntry& entry) {
  with_lock_row(entry.session(), entry.key(), [&](const std::string& row) { tx.erase<LockTable>(row); });
}

void put(Transaction& tx, const KeyWrite& write, const KvEntry* before, const Lock& lock) {
  KvEntry::Attributes attributes;
  attributes.flags = write.flags;
  attributes.create_index = tx.index();
  attributes.modify_index = tx.index();
  attributes.lock_index = lock.index;
  attributes.session = lock.session;
  std::string_view holder;
  if (before != nullptr) {
    holder = before->session();
    const bool same = before->value() == write.value && before->flags() == write.flags &&
                      before->lock_index() == lock.index && holder == lock.session;
    if (same) return;
    attributes.create_index = before->create_index();
  }
  const model::KvEntryRef entry = KvEntry::make(write.key, write.value, attributes);
  if (holder != lock.session) {
    if (before != nullptr) forget_lock(tx, *before);
    with_lock_row(entry->session(), entry->key(),
                  [&](const std::string& row) { tx.put<LockTable>(row, Mark()); });
  }
  tx.touched().add(Topic::kKey, write.key);
  tx.insert<KvTable>(entry);
  tx.bump(kKvRow);
}

/// A plain write leaves the lock with its holder, but forgets how often it was taken, as Consul's does.
void set(Transaction& tx, const KeyWrite& write, const KvEntry* before) {
  put(tx, write, before, {.session = before == nullptr ? std::string_view() : before->session()});
}

Result<bool> lock(Transaction& tx, const KeyWrite& write, const KvEntry* before) {
  if (Status status = require_session(tx, write.session); !status.ok()) return status;
  if (before == nullptr) {
    put(tx, write, before, {write.session, 1});
    return true;
  }
  const bool held = !before->session().empty();
  if (held && before->session() != write.session) return false;
  put(tx, write, before, {write.session, before->lock_index() + (held ? 0 : 1)});
  return true;
}

Result<bool> unlock(Transaction& tx, const KeyWrite& write, const KvEntry* before) {
  if (write.session.empty()) return Status(Code::kFailedPrecondition, "missing session");
  if (before == nullptr || before->session() != write.session) return false;
  put(tx, write, before, {{}, before->lock_index()});
  return true;
}

void erase(Transaction& tx, const KvEntry& entry) {
  const model::KvEntryRef held = model::KvEntryRef::share(&entry);  // its key is what is asked for
  forget_lock(tx, entry);
  tx.erase<KvTable>(held->key());
  bury(tx, held->key());
  tx.bump(kKvRow);
  tx.touched().add(Topic::kKey, held->key());
}

void forget_locks_below(Transaction& tx, std::string_view prefix) {
  if (tx.table<LockTable>().empty()) return;
  std::vector<model::KvEntryRef> locked;
  tx.table<KvTable>().scan(prefix, [&](const KvEntry& entry) {
    if (!entry.session().empty()) locked.push_back(model::KvEntryRef::share(&entry));
  });
  for (const model::KvEntryRef& entry : locked) forget_lock(tx, *entry);
}

void erase_tree(Transaction& tx, const KeyWrite& write) {
  forget_locks_below(tx, write.key);
  if (tx.erase_prefix<KvTable>(write.key) == 0) return;
  if (!write.key.empty()) bury(tx, write.key);
  tx.bump(kKvRow);
  tx.touched().add(Topic::kKeyPrefix, write.key);
}

}  // namespace

Result<bool> write_key(Transaction& tx, const KeyWrite& write) {
  const KvEntry* before = tx.table<KvTable>().find(write.key);
  switch (write.verb) {
    case model::KvVerb::kSet:
      set(tx, write, before);
      return true;
    case model::KvVerb::kCas: {
      const bool wins =
          write.index == 0 ? before == nullptr : before != nullptr && before->modify_index() == write.index;
      if (wins) set(tx, write, before);
      return wins;
    }
    case model::KvVerb::kDelete:
      if (before != nullptr) erase(tx, *before);
      return true;
    case model::KvVerb::kDeleteCas:
      if (before == nullptr) return true;
      if (before->modify_index() != write.index) return false;
      erase(tx, *before);
      return true;
    case model::KvVerb::kDeleteTree:
      erase_tree(tx, write);
      return true;
    case model::KvVerb::kLock:
      return lock(tx, write, before);
    case model::KvVerb::kUnlock:
      return unlock(tx, write, before);
  }
  return false;
}

Result<bool> apply_kv(Transaction& tx, const model::KvCommand& command) {
  return write_key(tx,
                   {command.verb, command.key, command.value, command.flags, command.index, command.session});
}

void release_key(Transaction& tx, std::string_view key) {
  const auto held = model::KvEntryRef::share(tx.table<KvTable>().find(key));
  if (!held) return;
  put(tx, {.key = held->key(), .value = held->value(), .flags = held->flags()}, held.get(),
      {{}, held->lock_index()});
}

void delete_key(Transaction& tx, std::string_view key) {
  if (const KvEntry* entry = tx.table<KvTable>().find(key); entry != nullptr) erase(tx, *entry);
}

void reap_tombstones(Transaction& tx, const model::ReapTombstonesCommand& command) {
  std::vector<std::string> expired;
  Index highest = tx.index(kReapedRow);
  tx.table<TombstoneTable>().scan("", [&](const TombstoneTable::Leaf& leaf) {
    if (leaf.value() > command.up_to) return;
    expired.emplace_back(leaf.key());
    highest = std::max(highest, leaf.value());
  });
  for (const std::string& key : expired) tx.erase<TombstoneTable>(key);
  if (!expired.empty()) tx.put<IndexTable>(kReapedRow, highest);
}

}  // namespace discovery::state
