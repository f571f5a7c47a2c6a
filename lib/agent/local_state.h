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
#include "lib/health/deadlines.h"
#include "lib/health/ttl_check.h"
#include "lib/model/command.h"
#include "lib/model/local_agent.h"
#include "lib/model/query.h"

namespace discovery::agent {

/// One of the agent's checks.
struct OwnCheck {
  model::CheckPtr record;  ///< null: gone here, but perhaps not from the catalog
  std::string service_id;  ///< whose it is; empty: the node's
  std::string token;       ///< what it is pushed with
  Duration ttl{};
  Duration reap_after{};  ///< its service goes when it was critical for so long; 0: never
  std::size_t max_output = 0;
  std::string last_report;    ///< shown when the TTL runs out
  std::uint64_t version = 0;  ///< of the last change or push
  std::uint64_t seen = 0;     ///< the reconciliation that met it in the catalog
  bool dirty = false;         ///< the catalog has yet to hear of it
};

/// What is told to the catalog together, and one telling after another: a service with its checks, or (with
/// an empty id) the node with its own.
struct SyncUnit {
  std::string id;
  model::ServicePtr service;                  ///< null: none, or gone here but perhaps not from the catalog
  std::string token;                          ///< what the service is pushed with
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
  struct Options {
    std::size_t max_output = health::kDefaultMaxOutput;
    /// Whether a change of a check's output alone is told only after output_delay(), since it is rarely
    /// urgent.
    bool defer_output = true;
    /// How long then; asked for each time, so that it may vary.
    UniqueFunction<Duration()> output_delay = [] { return Duration(std::chrono::minutes(5)); };
    /// Told the id of each own service that is another now, or gone.
    UniqueFunction<void(const std::string&)> service_changed = [](const std::string&) {};
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
  Result<SyncUnit*> register_service(model::ServiceSpec spec, Duration now);
  SyncUnit* deregister_service(std::string_view id);
  Result<SyncUnit*> register_check(model::CheckSpec spec, Duration now);
  SyncUnit* deregister_check(std::string_view id);
  Result<SyncUnit*> update_check(std::string_view id, std::string_view status, std::string_view output,
                                 Duration now);
  /// @}

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
  Status complete(model::ServiceSpec& spec) const;
  void add_check(SyncUnit& unit, const model::CheckSpec& spec, model::HealthCheck record, Duration now);
  void remove_check(SyncUnit& unit, const std::string& id);
  /// Lets the checks of a service carry its name and tags.
  void rename_checks(SyncUnit& unit);
  SyncUnit* set_state(OwnCheck& check, std::string_view status, std::string output, Duration now);
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
  health::Deadlines reaping_;   // of services, by their critical checks
  health::Deadlines expiry_;    // of TTLs
  health::Deadlines deferred_;  // of outputs that the catalog has yet to hear of
  std::uint64_t version_ = 0;
  std::uint64_t reconciliation_ = 0;
  bool node_in_sync_ = false;
};

}  // namespace discovery::agent
