#include <string>

#include <catch2/catch.hpp>

#include "daemon/cli/reply.h"

namespace discovery::cli {
namespace {

TEST_CASE("another layout leaves numbers as they are spelled") {
  const std::string json = R"({"a":[1e300,18446744073709551616,-0,0.10,7777777777777777777777777]})";
  const auto pretty = lay_out(json, true);
  REQUIRE(pretty.ok());
  CHECK(pretty->find("\n        0.10,\n") != std::string::npos);
  const auto plain = lay_out(*pretty, false);
  REQUIRE(plain.ok());
  CHECK(*plain == json);
  CHECK(lay_out("[1,", true).status().code() == Code::kDataLoss);
}

TEST_CASE("a number beyond all doubles does not cut an answer off") {
  const auto document = parse_reply("[1,-11000003000e300,2]");
  REQUIRE(document.ok());
  CHECK(to_text(*document) == "[1,null,2]");
}

TEST_CASE("what follows a zero byte is not passed over") {
  using namespace std::string_literals;
  CHECK(parse_reply("51").ok());
  for (const std::string& json : {"51\0rest"s, "\0"s, "\xbb\x35"s, ""s}) {
    CHECK(parse_reply(json).status().code() == Code::kDataLoss);
    CHECK(lay_out(json, false).status().code() == Code::kDataLoss);
  }
}

}  // namespace
}  // namespace discovery::cli
