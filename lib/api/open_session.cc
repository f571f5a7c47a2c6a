#include "lib/api/open_session.h"

#include <algorithm>
#include <utility>

#include "lib/base/duration.h"

namespace discovery::api {

bool SessionState::alive() const {
  if (ended_.load(std::memory_order_acquire)) return false;
  const auto now = core_->monotonic();
  return now && *now < deadline();
}

void SessionState::end() {
  if (ended_.exchange(true, std::memory_order_acq_rel)) return;
  core_->executor()->post([lost = lost_]() mutable { lost.request_stop(); });
}

bool SessionState::is_leaving(const std::string& key) const {
  const auto found = keys_.find(key);
  return found != keys_.end() && found->second.leaving;
}

void SessionState::leave_key(const std::string& key) {
  auto left = keys_.extract(key);
  if (left.empty()) return;
  for (auto& waiting : left.mapped().waiting) waiting();
}

SessionKeeper::SessionKeeper(std::shared_ptr<SessionState> state, Duration ttl, Duration begun,
                             std::string token)
    : state_(std::move(state)),
      ttl_(ttl),
      token_(std::move(token)),
      self_(std::make_shared<SessionKeeper*>(this)) {
  AgentCore& core = *state_->core();
  core.add(*this);
  if (ttl_ > Duration::zero()) {
    state_->set_deadline(begun + ttl_);
    renewal_ = core.parts().env->make_timer();
    expiry_ = core.parts().env->make_timer();
    renew_in(ttl_ / kRenewals);
  }
  model::Read read;
  read.call.token = token_;
  handle_ = core.parts().backend->watch(model::GetSession{state_->id()}, std::move(read), *this);
}

SessionKeeper::~SessionKeeper() {
  if (self_) *self_ = nullptr;
}

Duration SessionKeeper::now() const { return state_->core()->parts().env->clock().monotonic(); }

void SessionKeeper::detach() {
  if (!self_) return;
  *self_ = nullptr;
  self_.reset();
  handle_.reset();
  renewal_.reset();
  expiry_.reset();
  state_->core()->remove(*this);
}

void SessionKeeper::close_quietly() {
  if (!self_) return;
  model::SessionCommand command;
  command.verb = model::SessionVerb::kDestroy;
  command.session.id = state_->id();
  // What does not arrive is made good by the TTL.
  state_->core()
      ->parts()
      .backend->apply(std::move(command), {.token = token_})
      .then([](const Result<model::Outcome>&) {});
  detach();
  state_->end();
}

void SessionKeeper::end() {
  detach();
  state_->end();
}

void SessionKeeper::lose() {
  detach();
  state_->end();
}

void SessionKeeper::on_answer(const model::Answer& answer) {
  if (!answer.meta.live) return;
  const auto* sessions = std::get_if<model::Sessions>(&answer.value());
  if (sessions == nullptr || !sessions->empty()) return;
  // Not in here: this call comes from what detach() destroys.
  state_->core()->parts().env->post([self = self_] {
    if (self && *self != nullptr) (*self)->lose();
  });
}

void SessionKeeper::renew_in(Duration delay) {
  expiry_->start(std::max(state_->deadline() - now(), Duration::zero()), [this] { lose(); });
  renewal_->start(delay, [this] { renew(); });
}

void SessionKeeper::renew() {
  const Duration begun = now();
  state_->core()
      ->parts()
      .backend->renew_session(state_->id(), {.token = token_, .timeout = ttl_ / kRenewals})
      .then([self = self_, begun](const Result<model::SessionPtr>& renewed) {
        if (*self == nullptr) return;
        SessionKeeper& keeper = **self;
        if (renewed.ok()) {
          keeper.state_->set_deadline(std::max(keeper.state_->deadline(), begun + keeper.ttl_));
          keeper.renew_in(keeper.ttl_ / kRenewals);
        } else if (renewed.status().code() == Code::kNotFound) {
          keeper.lose();
        } else {
          keeper.renew_in(keeper.ttl_ / kRetries);
        }
      });
}

OpenSession::~OpenSession() {
  (void)state_->core()->post([keeper = std::move(keeper_)] { keeper->close_quietly(); });
}

Async<Unit> OpenSession::close() {
  return state_->core()->ask<Unit>(
      {.token = token_}, CallKind::kWrite,
      [keeper = keeper_, state = state_, token = token_](const AgentCore::Parts& parts,
                                                         Completion<Unit> done) mutable {
        model::SessionCommand command;
        command.verb = model::SessionVerb::kDestroy;
        command.session.id = state->id();
        auto operation = parts.backend->apply(std::move(command), {.token = token});
        keeper->end();
        std::move(operation).then([done = std::move(done)](const Result<model::Outcome>& outcome) mutable {
          outcome.ok() ? done(Unit{}) : done(outcome.status());
        });
      });
}

Async<std::shared_ptr<OpenSession>> OpenSession::open(const std::shared_ptr<AgentCore>& core,
                                                      SessionSpec spec, const Call& call) {
  using Opened = std::shared_ptr<OpenSession>;
  return core->ask<Opened>(
      call, CallKind::kWrite,
      [core, spec = std::move(spec), call](const AgentCore::Parts& parts, Completion<Opened> done) mutable {
        // In the process that holds the state, the holder's end is the state's end.
        const Duration ttl = parts.in_process ? Duration::zero() : spec.ttl;
        model::SessionCommand command;
        command.session.name = spec.name;
        command.session.node = parts.local->self().node_name;
        command.session.lock_delay = spec.lock_delay;
        command.session.behavior = spec.delete_keys ? model::kDeleteKeys : model::kReleaseKeys;
        if (ttl > Duration::zero()) command.session.ttl = base::format_go_duration(ttl);
        const Duration begun = parts.env->clock().monotonic();
        parts.backend->apply(std::move(command), call)
            .then([core, ttl, begun, token = call.token,
                   done = std::move(done)](const Result<model::Outcome>& outcome) mutable {
              if (!outcome.ok()) return done(outcome.status());
              auto state = std::make_shared<SessionState>(core, outcome->session.str());
              auto keeper = std::make_shared<SessionKeeper>(state, ttl, begun, token);
              done(std::make_shared<OpenSession>(std::move(state), std::move(keeper), std::move(token)));
            });
      });
}

}  // namespace discovery::api

namespace discovery::inline v0 {

Session::Session(std::shared_ptr<api::OpenSession> session) : session_(std::move(session)) {}
const std::string& Session::id() const noexcept { return session_->state()->id(); }
bool Session::alive() const noexcept { return session_->state()->alive(); }
std::stop_token Session::lost() const noexcept { return session_->state()->lost(); }
Async<Unit> Session::close() { return session_->close(); }

}  // namespace discovery::inline v0
