#pragma once

/// \file
/// What Consul's servers check of a record before it goes to the log, and what they fill in. Whichever
/// command brings the record, the rules are the same. Pure.

#include <initializer_list>
#include <string_view>

#include <discovery/status.h>

#include "lib/model/records.h"

namespace discovery::model {

/// Refuses a node without a name, or whose ID (which may be empty) is no UUID. kInvalidArgument.
Status check_node(std::string_view name, std::string_view id);

/// Fills in the ID of an instance, and the weights where they mean nothing. kInvalidArgument.
Status complete_service(ServiceInstance& service);

/// Fills in the ID and the state of a check.
void complete_check(HealthCheck& check);

/// Refuses a name that the state's keys could not hold: they set names apart by zero bytes. kInvalidArgument.
Status refuse_zero_bytes(std::initializer_list<std::string_view> names);

}  // namespace discovery::model
