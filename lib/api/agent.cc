#include <thread>
#include <utility>

#include <discovery/agent.h>

#include "lib/api/open_session.h"
#include "lib/api/running_agent.h"

namespace discovery::inline v0 {

Result<std::unique_ptr<Agent>> Agent::start(const AgentOptions& options, Environment environment) {
  auto running = api::RunningAgent::start(options, std::move(environment));
  if (!running.ok()) return running.status();
  return std::unique_ptr<Agent>(new Agent(*std::move(running)));
}

Agent::Agent(std::unique_ptr<api::RunningAgent> running) : running_(std::move(running)) {}

Agent::~Agent() {
  if (!running_->on_own_thread()) return;
  // The loop cannot wait for itself: somebody else ends it, once this callback is over.
  std::thread([running = std::move(running_)]() mutable { running.reset(); }).detach();
}

Registry Agent::registry() const { return Registry(running_->core()); }
KVStore Agent::kv() const { return KVStore(running_->core()); }
Events Agent::events() const { return Events(running_->core()); }

Async<Session> Agent::open_session(SessionSpec spec, const Call& call) {
  auto opening = api::OpenSession::open(running_->core(), std::move(spec), call);
  std::shared_ptr<Executor> executor = opening.executor();
  return Async<Session>::pending(
      [opening = std::move(opening)](Async<Session>::Callback done) mutable {
        std::move(opening).then(
            [done = std::move(done)](Result<std::shared_ptr<api::OpenSession>> opened) mutable {
              opened.ok() ? done(Session(*std::move(opened))) : done(opened.status());
            });
      },
      std::move(executor));
}

Async<std::string> Agent::node() const {
  return running_->core()->ask<std::string>(
      {}, api::CallKind::kRead, [](const api::AgentCore::Parts& parts, api::Completion<std::string> done) {
        std::string name = parts.local->self().node_name;
        if (name.empty()) return done(Status(Code::kUnavailable, "the remote agent was not reached yet"));
        done(std::move(name));
      });
}

const std::string& Agent::http_address() const noexcept { return running_->http_address(); }
const std::string& Agent::dns_address() const noexcept { return running_->dns_address(); }

}  // namespace discovery::inline v0
