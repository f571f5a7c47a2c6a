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
  if (spec.origin == Origin::kConfig) {  // the file is read again; what it replaces must not come back
    return store_->erase_check(spec.id);
  }
  const auto found = state_.checks().find(spec.id);
  if (found == state_.checks().end() || !found->second.record) return;
  StoredCheck stored{*found->second.record, spec, spec.token};
  if (found->second.kind == CheckKind::kMaintenance) stored.spec.reset();
  store_->put(stored);
}

void NodeAgent::on_service_removed(const std::string& id) {
  if (store_) store_->erase_service(id);
}

bool NodeAgent::keep_state(std::string_view id, bool changed) {
  const auto found = state_.checks().find(id);
  if (!store_ || found == state_.checks().end() || !found->second.record) return false;
  const OwnCheck& check = found->second;
  const auto now = env_.clock().wall();
  auto& until = kept_until_[std::string(id)];
  // A report that says nothing new moves the end of the TTL only: it is kept when half of that is over.
  const auto half = std::chrono::duration_cast<std::chrono::system_clock::duration>(check.ttl / 2);
  if (!changed && until - now > half) return false;
  until = now + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                    std::min<Duration>(check.ttl, std::chrono::hours(24 * 365)));
  store_->put(StoredState{std::string(id), check.record->status.str(), check.record->output.str(), until});
  return changed;
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

void NodeAgent::answer_when_kept(Async<Unit>::Callback done) {
  if (!store_ || store_->idle()) return done(Unit{});
  store_->flush([done = std::move(done)](const Status& status) mutable {
    if (status.ok()) return done(Unit{});
    done(Status(Code::kUnavailable,
                "it is registered, but could not be kept: " + std::string(status.message())));
  });
}

Status NodeAgent::restore() {
  if (!store_) return {};
  auto content = store_->load();
  if (!content.ok()) return content.status();
  const auto warn = [this](const std::string& problem) { env_.log().write(Level::kError, "agent", problem); };
  for (const auto& problem : content->problems) warn(problem);
  for (auto& state : content->states) {
    std::string id = state.check_id;
    kept_states_.insert_or_assign(std::move(id), std::move(state));
  }
  restoring_ = true;
  for (auto& stored : content->services) {
    const auto there = state_.units().find(std::string_view(stored.service.id));
    if (there != state_.units().end() && there->second.service) {
      store_->erase_service(stored.service.id);  // a configuration file defines it now
      continue;
    }
    model::ServiceSpec spec;
    spec.service = std::move(stored.service);
    spec.token = std::move(stored.token);
    const std::string id = spec.service.id.str();
    const auto unit = state_.register_service(std::move(spec), now());
    unit.ok() ? after_change(*unit) : warn("cannot restore service " + id + ": " + unit.status().to_string());
  }
  for (auto& stored : content->checks) restore_check(std::move(stored));
  restoring_ = false;
  return {};
}

void NodeAgent::restore_check(StoredCheck stored) {
  const std::string id = stored.record.check_id.str();
  const auto warn = [&](const Status& why) {
    env_.log().write(Level::kError, "agent",
                     "cannot restore check " + id + ": " + std::string(why.message()));
  };
  const auto there = state_.checks().find(id);
  if (there != state_.checks().end() && there->second.record) {
    if (there->second.origin == Origin::kConfig) store_->erase_check(id);
    return;
  }
  const std::string service = stored.record.service_id.str();
  const auto owner = state_.units().find(service);
  if (!service.empty() && (owner == state_.units().end() || !owner->second.service)) {
    return store_->erase_check(id);  // left from a registration, or a removal, that was cut short
  }
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

}  // namespace discovery::agent
