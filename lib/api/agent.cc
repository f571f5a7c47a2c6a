#include <thread>
#include <utility>

#include <discovery/agent.h>

#include "lib/api/running_agent.h"

namespace discovery::inline v0 {

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options, Environment environment) {
  auto running = api::RunningAgent::start(std::move(options), std::move(environment));
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

Async<std::string> Agent::node() const {
  return running_->core()->ask<std::string>(
      {}, api::CallKind::kRead, [](const api::AgentCore::Parts& parts, api::Completion<std::string> done) {
        done(parts.local->self().node_name);
      });
}

const std::string& Agent::http_address() const noexcept { return running_->http_address(); }
const std::string& Agent::dns_address() const noexcept { return running_->dns_address(); }

}  // namespace discovery::inline v0
