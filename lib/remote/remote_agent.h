#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/env/env.h"
#include "lib/model/local_agent.h"
#include "lib/remote/remote_backend.h"

namespace discovery::remote {

/// The LocalAgent of a program whose agent is another one, reached over HTTP on the connections of a
/// RemoteBackend.
///
/// What is registered through it comes back if the agent forgets it, as one in development mode does when it
/// is started anew: after each doubt about the connection the agent is asked what it has. What was to be
/// removed while the agent could not be reached is removed later; the caller gets the failure all the same.
/// A report on a check that the agent has forgotten is repeated once it is there again.
///
/// check_history() needs a discoveryd; Consul has no such endpoint, and so gives kNotFound. A change that was
/// sent in vain gives kUnknownOutcome.
///
/// Threads: as model::LocalAgent says; made and destroyed on the loop, and gone before its backend. Calls
/// under way then end with the backend's. Blocks: never.
class RemoteAgent final : public model::LocalAgent {
 public:
  /// `backend` outlives it. Asks at once who the agent is, until it is known; and again when it is back after
  /// an outage.
  RemoteAgent(env::Env& env, RemoteBackend& backend);
  ~RemoteAgent() override;
  RemoteAgent(const RemoteAgent&) = delete;
  RemoteAgent& operator=(const RemoteAgent&) = delete;

  Async<Unit> register_service(model::ServiceSpec spec, Call call) override;
  Async<Unit> deregister_service(std::string id, Call call) override;
  Async<Unit> register_check(model::CheckSpec spec, Call call) override;
  Async<Unit> deregister_check(std::string id, Call call) override;
  Async<Unit> update_check(std::string id, std::string status, std::string output, Call call) override;
  Async<std::vector<model::AgentService>> services(std::string filter, Call call) override;
  Async<model::AgentService> service(std::string id, std::string hash, Duration wait, Call call) override;
  Async<std::vector<model::CheckPtr>> checks(std::string filter, Call call) override;
  Async<Unit> set_service_maintenance(std::string id, bool enable, std::string reason, Call call) override;
  Async<Unit> set_node_maintenance(bool enable, std::string reason, Call call) override;
  Async<model::CheckHistory> check_history(std::string id, Call call) override;
  Async<std::vector<model::ServiceHealth>> service_health_by_id(std::string id, Call call) override;
  Async<std::vector<model::ServiceHealth>> service_health_by_name(std::string name, Call call) override;
  /// As it was when it was asked last; without a name as long as it has never answered.
  model::AgentSelf self() const override;
  Async<std::vector<model::Member>> members(bool wan, Call call) override;

  /// Who the agent is, asked now; self() is that from then on.
  Async<model::AgentSelf> fetch_self(Call call);

 private:
  class Impl;
  template <class T, class Work>
  Async<T> on_loop(Work work);
  std::shared_ptr<Impl> impl_;
};

}  // namespace discovery::remote
