#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <discovery/types.h>

#include "lib/agent/anti_entropy.h"
#include "lib/agent/definition_store.h"
#include "lib/agent/identity.h"
#include "lib/agent/local_state.h"
#include "lib/agent/remote_aliases.h"
#include "lib/env/env.h"
#include "lib/filter/filter.h"
#include "lib/health/checker.h"
#include "lib/model/backend.h"
#include "lib/model/local_agent.h"

namespace discovery::agent {

/// The LocalAgent of this node: it keeps the services and checks that were registered here, lets checks
/// expire, and makes the catalog follow.
///
/// A change is pushed before its caller gets the answer; with a backend that is done at once, a read of the
/// catalog that follows sees it. Where the backend takes longer the answer does not wait for it.
///
/// Threads: as model::LocalAgent says; made and destroyed on the loop of `env`, where the backend's results
/// must come as well. Blocks: never. Destroying it ends waiting calls with kCancelled.
class NodeAgent final : public model::LocalAgent {
 public:
  struct Options {
    AntiEntropy::Options sync{};
    /// A check's new output alone is told to the catalog within half to one and a half of this; 0: at once.
    Duration check_update_interval = std::chrono::minutes(5);
    std::size_t max_check_output = health::kDefaultMaxOutput;
    bool discard_check_output = false;
    bool enable_script_checks = false;        ///< checks from anywhere may run programs
    bool enable_local_script_checks = false;  ///< those from configuration files may
    health::Checker::Options checker{};
    SidecarPorts sidecar_ports{};
    /// Where registered services and checks are kept; empty: they are not.
    std::string data_dir{};
  };
  /// What a reload of the configuration may change.
  struct Reloadable {
    model::Labels node_meta{};
    bool discard_check_output = false;
  };
  /// How long service() waits unless told, and at most
  /// (https://developer.hashicorp.com/consul/api-docs/features/blocking#hash-based-blocking-queries).
  static constexpr Duration kDefaultWait = std::chrono::minutes(5);
  static constexpr Duration kMaxWait = std::chrono::minutes(10);
  /// How many calls of service() may wait at once; more get kResourceExhausted.
  static constexpr std::size_t kMaxWaiting = 16384;
  /// Compiled length of a filter's regular expressions, times rows: more gets kResourceExhausted.
  static constexpr std::size_t kMaxPatternWork = 100'000;

  /// `env` and `backend` must outlive it.
  NodeAgent(env::Env& env, model::Backend& backend, AgentIdentity identity, const Options& options);
  ~NodeAgent() override;
  NodeAgent(const NodeAgent&) = delete;
  NodeAgent& operator=(const NodeAgent&) = delete;

  /// Reads what was kept of registrations before this program was started. Once, before anything is
  /// registered: TTL checks from configuration files go on as they were, too. Blocks: reads files. Errors:
  /// the data directory cannot be used. A file that cannot be read is logged and put aside. Threads: the
  /// loop.
  Status load();
  /// Registers again what was read; what came from configuration files meanwhile is left as it is. Once,
  /// before sync_after_start(). Threads: the loop.
  void restore();
  /// Compares all with the catalog, and then now and then. To be called once the backend can be asked, and
  /// again when it can after a time when it could not. Threads: the loop.
  void sync_after_start();

  /// Takes over what may change while it runs, and tells the catalog. Threads: the loop.
  void reconfigure(const Reloadable& fresh);

  /// Whether one of its own services fits. Threads: the loop.
  bool any_service(const std::function<bool(const model::ServiceInstance&)>& fits);

  Async<Unit> register_service(model::ServiceSpec spec, Call call) override;
  Async<Unit> register_services(std::vector<model::ServiceSpec> specs, Call call) override;
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
  model::AgentSelf self() const override;
  Async<std::vector<model::Member>> members(bool wan, Call call) override;

