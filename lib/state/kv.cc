#include "lib/state/kv.h"

#include <algorithm>
#include <string>
#include <vector>

namespace discovery::state {
namespace {

using model::KvCommand;
using model::KvEntry;

void bury(Transaction& tx, std::string_view key) {
  tx.put<TombstoneTable>(key, tx.index());
  tx.bump(kTombstonesRow);
}

void set(Transaction& tx, const KvCommand& command, const KvEntry* before) {
  KvEntry::Attributes attributes;
  attributes.flags = command.flags;
  attributes.create_index = tx.index();
  attributes.modify_index = tx.index();
  if (before != nullptr) {
    attributes.create_index = before->create_index();
    attributes.session = before->session();  // a plain write leaves the lock with its holder
    const bool same =
        before->value() == command.value && before->flags() == command.flags && before->lock_index() == 0;
    if (same) return;
  }
  tx.insert<KvTable>(KvEntry::make(command.key, command.value, attributes));
  tx.bump(kKvRow);
  tx.touched().add(Topic::kKey, command.key);
}

void erase(Transaction& tx, const KvCommand& command) {
  if (!tx.erase<KvTable>(command.key)) return;
  bury(tx, command.key);
  tx.bump(kKvRow);
  tx.touched().add(Topic::kKey, command.key);
}

void erase_tree(Transaction& tx, const KvCommand& command) {
  if (tx.erase_prefix<KvTable>(command.key) == 0) return;
  if (!command.key.empty()) bury(tx, command.key);
  tx.bump(kKvRow);
  tx.touched().add(Topic::kKeyPrefix, command.key);
}

}  // namespace

bool apply_kv(Transaction& tx, const KvCommand& command) {
  const KvEntry* before = tx.table<KvTable>().find(command.key);
  switch (command.verb) {
    case model::KvVerb::kSet:
      set(tx, command, before);
      return true;
    case model::KvVerb::kCas: {
      const bool wins = command.index == 0 ? before == nullptr
                                           : before != nullptr && before->modify_index() == command.index;
      if (wins) set(tx, command, before);
      return wins;
    }
    case model::KvVerb::kDelete:
      erase(tx, command);
      return true;
    case model::KvVerb::kDeleteCas:
      if (before == nullptr) return true;
      if (before->modify_index() != command.index) return false;
      erase(tx, command);
      return true;
    case model::KvVerb::kDeleteTree:
      erase_tree(tx, command);
      return true;
  }
  return false;
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
