#include "lib/base/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace discovery::base {
namespace {

/// How many characters must be changed, added, taken away or swapped with their neighbour (Damerau and
/// Levenshtein). Quadratic: for short texts.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({above[j] + (a[i] == b[j] ? 0 : 1), row[j] + 1, above[j + 1] + 1});
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above.back();
}

}  // namespace

std::string_view nearest(std::string_view name, std::span<const std::string_view> names) {
  constexpr std::size_t kLongest = 64;
  if (name.size() > kLongest) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(name.size() / 3, 1) + 1;
  for (const std::string_view candidate : names) {
    // Who forgets an ending has forgotten one thing.
    const bool cut = name.size() > 3 && candidate.size() <= name.size() + 3 && candidate.starts_with(name);
    const std::size_t away = cut ? 1 : distance(name, candidate);
    if (away < best_distance || (away == best_distance && !best.empty() && candidate < best)) {
      best = candidate;
      best_distance = away;
    }
  }
  return best;
}

}  // namespace discovery::base
