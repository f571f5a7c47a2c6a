#pragma once

#include "lib/state/reads.h"

namespace discovery::state {

/// One key without what a watch would need: its entry, or null, and the index that it is true at.
struct KeyRow {
  model::KvEntryRef entry;
  Index index = 0;
};
KeyRow read_key_now(std::string_view key, const Snapshot& snapshot);

/// The reading side of the KV store; see evaluate().
Evaluation read_key(const model::GetKey& query, const Snapshot& snapshot);
Evaluation read_entries(const model::ListKeysWithValues& query, const Snapshot& snapshot);
Evaluation read_key_names(const model::ListKeys& query, const Snapshot& snapshot);

}  // namespace discovery::state
