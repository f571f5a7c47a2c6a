#pragma once

/// \file
/// How commands change the catalog, with Consul's rules for indexes: which rows move is what makes
/// X-Consul-Index the same (https://developer.hashicorp.com/consul/api-docs/features/blocking). All of it is
/// deterministic. Threads: the writer's.

#include <functional>
#include <string_view>

#include <discovery/status.h>

#include "lib/model/command.h"
#include "lib/state/store.h"

namespace discovery::state {

/// Makes or changes a node, its service and its checks. On a failure the transaction must not be committed.
/// kFailedPrecondition with Consul's text: a check of an unknown service or of another node, a node name that
/// a live node with another ID holds.
Status register_entity(Transaction& transaction, const model::RegisterCommand& command);

/// Removes a node, an instance or a check; fine if there is none.
void deregister_entity(Transaction& transaction, const model::DeregisterCommand& command);

/// Sets the coordinates of the nodes that exist.
void update_coordinates(Transaction& transaction, const model::UpdateCoordinatesCommand& command);

/// Which service an instance speaks for in the mesh: its proxy's destination, its own if it is native, else
/// none.
std::string_view mesh_destination(const model::ServiceInstance& service);

}  // namespace discovery::state
