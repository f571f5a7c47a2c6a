// What the catalog must be told of the agent's services and checks.

#include <algorithm>
#include <memory>
#include <utility>

#include "lib/agent/local_state.h"

namespace discovery::agent {

using model::DeregisterCommand;
using model::HealthCheck;
using model::RegisterCommand;

namespace {

/// Whether the catalog's node says what the agent says of itself.
bool same_node(const model::Node& remote, const AgentIdentity& identity) {
  return remote.id == identity.self.node_id && remote.address == identity.address &&
         remote.tagged_addresses == identity.tagged_addresses && remote.meta == identity.self.node_meta;
}

/// `remote` is equal but perhaps for the output.
bool same_without_output(const HealthCheck& local, HealthCheck remote) {
  remote.output = local.output;
  return local.same_content(remote);
}

}  // namespace

RegisterCommand LocalState::node_command() const {
  RegisterCommand command;
  command.datacenter = identity_.self.datacenter;
  command.id = identity_.self.node_id;
  command.node = identity_.self.node_name;
  command.address = identity_.address;
  command.tagged_addresses = identity_.tagged_addresses;
  command.node_meta = identity_.self.node_meta;
  command.skip_node_update = node_in_sync_;
  return command;
}

Push LocalState::deregistration(std::string token, std::string service_id, std::string check_id) const {
  DeregisterCommand command;
  command.datacenter = identity_.self.datacenter;
  command.node = identity_.self.node_name;
  command.service_id = std::move(service_id);
  command.check_id = std::move(check_id);
  return {.command = std::move(command), .token = std::move(token)};
}

bool LocalState::is_dirty(const SyncUnit& unit, const std::string& check_id) const {
  const auto found = checks_.find(check_id);
  return found != checks_.end() && found->second.dirty && found->second.service_id == unit.id;
}

OwnCheck* LocalState::next_dirty_check(SyncUnit& unit) {
  auto& ids = unit.dirty_checks;
  while (!ids.empty() && !is_dirty(unit, ids.back())) ids.pop_back();
  if (!ids.empty()) return &checks_.find(ids.back())->second;
  ids.shrink_to_fit();
  return nullptr;
}

void LocalState::gather_checks(SyncUnit& unit) {
  const auto goes_later = [&](const std::string& id) {
    const OwnCheck& check = checks_.find(id)->second;
    return !check.record || check.token != unit.token;
  };
  auto& ids = unit.dirty_checks;
  std::erase_if(ids, [&](const std::string& id) { return !is_dirty(unit, id); });
  std::stable_partition(ids.begin(), ids.end(), goes_later);
}

std::optional<Push> LocalState::next_push(SyncUnit& unit) {
  const bool whole_service = unit.dirty && unit.service;
  if (whole_service) gather_checks(unit);
  OwnCheck* check = next_dirty_check(unit);
  const auto take = [&](Push& push) {
    check->dirty = false;
    push.checks.push_back(std::move(unit.dirty_checks.back()));
    unit.dirty_checks.pop_back();
    check = next_dirty_check(unit);
  };
  if (unit.dirty && !unit.service && !unit.id.empty()) {  // its checks go with it
    Push push = deregistration(unit.token, unit.id, {});
    push.whole = true;
    while (check != nullptr) take(push);
    unit.dirty = false;
    return push;
  }
  if (check != nullptr && !check->record && !whole_service) {
    Push push = deregistration(check->token.str(), {}, unit.dirty_checks.back());
    take(push);
    return push;
  }
  if (!unit.dirty && check == nullptr) return std::nullopt;

  Push push{.token = unit.dirty ? unit.token : check->token.str(), .whole = std::exchange(unit.dirty, false)};
  RegisterCommand command = node_command();
  push.node = !command.skip_node_update;
  if (whole_service) command.service = *unit.service;
  while (check != nullptr && check->record && check->token == push.token &&
         push.checks.size() < kMaxChecksPerPush) {
    command.checks.push_back(*check->record);
    take(push);
  }
  push.command = std::move(command);
  return push;
}

void LocalState::push_done(SyncUnit& unit, const Push& push, bool accepted) {
  if (push.node && accepted) node_in_sync_ = true;
  if (push.whole) {
    if (accepted) {
      unit.version = ++version_;
    } else {
      unit.dirty = true;
    }
  }
  for (const auto& id : push.checks) settle_check(unit, id, accepted);
}

void LocalState::settle_check(SyncUnit& unit, const std::string& id, bool accepted) {
  const auto found = checks_.find(id);
  if (found == checks_.end() || found->second.service_id != unit.id) return;
  OwnCheck& check = found->second;
  if (!accepted) {
    mark_dirty(unit, id, check);
  } else if (!check.record && !check.dirty) {
    unit.checks.erase(id);
    checks_.erase(found);
  } else {
    check.version = ++version_;
  }
}

void LocalState::forget_if_idle(SyncUnit& unit) {
  if (unit.id.empty() || unit.service || unit.wants_push() || !unit.checks.empty() || unit.queued ||
      unit.pushing) {
    return;
  }
  units_.erase(units_.find(unit.id));
}

std::vector<SyncUnit*> LocalState::reconcile(const model::NodeServices& services, const model::Checks& checks,
                                             std::uint64_t since) {
  ++reconciliation_;
  if (!services.node || !same_node(*services.node, identity_)) {
    node_in_sync_ = false;
    mark_dirty(unit(""));
  }
  reconcile_services(services, since);
  reconcile_checks(checks, since);
  std::vector<SyncUnit*> wanting;
  for (auto& [id, unit] : units_) {
    if (unit.wants_push()) wanting.push_back(&unit);
  }
  return wanting;
}

void LocalState::reconcile_services(const model::NodeServices& remote, std::uint64_t since) {
  for (const auto& service : remote.services) {
    const auto found = units_.find(service->id);
    if (found != units_.end()) {
      found->second.seen = reconciliation_;
      reconcile_service(found->second, *service, since);
    } else if (service->id != model::kConsulService) {
      mark_dirty(unit(service->id));  // without a service: to be removed
    }
  }
  for (auto& [id, unit] : units_) {
    const bool missing = unit.service && unit.seen != reconciliation_;
    if (missing && unit.version <= since && !unit.pushing && !unit.dirty) mark_dirty(unit);
  }
}

void LocalState::reconcile_service(SyncUnit& unit, const model::ServiceInstance& remote,
                                   std::uint64_t since) {
  if (unit.version > since || unit.pushing || unit.dirty) return;
  if (unit.service && unit.service->enable_tag_override && unit.service->tags != remote.tags) {
    model::ServiceInstance service = *unit.service;
    service.tags = remote.tags;
    unit.service = std::make_shared<const model::ServiceInstance>(std::move(service));
    unit.hash.clear();
    rename_checks(unit);
    options_.service_changed(unit.id);
  }
  if (!unit.service || !unit.service->same_content(remote)) mark_dirty(unit);
}

void LocalState::reconcile_checks(const model::Checks& remote, std::uint64_t since) {
  for (const auto& check : remote) reconcile_check(*check, since);
  for (auto& [id, check] : checks_) {
    const bool missing = check.record && check.seen != reconciliation_;
    if (missing && check.version <= since && !check.dirty) mark_dirty(unit(check.service_id), id, check);
  }
}

void LocalState::reconcile_check(const HealthCheck& remote, std::uint64_t since) {
  const auto found = checks_.find(remote.check_id);
  if (found == checks_.end()) {
    if (remote.check_id == model::kSerfHealth) return;
    const auto owner = units_.find(remote.service_id);
    const bool goes_anyway = !remote.service_id.empty() && owner != units_.end() && !owner->second.service;
    if (goes_anyway) return;
    SyncUnit& node = unit("");
    const std::string id = remote.check_id.str();
    node.checks.insert(id);
    mark_dirty(node, id, checks_[id]);
    return;
  }
  auto& [id, check] = *found;
  check.seen = reconciliation_;
  if (check.version > since || check.dirty || !check.record) return;
  const bool same = deferred_.contains(id) ? same_without_output(*check.record, remote)
                                           : check.record->same_content(remote);
  if (!same) mark_dirty(unit(check.service_id), id, check);
}

}  // namespace discovery::agent
