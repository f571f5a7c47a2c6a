#include "lib/base/go_number.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

std::string json_float(double value) {
  std::string out;
  append_go_json_float(out, value);
  return out;
}

TEST_CASE("integers parse like Go's") {
  struct Case {
    std::string text;
    int base;
    std::int64_t value;
  };
  const Case cases[] = {
      {"0", 10, 0},
      {"-0", 10, 0},
      {"+7", 10, 7},
      {"007", 10, 7},
      {"9223372036854775807", 10, kLargest},
      {"-9223372036854775808", 10, kSmallest},
      {"0x1F", 0, 31},
      {"-0X1f", 0, -31},
      {"0b101", 0, 5},
      {"0o17", 0, 15},
      {"017", 0, 15},
      {"0", 0, 0},
      {"1_000", 0, 1000},
      {"0x_ff", 0, 255},
      {"0_7", 0, 7},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto parsed = parse_go_int(c.text, c.base);
    REQUIRE(parsed.ok());
    CHECK(*parsed == c.value);
  }
}

TEST_CASE("integers fail like Go's") {
  for (const char* text : {"", "-", "+", "abc", "1x", " 1", "1 ", "1.0", "--1", "+-1", "1_000", "0x10"}) {
    const auto parsed = parse_go_int(text);
    REQUIRE(!parsed.ok());
    CHECK(parsed.status().message() ==
          "strconv.ParseInt: parsing \"" + std::string(text) + "\": invalid syntax");
  }
  for (const char* text : {"", "0x", "0b2", "08", "_1", "1_", "1__0", "0x_", "_"}) {
    INFO(text);
    CHECK(!parse_go_int(text, 0).ok());
  }
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "99999999999999999999999"}) {
    const auto parsed = parse_go_int(text);
    REQUIRE(!parsed.ok());
    CHECK(parsed.status().message() ==
          "strconv.ParseInt: parsing \"" + std::string(text) + "\": value out of range");
  }
  CHECK(parse_go_atoi("x").status().message() == "strconv.Atoi: parsing \"x\": invalid syntax");
  CHECK(*parse_go_atoi("-12") == -12);
}

TEST_CASE("unsigned integers have no sign") {
  CHECK(*parse_go_uint("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  CHECK(*parse_go_uint("0xff", 0) == 255);
  for (const char* text : {"-1", "+1", "", "abc"}) {
    const auto parsed = parse_go_uint(text);
    REQUIRE(!parsed.ok());
    CHECK(parsed.status().message() ==
          "strconv.ParseUint: parsing \"" + std::string(text) + "\": invalid syntax");
  }
  CHECK(parse_go_uint("18446744073709551616").status().message() ==
        "strconv.ParseUint: parsing \"18446744073709551616\": value out of range");
}

TEST_CASE("floats parse like Go's") {
  struct Case {
    std::string text;
    double value;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {"0", 0},          {"-1.5", -1.5},      {".5", 0.5},
      {"5.", 5},         {"1e3", 1000},       {"1E-2", 0.01},
      {"+2", 2},         {"0x1p-2", 0.25},    {"0x1.8p1", 3},
      {"inf", infinity}, {"-Inf", -infinity}, {"+INFINITY", infinity},
      {"1e-400", 0},     {"-1e-99999", 0},    {"0e999999999999", 0},
      {"1_0.5", 10.5},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto parsed = parse_go_float(c.text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == c.value);
  }
  CHECK(std::isnan(*parse_go_float("NaN")));
  for (const char* text :
       {"", ".", "-", "e5", "1e", "1x", "0x1", "0x", "1 ", "--1", "+-1", "-nan", "1e5.0", "1_"}) {
    INFO(text);
    const auto parsed = parse_go_float(text);
    REQUIRE(!parsed.ok());
    CHECK(parsed.status().message() ==
          "strconv.ParseFloat: parsing \"" + std::string(text) + "\": invalid syntax");
  }
  const std::string zeros(400, '0');
  for (const std::string& text :
       {std::string("1e400"), std::string("-1e309"), "1" + zeros, std::string("0x1p9999")}) {
    INFO(text);
    const auto parsed = parse_go_float(text);
    REQUIRE(!parsed.ok());
    CHECK(parsed.status().message() == "strconv.ParseFloat: parsing \"" + text + "\": value out of range");
  }
  CHECK(*parse_go_float("0." + zeros + "1") == 0);
  CHECK(*parse_go_float("0." + zeros + "1e401") == 1);
}

TEST_CASE("booleans parse like Go's") {
  for (const char* text : {"1", "t", "T", "true", "TRUE", "True"}) CHECK(*parse_go_bool(text));
  for (const char* text : {"0", "f", "F", "false", "FALSE", "False"}) CHECK_FALSE(*parse_go_bool(text));
  for (const char* text : {"", "tRUE", "yes", "2"}) {
    CHECK(parse_go_bool(text).status().message() ==
          "strconv.ParseBool: parsing \"" + std::string(text) + "\": invalid syntax");
  }
}

TEST_CASE("floats are written like Go's encoding/json") {
  struct Case {
    double value;
    std::string text;
  };
  const Case cases[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {1.5, "1.5"},
      {-0.00001, "-0.00001"},
      {1e-6, "0.000001"},
      {1e-7, "1e-7"},
      {1.25e-9, "1.25e-9"},
      {1e-10, "1e-10"},
      {1e15, "1000000000000000"},
      {123456789012345680000.0, "123456789012345680000"},
      {-1e20, "-100000000000000000000"},
      {1e21, "1e+21"},
      {1.5e300, "1.5e+300"},
      {9007199254740993.0, "9007199254740992"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {0.1, "0.1"},
      {1234567.890625, "1234567.890625"},
  };
  for (const Case& c : cases) CHECK(json_float(c.value) == c.text);
}

TEST_CASE("floats read back as they were") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value)) continue;
    const auto parsed = parse_go_float(json_float(value));
    REQUIRE(parsed.ok());
    CHECK(*parsed == value);
  }
}

}  // namespace
}  // namespace discovery::base
