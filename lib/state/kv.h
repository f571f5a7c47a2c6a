#pragma once

/// \file
/// How commands change the KV store, with Consul's rules for indexes, locks and tombstones
/// (https://developer.hashicorp.com/consul/api-docs/kv). Deterministic. Threads: the writer's.

#include <cstdint>
#include <string_view>

#include <discovery/status.h>

#include "lib/model/command.h"
#include "lib/state/store.h"

namespace discovery::state {

/// One change of a key, or of all keys below it; see model::KvCommand.
struct KeyWrite {
  model::KvVerb verb = model::KvVerb::kSet;
  std::string_view key;
  std::string_view value{};
  std::uint64_t flags = 0;
  Index index = 0;
  std::string_view session{};
};

/// Sets, deletes, locks or unlocks. False if a comparison lost, or the lock is not to be had; then nothing
/// was changed. kFailedPrecondition with Consul's text: there is no such session. (That a lock-delay is over
/// is seen to before the log, by the leader's clock.)
Result<bool> write_key(Transaction& transaction, const KeyWrite& write);
Result<bool> apply_kv(Transaction& transaction, const model::KvCommand& command);

/// Takes the lock of a key from whoever holds it; fine if there is no such key.
void release_key(Transaction& transaction, std::string_view key);
/// Deletes a key; fine if there is none.
void delete_key(Transaction& transaction, std::string_view key);

/// Forgets tombstones up to an index. No table's row moves; what was the highest of them is remembered, so
/// that no prefix's index falls.
void reap_tombstones(Transaction& transaction, const model::ReapTombstonesCommand& command);

}  // namespace discovery::state
