#pragma once

#include "lib/state/reads.h"

namespace discovery::state {

/// The reading side of the KV store; see evaluate().
Evaluation read_key(const model::GetKey& query, const Snapshot& snapshot);
Evaluation read_entries(const model::ListKeysWithValues& query, const Snapshot& snapshot);
Evaluation read_key_names(const model::ListKeys& query, const Snapshot& snapshot);

}  // namespace discovery::state
