#pragma once

#include "daemon/config/schema.h"

namespace discovery::config {

/// The keys of a service definition in a configuration file
/// (https://developer.hashicorp.com/consul/docs/services/configuration/services-configuration-reference).
const Schema& service_definition();

/// The keys of a check definition, on its own or in a service
/// (https://developer.hashicorp.com/consul/docs/services/configuration/checks-configuration-reference).
const Schema& check_definition();

/// The keys of a network segment, which exist in Consul Enterprise only.
const Schema& segment_definition();

}  // namespace discovery::config
