#pragma once

/// \file
/// Which instance of a service a request goes to. A Balancer picks one of a view; what it is told of the
/// calls
/// (`done`) feeds the policies that learn. Policies stand alone (round_robin() and the like) or around
/// another one: `eject_outliers(nearest(least_loaded()))`.
///
/// Nothing here reads a clock or draws a random seed: time and seed come in as values, so that the same input
/// gives the same picks. A Resolver (resolver.h) brings both, and is what most programs want.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <discovery/export.h>
#include <discovery/instance.h>
#include <discovery/types.h>

namespace discovery::inline v0 {

/// Where a request goes.
struct Pick {
  const Instance* instance = nullptr;  ///< never null; lives as long as the view that it was picked from
  std::uint64_t ticket = 0;            ///< for done(): ticket_of(*instance)
};

/// What a pick may be told.
struct PickOptions {
  std::uint64_t hash = 0;  ///< of the request's key, for consistent_hash(); hash_of() makes one
  /// The monotonic time, for policies that forget or eject; zero: as at the call before.
  Duration now{};
  /// Tickets of instances to avoid while there are others, e.g. those that the request has failed at.
  std::span<const std::uint64_t> avoid{};
};

/// How a call to a picked instance ended.
struct CallOutcome {
  Duration latency{};
  bool ok = true;     ///< whether the instance did its part; an error of the caller is ok
  bool known = true;  ///< false: the call was not made, or its end was not awaited; it only is no longer open
  Duration now{};     ///< the monotonic time; zero: as at the call before
};

/// Names an instance by its node and id, alike in every view, process and release. Never 0.
/// Threads: safe. Blocks: never.
DISCOVERY_EXPORT std::uint64_t ticket_of(const Instance& instance) noexcept;

/// A hash for PickOptions::hash, alike in every process and release; not for keys that an enemy chooses.
/// Threads: safe. Blocks: never.
DISCOVERY_EXPORT std::uint64_t hash_of(std::string_view key) noexcept;

class Balancer;
/// Who makes a balancer owns it.
using BalancerPtr = std::unique_ptr<Balancer>;

/// Picks instances by one policy.
///
/// What all policies here have in common: instances in kMaintenance or of weight 0 drain and are never
/// picked. Passing and warning ones are, critical ones are not, unless so few are left that those would be
/// overwhelmed: if fewer than `panic_percent` of all that do not drain are usable, all of them are used.
///
/// A view that was not seen before (by its address, which the balancer keeps from being used again) is
/// compared with the one before and prepared; then a pick takes some nanoseconds and allocates nothing. What
/// is known of an instance stays with its node and id, through changes of the view and short absences.
///
/// Threads: one at a time. Picking from many threads is cheapest with a balancer for each (fresh()); where
/// all should learn from all calls, share a Resolver, which has a lock. Blocks: never. Errors: none; short of
/// memory it picks nothing. A policy of your own must use ticket_of() and honour `avoid`.
class DISCOVERY_EXPORT Balancer {
 public:
  virtual ~Balancer() = default;
  /// An instance of `view`, or nothing if none may be picked. A pick counts as open until its done().
  virtual std::optional<Pick> pick(const std::shared_ptr<const Instances>& view,
                                   const PickOptions& options = {}) noexcept = 0;
  /// Tells how a picked call ended. Round robin and random choice do not need it. Fine for tickets of
  /// instances that are gone.
  virtual void done(std::uint64_t ticket, const CallOutcome& outcome) noexcept = 0;
  /// Another one with the same options that has seen nothing yet, and with a seed of its own. May throw
  /// std::bad_alloc only.
  virtual BalancerPtr fresh(std::uint64_t seed) const = 0;
};

/// What simple policies can be told.
struct BalanceOptions {
  unsigned panic_percent = 50;  ///< 0: critical instances are never picked
  /// Where the order begins, and of the random numbers. Processes that all take the same go to the same
  /// instances in step; a Resolver draws one.
  std::uint64_t seed = 0;
};

/// One after the other, without regard to weights. With seed 0 the first of the view is first.
DISCOVERY_EXPORT BalancerPtr round_robin(const BalanceOptions& options = {});

/// Each with the same probability.
DISCOVERY_EXPORT BalancerPtr random_choice(const BalanceOptions& options = {});

/// In turn, each as often as its weight says, and spread evenly: of weights 5, 1, 1 not "aaaaabc" but
/// "aabacaa". The sequence is that of nginx's smooth weighted balancing (nginx, commit 52327e0627f4). A pick
/// takes time in the number of distinct weights, about a nanosecond for each.
DISCOVERY_EXPORT BalancerPtr smooth_weighted(const BalanceOptions& options = {});

/// Each with the probability that its weight says, in constant time (the alias method: A. J. Walker, ACM TOMS
/// 3(3), 1977; M. D. Vose, IEEE TSE 17(9), 1991).
DISCOVERY_EXPORT BalancerPtr weighted_random(const BalanceOptions& options = {});

/// What least_loaded() can be told.
struct LeastLoadedOptions {
  unsigned choices = 2;  ///< how many are drawn and compared; 1 to 8
  /// How fast the past fades: of a latency so long ago 37 % are left.
  Duration memory = std::chrono::seconds(10);
  /// A failed call counts as if it had taken so long at least, so that one who fails fast does not look fast.
  Duration failure_latency = std::chrono::seconds(1);
  unsigned panic_percent = 50;
  std::uint64_t seed = 0;
};

/// The least loaded of a few that are drawn at random, by weight (M. Mitzenmacher, "The Power of Two Choices
/// in Randomized Load Balancing", IEEE TPDS 12(10), 2001). Load is one and the open calls (in relation to the
/// weight), times a latency that follows peaks at once and fades slowly (Finagle's "peak EWMA"). Without
/// done() it counts picks.
DISCOVERY_EXPORT BalancerPtr least_loaded(const LeastLoadedOptions& options = {});

/// What consistent_hash() can be told.
struct ConsistentHashOptions {
  unsigned points = 100;  ///< of an instance of average weight on the ring; 1 to 1,000
  /// No instance has more open calls than so much of its fair share, rounded up; more go to the next on the
  /// ring. At least 100, or 0 for no bound.
  unsigned load_percent = 125;
  unsigned panic_percent = 50;
};

/// The same instance for the same hash, as far as loads allow; when instances come or go, only their own keys
/// move (D. Karger et al., STOC 1997; V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with
/// Bounded Loads", SODA 2018). Processes with the same view agree, but for calls that a full instance turns
/// away. The bound needs done().
DISCOVERY_EXPORT BalancerPtr consistent_hash(const ConsistentHashOptions& options = {});

/// What nearest() can be told.
struct NearestOptions {
  /// Round trips up to each of these are one tier; beyond the last, and unknown ones, are the farthest. At
  /// most 7, ascending.
  std::vector<Duration> tiers{std::chrono::milliseconds(2), std::chrono::milliseconds(20),
                              std::chrono::milliseconds(100)};
  /// A tier takes all of the traffic while its usable weight, times this, is its whole weight: with 140 it
  /// may lose 28 %. What is beyond goes to the next tier, and so on.
  unsigned overprovision_percent = 140;
  unsigned panic_percent = 50;
  std::uint64_t seed = 0;
};

/// Those with the shortest round trip, by `within` in each tier (which serves as a pattern: each tier has one
/// of its own). Spilling is that of Envoy's priority levels.
DISCOVERY_EXPORT BalancerPtr nearest(BalancerPtr within, const NearestOptions& options = {});

/// What eject_outliers() can be told.
struct OutlierOptions {
  unsigned consecutive_failures = 5;  ///< so many in a row eject an instance; 0: they do not
  /// How often success rates are compared: an instance that served enough is ejected if its rate is more than
  /// `deviations` standard deviations below the mean.
  Duration interval = std::chrono::seconds(10);
  double deviations = 1.9;                       ///< 0: rates are not compared
  unsigned min_requests = 20;                    ///< in an interval, for a rate to count
  unsigned min_instances = 5;                    ///< with such a rate, for them to be compared
  Duration ejection = std::chrono::seconds(30);  ///< the first time; the n-th lasts n times as long
  Duration max_ejection = std::chrono::minutes(5);
  unsigned max_percent = 10;  ///< of the instances are out at most, but one may be where there are two
};

/// Keeps `inner` from instances whose calls fail, for a time that grows with each ejection and shrinks again
/// with each interval that goes well: `inner` sees them as critical (Envoy's outlier detection). Needs done()
/// with `now`.
DISCOVERY_EXPORT BalancerPtr eject_outliers(BalancerPtr inner, const OutlierOptions& options = {});

}  // namespace discovery::inline v0
