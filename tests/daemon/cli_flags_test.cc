#include <catch2/catch.hpp>

#include "daemon/cli/flags.h"
#include "daemon/cli/format.h"

namespace discovery::cli {
namespace {

using Args = std::vector<std::string>;

/// One flag of each kind.
struct Sample {
  bool yes = false;
  bool stays = true;
  std::string text = "default";
  int number = 7;
  std::uint64_t big = 0;
  std::vector<std::string> list;
  KeyValues pairs;
  FlagSet flags;

  Sample() {
    flags.add({"yes", "", "A switch."}, yes);
    flags.add({"stays", "", "A switch that is on."}, stays);
    flags.add({"text", "text", "A text.", FlagGroup::kHttpApi}, text);
    flags.add({"number", "n", "A number."}, number);
    flags.add({"big", "n", "A number without sign."}, big);
    flags.add({"item", "text", "A list."}, list);
    flags.add({"pair", "key=value", "Pairs."}, pairs);
  }

  std::string error(const Args& args) {
    const auto result = flags.parse(args);
    return std::string(result.status().message());
  }
};

TEST_CASE("flags: every form sets its variable", "[cli][flags]") {
  Sample s;
  const auto rest = s.flags.parse(Args{"-yes", "--stays=false", "-text", "a b", "--number=-0x10", "-big",
                                       "18446744073709551615", "-item=1", "-item", "2", "-pair", "k=v=w",
                                       "-pair=x=", "first", "-yes=false", "--"});
  REQUIRE(rest.ok());
  CHECK(s.yes);
  CHECK_FALSE(s.stays);
  CHECK(s.text == "a b");
  CHECK(s.number == -16);
  CHECK(s.big == 18446744073709551615ULL);
  CHECK(s.list == Args{"1", "2"});
  CHECK(s.pairs == KeyValues{{"k", "v=w"}, {"x", ""}});
  CHECK(*rest == Args{"first", "-yes=false", "--"});
}

TEST_CASE("flags: where the positional arguments begin", "[cli][flags]") {
  Sample s;
  CHECK(*s.flags.parse(Args{}) == Args{});
  CHECK(*s.flags.parse(Args{"--", "-yes"}) == Args{"-yes"});
  CHECK(*s.flags.parse(Args{"-", "-yes"}) == Args{"-", "-yes"});
  CHECK(*s.flags.parse(Args{"", "-yes"}) == Args{"", "-yes"});
  CHECK_FALSE(s.yes);
  SECTION("a boolean does not take the next argument") {
    CHECK(*s.flags.parse(Args{"-yes", "false"}) == Args{"false"});
    CHECK(s.yes);
  }
  SECTION("any other flag does, whatever it looks like") {
    CHECK(*s.flags.parse(Args{"-text", "-yes", "--"}) == Args{});
    CHECK(s.text == "-yes");
  }
  SECTION("an empty value is a value") {
    CHECK(s.flags.parse(Args{"-text="}).ok());
    CHECK(s.text.empty());
  }
}

TEST_CASE("flags: errors have the wording of Go's flag package", "[cli][flags]") {
  Sample s;
  CHECK(s.error({"-bogus"}) == "flag provided but not defined: -bogus");
  CHECK(s.error({"--bogus=1"}) == "flag provided but not defined: -bogus");
  CHECK(s.error({"-txt"}) == "flag provided but not defined: -txt (did you mean -text?)");
  CHECK(s.error({"-x=1"}) == "flag provided but not defined: -x");
  CHECK(s.error({"-text"}) == "flag needs an argument: -text");
  CHECK(s.error({"---text"}) == "bad flag syntax: ---text");
  CHECK(s.error({"-=x"}) == "bad flag syntax: -=x");
  CHECK(s.error({"-yes=maybe"}) == "invalid boolean value \"maybe\" for -yes: parse error");
  CHECK(s.error({"-yes="}) == "invalid boolean value \"\" for -yes: parse error");
  CHECK(s.error({"-number", "x\"y"}) == "invalid value \"x\\\"y\" for flag -number: parse error");
  CHECK(s.error({"-number="}) == "invalid value \"\" for flag -number: parse error");
  CHECK(s.error({"-number=12x"}) == "invalid value \"12x\" for flag -number: parse error");
  CHECK(s.error({"-number=2147483648"}) ==
        "invalid value \"2147483648\" for flag -number: value out of range");
  CHECK(s.error({"-number=-2147483649"}) ==
        "invalid value \"-2147483649\" for flag -number: value out of range");
  CHECK(s.error({"-big=-1"}) == "invalid value \"-1\" for flag -big: parse error");
  CHECK(s.error({"-big=18446744073709551616"}) ==
        "invalid value \"18446744073709551616\" for flag -big: value out of range");
  CHECK(s.error({"-pair=x"}) == "invalid value \"x\" for flag -pair: Missing \"=\" value in argument: x");
  CHECK(s.number == 7);
}

TEST_CASE("flags: numbers in all notations", "[cli][flags]") {
  Sample s;
  const std::vector<std::pair<std::string, int>> table{{"0", 0},
                                                       {"-0", 0},
                                                       {"42", 42},
                                                       {"+42", 42},
                                                       {"0x2A", 42},
                                                       {"0X2a", 42},
                                                       {"052", 42},
                                                       {"0o52", 42},
                                                       {"0b101", 5},
                                                       {"-0b101", -5},
                                                       {"-2147483648", -2147483648},
                                                       {"00", 0},
                                                       {"2147483647", 2147483647}};
  for (const auto& [text, value] : table) {
    INFO(text);
    REQUIRE(s.flags.parse(Args{"-number", text}).ok());
    CHECK(s.number == value);
  }
  for (const std::string text : {"08", "0x", "0b2", "--1", "1 ", " 1", "1.5"}) {
    INFO(text);
    CHECK_FALSE(s.flags.parse(Args{"-number", text}).ok());
  }
}

TEST_CASE("flags: the listing is grouped and sorted", "[cli][flags]") {
  const std::string usage = Sample().flags.usage();
  CHECK(usage.starts_with("Command Options\n\n  -big=<n>\n     A number without sign.\n\n  -item=<text>\n"));
  CHECK(usage.find("  -yes\n     A switch.\n\nHTTP API Options\n\n  -text=<text>\n     A text.\n\n") !=
        std::string::npos);
  CHECK(FlagSet().usage().empty());
}

TEST_CASE("format: joining", "[cli][format]") {
  CHECK(join({}, ",").empty());
  CHECK(join({"a"}, ",") == "a");
  CHECK(join({"a", "", "b"}, ", ") == "a, , b");
  CHECK(join({"x", "x"}, "-") == "x-x");
}

TEST_CASE("format: wrapping", "[cli][format]") {
  CHECK(wrap("", 2, 10).empty());
  CHECK(wrap("one two three", 2, 9) == "  one two\n  three");
  CHECK(wrap("one two three", 2, 10) == "  one two\n  three");
  CHECK(wrap("incomprehensible words", 1, 5) == " incomprehensible\n words");
  CHECK(wrap("  spread   out ", 0, 80) == "spread out");
}

TEST_CASE("format: columns are aligned", "[cli][format]") {
  CHECK(columns({}).empty());
  CHECK(columns({{"a"}}) == "a");
  CHECK(columns({{"Node", "ID", "DC"}, {"n", "1234", "dc1"}, {"longer", "", "d"}}) ==
        "Node    ID    DC\n"
        "n       1234  dc1\n"
        "longer        d");
  SECTION("by code points, not bytes") {
    CHECK(columns({{"\xc3\xa9", "x"}, {"ab", "y"}}) == "\xc3\xa9   x\nab  y");
  }
  SECTION("rows of different lengths") { CHECK(columns({{"a", "b"}, {"ccc"}}) == "a    b\nccc"); }
  SECTION("with another gap") { CHECK(columns({{"a", "b"}, {"cc", "d"}}, 6) == "a       b\ncc      d"); }
}

}  // namespace
}  // namespace discovery::cli
