// How the agent keeps what was registered, and takes it up again.

#include <algorithm>
#include <utility>

#include "lib/agent/local_agent.h"
#include "lib/base/duration.h"
#include "lib/model/validation.h"

namespace discovery::agent {

using model::CheckKind;
using model::CheckSpec;
using model::Origin;

void NodeAgent::keep_check(const CheckSpec& spec) {
  if (!store_ || restoring_) return;
  // What a TTL check's last report said goes with the check that it was of: a later one begins anew.
  const bool keeps_state = spec.kind() == CheckKind::kTtl && spec.origin != Origin::kConfig;
  if (!keeps_state) kept_until_.erase(spec.id);
  if (spec.origin == Origin::kConfig) {  // the file is read again; what it replaces must not come back
    return store_->erase_check(spec.id, spec.service_id);
  }
  const auto found = state_.checks().find(spec.id);
  if (found == state_.checks().end() || !found->second.record) return;
  StoredCheck stored{*found->second.record, spec, spec.token};
  if (found->second.kind == CheckKind::kMaintenance) stored.spec.reset();
  if (!keeps_state) store_->erase_state(spec.id);
  store_->put(stored);
}

void NodeAgent::on_service_removed(const std::string& id) {
  if (store_ && !restoring_) store_->erase_service(id);
}

void NodeAgent::keep_state(const std::string& id, bool changed, Async<Unit>::Callback done) {
  const auto found = state_.checks().find(id);
  if (!store_ || found == state_.checks().end() || !found->second.record) return done(Unit{});
  const OwnCheck& check = found->second;
  const auto now = env_.clock().wall();
  const auto [kept_until, is_first] = kept_until_.try_emplace(id);
  auto& until = kept_until->second;
  changed = changed || is_first;  // for the disk it is news
  // A report that says nothing new moves the end of the TTL only: it is kept when half of that is over.
  const auto half = std::chrono::duration_cast<std::chrono::system_clock::duration>(check.ttl / 2);
  if (!changed && until - now > half) return done(Unit{});
  until = now + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                    std::min<Duration>(check.ttl, std::chrono::hours(24 * 365)));
  const StoredState state{id, check.record->status.str(), check.record->output.str(), until};
  if (!changed) {
    done(Unit{});
    done = [](const Result<Unit>&) {};
  }
  store_->keep(
      state, [this, id, done = std::move(done), life = std::weak_ptr(life_)](const Status& kept) mutable {
        if (!kept.ok() && !life.expired()) kept_until_.erase(id);  // the next report is kept in any case
        kept.ok() ? done(Unit{})
                  : done(Status(Code::kUnavailable,
                                "it is noted, but could not be kept: " + std::string(kept.message())));
      });
}

std::optional<LocalState::LastWord> NodeAgent::recall(const std::string& id) {
  auto kept = kept_states_.extract(id);
  if (kept.empty()) return std::nullopt;
  StoredState& state = kept.mapped();
  if (state.expires <= env_.clock().wall() || !model::is_check_status(state.status)) return std::nullopt;
  return LocalState::LastWord{std::move(state.status), std::move(state.output)};
}

Status NodeAgent::refuse_if_full() const {
  if (!store_ || !store_->full()) return {};
  return {Code::kResourceExhausted, "the disk does not keep up with registrations"};
}

void NodeAgent::answer_when_kept(const Status& changed, Async<Unit>::Callback done) {
  if (!store_ || !changed.ok()) {
    if (store_) store_->commit(nullptr);
    return changed.ok() ? done(Unit{}) : done(changed);
  }
  store_->commit([done = std::move(done)](const Status& kept) mutable {
    kept.ok() ? done(Unit{})
              : done(Status(Code::kUnavailable, "cannot keep it: " + std::string(kept.message())));
  });
}

Status NodeAgent::load() {
  if (!store_) return {};
  auto content = store_->load();
  if (!content.ok()) return content.status();
  kept_ = *std::move(content);
  for (const auto& problem : kept_.problems) env_.log().write(Level::kError, "agent", problem);
  for (auto& state : kept_.states) {
    std::string id = state.check_id;
    kept_states_.insert_or_assign(std::move(id), std::move(state));
  }
  return {};
}

