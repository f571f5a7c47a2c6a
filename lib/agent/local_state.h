#pragma once

/// \file
/// The agent's own services and checks, and which of them the catalog has yet to hear of. Everything here is
/// a plain data structure that is told the time; NodeAgent and AntiEntropy drive it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/async.h>
#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/agent/identity.h"
#include "lib/agent/sidecar.h"
#include "lib/base/text.h"
#include "lib/health/deadlines.h"
#include "lib/health/history.h"
#include "lib/health/probe.h"
#include "lib/health/ttl_check.h"
#include "lib/model/command.h"
#include "lib/model/local_agent.h"
#include "lib/model/query.h"

namespace discovery::agent {

/// One of the agent's checks.
struct OwnCheck {
  model::CheckPtr record;  ///< null: gone here, but perhaps not from the catalog
  base::Text service_id;   ///< whose it is; empty: the node's
  base::Text token;        ///< what it is pushed with
  model::CheckKind kind = model::CheckKind::kTtl;
  model::Origin origin = model::Origin::kApi;
  Duration ttl{};         ///< 0: it is no TTL check
  Duration interval{};    ///< 0: it does not run
  Duration reap_after{};  ///< its service goes when it was critical for so long; 0: never
  base::Text alias_of;    ///< the local service that it mirrors; empty: it does not, or the node
  health::History history;
  std::uint32_t successes = 0;  ///< in a row
  std::uint32_t failures = 0;
  std::size_t max_output = 0;
  base::Text last_report;     ///< shown when the TTL runs out
  std::uint64_t version = 0;  ///< of the last change or push
  std::uint64_t seen = 0;     ///< the reconciliation that met it in the catalog
  bool dirty = false;         ///< the catalog has yet to hear of it
};

/// What is told to the catalog together, and one telling after another: a service with its checks, or (with
/// an empty id) the node with its own.
struct SyncUnit {
  std::string id;
  model::ServicePtr service;  ///< null: none, or gone here but perhaps not from the catalog
  std::string token;          ///< what the service is pushed with
  model::Origin origin = model::Origin::kApi;
  bool sidecar = false;                       ///< it was defined inside of its parent, and goes with it
  std::set<std::string, std::less<>> checks;  ///< ids, also of those that are gone here
  std::vector<std::string> dirty_checks;      ///< ids; some may have become clean or another unit's since
  std::string hash;                           ///< of the service; empty until it is asked for
  std::uint64_t version = 0;                  ///< of the last change or push of the service
  std::uint64_t seen = 0;                     ///< the reconciliation that met the service in the catalog
  bool dirty = false;                         ///< the catalog has yet to hear of the service (or the node)
  bool queued = false;                        ///< waits for a push (AntiEntropy's)
  bool pushing = false;                       ///< a push is under way (AntiEntropy's)

  bool wants_push() const { return dirty || !dirty_checks.empty(); }
};

/// One thing to tell the catalog, and what of the unit is in it.
struct Push {
  model::Command command{};
  std::string token{};
  bool whole = false;  ///< the service, or the node
  bool node = false;   ///< it brings the node's record up to date as well
  std::vector<std::string> checks{};
};

/// Something that time has brought about.
struct DueChange {
  SyncUnit* unit = nullptr;  ///< what to push
  std::string note;          ///< for the log; empty if it is nothing to speak of
};

/// The agent's services and checks. Pure. A change costs O(log n), whatever there is beside it.
/// Threads: one, the agent's loop. A SyncUnit stays where it is until forget_if_idle() is called for it.
class LocalState {
 public:
  /// A state that was kept.
  struct LastWord {
    std::string status;
    std::string output;
  };
  struct Options {
    std::size_t max_output = health::kDefaultMaxOutput;
    /// Whether a change of a check's output alone is told only after output_delay(), since it is rarely
    /// urgent.
    bool defer_output = true;
    /// How long then; asked for each time, so that it may vary.
    UniqueFunction<Duration()> output_delay = [] { return Duration(std::chrono::minutes(5)); };
    /// Told the id of each own service that is another now, or gone.
    UniqueFunction<void(const std::string&)> service_changed = [](const std::string&) {};
    /// Told of each check that is there now, with its output's limit, and of each that is gone.
    UniqueFunction<void(const model::CheckSpec&, std::size_t)> check_added = [](const model::CheckSpec&,
                                                                                std::size_t) {};
    UniqueFunction<void(const std::string&)> check_removed = [](const std::string&) {};
    /// Told the id of each own service that is gone.
    UniqueFunction<void(const std::string&)> service_removed = [](const std::string&) {};
    /// What a TTL check said before this program was started.
    UniqueFunction<std::optional<LastWord>(const std::string&)> recall = [](const std::string&) {
      return std::optional<LastWord>();
    };
    bool discard_output = false;  ///< outputs are not kept
    SidecarPorts sidecar_ports{};
  };
  /// How a check is shown.
  enum class Shape : std::uint8_t {
    kOwn,         ///< with interval and timeout
    kEmbedded,    ///< in its service's definition: without
    kConfigured,  ///< of its own in a configuration file: without its type
    kMaintenance,
  };

