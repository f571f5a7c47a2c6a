#include "lib/api/stats.h"

#include <vector>

#include "lib/api/host_facts.h"
#include "lib/base/processors.h"

namespace discovery::api {
namespace {

using Group = std::map<std::string, std::string>;

Group agent_group(model::LocalAgent& agent) {
  std::size_t services = 0;
  std::size_t checks = 0;
  std::size_t ttls = 0;
  agent.services({}, {}).then([&](const Result<std::vector<model::AgentService>>& all) {
    if (all.ok()) services = all->size();
  });
  agent.checks({}, {}).then([&](const Result<std::vector<model::CheckPtr>>& all) {
    if (!all.ok()) return;
    checks = all->size();
    for (const model::CheckPtr& check : *all) ttls += check->type == "ttl" ? 1U : 0U;
  });
  return {{"check_monitors", std::to_string(checks - ttls)},
          {"check_ttls", std::to_string(ttls)},
          {"checks", std::to_string(checks)},
          {"services", std::to_string(services)}};
}

Group raft_group(const agent::AgentIdentity& identity, const LogFacts& log) {
  const std::string index = std::to_string(log.last_index);
  return {{"applied_index", index},
          {"commit_index", index},
          {"fsm_pending", "0"},
          {"last_contact", "0"},
          {"last_log_index", index},
          {"last_log_term", "2"},
          {"last_snapshot_index", "0"},
          {"last_snapshot_term", "0"},
          {"latest_configuration",
           "[{Suffrage:Voter ID:" + identity.self.node_id + " Address:" + log.leader_address + "}]"},
          {"latest_configuration_index", "0"},
          {"num_peers", "0"},
          {"protocol_version", "3"},
          {"protocol_version_max", "3"},
          {"protocol_version_min", "0"},
          {"snapshot_version_max", "1"},
          {"snapshot_version_min", "0"},
          {"state", "Leader"},
          {"term", "2"}};
}

/// A pool whose only member is this agent.
Group pool_group() {
  return {{"coordinate_resets", "0"}, {"encrypted", "false"}, {"event_queue", "0"},
          {"event_time", "1"},        {"failed", "0"},        {"health_score", "0"},
          {"intent_queue", "0"},      {"left", "0"},          {"member_time", "1"},
          {"members", "1"},           {"query_queue", "0"},   {"query_time", "1"}};
}

Group runtime_group() {
  const std::string processors = std::to_string(base::usable_processors());
  return {{"arch", architecture()},
          {"cpu_count", processors},
          {"goroutines", std::to_string(process_facts().threads)},
          {"max_procs", processors},
          {"os", "linux"},
          {"version", "C++20"}};
}

}  // namespace

model::AgentStats collect_stats(const agent::AgentIdentity& identity, model::LocalAgent& agent,
                                const LogFacts& log) {
  model::AgentStats stats;
  stats["agent"] = agent_group(agent);
  stats["build"] = {{"prerelease", ""}, {"revision", ""}, {"version", identity.self.version}};
  stats["consul"] = {{"acl", "disabled"},
                     {"bootstrap", "true"},
                     {"known_datacenters", "1"},
                     {"leader", "true"},
                     {"leader_addr", log.leader_address},
                     {"server", identity.self.server ? "true" : "false"}};
  stats["raft"] = raft_group(identity, log);
  stats["runtime"] = runtime_group();
  stats["serf_lan"] = pool_group();
  if (identity.wan_member) stats["serf_wan"] = pool_group();
  return stats;
}

}  // namespace discovery::api
