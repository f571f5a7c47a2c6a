#pragma once

/// \file
/// Health checks alone: no agent, no cluster, no port. It looks at TCP and HTTP targets, calls functions,
/// waits for reports, and says when something has become well or ill.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <discovery/check.h>
#include <discovery/env.h>
#include <discovery/export.h>
#include <discovery/instance.h>
#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::inline v0 {

/// How a check is.
struct CheckState {
  Health health = Health::kCritical;
  std::string output{};                           ///< what was seen last, for people; at most 4 KiB of it
  std::chrono::system_clock::time_point since{};  ///< when it got this health
  Duration latency{};                             ///< of the latest run; 0: there was none yet
};

/// A check's health has changed.
struct CheckChange {
  std::uint64_t id = 0;
  std::string name{};
  std::optional<Health> from{};  ///< nothing: it was added
  Health to = Health::kCritical;
  std::string output{};  ///< its beginning
  std::chrono::system_clock::time_point at{};
  Duration latency{};  ///< of the run that showed it; 0: it was reported, or nobody has
};

/// Runs checks and tells of changes.
///
/// A check that runs does so first at a random time within its first interval, so that many don't run
/// together; `initial` holds until then. Reports of TTL checks count at once, without regard to thresholds.
/// `deregister_after` means nothing here.
///
/// Threads: safe. Owns: one thread for all checks, and up to 16 for functions, begun when there is one. No
/// exception leaves it, the functions' own included.
class DISCOVERY_EXPORT HealthChecker {
 public:
  /// kUnavailable or kResourceExhausted if the system gives no thread or no random numbers. Of `environment`
  /// it takes everything but `on_fatal`; changes are told on its executor. Blocks: shortly.
  static Result<std::unique_ptr<HealthChecker>> start(const Environment& environment = {});
  /// Stops. No callback runs after it, but for the one that it may have been called from. Blocks: until a
  /// running callback and functions that are being called have ended; the latter are asked to stop. All else
  /// is broken off.
  ~HealthChecker();
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  /// Begins to run a check, and returns its number. Several may have the same id and name. kInvalidArgument
  /// with what is wrong. Blocks: never.
  Result<std::uint64_t> add(CheckSpec check);
  /// Ends a check; fine if there is none. A change that is being told may still arrive. Blocks: never.
  void remove(std::uint64_t id) noexcept;
  /// How a check is. kNotFound. Blocks: never.
  Result<CheckState> status(std::uint64_t id) const;
  /// The last 100 changes of a check, the oldest first. kNotFound. Blocks: never.
  Result<std::vector<CheckChange>> history(std::uint64_t id) const;
  /// Reports on a TTL check. kNotFound; kFailedPrecondition if it is of another kind; kInvalidArgument for
  /// kMaintenance. Blocks: never.
  Status report(std::uint64_t id, Health health, std::string output = {});

  /// Who is told of changes from now on, instead of who was told before; null: nobody. Calls come one after
  /// the other on the environment's executor, or without one on the checker's thread, where they must not
  /// block. Who is slow is told of the latest change of each check only.
  void on_change(std::function<void(const CheckChange&)> changed);

 private:
  class Impl;
  explicit HealthChecker(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace discovery::inline v0
