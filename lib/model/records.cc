#include "lib/model/records.h"

#include <cmath>

namespace discovery::model {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;
/// Half of the largest duration: far beyond any round trip, and safe to convert.
constexpr double kLongest = 4.6e18;

}  // namespace

Duration estimate_rtt(const Coordinate& a, const Coordinate& b) {
  if (a.vec.size() != b.vec.size()) return Duration::max();
  double squares = 0;
  for (std::size_t i = 0; i < a.vec.size(); ++i) {
    const double difference = a.vec[i] - b.vec[i];
    squares += difference * difference;
  }
  const double distance = std::sqrt(squares) + a.height + b.height;
  const double adjusted = distance + a.adjustment + b.adjustment;
  const double nanoseconds = (adjusted > 0 ? adjusted : distance) * kNanosecondsPerSecond;
  // Written so that NaN counts as infinite.
  if (!(std::abs(nanoseconds) <= kLongest)) return Duration::max();
  return Duration(static_cast<Duration::rep>(nanoseconds));
}

}  // namespace discovery::model
