#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "lib/agent/config.h"
#include "lib/agent/identity.h"
#include "lib/api/agent_host.h"
#include "lib/env/env.h"
#include "lib/model/agent_control.h"
#include "lib/model/local_agent.h"

namespace discovery::api {

/// The AgentControl of one running agent. So far there is no pool of agents to join: it knows itself.
/// Threads: the loop's. Blocks: as model::AgentControl says.
class Control final : public model::AgentControl {
 public:
  /// What it works on; all of it outlives it.
  struct Parts {
    env::Env& env;
    const agent::AgentIdentity& identity;
    const agent::Config& config;  ///< the running one
    const AgentHost& host;
    /// Takes over a configuration, or leaves all as it is and says why.
    std::function<Status(agent::Config fresh)> apply;
    std::function<model::AgentStats()> stats;
  };

  explicit Control(Parts parts) : parts_(std::move(parts)) {}
  ~Control() override { *self_ = nullptr; }
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  Async<Unit> reload(Call call) override;
  Async<Unit> leave(Call call) override;
  Async<Unit> join(std::string address, bool wan, Call call) override;
  Async<Unit> force_leave(std::string node, bool prune, bool wan, Call call) override;
  model::AgentStats stats() override { return parts_.stats(); }
  std::string runtime_config() override;
  std::string host() override;

 private:
  void begin_reload(Async<Unit>::Callback done);
  Status take_over(Result<agent::Config> fresh);
  /// Whether this agent would be met there.
  bool is_own(const env::Endpoint& endpoint, bool wan) const;
  /// Joins at an IP address.
  Async<Unit> join_at(const env::Endpoint& endpoint, bool wan);

  Parts parts_;
  bool reloading_ = false;
  std::shared_ptr<Control*> self_ = std::make_shared<Control*>(this);  ///< for what comes back later
};

}  // namespace discovery::api
