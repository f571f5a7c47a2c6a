// What the agent's checks say: reports, aliases, maintenance, and the explanation of it all.

#include <algorithm>
#include <memory>
#include <utility>

#include "lib/agent/local_state.h"
#include "lib/base/duration.h"
#include "lib/base/strings.h"
#include "lib/health/alias_check.h"

namespace discovery::agent {

using model::CheckKind;
using model::CheckSpec;

namespace {

constexpr std::string_view kNodeMaintenance = "_node_maintenance";
constexpr std::string_view kServiceMaintenance = "_service_maintenance:";

std::string default_reason(std::string_view what) {
  return "Maintenance mode is enabled for this " + std::string(what) +
         ", but no reason was provided. This is a default message.";
}

/// The order of states, from best to worst.
int badness(const model::HealthCheck& check) {
  if (check.check_id == kNodeMaintenance || std::string_view(check.check_id).starts_with(kServiceMaintenance))
    return 3;
  if (check.status == model::kCritical) return 2;
  return check.status == model::kWarning ? 1 : 0;
}

}  // namespace

SyncUnit* LocalState::report(std::string_view id, std::optional<health::Health> health,
                             std::string_view output, const model::Evidence& evidence, Duration now) {
  const auto found = checks_.find(id);
  if (found == checks_.end() || !found->second.record) return nullptr;
  OwnCheck& check = found->second;
  const bool failure = health ? *health == health::Health::kCritical : check.successes == 0;
  check.failures = failure ? evidence.consecutive : 0;
  check.successes = failure ? 0 : evidence.consecutive;
  if (!health) return nullptr;
  return set_state(check, health::to_string(*health), output, now, evidence);
}

void LocalState::touch_aliases(const OwnCheck& check) {
  if (aliases_.empty()) return;
  if (!check.service_id.empty()) return touch_aliases_of(check.service_id);
  for (const auto& [service, ids] : aliases_) stale_aliases_.insert(ids.begin(), ids.end());
  if (check.record) stale_aliases_.erase(std::string(check.record->check_id));  // it does not mirror itself
}

void LocalState::touch_aliases_of(std::string_view service_id) {
  const auto found = aliases_.find(service_id);
  if (found != aliases_.end()) stale_aliases_.insert(found->second.begin(), found->second.end());
}

void LocalState::forget_alias(const std::string& id, const OwnCheck& check) {
  if (check.kind != CheckKind::kAlias) return;
  stale_aliases_.erase(id);
  const auto found = aliases_.find(check.alias_of);
  if (found == aliases_.end()) return;
  found->second.erase(id);
  if (found->second.empty()) aliases_.erase(found);
}

std::optional<SyncUnit*> LocalState::refresh_alias(Duration now) {
  if (stale_aliases_.empty()) return std::nullopt;
  const std::string id = std::move(stale_aliases_.extract(stale_aliases_.begin()).value());
  OwnCheck& check = checks_.find(id)->second;
  const auto found = units_.find(check.alias_of);
  const bool exists = found != units_.end() && found->second.service;
  const auto checks = checks_for(exists && !check.alias_of.empty() ? &found->second : nullptr);
  const health::AliasTarget target{
      .node = {}, .service_id = check.alias_of, .alias_id = id, .service_exists = exists};
  auto seen = health::evaluate_alias(target, checks);
  return report(id, seen.health, std::move(seen.output), {}, now);
}

std::vector<model::CheckPtr> LocalState::checks_for(const SyncUnit* service) const {
  std::vector<model::CheckPtr> checks;
  const auto take = [&](const SyncUnit& unit) {
    for (const auto& id : unit.checks) {
      const auto found = checks_.find(id);
      if (found != checks_.end() && found->second.record) checks.push_back(found->second.record);
    }
  };
  if (const auto node = units_.find(std::string_view()); node != units_.end()) take(node->second);
  if (service != nullptr) take(*service);
  return checks;
}

model::ServiceHealth LocalState::health_of(const SyncUnit& unit) const {
  model::ServiceHealth health{unit.service, checks_for(&unit), {}};
  int worst = 0;
  for (const auto& check : health.checks) worst = std::max(worst, badness(*check));
  constexpr std::string_view kWords[] = {model::kPassing, model::kWarning, model::kCritical, "maintenance"};
  health.status = kWords[worst];
  return health;
}

std::vector<model::ServiceHealth> LocalState::health_by_id(std::string_view id) const {
  const auto found = units_.find(id);
  if (found == units_.end() || !found->second.service) return {};
  return {health_of(found->second)};
}

std::vector<model::ServiceHealth> LocalState::health_by_name(std::string_view name) const {
  std::vector<model::ServiceHealth> all;
  for (const auto& [id, unit] : units_) {
    if (unit.service && unit.service->name == name) all.push_back(health_of(unit));
  }
  return all;
}

Result<SyncUnit*> LocalState::set_maintenance(std::string_view service_id, bool enable,
                                              std::string_view reason, Duration now) {
  const auto found = units_.find(service_id);
  const bool of_node = service_id.empty();
  if (!of_node && (found == units_.end() || !found->second.service)) {
    return Status(Code::kNotFound, "No service registered with ID " + base::go_quote(service_id));
  }
  const std::string id =
      of_node ? std::string(kNodeMaintenance) : std::string(kServiceMaintenance) + std::string(service_id);
  if (!enable) return deregister_check(id);
  if (const auto there = checks_.find(id); there != checks_.end() && there->second.record) return nullptr;
  SyncUnit& unit = this->unit(service_id);
  CheckSpec spec;
  spec.id = id;
  spec.name = of_node ? "Node Maintenance Mode" : "Service Maintenance Mode";
  spec.notes = reason.empty() ? default_reason(of_node ? "node" : "service") : std::string(reason);
  spec.service_id = service_id;
  spec.token = unit.token;
  add_check(unit, spec, Shape::kMaintenance, now);
  return &unit;
}

std::string LocalState::consequence(const OwnCheck& check, std::string_view status) const {
  if (status == model::kCritical && check.reap_after > Duration::zero() && !check.service_id.empty()) {
    return "service " + check.service_id + " is deregistered after " +
           base::format_go_duration(check.reap_after) + " unless the check recovers";
  }
  if (check.kind == CheckKind::kMaintenance) return "stays until maintenance mode is disabled";
  if (check.kind == CheckKind::kAlias) return "follows what it mirrors";
  if (check.ttl > Duration::zero()) {
    return status == model::kCritical
               ? "waits for a report"
               : "critical unless it is reported on within " + base::format_go_duration(check.ttl);
  }
  return "runs again every " + base::format_go_duration(check.interval);
}

Result<model::CheckHistory> LocalState::history(std::string_view id, Duration now,
                                                std::chrono::system_clock::time_point wall_now) const {
  const auto found = checks_.find(id);
  if (found == checks_.end() || !found->second.record) {
    return Status(Code::kNotFound, "Unknown check ID " + base::go_quote(id));
  }
  const OwnCheck& check = found->second;
  model::CheckHistory history;
  history.check_id = id;
  history.service_id = check.service_id;
  history.status = check.record->status;
  history.consecutive_successes = check.successes;
  history.consecutive_failures = check.failures;
  history.forgotten = check.history.forgotten();
  for (auto& one : check.history.list()) {
    model::CheckTransition transition;
    transition.time =
        wall_now - std::chrono::duration_cast<std::chrono::system_clock::duration>(now - one.at);
    transition.from = health::History::kWords[one.from];
    transition.to = health::History::kWords[one.to];
    transition.evidence = {one.code, one.consecutive, one.latency, std::move(one.output)};
    transition.next = consequence(check, transition.to);
    history.transitions.push_back(std::move(transition));
  }
  const auto within = [&](std::optional<Duration> at) {
    return base::format_go_duration(
        std::chrono::duration_cast<std::chrono::milliseconds>(std::max(*at - now, Duration::zero())));
  };
  if (const auto at = expiry_.at(id)) {
    history.next.push_back("critical in " + within(at) + " unless it is reported on");
  }
  if (const auto at = reaping_.at(id)) {
    history.next.push_back("service " + check.service_id + " is deregistered in " + within(at) +
                           " unless the check recovers");
  }
  if (const auto at = deferred_.at(id)) {
    history.next.push_back("the catalog is told of the latest output in " + within(at));
  }
  return history;
}

}  // namespace discovery::agent
