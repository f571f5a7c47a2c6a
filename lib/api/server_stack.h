#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/agent/config.h"
#include "lib/api/agent_runtime.h"
#include "lib/api/agent_stack.h"
#include "lib/dns/udp_server.h"
#include "lib/env/log_tap.h"

namespace discovery::api {

/// What an agent came to be when it started.
struct AgentFacts {
  std::string node_id;
  std::string advertised;           ///< the address that others see
  std::vector<env::Endpoint> http;  ///< where HTTP is served, with the ports that were found
  std::vector<env::Endpoint> dns;   ///< where DNS is served, by UDP and TCP
};

/// An agent that holds the state itself, with what answers DNS over UDP on threads of its own. Threads: the
/// loop's.
class ServerStack final : public AgentStack {
 public:
  /// `log`, if there is one, is what the env logs to.
  ServerStack(env::Env& env, agent::Config config, AgentHost host, std::shared_ptr<env::LogTap> log);

  Status start() override;
  void shutdown(Duration grace, UniqueFunction<void()> done) override;
  AgentCore::Parts parts() override;
  std::string http_address() const override;
  std::string dns_address() const override;

  AgentRuntime& runtime() noexcept { return *runtime_; }
  const AgentFacts& facts() const noexcept { return facts_; }

 private:
  /// Makes the data directory if there is none, and keeps other agents out of it.
  Status take_data_dir();
  Status serve_dns();

  env::Env& env_;
  agent::Config config_;  // until start()
  const AgentHost host_;
  const std::shared_ptr<env::LogTap> log_;
  std::shared_ptr<void> data_dir_lock_;  // outlives all that may write there
  AgentFacts facts_;
  std::unique_ptr<AgentRuntime> runtime_;
  std::vector<std::unique_ptr<dns::UdpServer>> udp_;  // asks the runtime, so it goes first
};

}  // namespace discovery::api
