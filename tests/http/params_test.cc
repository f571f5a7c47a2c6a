#include "lib/http/params.h"

#include <string>

#include <catch2/catch.hpp>

using discovery::http::Params;

namespace {

/// All parameters as "name=value|", in order.
std::string listed(std::string_view query) {
  Params params;
  if (params.parse(query) != Params::Problem::kNone) return "bad";
  std::string out;
  for (const auto& param : params) out.append(param.name).append("=").append(param.value).append("|");
  return out;
}

}  // namespace

TEST_CASE("query strings are read as Go's url.ParseQuery does") {
  CHECK(listed("") == "");
  CHECK(listed("raw") == "raw=|");
  CHECK(listed("a=1&b=2&a=3") == "a=1|b=2|a=3|");
  CHECK(listed("a=1;b=2") == "a=1|b=2|");
  CHECK(listed("&&a=1&&") == "a=1|");
  CHECK(listed("a=b=c") == "a=b=c|");
  CHECK(listed("=x") == "=x|");
  CHECK(listed("a+b=c+d%20e%26") == "a b=c d e&|");
  CHECK(listed("%zz=1") == "bad");
  CHECK(listed("a=%") == "bad");
  CHECK(listed("x=1&a=%2") == "bad");
}

TEST_CASE("presence counts, and the first value wins") {
  Params params;
  REQUIRE(params.parse("dc=dc1&dc=nope&stale&near=") == Params::Problem::kNone);
  CHECK(params.get("dc") == "dc1");
  CHECK(params.has("stale"));
  CHECK(params.get("stale").empty());
  CHECK(params.has("near"));
  CHECK_FALSE(params.has("DC"));
  CHECK(params.get("missing").empty());
}

TEST_CASE("many parameters are kept, too many refused") {
  std::string query;
  for (std::size_t i = 0; i < Params::kMaxParams; ++i) query += "k" + std::to_string(i) + "=%41&";
  Params params;
  REQUIRE(params.parse(query) == Params::Problem::kNone);
  CHECK(params.size() == Params::kMaxParams);
  CHECK(params.get("k0") == "A");
  CHECK(params.get("k1023") == "A");
  Params more;
  CHECK(more.parse(query + "x") == Params::Problem::kTooMany);
}

TEST_CASE("parameters are encoded again in the order of their names") {
  Params params;
  REQUIRE(params.parse("recurse&cas=5&b=x%20y/z&b=1") == Params::Problem::kNone);
  CHECK(params.encode() == "b=x+y%2Fz&b=1&cas=5&recurse=");
}
