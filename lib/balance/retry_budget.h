#pragma once

#include <algorithm>

#include <discovery/types.h>

namespace discovery::balance {

/// How many retries a client may make: each call earns a part of one, and some come with time. After
/// Finagle's RetryBudget. Pure: it is told the time. Threads: a value.
class RetryBudget {
 public:
  /// For so long unused ones are kept; of calls, those of so many.
  static constexpr double kKeptSeconds = 10;
  static constexpr double kKeptCalls = 100;

  RetryBudget(double ratio, double per_second)
      : ratio_(std::max(ratio, 0.0)), per_second_(std::max(per_second, 0.0)), left_(per_second_) {}

  /// A call is made.
  void earn() noexcept { left_ = std::min(left_ + ratio_, limit()); }
  /// Whether a retry may be made now; then it is taken off.
  bool spend(Duration now) noexcept {
    if (now > at_ && at_ > Duration::zero()) {
      left_ = std::min(left_ + per_second_ * std::chrono::duration<double>(now - at_).count(), limit());
    }
    at_ = std::max(at_, now);
    if (left_ < 1 - kSmall) return false;
    left_ -= 1;
    return true;
  }

 private:
  static constexpr double kSmall = 1e-9;  // five fifths may be a little less than one
  double limit() const noexcept { return std::max(per_second_ * kKeptSeconds + ratio_ * kKeptCalls, 1.0); }

  double ratio_;
  double per_second_;
  double left_;
  Duration at_{};
};

}  // namespace discovery::balance
