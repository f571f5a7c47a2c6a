#include <random>

#include "tests/balance/fleet.h"

using namespace discovery;
using namespace discovery::fleet;

namespace {

/// nginx's algorithm as it is written there.
class Reference {
 public:
  explicit Reference(const std::vector<std::uint32_t>& weights)
      : weights_(weights), current_(weights.size()) {}
  std::size_t pick() {
    std::int64_t total = 0;
    std::size_t best = weights_.size();
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      current_[i] += weights_[i];
      total += weights_[i];
      if (best == weights_.size() || current_[i] > current_[best]) best = i;
    }
    current_[best] -= total;
    return best;
  }

 private:
  std::vector<std::uint32_t> weights_;
  std::vector<std::int64_t> current_;
};

ViewPtr weighted_view(const std::vector<std::uint32_t>& weights) {
  std::vector<Instance> all;
  for (std::size_t i = 0; i < weights.size(); ++i) all.push_back(instance(std::to_string(i), weights[i]));
  return view(all);
}

}  // namespace

TEST_CASE("smooth weights spread evenly") {
  CHECK(picks(*smooth_weighted(), view({instance("a", 5), instance("b", 1), instance("c", 1)}), 14) ==
        "aabacaaaabacaa");
  CHECK(picks(*smooth_weighted(), view({instance("a", 2), instance("b", 2), instance("c", 2)}), 6) ==
        "abcabc");
}

TEST_CASE("smooth weights pick nginx's sequence") {
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::uint32_t> weights(1 + random() % 30);
    const std::uint32_t largest = round % 2 == 0 ? 4 : 1000;
    for (std::uint32_t& weight : weights) weight = 1 + static_cast<std::uint32_t>(random() % largest);
    Reference reference(weights);
    const auto balancer = smooth_weighted();
    const ViewPtr all = weighted_view(weights);
    std::string expected;
    std::string got;
    for (int i = 0; i < 500; ++i) {
      expected += std::to_string(reference.pick()) + " ";
      got += pick(*balancer, all) + " ";
    }
    REQUIRE(got == expected);
  }
}

TEST_CASE("smooth weights stay fair while the view keeps changing") {
  // Each pick sees another view; those at its beginning must not gain by that.
  const auto balancer = smooth_weighted();
  ViewPtr now = weighted_view({3, 3, 3, 1, 1, 1, 1, 1, 1});
  std::map<std::string, double> expected;
  for (const auto& one : *now) expected[one->id] = one->weight;
  std::map<std::string, int> seen;
  std::mt19937 random(5);
  for (int i = 0; i < 9000; ++i) {
    const std::size_t at = random() % now->size();
    Instance changed = *(*now)[at];
    changed.tags = {std::to_string(i)};
    now = with(now, at, changed);
    if (i % 3 == 0) {  // one comes and goes
      auto longer = std::make_shared<Instances>(*now);
      longer->push_back(shared(instance("guest", 2)));
      ++seen[pick(*balancer, longer)];
      continue;
    }
    ++seen[pick(*balancer, now)];
  }
  for (const auto& [id, weight] : expected) {
    INFO(id);
    CHECK(seen[id] > weight * 9000 / 15.7 * 0.9);
    CHECK(seen[id] < weight * 9000 / 15.7 * 1.1);
  }
}

TEST_CASE("random weights are those that were asked for") {
  std::mt19937 random(6);
  for (int round = 0; round < 10; ++round) {
    std::vector<std::uint32_t> weights(2 + random() % 60);
    std::map<std::string, double> expected;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = 1 + static_cast<std::uint32_t>(random() % (round % 2 == 0 ? 3 : 5000));
      expected[std::to_string(i)] = weights[i];
    }
    const auto balancer = weighted_random({.seed = static_cast<std::uint64_t>(round)});
    CHECK(excess(tally(*balancer, weighted_view(weights), 100'000), expected) < 4);
  }
}

TEST_CASE("random weights follow a change of the view") {
  const auto balancer = weighted_random({.seed = 9});
  const ViewPtr before = view({instance("a", 1), instance("b", 9)});
  CHECK(excess(tally(*balancer, before, 20'000), {{"a", 1}, {"b", 9}}) < 4);
  CHECK(excess(tally(*balancer, with(before, 1, instance("b", 1)), 20'000), {{"a", 1}, {"b", 1}}) < 4);
  CHECK(excess(tally(*balancer, with(before, 0, instance("c", 3)), 20'000), {{"c", 3}, {"b", 9}}) < 4);
  CHECK(excess(tally(*balancer, view({instance("a", 4'000'000'000U), instance("b", 1)}), 20'000),
               {{"a", 4e9}, {"b", 1}}) < 4);
}
