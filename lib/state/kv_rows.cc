#include "lib/state/kv_rows.h"

#include <algorithm>
#include <utility>

namespace discovery::state {
namespace {

using model::KvEntry;

constexpr std::uint8_t kWholeStore = IndexRule::kKv | IndexRule::kTombstones;

/// The index of a prefix: its entries', its tombstones', or where it never had any the whole store's. When
/// tombstones were reaped, no prefix shows less than the last of them, so that an index never falls.
IndexRule prefix_index(const Snapshot& snapshot, std::string_view prefix, Index highest_entry) {
  if (prefix.empty()) return {0, kWholeStore};
  Index index = highest_entry;
  snapshot.table<TombstoneTable>().scan(
      prefix, [&](const TombstoneTable::Leaf& leaf) { index = std::max(index, leaf.value()); });
  if (index == 0) return {0, kWholeStore};
  return {std::max(index, snapshot.index(kReapedRow)), IndexRule::kNone};
}

}  // namespace

KeyRow read_key_now(std::string_view key, const Snapshot& snapshot) {
  if (const KvEntry* entry = snapshot.table<KvTable>().find(key); entry != nullptr) {
    return {model::KvEntryRef::share(entry), entry->modify_index()};
  }
  return {nullptr, IndexRule{0, kWholeStore}.resolve(snapshot)};
}

Evaluation read_key(const model::GetKey& query, const Snapshot& snapshot) {
  Evaluation result{model::KvEntries{}, {0, kWholeStore}, {}};
  if (const KvEntry* entry = snapshot.table<KvTable>().find(query.key); entry != nullptr) {
    std::get<model::KvEntries>(result.value).push_back(model::KvEntryRef::share(entry));
    result.index = {entry->modify_index(), IndexRule::kNone};
  }
  result.touched.add(Topic::kKey, query.key);
  return result;
}

Evaluation read_entries(const model::ListKeysWithValues& query, const Snapshot& snapshot) {
  Evaluation result{model::KvEntries{}, {}, {}};
  auto& entries = std::get<model::KvEntries>(result.value);
  Index highest = 0;
  snapshot.table<KvTable>().scan(query.prefix, [&](const KvEntry& entry) {
    highest = std::max(highest, entry.modify_index());
    entries.push_back(model::KvEntryRef::share(&entry));
  });
  result.index = prefix_index(snapshot, query.prefix, highest);
  result.touched.add(Topic::kKeyPrefix, query.prefix);
  return result;
}

Evaluation read_key_names(const model::ListKeys& query, const Snapshot& snapshot) {
  Evaluation result{model::Names{}, {}, {}};
  auto& names = std::get<model::Names>(result.value);
  Index highest = 0;
  snapshot.table<KvTable>().scan(query.prefix, [&](const KvEntry& entry) {
    highest = std::max(highest, entry.modify_index());
    std::string_view name = entry.key();
    if (!query.separator.empty()) {
      const std::size_t cut = name.find(query.separator, query.prefix.size());
      if (cut != std::string_view::npos) name = name.substr(0, cut + query.separator.size());
    }
    if (names.empty() || names.back() != name) names.emplace_back(name);
  });
  result.index = prefix_index(snapshot, query.prefix, highest);
  result.touched.add(Topic::kKeyPrefix, query.prefix);
  return result;
}

}  // namespace discovery::state
