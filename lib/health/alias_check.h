#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lib/health/probe.h"
#include "lib/model/records.h"

namespace discovery::health {

/// What an alias mirrors (https://developer.hashicorp.com/consul/docs/services/usage/checks#alias-checks).
struct AliasTarget {
  std::string_view node;        ///< where the checks are; empty: all are of the right node
  std::string_view service_id;  ///< empty: the node itself
  std::string_view alias_id;    ///< the alias's own id, which it does not mirror
  bool service_exists = false;
};

/// The state of an alias: the worst of the node's checks and of those of the service. Pure.
ProbeResult evaluate_alias(const AliasTarget& target, std::span<const model::CheckPtr> checks);

}  // namespace discovery::health
