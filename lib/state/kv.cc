#include "lib/state/kv.h"

#include <algorithm>
#include <string>
#include <vector>

namespace discovery::state {
namespace {

using model::KvEntry;

void bury(Transaction& tx, std::string_view key) {
  tx.put<TombstoneTable>(key, tx.index());
  tx.bump(kTombstonesRow);
}

void set(Transaction& tx, const KeyWrite& write, const KvEntry* before) {
  KvEntry::Attributes attributes;
  attributes.flags = write.flags;
  attributes.create_index = tx.index();
  attributes.modify_index = tx.index();
  if (before != nullptr) {
    attributes.create_index = before->create_index();
    attributes.session = before->session();  // a plain write leaves the lock with its holder
    const bool same =
        before->value() == write.value && before->flags() == write.flags && before->lock_index() == 0;
    if (same) return;
  }
  tx.insert<KvTable>(KvEntry::make(write.key, write.value, attributes));
  tx.bump(kKvRow);
  tx.touched().add(Topic::kKey, write.key);
}

void erase(Transaction& tx, const KeyWrite& write) {
  if (!tx.erase<KvTable>(write.key)) return;
  bury(tx, write.key);
  tx.bump(kKvRow);
  tx.touched().add(Topic::kKey, write.key);
}

void erase_tree(Transaction& tx, const KeyWrite& write) {
  if (tx.erase_prefix<KvTable>(write.key) == 0) return;
  if (!write.key.empty()) bury(tx, write.key);
  tx.bump(kKvRow);
  tx.touched().add(Topic::kKeyPrefix, write.key);
}

}  // namespace

bool write_key(Transaction& tx, const KeyWrite& write) {
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
      erase(tx, write);
      return true;
    case model::KvVerb::kDeleteCas:
      if (before == nullptr) return true;
      if (before->modify_index() != write.index) return false;
      erase(tx, write);
      return true;
    case model::KvVerb::kDeleteTree:
      erase_tree(tx, write);
      return true;
    case model::KvVerb::kLock:
    case model::KvVerb::kUnlock:
      return false;
  }
  return false;
}

bool apply_kv(Transaction& tx, const model::KvCommand& command) {
  return write_key(tx, {command.verb, command.key, command.value, command.flags, command.index});
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
