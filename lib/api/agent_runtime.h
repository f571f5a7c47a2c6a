#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <discovery/status.h>

#include "lib/agent/config.h"
#include "lib/api/agent_host.h"
#include "lib/dns/options.h"
#include "lib/dns/recursor.h"
#include "lib/env/env.h"
#include "lib/env/log_tap.h"
#include "lib/metrics/registry.h"
#include "lib/model/agent_control.h"
#include "lib/model/backend.h"
#include "lib/model/event.h"
#include "lib/model/local_agent.h"

namespace discovery::api {

/// Where DNS listens, and how it answers: for those who serve it over UDP.
struct DnsService {
  std::vector<env::Endpoint> at;
  std::shared_ptr<const dns::Zone> zone;
  dns::Recursor* recursor = nullptr;
};

/// One agent's objects on one env, real or simulated: state, own services, HTTP and DNS over TCP, wired
/// together. Threads: the loop's. Owns: all of it, but the env.
class AgentRuntime {
 public:
  /// What surrounds the agent; all of it may be left out.
  struct Around {
    AgentHost host{};
    std::shared_ptr<env::LogTap> log{};  ///< what env.log() writes to, for those who follow it
    /// DNS answers otherwise from now on, after a reload. Called on the loop.
    std::function<void(std::shared_ptr<const dns::Zone>)> zone_changed{};
  };

  /// `node_id` is the agent's UUID.
  AgentRuntime(env::Env& env, agent::Config config, const std::string& node_id, Around around);
  AgentRuntime(env::Env& env, agent::Config config, const std::string& node_id)
      : AgentRuntime(env, std::move(config), node_id, Around()) {}
  ~AgentRuntime();
  AgentRuntime(const AgentRuntime&) = delete;
  AgentRuntime& operator=(const AgentRuntime&) = delete;

  /// Takes up its duties and listens. kInvalidArgument, kUnavailable, kPermissionDenied: the message says
  /// what to do.
  Status start();
  /// Stops listening, lets what is being answered be answered for at most `grace`, then calls `done`.
  void shutdown(Duration grace, UniqueFunction<void()> done);

  model::Backend& backend() noexcept;
  model::LocalAgent& local_agent() noexcept;
  model::AgentControl& control() noexcept;
  model::EventBus& events() noexcept;
  metrics::Registry& metrics() noexcept;
  /// Where HTTP is served. Valid after start().
  const std::vector<env::Endpoint>& http() const noexcept;
  const DnsService& dns() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace discovery::api
