// Outlier detection around another policy.

#include <algorithm>
#include <cmath>
#include <exception>
#include <vector>

#include "lib/balance/policy.h"

namespace discovery::balance {
namespace {

class EjectOutliers final : public Balancer {
 public:
  EjectOutliers(BalancerPtr inner, const OutlierOptions& options)
      : options_(options), inner_(std::move(inner)), roster_({.slots = true}) {
    options_.interval = std::max(options_.interval, Duration(1));
  }

  std::optional<Pick> pick(const std::shared_ptr<const Instances>& view,
                           const PickOptions& options) noexcept override {
    if (!roster_.holds(view) && !take(view)) [[unlikely]]
      return std::nullopt;
    advance(options.now);
    if (shown_stale_ && !show()) [[unlikely]]
      return std::nullopt;
    auto found = inner_->pick(shown_, options);
    if (found && ejected_ > 0) {  // it may be the one that looks critical to `inner`
      const auto slot = roster_.slot_of(found->ticket);
      if (slot && known_[*slot].instance != nullptr) found->instance = known_[*slot].instance;
    }
    return found;
  }

  void done(std::uint64_t ticket, const CallOutcome& outcome) noexcept override {
    inner_->done(ticket, outcome);
    advance(outcome.now);
    const auto slot = roster_.slot_of(ticket);
    if (!outcome.known || !slot || *slot >= known_.size()) return;
    Known& known = known_[*slot];
    if (outcome.ok) {
      known.in_a_row = 0;
      ++known.served;
      return;
    }
    ++known.failed;
    if (++known.in_a_row >= options_.consecutive_failures && options_.consecutive_failures > 0) eject(known);
  }

  BalancerPtr fresh(std::uint64_t seed) const override {
    return eject_outliers(inner_->fresh(seed), options_);
  }

 private:
  struct Known {
    const Instance* instance = nullptr;  // null: it is not in the view
    std::uint32_t in_a_row = 0;          // failures
    std::uint32_t served = 0;            // in this interval
    std::uint32_t failed = 0;
    std::uint32_t times = 0;  // it was ejected, less the intervals that went well
    bool ejected = false;
    Duration until{};
  };

  [[gnu::noinline]] bool take(const std::shared_ptr<const Instances>& view) noexcept {
    try {
      roster_.take(view);
      known_.resize(roster_.slots());
    } catch (const std::exception&) {  // no memory
      roster_.clear();
      known_.clear();
      ejected_ = 0;
      return false;
    }
    for (const std::uint32_t slot : roster_.renewed()) known_[slot] = {};
    for (Known& known : known_) known.instance = nullptr;
    takers_ = 0;
    for (const Member& one : roster_.members()) {
      if (one.instance == nullptr) continue;
      known_[one.slot].instance = one.instance;
      if (one.use != Use::kDraining) ++takers_;
    }
    count_ejected();
    shown_stale_ = true;
    return true;
  }

  /// Whom the ejections keep from the view; those that are not in it do not count.
  void count_ejected() noexcept {
    ejected_ = 0;
    for (const Known& known : known_) ejected_ += known.ejected && known.instance != nullptr ? 1 : 0;
  }

  /// Makes what `inner` sees: the view itself, or a copy in which those that are ejected look critical.
  [[gnu::noinline]] bool show() noexcept {
    try {
      if (ejected_ == 0) {
        shown_ = roster_.view();
      } else {
        auto copy = std::make_shared<Instances>(*roster_.view());
        const auto members = roster_.members();
        for (std::size_t i = 0; i < members.size(); ++i) {
          if (members[i].use != Use::kUsable || !known_[members[i].slot].ejected) continue;
          auto looks = std::make_shared<Instance>(*(*copy)[i]);
          looks->health = Health::kCritical;
          (*copy)[i] = std::move(looks);
        }
        shown_ = std::move(copy);
      }
    } catch (const std::exception&) {  // no memory
      return false;
    }
    shown_stale_ = false;
    return true;
  }

  void eject(Known& known) noexcept {
    if (known.ejected || known.instance == nullptr || now_ <= Duration::zero()) return;
    const std::size_t most = std::max<std::size_t>(takers_ * options_.max_percent / 100, 1);
    if (ejected_ >= most || ejected_ + 1 >= takers_) return;
    known.ejected = true;
    known.in_a_row = 0;
    ++known.times;
    ++ejected_;
    known.until = now_ + std::min(options_.max_ejection, options_.ejection * known.times);
    next_ = std::min(next_, known.until);
    shown_stale_ = true;
  }

  void advance(Duration now) noexcept {
    if (now <= now_) return;
    if (now_ <= Duration::zero()) interval_ends_ = next_ = now + options_.interval;
    now_ = now;
    if (now_ >= next_) [[unlikely]]
      look();
  }

  /// Lets back those whose time is over; at the end of an interval compares the rates.
  [[gnu::noinline]] void look() noexcept {
    const bool ends = now_ >= interval_ends_;
    if (ends) {
      compare_rates();
      interval_ends_ = now_ + options_.interval;
    }
    next_ = interval_ends_;
    for (Known& known : known_) {
      if (known.ejected && known.until <= now_) {
        known.ejected = false;
        shown_stale_ = true;
      } else if (known.ejected) {
        next_ = std::min(next_, known.until);
      } else if (ends && known.times > 0) {
        --known.times;
      }
      if (ends) known.served = known.failed = 0;
    }
    count_ejected();
  }

  bool counts(const Known& known) const noexcept {
    return known.instance != nullptr && !known.ejected &&
           known.served + known.failed >= std::max(options_.min_requests, 1U);
  }
  static double rate(const Known& known) noexcept {
    return static_cast<double>(known.served) / (known.served + known.failed);
  }

  void compare_rates() noexcept {
    if (options_.deviations <= 0) return;
    double sum = 0;
    double squares = 0;
    std::size_t count = 0;
    for (const Known& known : known_) {
      if (!counts(known)) continue;
      sum += rate(known);
      squares += rate(known) * rate(known);
      ++count;
    }
    if (count < std::max(options_.min_instances, 1U)) return;
    const double mean = sum / static_cast<double>(count);
    const double deviation = std::sqrt(std::max(squares / static_cast<double>(count) - mean * mean, 0.0));
    const double least = mean - options_.deviations * deviation;
    for (Known& known : known_) {
      if (counts(known) && rate(known) < least) eject(known);
    }
  }

  OutlierOptions options_;
  BalancerPtr inner_;
  Roster roster_;
  std::shared_ptr<const Instances> shown_;  // to inner_
  bool shown_stale_ = true;
  std::vector<Known> known_;  // by slot
  std::size_t takers_ = 0;    // of the view that do not drain
  std::size_t ejected_ = 0;   // of the view
  Duration now_{};
  Duration interval_ends_{};
  Duration next_{};  // when look() has something to do
};

}  // namespace
}  // namespace discovery::balance

namespace discovery::inline v0 {

BalancerPtr eject_outliers(BalancerPtr inner, const OutlierOptions& options) {
  return std::make_unique<balance::EjectOutliers>(inner != nullptr ? std::move(inner) : round_robin(),
                                                  options);
}

}  // namespace discovery::inline v0