  /// A service goes for its critical checks after this or longer.
  static constexpr Duration kMinReapAfter = std::chrono::minutes(1);
  /// At most so many checks go into one push.
  static constexpr std::size_t kMaxChecksPerPush = 512;

  /// `identity` must outlive this.
  LocalState(const AgentIdentity& identity, Options options);

  /// \name What callers of the agent ask for
  /// Each returns the unit to push, or null where the catalog need not hear of it (now). Errors are
  /// model::LocalAgent's.
  /// @{
  /// Fills in what a definition leaves open, ids above all, if there is nothing wrong with it.
  Status complete(model::ServiceSpec& spec) const;
  Status complete(model::CheckSpec& spec) const;
  Result<SyncUnit*> register_service(model::ServiceSpec spec, Duration now);
  /// The definition of the sidecar that is inside of a complete one, itself complete; nothing if there is
  /// none.
  Result<std::optional<model::ServiceSpec>> sidecar_of(const model::ServiceSpec& parent) const;
  /// Its sidecar, if it has one that was defined inside of it, is left to take_orphan().
  SyncUnit* deregister_service(std::string_view id);
  /// Removes one sidecar whose parent is gone; null when none is left.
  SyncUnit* take_orphan();
  Result<SyncUnit*> register_check(model::CheckSpec spec, Duration now);
  /// The same for a check that is shown in another shape.
  Result<SyncUnit*> register_check(model::CheckSpec spec, Shape shape, Duration now);
  SyncUnit* deregister_check(std::string_view id);
  /// Takes a service (by its id) or the node (empty) out of service with a critical check, or lets it back.
  Result<SyncUnit*> set_maintenance(std::string_view service_id, bool enable, std::string_view reason,
                                    Duration now);
  Result<SyncUnit*> update_check(std::string_view id, std::string_view status, std::string_view output,
                                 Duration now);
  /// What a run, or another's state, has shown of a check; fine if it is gone. Without a health the state
  /// stays as it is.
  SyncUnit* report(std::string_view id, std::optional<health::Health> health, std::string_view output,
                   const model::Evidence& evidence, Duration now);
  /// Brings one alias up to date whose target has changed; nothing when none is left.
  std::optional<SyncUnit*> refresh_alias(Duration now);
  /// @}

  /// The agent says something else of its node from now on (see AgentIdentity); returns the unit to push.
  SyncUnit* node_changed();
  /// Whether outputs are kept, of all that checks say from now on.
  void set_discard_output(bool discard) noexcept { options_.discard_output = discard; }

  /// What has become of a check; `age` tells how long ago a time was. kNotFound.
  Result<model::CheckHistory> history(std::string_view id, Duration now,
                                      std::chrono::system_clock::time_point wall_now) const;
  /// The own services that a caller asks for by their id, or by their name, with what counts for them.
  std::vector<model::ServiceHealth> health_by_id(std::string_view id) const;
  std::vector<model::ServiceHealth> health_by_name(std::string_view name) const;

  /// The own service of this id with its hash. kNotFound.
  Result<model::AgentService> service(std::string_view id);
  /// Units in order of their ids, and checks in order of theirs.
  std::map<std::string, SyncUnit, std::less<>>& units() noexcept { return units_; }
  const std::map<std::string, OwnCheck, std::less<>>& checks() const noexcept { return checks_; }

