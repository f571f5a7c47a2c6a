#pragma once

/// \file
/// A simple model of an agent: what must be there after calls that were answered, and how it must be.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "lib/model/check_spec.h"
#include "lib/model/local_agent.h"
#include "lib/model/records.h"

namespace discovery::agent {

struct TrueService {
  std::string name;
  std::int64_t port = 0;
  std::set<std::string> tags{};  ///< any of these, joined with commas
  std::string token{};

  bool unsure = false;  ///< more than one call may have set its token

  /// It may have been this one instead, which looks the same.
  void doubt(const TrueService& other) { unsure = unsure || token != other.token; }
};

struct TrueCheck {
  std::string service;
  std::string name;
  model::CheckKind kind = model::CheckKind::kTtl;
  std::string token{};
  std::string mirrors{};       ///< an alias: a service; empty: the node
  std::string mirrors_node{};  ///< an alias: where; empty: here
  std::string target{};        ///< what a probe looks at
  Duration ttl{};
  std::string status{};  ///< a TTL check's; empty: not known

  bool reaps = false;   ///< its service goes when it was critical for long
  bool unsure = false;  ///< more than one call may have set what does not show

  /// It may have been this one instead, which looks the same.
  void doubt(const TrueCheck& other) {
    unsure = unsure || ttl != other.ttl || mirrors != other.mirrors || mirrors_node != other.mirrors_node ||
             token != other.token;
    reaps = reaps || other.reaps;
  }
};

inline std::string join_tags(const model::Tags& tags) {
  std::string all;
  for (const auto& tag : tags) all += tag.str() + ",";
  return all;
}

struct Truth {
  std::map<std::string, TrueService> services;
  std::map<std::string, TrueCheck> checks;

  static std::string maintenance_of(const std::string& service) {
    return service.empty() ? "_node_maintenance" : "_service_maintenance:" + service;
  }

  bool may_vanish(const std::string& service) const {
    return std::any_of(checks.begin(), checks.end(), [&](const auto& entry) {
      return entry.second.service == service && entry.second.reaps;
    });
  }

  void put_check(const model::CheckSpec& spec, const std::string& service) {
    const auto earlier = checks.find(spec.id);
    TrueCheck check{.service = service,
                    .name = spec.name,
                    .kind = spec.kind(),
                    .token = spec.token,
                    .mirrors = spec.alias_service,
                    .mirrors_node = spec.alias_node,
                    .target = spec.id,
                    .ttl = spec.ttl,
                    .status = spec.status.empty() ? std::string(model::kCritical) : spec.status,
                    .reaps = spec.deregister_critical_service_after > Duration::zero()};
    // How it is outlives another definition, but of what kind it was is not followed further.
    if (earlier != checks.end()) {
      const bool same_kind = earlier->second.kind == check.kind && earlier->second.ttl == check.ttl;
      check.status = same_kind ? earlier->second.status : std::string();
    }
    checks[spec.id] = std::move(check);
  }

  void put_service(const model::ServiceSpec& spec) {
    const std::string id = spec.service.id.str();
    services[id] = {spec.service.name.str(), spec.service.port, {join_tags(spec.service.tags)}, spec.token};
    std::set<std::string> named;
    for (const auto& check : spec.checks) {
      const std::string token = check.token.empty() ? spec.token : check.token;
      auto one = check;
      one.token = token;
      put_check(one, id);
      named.insert(check.id);
    }
    if (!spec.replace_existing_checks) return;
    std::erase_if(checks, [&](const auto& entry) {
      return entry.second.service == id && !named.contains(entry.first);
    });
  }

  void remove_service(const std::string& id) {
    services.erase(id);
    std::erase_if(checks, [&](const auto& entry) { return entry.second.service == id; });
  }

  void maintain(const std::string& service, bool enable) {
    if (!service.empty() && !services.contains(service)) return;
    const std::string id = maintenance_of(service);
    if (!enable) {
      checks.erase(id);
      return;
    }
    if (checks.contains(id)) return;
    checks[id] = {.service = service,
                  .name = service.empty() ? "Node Maintenance Mode" : "Service Maintenance Mode",
                  .kind = model::CheckKind::kMaintenance,
                  .token = service.empty() ? "" : services.at(service).token,
                  .status = std::string(model::kCritical)};
  }
};

}  // namespace discovery::agent
