#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <discovery/status.h>

#include "lib/agent/config.h"
#include "lib/env/env.h"

namespace discovery::api {

/// The id of a node that follows from its machine, as Consul derives it with `disable_host_node_id = false`:
/// a UUID of the first bytes of the SHA-512 digest of the machine's own. The arguments are what
/// /sys/class/dmi/id/product_uuid and /etc/machine-id hold; the first that says something counts. Nothing if
/// that is no UUID. Pure.
std::optional<std::string> node_id_of_host(std::string_view product_uuid, std::string_view machine_id);

/// The node's id: as configured, else the one that was kept in the data directory, else a new one that is
/// kept from now on: the machine's if the configuration wants it and there is one, or a random one. Blocks on
/// the disk. Errors: kInvalidArgument if what was kept is no id, and those of Files.
Result<std::string> find_node_id(env::Env& env, const agent::Config& config);

}  // namespace discovery::api
