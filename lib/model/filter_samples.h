#pragma once

/// \file
/// Samples of the records whose describe() follows pointers, for filter::schema_of().

#include <memory>
#include <type_traits>

#include "lib/model/records.h"

namespace discovery::model {

inline ServiceNode filter_sample(std::type_identity<ServiceNode>) {
  return {std::make_shared<const Node>(), std::make_shared<const ServiceInstance>()};
}

inline CheckServiceNode filter_sample(std::type_identity<CheckServiceNode>) {
  return {std::make_shared<const Node>(), std::make_shared<const ServiceInstance>(), {}};
}

}  // namespace discovery::model
