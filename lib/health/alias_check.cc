#include "lib/health/alias_check.h"

#include "lib/base/strings.h"

namespace discovery::health {

ProbeResult evaluate_alias(const AliasTarget& target, std::span<const model::CheckPtr> checks) {
  ProbeResult result{Health::kPassing, 0, "No checks found."};
  bool service_seen = false;
  for (const auto& check : checks) {
    if (!target.node.empty() && !base::equal_ignoring_case(target.node, check->node)) continue;
    if (check->check_id == target.alias_id) continue;
    const bool of_service = check->service_id == target.service_id;
    if (!check->service_id.empty() && !of_service) continue;
    service_seen = service_seen || of_service;
    const bool critical = check->status == model::kCritical;
    if (critical || check->status == model::kWarning) {
      result.health = critical ? Health::kCritical : Health::kWarning;
      result.output = "Aliased check " + base::go_quote(check->name) + " failing: " + check->output;
      if (critical) break;  // it does not get worse
    } else if (result.health == Health::kPassing) {
      result.output = "All checks passing.";
    }
  }
  if (!service_seen && !target.service_id.empty() && !target.service_exists) {
    result.health = Health::kCritical;
    result.output = "Service " + std::string(target.service_id) + " could not be found on node " +
                    std::string(target.node);
  }
  return result;
}

}  // namespace discovery::health
