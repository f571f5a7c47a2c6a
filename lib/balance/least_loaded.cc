// The power of two choices on peak EWMA latency and open calls.

#include <algorithm>
#include <cmath>
#include <vector>

#include "lib/balance/mix.h"
#include "lib/balance/policy.h"
#include "lib/balance/urns.h"

namespace discovery::balance {
namespace {

constexpr unsigned kMaxChoices = 8;
/// A latency below this counts as this, so that open calls matter among those that answer at once.
constexpr double kFloorNs = 1000;

class LeastLoaded final : public Policy<LeastLoaded> {
 public:
  explicit LeastLoaded(const LeastLoadedOptions& options)
      : Policy({.panic_percent = options.panic_percent, .slots = true}),
        options_(options),
        memory_ns_(static_cast<double>(std::max(options.memory, Duration(1)).count())),
        draw_(options.seed) {
    options_.choices = std::clamp(options.choices, 1U, kMaxChoices);
  }

  BalancerPtr fresh(std::uint64_t seed) const override {
    LeastLoadedOptions options = options_;
    options.seed = seed;
    return least_loaded(options);
  }

  void done(std::uint64_t ticket, const CallOutcome& outcome) noexcept override {
    now_ = std::max(now_, outcome.now);
    const auto slot = roster_.slot_of(ticket);
    if (!slot || *slot >= known_.size()) return;
    Known& known = known_[*slot];
    if (known.open > 0) --known.open;
    if (!outcome.known) return;
    const Duration seen = outcome.ok ? outcome.latency : std::max(outcome.latency, options_.failure_latency);
    const double seen_ns = static_cast<double>(std::max(seen, Duration::zero()).count());
    const double kept = known.answered ? faded(known) : 0;
    if (seen_ns >= kept) {
      known.latency_ns = seen_ns;  // a peak counts at once
    } else {
      const double share = known.answered ? std::exp(-age_ns(known) / memory_ns_) : 0;
      known.latency_ns = known.latency_ns * share + seen_ns * (1 - share);
    }
    known.at = now_;
    known.answered = true;
  }

  void prepare(Roster::Change change) {
    if (change.weights) urns_.fill(roster_);
    mean_weight_ = static_cast<double>(roster_.total_weight()) /
                   static_cast<double>(std::max<std::size_t>(roster_.candidates().size(), 1));
    if (roster_.slots() > known_.size()) known_.resize(roster_.slots());
    for (const std::uint32_t slot : roster_.renewed()) known_[slot] = {};
  }

  std::size_t choose(const PickOptions& options) noexcept {
    now_ = std::max(now_, options.now);
    const auto candidates = roster_.candidates();
    const std::size_t count = candidates.size();
    std::size_t best = urns_.draw(draw_);
    if (count == 1 || options_.choices == 1) return best;
    double least = load(candidates[best]);
    for (unsigned i = 1; i < options_.choices; ++i) {
      std::size_t other = urns_.draw(draw_);
      if (other == best) {
        other = draw_.below(count - 1);
        if (other >= best) ++other;
      }
      const double load_of_other = load(candidates[other]);
      if (load_of_other < least) {
        best = other;
        least = load_of_other;
      }
    }
    return best;
  }
  void picked(const Candidate& candidate) noexcept { ++known_[candidate.slot].open; }

 private:
  struct Known {
    double latency_ns = 0;  // as it was at `at`
    Duration at{};
    std::uint64_t open = 0;
    bool answered = false;
  };

  double age_ns(const Known& known) const noexcept { return static_cast<double>((now_ - known.at).count()); }
  double faded(const Known& known) const noexcept {
    return now_ == known.at ? known.latency_ns : known.latency_ns * std::exp(-age_ns(known) / memory_ns_);
  }
  double load(const Candidate& candidate) const noexcept {
    const Known& known = known_[candidate.slot];
    // Who has not answered yet gets one call and not many.
    const double latency_ns = known.answered || known.open == 0
                                  ? faded(known)
                                  : static_cast<double>(options_.failure_latency.count());
    return std::max(latency_ns, kFloorNs) *
           (1 + static_cast<double>(known.open) * mean_weight_ / candidate.weight);
  }

  LeastLoadedOptions options_;
  double memory_ns_;
  Draw draw_;
  Urns urns_;
  double mean_weight_ = 1;
  Duration now_{};
  std::vector<Known> known_;  // by slot
};

}  // namespace
}  // namespace discovery::balance

namespace discovery::inline v0 {

BalancerPtr least_loaded(const LeastLoadedOptions& options) {
  return std::make_unique<balance::LeastLoaded>(options);
}

}  // namespace discovery::inline v0