  /// When take_due() has something to do next.
  std::optional<Duration> next_deadline() const;
  /// Does one thing that is due: lets a check expire, removes a service that was critical for too long, or
  /// lets an output be told. Nothing when no more is due.
  std::optional<DueChange> take_due(Duration now);

  /// \name What the catalog must be told
  /// @{
  /// The next thing to tell for this unit, which then counts as told; nothing if all is. One at a time for a
  /// unit.
  std::optional<Push> next_push(SyncUnit& unit);
  /// The push is over: the catalog has it, or (not `accepted`) must be told again.
  void push_done(SyncUnit& unit, const Push& push, bool accepted);
  /// Frees the unit if nothing is left in it and no push waits or is under way.
  void forget_if_idle(SyncUnit& unit);
  /// The version now; a later one says that something has changed since.
  std::uint64_t version() const noexcept { return version_; }
  /// Compares with what the catalog had of this node, at some time after `since`, and returns all units to
  /// push. What has changed after `since` is left alone. Takes over tags where a service lets the catalog
  /// override them.
  std::vector<SyncUnit*> reconcile(const model::NodeServices& services, const model::Checks& checks,
                                   std::uint64_t since);
  /// @}

 private:
  SyncUnit& unit(std::string_view id);
  void add_check(SyncUnit& unit, const model::CheckSpec& spec, Shape shape, Duration now);
  void remove_check(SyncUnit& unit, const std::string& id);
  /// Lets the checks of a service carry its name and tags.
  void rename_checks(SyncUnit& unit);
  SyncUnit* set_state(OwnCheck& check, std::string_view status, std::string_view output, Duration now,
                      const model::Evidence& evidence);
  /// Notes which aliases mirror what has changed.
  void touch_aliases(const OwnCheck& check);
  void touch_aliases_of(std::string_view service_id);
  void forget_alias(const std::string& id, const OwnCheck& check);
  std::vector<model::CheckPtr> checks_for(const SyncUnit* service) const;
  model::ServiceHealth health_of(const SyncUnit& unit) const;
  std::string consequence(const OwnCheck& check, std::string_view status) const;
  /// Notes since when a check is critical, if its service goes for that.
  void watch_critical(const std::string& id, const OwnCheck& check, Duration now);
  void mark_dirty(SyncUnit& unit);
  void mark_dirty(SyncUnit& unit, const std::string& id, OwnCheck& check);
  void settle_check(SyncUnit& unit, const std::string& id, bool accepted);
  bool is_dirty(const SyncUnit& unit, const std::string& check_id) const;
  /// Moves the dirty checks that can go in one push with their service to the list's end, so that nobody sees
  /// it without them.
  void gather_checks(SyncUnit& unit);
  /// The check that the unit's list of dirty ones ends with, past what has become clean; null if there is
  /// none.
  OwnCheck* next_dirty_check(SyncUnit& unit);
  Push deregistration(std::string token, std::string service_id, std::string check_id) const;
  model::RegisterCommand node_command() const;
  void reconcile_services(const model::NodeServices& remote, std::uint64_t since);
  void reconcile_service(SyncUnit& unit, const model::ServiceInstance& remote, std::uint64_t since);
  void reconcile_checks(const model::Checks& remote, std::uint64_t since);
  void reconcile_check(const model::HealthCheck& remote, std::uint64_t since);

  const AgentIdentity& identity_;
  Options options_;
  std::map<std::string, SyncUnit, std::less<>> units_;
  std::map<std::string, OwnCheck, std::less<>> checks_;
  std::map<std::string, std::set<std::string>, std::less<>> aliases_;  // by what they mirror
  std::set<std::string> stale_aliases_;
  std::vector<std::string> orphans_;  // ids of sidecars
  health::Deadlines reaping_;         // of services, by their critical checks
  health::Deadlines expiry_;          // of TTLs
  health::Deadlines deferred_;        // of outputs that the catalog has yet to hear of
  std::uint64_t version_ = 0;
  std::uint64_t reconciliation_ = 0;
  bool node_in_sync_ = false;
};

}  // namespace discovery::agent
