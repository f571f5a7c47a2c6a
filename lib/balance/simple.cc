// The policies without weights: round robin and random choice.

#include "lib/balance/mix.h"
#include "lib/balance/policy.h"

namespace discovery::balance {
namespace {

class RoundRobin final : public Policy<RoundRobin> {
 public:
  explicit RoundRobin(const BalanceOptions& options)
      : Policy({.panic_percent = options.panic_percent}), options_(options) {}

  BalancerPtr fresh(std::uint64_t seed) const override {
    return round_robin({.panic_percent = options_.panic_percent, .seed = seed});
  }

  void prepare(Roster::Change /*change*/) noexcept {
    const std::size_t count = roster_.candidates().size();
    if (!begun_ && count > 0) {
      begun_ = true;
      next_ = options_.seed == 0 ? 0 : Draw(options_.seed).below(count);
    }
    if (next_ >= count) next_ = 0;
  }
  std::size_t choose(const PickOptions& /*options*/) noexcept {
    const std::size_t at = next_;
    next_ = at + 1 == roster_.candidates().size() ? 0 : at + 1;
    return at;
  }

 private:
  BalanceOptions options_;
  std::size_t next_ = 0;
  bool begun_ = false;
};

class RandomChoice final : public Policy<RandomChoice> {
 public:
  explicit RandomChoice(const BalanceOptions& options)
      : Policy({.panic_percent = options.panic_percent}), options_(options), draw_(options.seed) {}

  BalancerPtr fresh(std::uint64_t seed) const override {
    return random_choice({.panic_percent = options_.panic_percent, .seed = seed});
  }

  void prepare(Roster::Change /*change*/) noexcept {}
  std::size_t choose(const PickOptions& /*options*/) noexcept {
    return draw_.below(roster_.candidates().size());
  }

 private:
  BalanceOptions options_;
  Draw draw_;
};

}  // namespace
}  // namespace discovery::balance

namespace discovery::inline v0 {

BalancerPtr round_robin(const BalanceOptions& options) {
  return std::make_unique<balance::RoundRobin>(options);
}

BalancerPtr random_choice(const BalanceOptions& options) {
  return std::make_unique<balance::RandomChoice>(options);
}

}  // namespace discovery::inline v0
