#pragma once

#include <atomic>
#include <string_view>

#include <discovery/status.h>

#include "lib/model/query.h"
#include "lib/state/store.h"

namespace discovery::server {

/// Keeps only the rows of an answer that a filter expression selects
/// (https://developer.hashicorp.com/consul/api-docs/features/filtering). Answers that have no filterable rows
/// stay as they are. kInvalidArgument with Consul's text; kCancelled when `stop` is set meanwhile.
Status filter_rows(model::Value& value, std::string_view expression, const std::atomic<bool>& stop);

/// Sorts rows by the estimated round trip from a node; nodes without a coordinate come last, ties keep their
/// order. Without a coordinate of the node itself everything keeps its order.
void sort_by_distance(model::Value& value, std::string_view near, const state::Snapshot& snapshot);

}  // namespace discovery::server
