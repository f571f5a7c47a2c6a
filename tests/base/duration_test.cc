#include "lib/base/duration.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr nanoseconds kSmallest{std::numeric_limits<std::int64_t>::min()};
constexpr nanoseconds kLargest{std::numeric_limits<std::int64_t>::max()};

TEST_CASE("durations parse like Go's") {
  struct Case {
    std::string text;
    nanoseconds value;
  };
  const Case cases[] = {
      {"0", 0ns},
      {"+0", 0ns},
      {"-0", 0ns},
      {"0s", 0ns},
      {"5s", 5s},
      {"+5s", 5s},
      {"-5s", -5s},
      {"30s", 30s},
      {"1478s", 1478s},
      {"5.0s", 5s},
      {"5.6s", 5600ms},
      {"5.s", 5s},
      {".5s", 500ms},
      {"1.004s", 1004ms},
      {"100.00100s", 100001ms},
      {"10ns", 10ns},
      {"11us", 11us},
      {"12\xC2\xB5s", 12us},
      {"12\xCE\xBCs", 12us},
      {"13ms", 13ms},
      {"15m", 15min},
      {"16h", 16h},
      {"3h30m", 3h + 30min},
      {"10.5s4m", 4min + 10500ms},
      {"-2m3.4s", -(2min + 3400ms)},
      {"1h2m3s4ms5us6ns", 1h + 2min + 3s + 4ms + 5us + 6ns},
      {"39h9m14.425s", 39h + 9min + 14425ms},
      {"9223372036854775807ns", kLargest},
      {"9223372036854775.807us", kLargest},
      {"-9223372036854775808ns", kSmallest},
      {"-2562047h47m16.854775808s", kSmallest},
      {"0.3333333333333333333h", 20min},
      {"9007199254740993ns", 9007199254740993ns},
      {"0.100000000000000000000h", 6min},
      {"0.830103483285477580700h", 49min + 48s + 372539827ns},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto parsed = parse_go_duration(c.text);
    REQUIRE(parsed.ok());
    CHECK(parsed->count() == c.value.count());
  }
}

TEST_CASE("bad durations are refused in Go's words") {
  struct Case {
    std::string text;
    std::string message;
  };
  const Case cases[] = {
      {"", "time: invalid duration \"\""},
      {"abc", "time: invalid duration \"abc\""},
      {"-", "time: invalid duration \"-\""},
      {"+", "time: invalid duration \"+\""},
      {"s", "time: invalid duration \"s\""},
      {".", "time: invalid duration \".\""},
      {"-.", "time: invalid duration \"-.\""},
      {".s", "time: invalid duration \".s\""},
      {"+.s", "time: invalid duration \"+.s\""},
      {" 1s", "time: invalid duration \" 1s\""},
      {"10", "time: missing unit in duration \"10\""},
      {"1.5", "time: missing unit in duration \"1.5\""},
      {"3h30", "time: missing unit in duration \"3h30\""},
      {"1x", "time: unknown unit \"x\" in duration \"1x\""},
      {"1d", "time: unknown unit \"d\" in duration \"1d\""},
      {"1 s", "time: unknown unit \" s\" in duration \"1 s\""},
      {"1s ", "time: unknown unit \"s \" in duration \"1s \""},
      {"1s\n", "time: unknown unit \"s\\x0a\" in duration \"1s\\x0a\""},
      {"1\"", "time: unknown unit \"\\\"\" in duration \"1\\\"\""},
      {"\xFF", "time: invalid duration \"\\xff\""},
      {"9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""},
      {"9223372036854775.808us", "time: invalid duration \"9223372036854775.808us\""},
      {"-9223372036854775809ns", "time: invalid duration \"-9223372036854775809ns\""},
      {"3000000h", "time: invalid duration \"3000000h\""},
      {"2562047h48m", "time: invalid duration \"2562047h48m\""},
      {"18446744073709551617ns", "time: invalid duration \"18446744073709551617ns\""},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_go_duration(c.text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.status().code() == Code::kInvalidArgument);
    CHECK(parsed.status().message() == c.message);
  }
}

TEST_CASE("durations print like Go's") {
  struct Case {
    nanoseconds value;
    std::string text;
  };
  const Case cases[] = {
      {0s, "0s"},
      {1ns, "1ns"},
      {999ns, "999ns"},
      {1100ns, "1.1\xC2\xB5s"},
      {2us, "2\xC2\xB5s"},
      {10ms, "10ms"},
      {2200us, "2.2ms"},
      {1500ms, "1.5s"},
      {3300ms, "3.3s"},
      {1min, "1m0s"},
      {4min + 5s, "4m5s"},
      {4min + 5001ms, "4m5.001s"},
      {1h, "1h0m0s"},
      {5h + 6min + 7001ms, "5h6m7.001s"},
      {24h, "24h0m0s"},
      {8min + 1ns, "8m0.000000001s"},
      {-10s, "-10s"},
      {-1us, "-1\xC2\xB5s"},
      {kLargest, "2562047h47m16.854775807s"},
      {kSmallest, "-2562047h47m16.854775808s"},
  };
  for (const Case& c : cases) CHECK(format_go_duration(c.value) == c.text);
}

TEST_CASE("what is printed parses back to the same duration") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    // Shifting spreads the values over all magnitudes.
    const auto bits = static_cast<std::int64_t>(random());
    const nanoseconds value{bits >> (random() % 64)};
    const std::string text = format_go_duration(value);
    INFO(text);
    const auto parsed = parse_go_duration(text);
    REQUIRE(parsed.ok());
    REQUIRE(parsed->count() == value.count());
  }
}

}  // namespace
}  // namespace discovery::base
