#pragma once

#include <memory>

#include "lib/api/agent_stack.h"
#include "lib/remote/options.h"
#include "lib/remote/remote_agent.h"
#include "lib/remote/remote_backend.h"
#include "lib/remote/remote_events.h"

namespace discovery::api {

/// An agent that asks another one over HTTP. Threads: the loop's.
class RemoteStack final : public AgentStack {
 public:
  RemoteStack(env::Env& env, remote::Options options) : env_(env), options_(std::move(options)) {}

  Status start() override;
  void shutdown(Duration grace, UniqueFunction<void()> done) override;
  AgentCore::Parts parts() override;
  std::string http_address() const override { return {}; }
  std::string dns_address() const override { return {}; }

 private:
  env::Env& env_;
  remote::Options options_;  // until start()
  std::unique_ptr<remote::RemoteBackend> backend_;
  // These two ask the backend, so they go first.
  std::unique_ptr<remote::RemoteAgent> agent_;
  std::unique_ptr<remote::RemoteEvents> events_;
};

}  // namespace discovery::api
