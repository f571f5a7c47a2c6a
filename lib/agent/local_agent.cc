#include "lib/agent/local_agent.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <type_traits>

#include "lib/env/on_loop.h"
#include "lib/model/describe_records.h"

namespace discovery::agent {

using model::AgentService;
using model::CheckPtr;
using model::Member;

namespace {

Status stopped() { return {Code::kCancelled, "the agent has stopped"}; }

/// Compiles a filter for one of the agent's lists, of so many rows. The one of checks reports errors without
/// the usual introduction. kResourceExhausted: its regular expressions might keep the loop from others.
Result<filter::Filter> compile(const std::string& text, const filter::Schema& schema, std::size_t rows,
                               bool introduce) {
  constexpr std::string_view kIntroduction = "Failed to create boolean expression evaluator: ";
  auto compiled = filter::Filter::compile(text, schema);
  if (compiled && compiled->pattern_size() * rows > NodeAgent::kMaxPatternWork) {
    return Status(Code::kResourceExhausted, "the filter's regular expressions are too long for so many rows");
  }
  if (introduce || compiled) return compiled;
  const Status status = compiled.status();
  std::string_view message = status.message();
  if (message.starts_with(kIntroduction)) message.remove_prefix(kIntroduction.size());
  return Status(status.code(), std::string(message));
}

}  // namespace

NodeAgent::NodeAgent(env::Env& env, model::Backend& backend, AgentIdentity identity, const Options& options)
    : env_(env),
      identity_(std::move(identity)),
      options_(options),
      service_schema_(filter::schema_of<model::ServiceInstance>()),
      check_schema_(filter::schema_of<model::HealthCheck>()),
      state_(identity_, state_options()),
      sync_(env, backend, state_, identity_.self.node_name, options_.sync),
      store_(options_.data_dir.empty()
                 ? nullptr
                 : std::make_unique<DefinitionStore>(
                       env, options_.data_dir,
                       [this](DefinitionStore::Reverted kept) { revert(std::move(kept)); })),
      checker_(env, options_.checker, [this](const health::Report& report) { on_report(report); }),
      aliases_(backend,
               [this](const std::string& id, const health::ProbeResult& seen) { on_alias(id, seen); }),
      timer_(env.make_timer()) {}

NodeAgent::~NodeAgent() {
  life_.reset();
  for (auto& [key, waiter] : std::exchange(waiters_, {})) waiter.done(stopped());
}

LocalState::Options NodeAgent::state_options() {
  LocalState::Options options;
  options.max_output = options_.max_check_output;
  options.defer_output = options_.check_update_interval > Duration::zero();
  options.output_delay = [this] {
    const Duration interval = options_.check_update_interval;
    return interval / 2 + env_.random().below(interval);
  };
  options.service_changed = [this](const std::string& id) { wake(id); };
  options.check_added = [this](const model::CheckSpec& spec, std::size_t max_output) {
    on_check_added(spec, max_output);
  };
  options.check_removed = [this](const std::string& id) { on_check_removed(id); };
  options.service_removed = [this](const std::string& id) { on_service_removed(id); };
  options.recall = [this](const std::string& id) { return recall(id); };
  options.discard_output = options_.discard_check_output;
  options.sidecar_ports = options_.sidecar_ports;
  return options;
}

template <class T, class F>
Async<T> NodeAgent::on_loop(F work) {
  return env::on_loop<T>(env_, life_, stopped(), std::move(work));
}

template <class F>
Async<Unit> NodeAgent::change(F change) {
  return on_loop<Unit>([this, change = std::move(change)](Async<Unit>::Callback done) mutable {
    if (Status status = refuse_if_full(); !status.ok()) return done(std::move(status));
    Result<SyncUnit*> unit = change();
    if (unit.ok()) after_change(*unit);
    answer_when_kept(unit.status(), std::move(done));
  });
}

void NodeAgent::sync_after_start() { sync_.compare(); }

void NodeAgent::reconfigure(const Reloadable& fresh) {
  state_.set_discard_output(fresh.discard_check_output);
  if (identity_.self.node_meta == fresh.node_meta) return;
  identity_.self.node_meta = fresh.node_meta;
  after_change(state_.node_changed());
}

Async<Unit> NodeAgent::register_service(model::ServiceSpec spec, Call) {
  return change([this, spec = std::move(spec)]() mutable -> Result<SyncUnit*> {
    const auto sidecar = check_and_complete(spec);
    if (!sidecar.ok()) return sidecar.status();
    auto unit = register_and_keep(spec);
    if (!unit.ok() || !*sidecar) return unit;
    after_change(*unit);
    return register_and_keep(**sidecar);
  });
}

Async<Unit> NodeAgent::register_services(std::vector<model::ServiceSpec> specs, Call) {
  return change([this, specs = std::move(specs)]() mutable -> Result<SyncUnit*> {
    std::vector<model::ServiceSpec> sidecars;
    for (model::ServiceSpec& spec : specs) {
      auto sidecar = check_and_complete(spec);
      if (!sidecar.ok()) return sidecar.status();
      if (*sidecar) sidecars.push_back(**std::move(sidecar));
    }
    std::move(sidecars.begin(), sidecars.end(), std::back_inserter(specs));
    std::vector<SyncUnit*> units;
    for (const model::ServiceSpec& spec : specs) {
      auto unit = register_and_keep(spec);
      if (!unit.ok()) return unit;  // what is complete does not fail
      units.push_back(*unit);
    }
    sync_.push_together(units);
    return nullptr;
  });
}

Result<std::optional<model::ServiceSpec>> NodeAgent::check_and_complete(model::ServiceSpec& spec) const {
  if (Status status = state_.complete(spec); !status.ok()) return status;
  if (Status status = refusal(spec); !status.ok()) return status;
  auto sidecar = state_.sidecar_of(spec);
  if (!sidecar.ok() || !*sidecar) return sidecar;
  if (Status status = refusal(**sidecar); !status.ok()) return status;
  return sidecar;
}

Status NodeAgent::refusal(const model::ServiceSpec& service) const {
  for (const auto& check : service.checks) {
    if (Status status = refusal(check); !status.ok()) return status;
  }
  return {};
}

Result<SyncUnit*> NodeAgent::register_and_keep(const model::ServiceSpec& spec) {
  const StoredService stored{spec.service, spec.token, spec.is_sidecar};
  const auto keep = [&] {
    if (!store_) return;
    const bool configured = spec.origin == model::Origin::kConfig;
    configured ? store_->erase_service(stored.service.id) : store_->put(stored);
  };
  // It is kept after its checks, so that it is never found without them; but a check that another service
  // had must not be found without a service, for then it would be lost.
  const bool first = note_moves(spec.checks, spec.service.id);
  if (first) keep();
  auto unit = state_.register_service(spec, now());
  if (!first && unit.ok()) keep();
  return unit;
}

bool NodeAgent::note_moves(std::span<const model::CheckSpec> checks, std::string_view service_id) {
  bool any = false;
  for (const model::CheckSpec& check : checks) {
    const auto found = state_.checks().find(check.id);
    if (found == state_.checks().end() || !found->second.record) continue;
    if (found->second.service_id == service_id) continue;
    any = true;
    if (store_) store_->relate(found->second.service_id);
  }
  return any;
}

Async<Unit> NodeAgent::deregister_service(std::string id, Call) {
  return change([this, id = std::move(id)] {
    if (store_) store_->erase_service(id);  // also where only its file is left
    return Result(state_.deregister_service(id));
  });
}

Async<Unit> NodeAgent::register_check(model::CheckSpec spec, Call) {
  return change([this, spec = std::move(spec)]() mutable -> Result<SyncUnit*> {
    const Status status = state_.complete(spec);
    if (status.ok() || status.code() == Code::kNotFound) {  // what may not run is said first
      if (Status refused = refusal(spec); !refused.ok()) return refused;
    }
    if (!status.ok()) return status;
    (void)note_moves({&spec, 1}, spec.service_id);
    return state_.register_check(std::move(spec), now());
  });
}

Async<Unit> NodeAgent::deregister_check(std::string id, Call) {
  return change([this, id = std::move(id)] {
    if (store_ && !state_.checks().contains(id)) store_->erase_check(id, {});
    return Result(state_.deregister_check(id));
  });
}

Async<Unit> NodeAgent::update_check(std::string id, std::string status, std::string output, Call) {
  return on_loop<Unit>([this, id = std::move(id), status = std::move(status),
                        output = std::move(output)](Async<Unit>::Callback done) mutable {
    const auto found = state_.checks().find(id);
    const bool changed =
        found != state_.checks().end() && found->second.record && found->second.record->status != status;
    Result<SyncUnit*> unit = state_.update_check(id, status, output, now());
    if (!unit) return done(unit.status());
    after_change(*unit);
    keep_state(id, changed, std::move(done));
  });
}

Async<Unit> NodeAgent::set_service_maintenance(std::string id, bool enable, std::string reason, Call) {
  return change([this, id = std::move(id), enable, reason = std::move(reason)]() -> Result<SyncUnit*> {
    if (id.empty()) return invalid_argument("Missing service ID");
    return state_.set_maintenance(id, enable, reason, now());
  });
}

Async<Unit> NodeAgent::set_node_maintenance(bool enable, std::string reason, Call) {
  return change([this, enable, reason = std::move(reason)] {
    return state_.set_maintenance({}, enable, reason, now());
  });
}

Async<model::CheckHistory> NodeAgent::check_history(std::string id, Call) {
  return on_loop<model::CheckHistory>([this, id = std::move(id)](auto done) {
    auto history = state_.history(id, now(), env_.clock().wall());
    if (history.ok()) add_counts(*history);
    done(std::move(history));
  });
}

Async<std::vector<model::ServiceHealth>> NodeAgent::service_health_by_id(std::string id, Call) {
  return on_loop<std::vector<model::ServiceHealth>>(
      [this, id = std::move(id)](auto done) { done(state_.health_by_id(id)); });
}

Async<std::vector<model::ServiceHealth>> NodeAgent::service_health_by_name(std::string name, Call) {
  return on_loop<std::vector<model::ServiceHealth>>(
      [this, name = std::move(name)](auto done) { done(state_.health_by_name(name)); });
}

Async<std::vector<AgentService>> NodeAgent::services(std::string filter, Call) {
  return on_loop<std::vector<AgentService>>([this, filter = std::move(filter)](auto done) {
    const auto compiled = compile(filter, service_schema_, state_.units().size(), true);
    if (!compiled) return done(compiled.status());
    std::vector<AgentService> services;
    for (const auto& [id, unit] : state_.units()) {
      if (!unit.service) continue;
      const auto fits = compiled->matches(*unit.service);
      if (!fits) return done(fits.status());
      if (*fits) services.push_back(*state_.service(id));
    }
    done(std::move(services));
  });
}

Async<std::vector<CheckPtr>> NodeAgent::checks(std::string filter, Call) {
  return on_loop<std::vector<CheckPtr>>([this, filter = std::move(filter)](auto done) {
    const auto compiled = compile(filter, check_schema_, state_.checks().size(), false);
    if (!compiled) return done(compiled.status());
    std::vector<CheckPtr> checks;
    for (const auto& [id, check] : state_.checks()) {
      if (!check.record) continue;
      const auto fits = compiled->matches(*check.record);
      if (!fits) return done(fits.status());
      if (*fits) checks.push_back(check.record);
    }
    done(std::move(checks));
  });
}

Async<AgentService> NodeAgent::service(std::string id, std::string hash, Duration wait, Call call) {
  return on_loop<AgentService>([this, id = std::move(id), hash = std::move(hash), wait,
                                stop = std::move(call.stop)](Async<AgentService>::Callback done) mutable {
    auto service = state_.service(id);
    if (!service || hash.empty() || service->content_hash != hash) return done(std::move(service));
    wait_for_service(std::move(id), std::move(hash), wait, std::move(stop), std::move(done));
  });
}

bool NodeAgent::any_service(const std::function<bool(const model::ServiceInstance&)>& fits) {
  return std::any_of(state_.units().begin(), state_.units().end(),
                     [&](const auto& entry) { return entry.second.service && fits(*entry.second.service); });
}

model::AgentSelf NodeAgent::self() const { return identity_.self; }

Async<std::vector<Member>> NodeAgent::members(bool wan, Call) {
  std::vector<Member> members;
  if (!wan) {
    members.push_back(identity_.self.member);
  } else if (identity_.wan_member) {
    members.push_back(*identity_.wan_member);
  }
  return members;
}

void NodeAgent::after_change(SyncUnit* unit) {
  if (unit != nullptr) sync_.push(*unit);
  while (SyncUnit* orphan = state_.take_orphan()) sync_.push(*orphan);
  while (const auto changed = state_.refresh_alias(now())) {
    if (*changed != nullptr) sync_.push(**changed);
  }
  arm_timer();
}

void NodeAgent::arm_timer() {
  const auto next = state_.next_deadline();
  if (!next || (armed_ && *armed_ <= *next)) return;
  armed_ = *next;
  timer_->start(std::max(*next - now(), Duration::zero()), [this] { expire(); });
}

void NodeAgent::expire() {
  armed_.reset();
  while (const auto due = state_.take_due(now())) {
    if (!due->note.empty()) env_.log().write(Level::kWarn, "agent", due->note);
    if (due->unit != nullptr) sync_.push(*due->unit);
    if (store_) store_->commit(nullptr);
  }
  after_change(nullptr);
}

void NodeAgent::wait_for_service(std::string id, std::string hash, Duration wait, std::stop_token stop,
                                 Async<AgentService>::Callback done) {
  if (waiters_.size() >= kMaxWaiting) {
    return done(Status(Code::kResourceExhausted, "too many calls wait for services of this agent"));
  }
  wait = wait <= Duration::zero() ? kDefaultWait : std::min(wait, kMaxWait);
  wait += env_.random().below(wait / 16);
  const WaiterKey key{std::move(id), ++waits_};
  Waiter& waiter = waiters_[key];
  waiter.hash = std::move(hash);
  waiter.done = std::move(done);
  waiter.timer = env_.make_timer();
  waiter.timer->start(wait, [this, key] { answer(key, {}); });
  if (!stop.stop_possible()) return;
  // The stop may come on any thread, and inside this very call.
  waiter.stop.emplace(std::move(stop), [this, key, env = &env_, life = std::weak_ptr(life_)] {
    env->post([this, key, life] {
      if (!life.expired()) answer(key, {Code::kCancelled, "the caller has given up"});
    });
  });
}

void NodeAgent::wake(const std::string& id) {
  if (waiters_.empty()) return;
  const auto service = state_.service(id);
  for (auto at = waiters_.lower_bound({id, 0}); at != waiters_.end() && at->first.first == id; ++at) {
    if (service && service->content_hash == at->second.hash) continue;
    // Not now: this is inside a change, and who is answered may ask for the next one.
    at->second.timer->start(Duration::zero(), [this, key = at->first] { answer(key, {}); });
  }
}

void NodeAgent::answer(const WaiterKey& key, const Status& failure) {
  auto node = waiters_.extract(key);
  if (node.empty()) return;
  auto done = std::move(node.mapped().done);
  if (failure.ok()) {
    done(state_.service(node.key().first));
  } else {
    done(failure);
  }
}

}  // namespace discovery::agent