void NodeAgent::restore() {
  if (!store_) return;
  const auto kept = std::exchange(kept_, {});
  restoring_ = true;
  for (const auto& stored : kept.services) restore_service(stored);
  for (const auto& stored : kept.checks) restore_check(stored);
  restoring_ = false;
  drop_orphans();
  // What is left is of checks that have gone; another one with the same id must not begin with it.
  for (const auto& [id, state] : std::exchange(kept_states_, {})) {
    const auto found = state_.checks().find(id);
    const bool in_use =
        found != state_.checks().end() && found->second.record && found->second.ttl > Duration::zero();
    if (!in_use) store_->erase_state(id);
  }
  store_->commit(nullptr);
}

void NodeAgent::drop_orphans() {
  std::vector<std::string> orphans;  // left from a removal that was cut short
  const auto& units = state_.units();
  for (const auto& [id, unit] : units) {
    if (!unit.service || !unit.sidecar) continue;
    const auto parent = units.find(parent_of_sidecar(id));
    if (parent == units.end() || !parent->second.service) orphans.push_back(id);
  }
  for (const std::string& id : orphans) after_change(state_.deregister_service(id));
}

void NodeAgent::restore_service(StoredService stored) {
  const auto there = state_.units().find(std::string_view(stored.service.id));
  if (there != state_.units().end() && there->second.service) {
    return store_->erase_service(stored.service.id);  // a configuration file defines it now
  }
  take_up(std::move(stored));
}

void NodeAgent::restore_check(StoredCheck stored) {
  const std::string id = stored.record.check_id.str();
  const std::string service = stored.record.service_id.str();
  const auto there = state_.checks().find(id);
  if (there != state_.checks().end() && there->second.record) {
    if (there->second.origin == Origin::kConfig) store_->erase_check(id, service);
    return;
  }
  const auto owner = state_.units().find(service);
  if (!service.empty() && (owner == state_.units().end() || !owner->second.service)) {
    return store_->erase_check(id, service);  // left from a registration, or a removal, that was cut short
  }
  take_up(std::move(stored));
}

void NodeAgent::take_up(StoredService stored) {
  model::ServiceSpec spec;
  spec.service = std::move(stored.service);
  spec.token = std::move(stored.token);
  spec.is_sidecar = stored.sidecar;
  const std::string id = spec.service.id.str();
  const auto unit = state_.register_service(std::move(spec), now());
  if (unit.ok()) return after_change(*unit);
  env_.log().write(Level::kError, "agent",
                   "cannot restore service " + id + ": " + std::string(unit.status().message()));
}

void NodeAgent::take_up(StoredCheck stored) {
  const std::string id = stored.record.check_id.str();
  const auto warn = [&](const Status& why) {
    env_.log().write(Level::kError, "agent",
                     "cannot restore check " + id + ": " + std::string(why.message()));
  };
  const std::string service = stored.record.service_id.str();
  if (!stored.spec) {
    const auto unit = state_.set_maintenance(service, true, stored.record.notes, now());
    return unit.ok() ? after_change(*unit) : warn(unit.status());
  }
  CheckSpec spec = *std::move(stored.spec);
  spec.id = id;
  spec.name = stored.record.name.str();
  spec.notes = stored.record.notes.str();
  spec.service_id = service;
  spec.token = std::move(stored.token);
  spec.status.clear();  // nobody knows how it is now
  if (const Status refused = refusal(spec); !refused.ok()) return warn(refused);
  // Checks that came in a service's definition are shown without their interval.
  const auto shape = stored.record.interval.empty() ? LocalState::Shape::kEmbedded : LocalState::Shape::kOwn;
  const auto unit = state_.register_check(std::move(spec), shape, now());
  unit.ok() ? after_change(*unit) : warn(unit.status());
}

void NodeAgent::revert(DefinitionStore::Reverted kept) {
  restoring_ = true;
  for (auto& stored : kept.services) take_up(std::move(stored));
  for (const auto& id : kept.missing_checks) after_change(state_.deregister_check(id));
  for (auto& stored : kept.checks) take_up(std::move(stored));
  for (const auto& id : kept.missing_services) after_change(state_.deregister_service(id));
  restoring_ = false;
}

}  // namespace discovery::agent
