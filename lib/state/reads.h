#pragma once

/// \file
/// How queries read a snapshot: the rows, the index that they are true at, and what they depend on.
/// Pure: no clock, no lock. Threads: any.

#include <cstdint>
#include <optional>
#include <string>

#include <discovery/types.h>

#include "lib/model/query.h"
#include "lib/state/store.h"
#include "lib/state/touched.h"

namespace discovery::state {

/// Where an answer's index comes from. Consul takes it from rows of the index table that also move by writes
/// which the answer does not depend on, so for an answer that is kept the rule is kept, and resolved anew
/// when it is shown.
struct IndexRule {
  enum Rows : std::uint8_t {
    kNone = 0,
    kNodes = 1,
    kServices = 2,
    kChecks = 4,
    kKv = 8,
    kTombstones = 16,
    kCoordinates = 32,
    kSessions = 64,
  };

  Index fixed = 0;            ///< at least this
  std::uint8_t rows = kNone;  ///< and the highest of these rows
  /// If not empty: this service's row; where it has none, the row of the last extinction of a service; where
  /// there is none, `rows`.
  std::string service{};

  Index resolve(const Snapshot& snapshot) const;
};

/// What evaluating a query on a snapshot gave.
struct Evaluation {
  model::Value value;
  IndexRule index;
  Touched touched;
};

/// Evaluates a query about the state. Queries about the cluster itself (leader, peers, datacenters) are not
/// answered here: std::nullopt.
std::optional<Evaluation> evaluate(const model::Query& query, const Snapshot& snapshot);

/// A node's coordinate (of the default segment), or null.
model::CoordinatePtr find_coordinate(const Snapshot& snapshot, std::string_view node);

}  // namespace discovery::state
