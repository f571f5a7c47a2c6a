// How the agent runs its checks and hears from them.

#include <algorithm>
#include <utility>

#include "lib/agent/local_agent.h"
#include "lib/base/duration.h"

namespace discovery::agent {

using model::CheckKind;

Status NodeAgent::refusal(const model::CheckSpec& check) const {
  if (!check.args.empty()) {
    if (check.origin == model::Origin::kApi && !options_.enable_script_checks) {
      return {Code::kFailedPrecondition,
              "Scripts are disabled on this agent from remote calls; to enable, configure "
              "'enable_script_checks' to true"};
    }
    if (!options_.enable_script_checks && !options_.enable_local_script_checks) {
      return {Code::kFailedPrecondition,
              "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or "
              "'enable_local_script_checks' to true"};
    }
  }
  const CheckKind kind = check.kind();
  if (kind == CheckKind::kTtl || kind == CheckKind::kAlias || health::has_probe(kind)) return {};
  return {Code::kFailedPrecondition,
          "checks of type " + std::string(model::type_name(kind)) + " are not available yet"};
}

void NodeAgent::on_check_added(const model::CheckSpec& spec, std::size_t max_output) {
  checker_.remove(spec.id);
  aliases_.remove(spec.id);
  const CheckKind kind = spec.kind();
  if (kind == CheckKind::kAlias && !spec.alias_node.empty()) {
    aliases_.add(spec);
  } else if (health::has_probe(kind)) {
    if (spec.interval < health::Checker::kMinInterval) {
      env_.log().write(Level::kWarn, "agent",
                       "check " + spec.id + " has an interval of " + base::format_go_duration(spec.interval) +
                           "; it runs every " + base::format_go_duration(health::Checker::kMinInterval));
    }
    (void)checker_.add(spec, max_output);  // what could go wrong was refused before
  }
  keep_check(spec);
}

void NodeAgent::on_check_removed(const std::string& id) {
  checker_.remove(id);
  aliases_.remove(id);
  kept_until_.erase(id);
  kept_states_.erase(id);
  if (!store_ || restoring_) return;
  store_->erase_check(id, state_.checks().find(id)->second.service_id);
}

void NodeAgent::on_report(const health::Report& report) {
  const bool failure = report.seen.health == health::Health::kCritical;
  const model::Evidence evidence{
      .code = report.seen.code,
      .consecutive = failure ? report.counts.consecutive_failures() : report.counts.consecutive_successes(),
      .latency = report.latency,
      .output = {}};
  after_change(state_.report(report.check_id, report.health, report.seen.output, evidence, now()));
}

void NodeAgent::on_alias(const std::string& id, const health::ProbeResult& seen) {
  after_change(state_.report(id, seen.health, seen.output, {}, now()));
}

void NodeAgent::add_counts(model::CheckHistory& history) const {
  const auto state = checker_.state(history.check_id);
  if (!state) return;
  history.consecutive_successes = state->counts.consecutive_successes();
  history.consecutive_failures = state->counts.consecutive_failures();
  const auto say = [&](std::uint32_t missing, const char* what, std::string_view then) {
    if (missing > 0) {
      history.next.push_back(std::string(then) + " after " + std::to_string(missing) + " more " + what);
    }
  };
  if (history.status != model::kPassing)
    say(state->counts.successes_missing(), "successes in a row", "passing");
  if (history.status != model::kCritical)
    say(state->counts.failures_missing(), "failures in a row", "critical");
  if (!state->next_run) {
    history.next.emplace_back("a run is under way");
    return;
  }
  const auto left = std::max(*state->next_run - now(), Duration::zero());
  history.next.push_back("runs again in " + base::format_go_duration(
                                                std::chrono::duration_cast<std::chrono::milliseconds>(left)));
}

}  // namespace discovery::agent
