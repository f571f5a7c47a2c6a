#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <discovery/check.h>
#include <discovery/instance.h>

#include "lib/env/env.h"
#include "lib/health/checker.h"
#include "lib/health/deadlines.h"

namespace discovery::api {

/// Whether a check can be run as it is. kInvalidArgument with what is wrong. Pure.
Status validate(const CheckSpec& check);

/// Checks of the public interface, run on one loop by their numbers: what stands behind a HealthChecker, in
/// any world.
///
/// Threads: one, the loop of `env`. Blocks: as a health::Checker. Nothing is called after destruction.
class CheckRunner {
 public:
  /// What a run, a report or its absence has shown.
  struct Seen {
    std::uint64_t id = 0;
    std::optional<Health> health;  ///< nothing if thresholds let it stay as it was
    std::string output;
    Duration latency{};
  };
  using Told = UniqueFunction<void(Seen)>;

  static constexpr Duration kMinInterval = std::chrono::milliseconds(1);

  /// `env` must outlive it. `told` may add and remove checks.
  CheckRunner(env::Env& env, Told told);
  CheckRunner(const CheckRunner&) = delete;
  CheckRunner& operator=(const CheckRunner&) = delete;

  /// REQUIRES: validate(check) is ok, and the number is new.
  void add(std::uint64_t id, const CheckSpec& check);
  void remove(std::uint64_t id);
  /// A report on a TTL check; nothing for others.
  void report(std::uint64_t id, Health health, const std::string& output);

 private:
  void make_tls();
  void arm();
  void expire();
  Duration now() const { return env_.clock().monotonic(); }

  struct Ttl {
    Duration ttl{};
    std::string output{};
  };

  env::Env& env_;
  Told told_;
  std::map<std::string, Ttl> ttls_;  // by the number in decimal, as all below
  health::Deadlines deadlines_;
  std::unique_ptr<env::Timer> timer_;
  bool has_tls_ = false;
  health::Checker checker_;
};

}  // namespace discovery::api
