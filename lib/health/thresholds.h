#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "lib/health/probe.h"
#include "lib/model/check_spec.h"

namespace discovery::health {

/// How many results of a kind in a row a check's state waits for
/// (https://developer.hashicorp.com/consul/docs/services/usage/checks#success-failures-before-passing-warning-critical).
/// As in Consul the first results after a start count as if enough had gone before. Threads: a value.
class Thresholds {
 public:
  Thresholds() = default;
  explicit Thresholds(const model::CheckSpec& spec)
      : Thresholds(
            spec.success_before_passing,
            spec.failures_before_warning > 0 ? spec.failures_before_warning : spec.failures_before_critical,
            spec.failures_before_critical) {}
  /// So many results in a row, this one included, until the check is passing, warning, critical.
  Thresholds(std::int64_t passing, std::int64_t warning, std::int64_t critical)
      : before_passing_(clamp(passing)),
        before_warning_(clamp(warning)),
        before_critical_(clamp(critical)),
        successes_(before_passing_),
        failures_(before_critical_) {}

  /// Counts a result. Returns the state that the check has now, or nothing while it stays as it is.
  std::optional<Health> count(Health seen) {
    if (seen != Health::kCritical) {
      successes_ = up(successes_);
      failures_ = 0;
      seen_successes_ = up(seen_successes_);
      seen_failures_ = 0;
      return successes_ >= before_passing_ ? std::optional(seen) : std::nullopt;
    }
    failures_ = up(failures_);
    successes_ = 0;
    seen_failures_ = up(seen_failures_);
    seen_successes_ = 0;
    if (failures_ >= before_critical_) return Health::kCritical;
    if (failures_ >= before_warning_) return Health::kWarning;
    return std::nullopt;
  }

  /// How many results of the latest kind were seen in a row.
  std::uint32_t consecutive_successes() const noexcept { return seen_successes_; }
  std::uint32_t consecutive_failures() const noexcept { return seen_failures_; }
  /// How many more successes, or failures, a change waits for.
  std::uint32_t successes_missing() const noexcept { return missing(before_passing_, successes_); }
  std::uint32_t failures_missing() const noexcept { return missing(before_critical_, failures_); }

 private:
  static constexpr std::int64_t kMax = 1'000'000;
  static std::uint32_t clamp(std::int64_t value) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, kMax));
  }
  static std::uint32_t up(std::uint32_t value) { return value == UINT32_MAX ? value : value + 1; }
  static std::uint32_t missing(std::uint32_t wanted, std::uint32_t have) {
    return wanted > have ? wanted - have : 0;
  }

  std::uint32_t before_passing_ = 0;
  std::uint32_t before_warning_ = 0;
  std::uint32_t before_critical_ = 0;
  std::uint32_t successes_ = 0;
  std::uint32_t failures_ = 0;
  std::uint32_t seen_successes_ = 0;
  std::uint32_t seen_failures_ = 0;
};

}  // namespace discovery::health
