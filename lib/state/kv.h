#pragma once

/// \file
/// How commands change the KV store, with Consul's rules for indexes and tombstones
/// (https://developer.hashicorp.com/consul/api-docs/kv). Deterministic. Threads: the writer's.

#include <cstdint>
#include <string_view>

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
};

/// Sets or deletes. False if a comparison lost; then nothing was changed.
bool write_key(Transaction& transaction, const KeyWrite& write);
bool apply_kv(Transaction& transaction, const model::KvCommand& command);

/// Forgets tombstones up to an index. No table's row moves; what was the highest of them is remembered, so
/// that no prefix's index falls.
void reap_tombstones(Transaction& transaction, const model::ReapTombstonesCommand& command);

}  // namespace discovery::state
