#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/env/env.h"
#include "lib/model/backend.h"
#include "lib/server/lock_delays.h"
#include "lib/server/memory_log.h"
#include "lib/server/query_engine.h"
#include "lib/server/session_timers.h"
#include "lib/server/state_machine.h"
#include "lib/server/tombstone_reaper.h"

namespace discovery::server {

/// What a server is told about itself.
struct ServerOptions {
  std::string datacenter = "dc1";
  model::Node node;               ///< its own entry in the catalog
  std::string rpc_address;        ///< "127.0.0.1:8300"
  std::uint16_t rpc_port = 8300;  ///< the port that the service "consul" shows
  model::Labels service_meta;     ///< of the service "consul"
  QueryLimits query_limits;
  Index log_starts_after = 0;                        ///< what the first command's index follows
  Duration session_ttl_min = model::kMinSessionTtl;  ///< a session may not ask for a shorter TTL
};

/// The Backend that holds the state itself: commands go through its log into its state machine, queries are
/// evaluated on snapshots of its state. So far a server is alone, and leads. Threads: apply(), query() and
/// watch() any; the rest the loop's. It must end on the loop, before its env.
class Server final : public model::Backend {
 public:
  Server(env::Env& env, ServerOptions options);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes up the leader's duties: registers the server itself, counts the sessions' time,
  /// forgets old tombstones now and then.
  Status start();

  Async<model::Outcome> apply(model::Command command, Call call) override;
  Async<model::Answer> query(model::Query query, model::Read read) override;
  Async<model::SessionPtr> renew_session(std::string id, Call call) override;
  std::unique_ptr<model::WatchHandle> watch(model::Query query, model::Read read, model::Sink& sink) override;

  /// How the log stands. Threads: the loop's.
  const ReplicatedLog& log() const noexcept { return log_; }
  /// How many sessions have a TTL. Threads: the loop's.
  std::size_t sessions_with_ttl() const noexcept { return timers_.size(); }
  QueryStatistics query_statistics() const noexcept { return engine_.statistics(); }

 private:
  class Watch;
  Async<model::Outcome> apply_here(model::Command command, const Call& call);
  Status prepare(model::Command& command);
  std::optional<model::Outcome> refuse(model::Command& command);
  model::Text new_session_id();
  Async<model::SessionPtr> renew_here(const std::string& id, const Call& call);
  void expire(const model::SessionKey& key);
  void on_commit(Index index, const state::Touched& touched, const state::Aftermath& aftermath);
  Async<model::Answer> query_here(model::Query query, model::Read read);
  bool is_local(const std::string& datacenter) const;

  env::Env& env_;
  const ServerOptions options_;
  StateMachine machine_;
  MemoryLog log_;
  QueryEngine engine_;
  TombstoneReaper reaper_;
  SessionTimers timers_;
  LockDelays delays_;
};

}  // namespace discovery::server
