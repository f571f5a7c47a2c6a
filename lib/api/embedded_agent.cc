#include "lib/api/embedded_agent.h"

#include <utility>

#include "lib/api/stack_thread.h"

namespace discovery::api {

class EmbeddedAgent::Impl {
 public:
  AgentFacts facts;
  std::unique_ptr<StackThread> thread;
};

Result<std::unique_ptr<EmbeddedAgent>> EmbeddedAgent::start(agent::Config config, Environment environment,
                                                            AgentHost host) {
  const auto log = std::make_shared<env::LogTap>(std::move(environment.log));
  environment.log = log;
  MakeStack make = [&](env::Env& env) -> Result<std::unique_ptr<AgentStack>> {
    return std::unique_ptr<AgentStack>(
        std::make_unique<ServerStack>(env, std::move(config), std::move(host), log));
  };
  auto impl = std::make_unique<Impl>();
  StackThread::Hooks hooks;
  hooks.begin = [&facts = impl->facts](env::Env&, AgentStack& stack) {
    facts = static_cast<ServerStack&>(stack).facts();
  };
  auto thread = StackThread::start(environment, std::move(make), std::move(hooks));
  if (!thread.ok()) return thread.status();
  impl->thread = *std::move(thread);
  return std::unique_ptr<EmbeddedAgent>(new EmbeddedAgent(std::move(impl)));
}

EmbeddedAgent::EmbeddedAgent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedAgent::~EmbeddedAgent() = default;

void EmbeddedAgent::reload(AgentHost::Done done) {
  impl_->thread->post([done = std::move(done)](AgentStack& stack) {
    static_cast<ServerStack&>(stack).runtime().control().reload({}).then(
        [done](const Result<Unit>& result) { done(result.status()); });
  });
}

const AgentFacts& EmbeddedAgent::facts() const noexcept { return impl_->facts; }

}  // namespace discovery::api