 private:
  struct Life {};
  using Stop = std::stop_callback<std::function<void()>>;
  /// The service that a call waits for, and the call's number.
  using WaiterKey = std::pair<std::string, std::uint64_t>;
  /// A call of service() that waits for another hash.
  struct Waiter {
    std::string hash;
    Async<model::AgentService>::Callback done;
    std::unique_ptr<env::Timer> timer;
    std::optional<Stop> stop;
  };

  /// An operation that runs `work` on the loop, with what it must call with the result.
  template <class T, class F>
  Async<T> on_loop(F work);
  /// An operation that changes something and pushes it. `change` returns a Result<SyncUnit*> or a SyncUnit*.
  template <class F>
  Async<Unit> change(F change);

  Duration now() const { return env_.clock().monotonic(); }
  LocalState::Options state_options();
  /// Lets the change have to do with the services that lose one of these checks; whether there are any.
  bool note_moves(std::span<const model::CheckSpec> checks, std::string_view service_id);
  /// Why this check may not be registered: it runs programs, or is of a kind that is not run here.
  Status refusal(const model::CheckSpec& check) const;
  Status refusal(const model::ServiceSpec& service) const;
  /// Fills in what a definition leaves open, if it may be registered, and returns that of its sidecar.
  Result<std::optional<model::ServiceSpec>> check_and_complete(model::ServiceSpec& spec) const;
  /// Registers a complete definition, and keeps it.
  Result<SyncUnit*> register_and_keep(const model::ServiceSpec& spec);
  void drop_orphans();
  void on_check_added(const model::CheckSpec& spec, std::size_t max_output);
  void on_check_removed(const std::string& id);
  void on_report(const health::Report& report);
  void on_alias(const std::string& id, const health::ProbeResult& seen);
  void on_service_removed(const std::string& id);
  void keep_check(const model::CheckSpec& spec);
  /// Keeps what a TTL check has said, if it must be, and answers: once it is kept, if that is new.
  void keep_state(const std::string& id, bool changed, Async<Unit>::Callback done);
  std::optional<LocalState::LastWord> recall(const std::string& id);
  void restore_service(StoredService stored);
  void restore_check(StoredCheck stored);
  /// Registers what was kept, instead of what has its id.
  void take_up(StoredService stored);
  void take_up(StoredCheck stored);
  /// Goes back to what the disk has, since a change could not be kept.
  void revert(DefinitionStore::Reverted kept);
  /// What a change that cannot be kept is refused with.
  Status refuse_if_full() const;
  /// Answers a change: at once if it failed, else when it is on the disk.
  void answer_when_kept(const Status& changed, Async<Unit>::Callback done);
  /// What a check that runs does next, and what of it has been seen.
  void add_counts(model::CheckHistory& history) const;
  /// Pushes the unit, if there is one, and looks after the deadlines.
  void after_change(SyncUnit* unit);
  void arm_timer();
  void expire();
  void wait_for_service(std::string id, std::string hash, Duration wait, std::stop_token stop,
                        Async<model::AgentService>::Callback done);
  /// Answers those who wait for this service, if it is another now.
  void wake(const std::string& id);
  /// Ends one wait, with what there is or with `failure`.
  void answer(const WaiterKey& key, const Status& failure);

  env::Env& env_;
  AgentIdentity identity_;
  const Options options_;
  const filter::Schema service_schema_;
  const filter::Schema check_schema_;
  LocalState state_;
  AntiEntropy sync_;
  std::unique_ptr<DefinitionStore> store_;                       // null: nothing is kept
  DefinitionStore::Content kept_;                                // between load() and restore()
  std::map<std::string, StoredState, std::less<>> kept_states_;  // from before the start
  std::map<std::string, std::chrono::system_clock::time_point, std::less<>> kept_until_;  // of TTL checks
  bool restoring_ = false;  // what changes is on the disk already
  health::Checker checker_;
  RemoteAliases aliases_;
  std::unique_ptr<env::Timer> timer_;
  std::optional<Duration> armed_;  // when the timer fires; not later than the next deadline
  std::map<WaiterKey, Waiter> waiters_;
  std::uint64_t waits_ = 0;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
};

}  // namespace discovery::agent
