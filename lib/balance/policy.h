#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>

#include <discovery/balance.h>

#include "lib/balance/roster.h"

namespace discovery::balance {

inline bool avoided(const PickOptions& options, std::uint64_t id) noexcept {
  return std::find(options.avoid.begin(), options.avoid.end(), id) != options.avoid.end();
}

/// What the policies that choose among candidates have in common. `Derived` has
///   prepare(change)         a view was taken; may throw std::bad_alloc
///   choose(options)         the index of a candidate; there is one
///   picked(candidate)       it was
template <class Derived>
class Policy : public Balancer {
 public:
  std::optional<Pick> pick(const std::shared_ptr<const Instances>& view,
                           const PickOptions& options) noexcept final {
    if (!roster_.holds(view) && !take(view)) [[unlikely]]
      return std::nullopt;
    if (roster_.candidates().empty()) return std::nullopt;
    std::size_t at = self().choose(options);
    if (!options.avoid.empty()) [[unlikely]]
      at = elsewhere(at, options);
    const Candidate& candidate = roster_.candidates()[at];
    self().picked(candidate);
    return Pick{candidate.instance, candidate.id};
  }
  void done(std::uint64_t /*ticket*/, const CallOutcome& /*outcome*/) noexcept override {}

 protected:
  explicit Policy(const Roster::Options& options) : roster_(options) {}

  void prepare(Roster::Change /*change*/) {}
  void picked(const Candidate& /*candidate*/) noexcept {}

  Roster roster_;

 private:
  static constexpr int kRedraws = 4;

  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  [[gnu::noinline]] bool take(const std::shared_ptr<const Instances>& view) noexcept {
    try {
      self().prepare(roster_.take(view));
      return true;
    } catch (const std::exception&) {  // no memory
      roster_.clear();
      return false;
    }
  }

  /// Another than those to avoid: by the policy's own order first, then whoever is next.
  [[gnu::noinline]] std::size_t elsewhere(std::size_t at, const PickOptions& options) noexcept {
    const auto candidates = roster_.candidates();
    const std::size_t first = at;
    for (int i = 0; avoided(options, candidates[at].id) && i < kRedraws; ++i) at = self().choose(options);
    for (std::size_t i = 0; i < candidates.size() && avoided(options, candidates[at].id); ++i) {
      at = at + 1 == candidates.size() ? 0 : at + 1;
    }
    return avoided(options, candidates[at].id) ? first : at;
  }
};

}  // namespace discovery::balance
