#include <chrono>
#include <limits>

#include <catch2/catch.hpp>

#include "lib/model/records.h"

namespace discovery::model {
namespace {

using namespace std::chrono_literals;

Coordinate at(std::vector<double> vec, double height = 0, double adjustment = 0) {
  return {.vec = std::move(vec), .error = 1.5, .adjustment = adjustment, .height = height};
}

TEST_CASE("The round trip is the distance with both heights", "[coordinate]") {
  CHECK(estimate_rtt(at({0, 0}), at({0.003, 0.004})) == 5ms);
  CHECK(estimate_rtt(at({0, 0}, 0.001), at({0.003, 0.004}, 0.002)) == 8ms);
}

TEST_CASE("Adjustments count as long as the result stays positive", "[coordinate]") {
  CHECK(estimate_rtt(at({0}, 0, 0.001), at({0.004}, 0, -0.002)) == 3ms);
  CHECK(estimate_rtt(at({0}, 0, -0.003), at({0.004}, 0, -0.002)) == 4ms);
}

TEST_CASE("Coordinates that do not fit are infinitely far", "[coordinate]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(estimate_rtt(at({0, 0}), at({0})) == Duration::max());
  CHECK(estimate_rtt(at({nan}), at({0})) == Duration::max());
  CHECK(estimate_rtt(at({infinity}), at({0})) == Duration::max());
  CHECK(estimate_rtt(at({1e300}), at({-1e300})) == Duration::max());
  CHECK(estimate_rtt(at({0}, -1e300), at({0})) == Duration::max());
}

}  // namespace
}  // namespace discovery::model
