// The policies by weight: smooth round robin and random.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/balance/mix.h"
#include "lib/balance/policy.h"
#include "lib/balance/urns.h"

namespace discovery::balance {
namespace {

/// nginx adds its weight to each instance's current weight, takes the largest (the first of equals), and
/// subtracts the sum of weights from that one's. Instances of the same weight differ in the subtractions
/// alone, so they take turns, and only one of each weight has to be looked at.
class SmoothWeighted final : public Policy<SmoothWeighted> {
 public:
  explicit SmoothWeighted(const BalanceOptions& options)
      : Policy({.panic_percent = options.panic_percent}), options_(options) {}

  BalancerPtr fresh(std::uint64_t seed) const override {
    return smooth_weighted({.panic_percent = options_.panic_percent, .seed = seed});
  }

  void prepare(Roster::Change change) {
    if (!change.weights && !change.ids) return;
    const std::vector<Class> before = std::move(classes_);
    classes_.clear();
    const auto candidates = roster_.candidates();
    for (const Candidate& one : candidates) ++class_of(one.weight).size;
    std::uint32_t begin = 0;
    for (Class& one : classes_) {
      one.begin = begin;
      begin += one.size;
      one.size = 0;
    }
    order_.resize(candidates.size());
    for (std::uint32_t i = 0; i < candidates.size(); ++i) {
      Class& one = class_of(candidates[i].weight);
      order_[one.begin + one.size++] = i;
    }
    if (before.empty()) {
      start();
    } else {
      go_on(before);
    }
    total_ = static_cast<std::int64_t>(roster_.total_weight());
  }

  std::size_t choose(const PickOptions& /*options*/) noexcept {
    Class* best = nullptr;
    for (Class& one : classes_) {
      one.current += one.weight;
      if (best == nullptr || one.current > best->current ||
          (one.current == best->current && head(one) < head(*best))) {
        best = &one;
      }
    }
    const std::uint32_t at = head(*best);
    if (++best->next == best->size) {
      best->next = 0;
      best->current -= total_;
    }
    return at;
  }

 private:
  /// The candidates of one weight, in the view's order. Those before `next` have had their turn: their
  /// current weight is less than `current` by the sum of all weights.
  struct Class {
    std::int64_t current = 0;
    std::uint32_t weight = 0;
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t next = 0;
  };

  std::uint32_t head(const Class& one) const noexcept { return order_[one.begin + one.next]; }

  static bool lighter(const Class& one, std::uint32_t weight) noexcept { return one.weight < weight; }
  Class& class_of(std::uint32_t weight) {
    auto found = std::lower_bound(classes_.begin(), classes_.end(), weight, lighter);
    if (found == classes_.end() || found->weight != weight) {
      found = classes_.insert(found, Class{});
      found->weight = weight;
    }
    return *found;
  }

  void start() noexcept {
    if (options_.seed == 0) return;
    Draw draw(options_.seed);
    for (Class& one : classes_) one.next = draw.below(one.size);
  }

  /// Takes over how far each weight had come, or those at the view's beginning would gain with each change.
  void go_on(const std::vector<Class>& before) noexcept {
    const double scale =
        total_ == 0 ? 0 : static_cast<double>(roster_.total_weight()) / static_cast<double>(total_);
    for (Class& one : classes_) {
      const auto old = std::lower_bound(before.begin(), before.end(), one.weight, lighter);
      if (old == before.end() || old->weight != one.weight) continue;
      one.current = static_cast<std::int64_t>(static_cast<double>(old->current) * scale);
      one.next = old->next < one.size ? old->next : 0;
    }
  }

  BalanceOptions options_;
  std::vector<Class> classes_;  // the lightest first
  std::vector<std::uint32_t> order_;
  std::int64_t total_ = 0;
};

/// The alias method.
class WeightedRandom final : public Policy<WeightedRandom> {
 public:
  explicit WeightedRandom(const BalanceOptions& options)
      : Policy({.panic_percent = options.panic_percent}), options_(options), draw_(options.seed) {}

  BalancerPtr fresh(std::uint64_t seed) const override {
    return weighted_random({.panic_percent = options_.panic_percent, .seed = seed});
  }

  void prepare(Roster::Change change) {
    if (change.weights) urns_.fill(roster_);
  }
  std::size_t choose(const PickOptions& /*options*/) noexcept { return urns_.draw(draw_); }

 private:
  BalanceOptions options_;
  Draw draw_;
  Urns urns_;
};

}  // namespace
}  // namespace discovery::balance

namespace discovery::inline v0 {

BalancerPtr smooth_weighted(const BalanceOptions& options) {
  return std::make_unique<balance::SmoothWeighted>(options);
}

BalancerPtr weighted_random(const BalanceOptions& options) {
  return std::make_unique<balance::WeightedRandom>(options);
}

}  // namespace discovery::inline v0
