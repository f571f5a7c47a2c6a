// Consistent hashing with bounded loads.

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "lib/balance/mix.h"
#include "lib/balance/policy.h"

namespace discovery::balance {
namespace {

constexpr unsigned kMaxPoints = 1000;
/// One instance has at most so many times the points of an average one.
constexpr std::uint64_t kMaxShare = 64;
/// So many points are looked at from a key's own on before any instance with room will do.
constexpr std::size_t kMaxSteps = 1024;
constexpr std::uint32_t kNobody = UINT32_MAX;

class ConsistentHash final : public Policy<ConsistentHash> {
 public:
  explicit ConsistentHash(const ConsistentHashOptions& options)
      : Policy({.panic_percent = options.panic_percent, .slots = true}), options_(options) {
    options_.points = std::clamp(options.points, 1U, kMaxPoints);
    if (options_.load_percent > 0) options_.load_percent = std::max(options_.load_percent, 100U);
  }

  BalancerPtr fresh(std::uint64_t /*seed*/) const override { return consistent_hash(options_); }

  void done(std::uint64_t ticket, const CallOutcome& /*outcome*/) noexcept override {
    const auto slot = roster_.slot_of(ticket);
    if (!slot || *slot >= known_.size()) return;
    Known& known = known_[*slot];
    if (known.open == 0) return;
    --known.open;
    if (known.candidate != kNobody) --open_;
  }

  void prepare(Roster::Change change) {
    if (roster_.slots() > known_.size()) known_.resize(roster_.slots());
    for (const std::uint32_t slot : roster_.renewed()) known_[slot].open = 0;
    if (!change.weights && !change.ids) return;
    const auto candidates = roster_.candidates();
    for (Known& known : known_) known.candidate = kNobody;
    open_ = 0;
    for (std::uint32_t i = 0; i < candidates.size(); ++i) {
      known_[candidates[i].slot].candidate = i;
      open_ += known_[candidates[i].slot].open;
    }
    change_ring();
  }

  std::size_t choose(const PickOptions& options) noexcept {
    const std::uint64_t key = mix(options.hash);
    std::size_t at = buckets_[key >> shift_];
    while (at < ring_.size() && ring_[at].at < key) ++at;
    const std::size_t steps = std::min(ring_.size(), kMaxSteps);
    for (std::size_t i = 0; i < steps; ++i, ++at) {
      if (at >= ring_.size()) at = 0;
      const std::uint32_t candidate = known_[ring_[at].slot].candidate;
      if (suits(candidate, options)) return candidate;
    }
    return who_suits(key, options);
  }
  void picked(const Candidate& candidate) noexcept {
    ++known_[candidate.slot].open;
    ++open_;
  }

 private:
  struct Known {
    std::uint64_t open = 0;
    std::uint32_t candidate = kNobody;  // its index
    std::uint32_t points = 0;           // on the ring
    std::uint32_t wanted = 0;           // points; while the ring changes
    std::uint64_t id = 0;               // whose the points are
  };
  struct Point {
    std::uint64_t at = 0;
    std::uint32_t slot = 0;
    std::uint32_t number = 0;  // of its instance's

    friend bool operator<(const Point& a, const Point& b) noexcept { return a.at < b.at; }
  };

  bool suits(std::uint32_t candidate, const PickOptions& options) const noexcept {
    const Candidate& one = roster_.candidates()[candidate];
    if (!options.avoid.empty() && avoided(options, one.id)) return false;
    if (options_.load_percent == 0) return true;
    // open + 1 <= ceil(percent / 100 * (all + 1) * weight / all weights), in whole numbers
    const std::uint64_t open = known_[one.slot].open;
    const auto fair =
        static_cast<double>(open_ + 1) * one.weight / static_cast<double>(roster_.total_weight());
    return static_cast<double>(open) < fair * options_.load_percent / 100;
  }

  [[gnu::noinline]] std::size_t who_suits(std::uint64_t key, const PickOptions& options) const noexcept {
    const auto count = static_cast<std::uint32_t>(roster_.candidates().size());
    const auto first = static_cast<std::uint32_t>(((key >> 32) * count) >> 32);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t candidate = first + i < count ? first + i : first + i - count;
      if (suits(candidate, options)) return candidate;
    }
    return first;
  }

  /// An average weight has `points`, and so has the power of two below it: points of others stay where they
  /// are until the average has doubled or halved.
  std::uint32_t wanted(std::uint32_t weight) const noexcept {
    const std::uint64_t average =
        std::max<std::uint64_t>(roster_.total_weight() / roster_.candidates().size(), 1);
    const std::uint64_t unit = std::bit_floor(average);
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
        weight * std::uint64_t{options_.points} / unit, 1, options_.points * kMaxShare));
  }

  void change_ring() {
    if (!std::exchange(ring_whole_, false)) {  // memory ran out in the middle of the last change
      ring_.clear();
      for (Known& known : known_) known.points = 0;
    }
    for (Known& known : known_) known.wanted = 0;
    for (const Candidate& one : roster_.candidates()) {
      Known& known = known_[one.slot];
      if (known.id != one.id) known.points = 0;  // the slot's earlier owner left points behind
      known.wanted = wanted(one.weight);
    }
    // An id that changed has its slot's old points dropped, all others keep theirs.
    std::erase_if(ring_, [this](const Point& point) {
      const Known& known = known_[point.slot];
      return point.number >= std::min(known.points, known.wanted);
    });
    std::vector<Point> added;
    for (const Candidate& one : roster_.candidates()) {
      Known& known = known_[one.slot];
      for (std::uint32_t number = known.points; number < known.wanted; ++number) {
        added.push_back({mix(mix(one.id) + number), one.slot, number});
      }
      known.id = one.id;
    }
    for (Known& known : known_) known.points = known.wanted;
    std::sort(added.begin(), added.end());
    const auto middle = static_cast<std::ptrdiff_t>(ring_.size());
    ring_.insert(ring_.end(), added.begin(), added.end());
    std::inplace_merge(ring_.begin(), ring_.begin() + middle, ring_.end());
    index_ring();
    ring_whole_ = true;
  }

  /// For each of the ring's equal parts, where it begins: about one part a point.
  void index_ring() {
    const std::size_t parts = std::bit_ceil(std::max<std::size_t>(ring_.size(), 2));
    shift_ = static_cast<unsigned>(64 - std::countr_zero(parts));
    buckets_.resize(parts);
    std::uint32_t at = 0;
    for (std::size_t i = 0; i < parts; ++i) {
      while (at < ring_.size() && ring_[at].at < (std::uint64_t{i} << shift_)) ++at;
      buckets_[i] = at;
    }
  }

  ConsistentHashOptions options_;
  std::vector<Known> known_;  // by slot
  std::vector<Point> ring_;   // in order
  std::vector<std::uint32_t> buckets_;
  unsigned shift_ = 63;
  bool ring_whole_ = true;
  std::uint64_t open_ = 0;  // calls of all candidates
};

}  // namespace
}  // namespace discovery::balance

namespace discovery::inline v0 {

BalancerPtr consistent_hash(const ConsistentHashOptions& options) {
  return std::make_unique<balance::ConsistentHash>(options);
}

}  // namespace discovery::inline v0
