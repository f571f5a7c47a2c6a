#include "lib/agent/anti_entropy.h"

#include <string>
#include <utility>
#include <variant>

namespace discovery::agent {
namespace {

/// A refusal that no repetition mends: the next comparison will find the difference again.
bool is_denied(const Status& status) {
  return status.code() == Code::kPermissionDenied || status.code() == Code::kUnauthenticated;
}

/// How a command ended: what is to be removed and is not there counts as removed.
Status outcome_of(const Result<model::Outcome>& outcome, bool removal) {
  Status status = outcome.status();
  return removal && status.code() == Code::kNotFound ? Status() : status;
}

model::NodeOperation node_operation(const model::RegisterCommand& command) {
  model::NodeOperation operation{.verb = "set", .node = {}};
  operation.node.id = command.id;
  operation.node.name = command.node;
  operation.node.address = command.address;
  operation.node.datacenter = command.datacenter;
  operation.node.tagged_addresses = command.tagged_addresses;
  operation.node.meta = command.node_meta;
  return operation;
}

/// What the registration of a service with its checks does, as parts of a transaction.
void append_operations(model::RegisterCommand command, model::TxnOperations& operations) {
  if (command.service)
    operations.emplace_back(model::ServiceOperation{"set", command.node, *std::move(command.service)});
  for (model::HealthCheck& check : command.checks)
    operations.emplace_back(model::CheckOperation{"set", std::move(check)});
}

}  // namespace

AntiEntropy::AntiEntropy(env::Env& env, model::Backend& backend, LocalState& state, std::string node_name,
                         const Options& options)
    : env_(env),
      backend_(backend),
      state_(state),
      node_name_(std::move(node_name)),
      options_(options),
      timer_(env.make_timer()) {}

AntiEntropy::~AntiEntropy() = default;

template <class T, class F>
void AntiEntropy::await(Async<T> operation, F result) {
  std::move(operation).then(
      [life = std::weak_ptr(life_), result = std::move(result)](Result<T> value) mutable {
        if (!life.expired()) result(std::move(value));
      });
}

void AntiEntropy::push(SyncUnit& unit) {
  if (unit.queued || unit.pushing) return;
  unit.queued = true;
  queue_.push_back(&unit);
  start_pushes();
}

void AntiEntropy::start_pushes() {
  if (starting_pushes_) return;  // a push that was over at once comes back here: the loop below goes on
  starting_pushes_ = true;
  while (pushes_ < kMaxPushes && !queue_.empty()) {
    SyncUnit& unit = *queue_.front();
    queue_.pop_front();
    unit.queued = false;
    if (auto push = state_.next_push(unit)) {
      start_push(unit, std::move(*push));
    } else {
      state_.forget_if_idle(unit);
    }
  }
  starting_pushes_ = false;
}

void AntiEntropy::start_push(SyncUnit& unit, Push push) {
  unit.pushing = true;
  ++pushes_;
  const bool removal = std::holds_alternative<model::DeregisterCommand>(push.command);
  Call call{.token = push.token};
  auto operation = backend_.apply(std::move(push.command), std::move(call));
  await(std::move(operation),
        [this, &unit, removal, push = std::move(push)](const Result<model::Outcome>& outcome) mutable {
          finish_push(unit, push, outcome_of(outcome, removal));
        });
}

void AntiEntropy::finish_push(SyncUnit& unit, Push& push, const Status& status) {
  --pushes_;
  settle(unit, push, status);
  start_pushes();
}

void AntiEntropy::push_together(const std::vector<SyncUnit*>& units) {
  struct Part {
    SyncUnit* unit;
    Push push;
  };
  std::vector<Part> parts;
  model::TxnCommand together;
  for (SyncUnit* unit : units) {
    if (unit->queued || unit->pushing) continue;  // it goes by itself
    auto push = state_.next_push(*unit);
    if (!push) continue;
    auto* registration = std::get_if<model::RegisterCommand>(&push->command);
    if (registration == nullptr || (!parts.empty() && parts.front().push.token != push->token)) {
      start_push(*unit, *std::move(push));
      continue;
    }
    if (parts.empty() && push->node) together.operations.emplace_back(node_operation(*registration));
    push->node = push->node && parts.empty();
    append_operations(std::move(*registration), together.operations);
    unit->pushing = true;
    parts.push_back({unit, *std::move(push)});
  }
  if (parts.empty()) return;
  ++pushes_;
  Call call{.token = parts.front().push.token};
  await(backend_.apply(std::move(together), std::move(call)),
        [this, parts = std::move(parts)](const Result<model::Outcome>& outcome) mutable {
          --pushes_;
          const bool failed = outcome.ok() && !outcome->result;
          const Status status =
              failed ? Status(Code::kInternal, "the catalog refused a part of them") : outcome.status();
          for (Part& part : parts) settle(*part.unit, part.push, status);
          start_pushes();
        });
}

void AntiEntropy::settle(SyncUnit& unit, Push& push, const Status& status) {
  unit.pushing = false;
  const bool denied = is_denied(status);
  if (denied) push.node = false;
  state_.push_done(unit, push, status.ok() || denied);
  if (status.ok()) {
    note_success();
  } else {
    note_failure(status);
  }
  if (status.ok() || denied) {
    // Also where nothing is left to tell: then it is forgotten if it is idle.
    unit.queued = true;
    queue_.push_back(&unit);
  } else {
    schedule(options_.retry_interval);
  }
}

void AntiEntropy::compare() {
  if (std::exchange(comparing_, true)) return;
  scheduled_.reset();
  timer_->cancel();
  const std::uint64_t since = state_.version();
  await(backend_.query(model::GetNodeServices{node_name_}, {}),
        [this, since](const Result<model::Answer>& services) {
          services ? compare_checks(*services, since) : fail_compare(services.status());
        });
}

void AntiEntropy::compare_checks(const model::Answer& services, std::uint64_t since) {
  await(backend_.query(model::ListNodeChecks{node_name_}, {}),
        [this, since, services](const Result<model::Answer>& checks) {
          checks ? finish_compare(services, *checks, since) : fail_compare(checks.status());
        });
}

void AntiEntropy::finish_compare(const model::Answer& services, const model::Answer& checks,
                                 std::uint64_t since) {
  comparing_ = false;
  const auto* remote_services = std::get_if<model::NodeServices>(&services.value());
  const auto* remote_checks = std::get_if<model::Checks>(&checks.value());
  if (remote_services == nullptr || remote_checks == nullptr) {
    return fail_compare({Code::kInternal, "the answer is to another question"});
  }
  note_success();
  schedule(options_.sync_interval);
  for (SyncUnit* unit : state_.reconcile(*remote_services, *remote_checks, since)) push(*unit);
}

void AntiEntropy::fail_compare(const Status& status) {
  comparing_ = false;
  note_failure(status);
  schedule(options_.retry_interval);
}

void AntiEntropy::note_failure(const Status& status) {
  if (std::exchange(failing_, true)) return;  // one line for all that fails until something works
  env_.log().write(
      Level::kWarn, "agent",
      "the catalog does not take the agent's services and checks, trying again: " + status.to_string());
}

void AntiEntropy::note_success() {
  if (std::exchange(failing_, false)) env_.log().write(Level::kInfo, "agent", "the catalog answers again");
}

void AntiEntropy::schedule(Duration pause) {
  if (comparing_) return;  // its end schedules the next one
  const Duration at = env_.clock().monotonic() + pause + env_.random().below(pause);
  if (scheduled_ && *scheduled_ <= at) return;
  scheduled_ = at;
  timer_->start(at - env_.clock().monotonic(), [this] { compare(); });
}

}  // namespace discovery::agent
