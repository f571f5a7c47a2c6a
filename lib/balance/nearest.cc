// Tiers by round trip, with spill-over.

#include <algorithm>
#include <array>
#include <exception>
#include <vector>

#include "lib/balance/mix.h"
#include "lib/balance/policy.h"

namespace discovery::balance {
namespace {

constexpr std::size_t kMaxTiers = 8;

class Nearest final : public Balancer {
 public:
  Nearest(BalancerPtr within, const NearestOptions& options)
      : options_(options),
        pattern_(std::move(within)),
        roster_({.panic_percent = options.panic_percent}),
        draw_(options.seed) {
    if (options_.tiers.size() > kMaxTiers - 1) options_.tiers.resize(kMaxTiers - 1);
    std::sort(options_.tiers.begin(), options_.tiers.end());
    for (std::size_t i = 0; i <= options_.tiers.size(); ++i) {
      tiers_[i].within = pattern_->fresh(mix(options_.seed + i));
    }
  }

  std::optional<Pick> pick(const std::shared_ptr<const Instances>& view,
                           const PickOptions& options) noexcept override {
    if (!roster_.holds(view) && !take(view)) [[unlikely]]
      return std::nullopt;
    const std::size_t first = choose();
    auto found = tiers_[first].within->pick(tiers_[first].view, options);
    if (found && (options.avoid.empty() || !avoided(options, found->ticket))) return found;
    return elsewhere(first, found, options);
  }

  void done(std::uint64_t ticket, const CallOutcome& outcome) noexcept override {
    // An instance may have changed its tier meanwhile; tiers ignore whom they do not know.
    for (std::size_t i = 0; i < count(); ++i) tiers_[i].within->done(ticket, outcome);
  }

  BalancerPtr fresh(std::uint64_t seed) const override {
    NearestOptions options = options_;
    options.seed = seed;
    return nearest(pattern_->fresh(seed), options);
  }

 private:
  struct Tier {
    BalancerPtr within;
    std::shared_ptr<const Instances> view;  // those that may be picked
    std::uint64_t upto = 0;                 // of 2^32, its share and those of the tiers before
  };

  std::size_t count() const noexcept { return options_.tiers.size() + 1; }

  std::size_t tier_of(const Instance& instance) const noexcept {
    if (instance.rtt <= Duration::zero()) return options_.tiers.size();
    return static_cast<std::size_t>(
        std::lower_bound(options_.tiers.begin(), options_.tiers.end(), instance.rtt) -
        options_.tiers.begin());
  }

  std::size_t choose() noexcept {
    std::size_t at = 0;
    if (whole_) return *whole_;
    const std::uint64_t random = draw_.next() >> 32;
    while (at + 1 < count() && random >= tiers_[at].upto) ++at;
    return at;
  }

  /// The other tiers, the nearest first; those to be avoided only if there is nobody else.
  [[gnu::noinline]] std::optional<Pick> elsewhere(std::size_t tried, std::optional<Pick> worst,
                                                  const PickOptions& options) noexcept {
    for (std::size_t i = 0; i < count(); ++i) {
      if (i == tried) continue;
      auto found = tiers_[i].within->pick(tiers_[i].view, options);
      if (!found) continue;
      if (!avoided(options, found->ticket)) {
        if (worst) tiers_[tried].within->done(worst->ticket, {.known = false});
        return found;
      }
      if (worst) {
        tiers_[i].within->done(found->ticket, {.known = false});
      } else {
        worst = found;
        tried = i;
      }
    }
    return worst;
  }

  [[gnu::noinline]] bool take(const std::shared_ptr<const Instances>& view) noexcept {
    try {
      roster_.take(view);
      divide();
      return true;
    } catch (const std::exception&) {  // no memory
      roster_.clear();
      return false;
    }
  }

  void divide() {
    std::array<std::shared_ptr<Instances>, kMaxTiers> parts;
    for (std::size_t i = 0; i < count(); ++i) parts[i] = std::make_shared<Instances>();
    std::array<std::uint64_t, kMaxTiers> usable{};
    std::array<std::uint64_t, kMaxTiers> all{};
    const Instances* const view = roster_.view().get();  // null where nobody is
    const auto members = roster_.members();
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (members[i].use == Use::kDraining) continue;
      const std::size_t tier = tier_of(*members[i].instance);
      all[tier] += members[i].weight;
      if (members[i].use == Use::kUsable) usable[tier] += members[i].weight;
      if (members[i].use == Use::kUsable || roster_.panics()) parts[tier]->push_back((*view)[i]);
    }
    for (std::size_t i = 0; i < count(); ++i) tiers_[i].view = std::move(parts[i]);
    share(roster_.panics() ? all : usable, all);
  }

  /// Each tier takes of what is left as much as it can bear; if none can bear the rest, all take in
  /// proportion.
  void share(const std::array<std::uint64_t, kMaxTiers>& usable,
             const std::array<std::uint64_t, kMaxTiers>& all) noexcept {
    std::array<double, kMaxTiers> parts{};
    double left = 1;
    for (std::size_t i = 0; i < count(); ++i) {
      const double bears = all[i] == 0 ? 0
                                       : static_cast<double>(usable[i]) / static_cast<double>(all[i]) *
                                             options_.overprovision_percent / 100;
      parts[i] = std::min(left, bears);
      left -= parts[i];
    }
    const double given = 1 - left;
    double upto = 0;
    whole_.reset();
    for (std::size_t i = 0; i < count(); ++i) {
      if (given > 0 && parts[i] >= given) whole_ = i;
      upto += given > 0 ? parts[i] / given : 0;
      tiers_[i].upto = static_cast<std::uint64_t>(upto * 0x1p32);
    }
  }

  NearestOptions options_;
  BalancerPtr pattern_;
  Roster roster_;
  Draw draw_;
  std::array<Tier, kMaxTiers> tiers_;
  std::optional<std::size_t> whole_;  // the tier that takes everything
};

}  // namespace
}  // namespace discovery::balance

namespace discovery::inline v0 {

BalancerPtr nearest(BalancerPtr within, const NearestOptions& options) {
  return std::make_unique<balance::Nearest>(within != nullptr ? std::move(within) : round_robin(), options);
}

}  // namespace discovery::inline v0
