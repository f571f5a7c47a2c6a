#pragma once

/// \file
/// The rules that a service must keep, wherever it is registered. Texts are Consul's, since clients show them
/// to people.

#include <cstddef>
#include <string_view>

#include <discovery/status.h>

#include "lib/model/records.h"

namespace discovery::model {

inline constexpr std::size_t kMaxMetaPairs = 64;
inline constexpr std::size_t kMaxMetaKeySize = 128;
inline constexpr std::size_t kMaxMetaValueSize = 512;
inline constexpr std::int64_t kMaxWeight = 65535;

/// Whether a check may be registered with an agent in this state; the catalog takes any word.
bool is_check_status(std::string_view status);

/// Whether this is an address of all interfaces, which nobody can connect to.
bool is_any_address(std::string_view address);

/// What a proxy or a gateway must and must not have. All that is wrong is listed in one message.
/// kInvalidArgument: "2 errors occurred:\n\t* ...\n\t* ...\n\n".
Status validate_service(const ServiceInstance& service);

/// What the definition of a sidecar inside of a service of this kind must not have. kInvalidArgument, as
/// validate_service().
Status validate_sidecar(std::string_view parent_kind, bool has_id, bool has_sidecar);

/// Metadata of a node or a service
/// (https://developer.hashicorp.com/consul/docs/agent/config/config-files#node_meta). kInvalidArgument.
Status validate_meta(const Labels& meta);

/// kInvalidArgument.
Status validate_weights(const Weights& weights);

}  // namespace discovery::model
