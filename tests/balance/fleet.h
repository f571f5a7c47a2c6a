#pragma once

// Views to pick from, and what picks came to.

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <discovery/balance.h>

namespace discovery::fleet {

using ViewPtr = std::shared_ptr<const Instances>;

inline Instance instance(const std::string& id, std::uint32_t weight = 1, Health health = Health::kPassing,
                         Duration rtt = {}) {
  Instance made;
  made.node = "node-of-" + id;
  made.id = id;
  made.name = "web";
  made.address = "127.0.0.1";
  made.port = 80;
  made.health = health;
  made.weight = weight;
  made.rtt = rtt;
  return made;
}

inline std::shared_ptr<const Instance> shared(Instance one) {
  return std::make_shared<const Instance>(std::move(one));
}

inline ViewPtr view(const std::vector<Instance>& all) {
  auto made = std::make_shared<Instances>();
  for (const Instance& one : all) made->push_back(shared(one));
  return made;
}

/// i0, i1 ... of weight 1.
inline ViewPtr view(std::size_t count) {
  std::vector<Instance> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(instance("i" + std::to_string(i)));
  return view(all);
}

/// The same objects, but for one that is another now.
inline ViewPtr with(const ViewPtr& before, std::size_t at, Instance now) {
  auto made = std::make_shared<Instances>(*before);
  (*made)[at] = shared(std::move(now));
  return made;
}

inline ViewPtr without(const ViewPtr& before, std::size_t at) {
  auto made = std::make_shared<Instances>(*before);
  made->erase(made->begin() + static_cast<std::ptrdiff_t>(at));
  return made;
}

/// The id that is picked; empty for nothing. The call ends at once.
inline std::string pick(Balancer& balancer, const ViewPtr& from, const PickOptions& options = {}) {
  const auto picked = balancer.pick(from, options);
  if (!picked) return {};
  balancer.done(picked->ticket, {.known = false, .now = options.now});
  return picked->instance->id;
}

/// So many picks in a row, e.g. "abac".
inline std::string picks(Balancer& balancer, const ViewPtr& from, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += pick(balancer, from);
  return all;
}

/// One of each kind, and some around others; those that are random from seeds.
inline std::vector<BalancerPtr> every_policy() {
  std::vector<BalancerPtr> all;
  all.push_back(round_robin());
  all.push_back(random_choice({.seed = 1}));
  all.push_back(smooth_weighted());
  all.push_back(weighted_random({.seed = 2}));
  all.push_back(least_loaded({.seed = 3}));
  all.push_back(consistent_hash());
  all.push_back(nearest(least_loaded({.seed = 4}), {.seed = 5}));
  all.push_back(eject_outliers(nearest(round_robin())));
  all.push_back(eject_outliers(consistent_hash()));
  return all;
}

/// How often each was picked.
inline std::map<std::string, int> tally(Balancer& balancer, const ViewPtr& from, int count) {
  std::map<std::string, int> all;
  for (int i = 0; i < count; ++i) ++all[pick(balancer, from)];
  return all;
}

/// Chi-square of what was picked against the shares that were to be expected, in standard deviations above
/// its mean (it has about mean k and variance 2k for k degrees of freedom).
inline double excess(const std::map<std::string, int>& seen, const std::map<std::string, double>& weights) {
  double total = 0;
  int count = 0;
  for (const auto& [id, weight] : weights) total += weight;
  for (const auto& [id, times] : seen) {
    REQUIRE(weights.count(id) == 1);
    count += times;
  }
  double chi_square = 0;
  for (const auto& [id, weight] : weights) {
    const double expected = count * weight / total;
    const auto found = seen.find(id);
    const double off = (found == seen.end() ? 0 : found->second) - expected;
    chi_square += off * off / expected;
  }
  const double degrees = static_cast<double>(weights.size()) - 1;
  return (chi_square - degrees) / std::sqrt(2 * degrees);
}

}  // namespace discovery::fleet
