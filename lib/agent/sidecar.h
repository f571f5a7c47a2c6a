#pragma once

/// \file
/// Proxies that are defined inside of the service that they stand beside
/// (https://developer.hashicorp.com/consul/docs/connect/registration/sidecar-service). All functions are
/// pure.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

#include "lib/model/local_agent.h"

namespace discovery::agent {

/// The ports that sidecars get which name none: the first free one from `min` to `max`. Below 1: none.
struct SidecarPorts {
  int min = 21000;
  int max = 21255;
};

/// The id of a service's sidecar.
std::string sidecar_id(std::string_view parent_id);
/// The id of the service whose sidecar has this id; empty if that is no sidecar's.
std::string_view parent_of_sidecar(std::string_view id);
/// The ids of the checks that the sidecar of a service will have; none without a sidecar.
std::vector<std::string> sidecar_check_ids(const model::ServiceSpec& parent);

/// What a service's nested definition means: a definition of its own, with the defaults filled in but for the
/// port. REQUIRES: it has one, and an id.
model::ServiceSpec expand_sidecar(const model::ServiceSpec& parent);

/// Adds the checks that a sidecar has if it defines none: whether it listens, and how its parent is.
void add_default_checks(model::ServiceSpec& sidecar, std::string_view parent_id);

/// The port for a sidecar: its former one, if that is in the range, else the first that is not used.
/// kInvalidArgument with Consul's text.
Result<int> choose_sidecar_port(const SidecarPorts& ports, std::optional<int> former,
                                const std::function<bool(int)>& is_used);

}  // namespace discovery::agent
