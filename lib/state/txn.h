#pragma once

/// \file
/// How transactions change and read the state (https://developer.hashicorp.com/consul/api-docs/txn), with
/// Consul's texts. Deterministic: what is to be checked before the log (model::complete()) has been checked.

#include <cstddef>

#include "lib/model/command.h"
#include "lib/model/query.h"
#include "lib/state/reads.h"
#include "lib/state/store.h"

namespace discovery::state {

/// So many rows a transaction may show that changes something too: it is carried out on the loop.
inline constexpr std::size_t kMaxWriteTxnRows = 65'536;
/// So many, if it only reads.
inline constexpr std::size_t kMaxReadTxnRows = 1'000'000;

/// Carries out the operations one after another; each sees what those before it have done. If the results
/// hold errors, the transaction must not be committed. Threads: the writer's.
model::TxnResults apply_txn(Transaction& transaction, const model::TxnCommand& command);

/// Carries out operations that only read. Threads: any.
model::TxnResults read_txn(const model::ReadTxn& query, const Snapshot& snapshot);
/// The same with what the results depend on; see evaluate(). Their index says nothing.
Evaluation evaluate_txn(const model::ReadTxn& query, const Snapshot& snapshot);

}  // namespace discovery::state
