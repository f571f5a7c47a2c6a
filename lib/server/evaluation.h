#pragma once

/// \file
/// Answering a question on one snapshot, and telling beforehand whether that takes long. Pure but for the
/// flag that ends it; any thread.

#include <atomic>
#include <string>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/model/query.h"
#include "lib/state/reads.h"
#include "lib/state/store.h"

namespace discovery::server {

/// A query with what shapes its rows.
struct Question {
  model::Query query;
  std::string near{};
  std::string filter{};
};

/// What a question came to.
struct Evaluated {
  model::Value value{};
  state::IndexRule index{};
  Index index_then = 0;  ///< what `index` came to in the snapshot
  state::Touched touched{};
};

/// Evaluates, filters, sorts. kInvalidArgument (filter), kInternal (a query that is not about the state),
/// kCancelled (`stop` was set meanwhile).
Result<Evaluated> evaluate(const Question& question, const state::Snapshot& snapshot,
                           const std::atomic<bool>& stop);

/// Whether evaluating would keep a loop from others: by the number of rows to be visited and what each of
/// them takes, more than about 200 µs. Costs at most a few microseconds itself.
bool takes_long(const Question& question, const state::Snapshot& snapshot);
/// The same of a query whose rows nothing shapes.
bool takes_long(const model::Query& query, const state::Snapshot& snapshot);

/// What the answer may depend on, known before it is: at least the subjects that evaluating it would name.
state::Touched interests(const Question& question);

}  // namespace discovery::server
