#pragma once

/// \file
/// The single changes that commands to the catalog are made of: each makes or removes one record, moves the
/// rows of the index table and notes what it touched. Deterministic. Threads: the writer's.

#include <string_view>

#include <discovery/status.h>

#include "lib/model/records.h"
#include "lib/state/store.h"

namespace discovery::state {

/// The node of this name, or null.
model::NodePtr find_node(const Transaction& transaction, std::string_view name);

/// Makes or changes a node; one of a known ID is renamed. kFailedPrecondition: a live node with another ID
/// holds the name.
Status ensure_node(Transaction& transaction, model::Node node);
/// Makes or changes an instance on a node that is there.
void ensure_service(Transaction& transaction, const model::Node& node, model::ServiceInstance service);
/// Makes or changes a check on a node that is there. kFailedPrecondition: its service is not.
Status ensure_check(Transaction& transaction, const model::Node& node, model::HealthCheck check);

/// Removes a node that is there, with its instances and checks.
void delete_node(Transaction& transaction, const model::Node& node);
/// Removes an instance that is there, with its checks.
void delete_service(Transaction& transaction, std::string_view node, const model::ServiceInstance& service);
/// Removes a check; fine if there is none.
void delete_check(Transaction& transaction, std::string_view node, std::string_view check_id);

}  // namespace discovery::state
