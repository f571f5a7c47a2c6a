#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/balance/mix.h"
#include "lib/balance/roster.h"

namespace discovery::balance {

/// Draws candidates by weight in constant time (the alias method): as many urns as candidates, each of which
/// holds at most two of them. Pure. Threads: a value.
class Urns {
 public:
  /// Takes over the weights of the roster's candidates, in time linear to their number.
  void fill(const Roster& roster);
  /// The index of a candidate. REQUIRES: there is one.
  std::size_t draw(Draw& from) const noexcept {
    if (urns_.empty()) return from.below(count_);
    const std::uint64_t random = from.next();
    const std::size_t at = ((random >> 32) * urns_.size()) >> 32;
    const Urn& urn = urns_[at];
    return static_cast<std::uint32_t>(random) < urn.own ? at : urn.other;
  }

 private:
  struct Urn {
    std::uint32_t own = 0;    // of 2^32, the part that is the urn's own candidate's
    std::uint32_t other = 0;  // whose the rest is
  };

  std::size_t count_ = 0;
  std::vector<Urn> urns_;  // none: all weights are alike
  std::vector<std::uint64_t> left_;
  std::vector<std::uint32_t> order_;
};

}  // namespace discovery::balance
