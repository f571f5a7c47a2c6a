#pragma once

#include <discovery/registry.h>

#include "lib/model/local_agent.h"

namespace discovery::api {

/// A service of the public interface as its agent takes it. Ids that are left open are filled in, so that
/// they are known beforehand; checks that are functions become TTL checks, for those who run them to report
/// on. kInvalidArgument. Pure.
Result<model::ServiceSpec> to_model(const ServiceSpec& service);

/// A check of the same; as above. Pure.
Result<model::CheckSpec> to_model(const CheckSpec& check);

/// The catalog's word for a health; what is in maintenance counts as critical. Pure.
std::string_view status_word(Health health) noexcept;

}  // namespace discovery::api
