#include "lib/model/lock_layout.h"

#include <map>
#include <string>

#include <catch2/catch.hpp>

namespace discovery::model {
namespace {

using Holders = std::map<std::string, bool>;

TEST_CASE("a semaphore's key is read as Consul's Go client writes it") {
  const auto read = decode_semaphore(R"({"Limit":3,"Holders":{"b":true,"a":true}})", 2);
  REQUIRE(read.ok());
  CHECK(read->limit == 3);
  CHECK(read->holders == Holders{{"a", true}, {"b", true}});
  CHECK(encode(*read) == R"({"Limit":3,"Holders":{"a":true,"b":true}})");
}

TEST_CASE("a semaphore's key without holders") {
  CHECK(encode({.limit = 1}) == R"({"Limit":1,"Holders":{}})");
  const auto none = decode_semaphore(R"({"Limit":1,"Holders":null,"Other":[1]})", 2);
  REQUIRE(none.ok());
  CHECK(none->limit == 1);
  CHECK(none->holders.empty());
  // Nobody has agreed on a limit.
  const auto empty = decode_semaphore("", 2);
  REQUIRE(empty.ok());
  CHECK(empty->limit == 2);
  CHECK(empty->holders.empty());
}

TEST_CASE("what is no semaphore's key") {
  for (const char* text : {"x", "[]", R"({"Limit":"3"})", R"({"Limit":3,"Holders":["a"]})", R"({"Limit":3)"})
    CHECK(decode_semaphore(text, 2).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace discovery::model
