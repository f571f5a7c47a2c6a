#include "lib/http/network.h"

#include <catch2/catch.hpp>

namespace discovery::http {
namespace {

TEST_CASE("networks contain their addresses") {
  const auto ten = Network::parse("10.0.0.0/8");
  REQUIRE(ten);
  CHECK(ten->contains("10.255.1.2"));
  CHECK(ten->contains("::ffff:10.1.2.3"));
  CHECK_FALSE(ten->contains("11.0.0.1"));
  CHECK_FALSE(ten->contains("::1"));
  CHECK_FALSE(ten->contains(""));
  CHECK(Network::parse("127.0.0.1/32")->contains("127.0.0.1"));
  CHECK_FALSE(Network::parse("127.0.0.1/32")->contains("127.0.0.2"));
  CHECK(Network::parse("192.168.4.0/22")->contains("192.168.7.9"));
  CHECK_FALSE(Network::parse("192.168.4.0/22")->contains("192.168.8.1"));
  CHECK(Network::parse("0.0.0.0/0")->contains("1.2.3.4"));
  CHECK(Network::parse("2001:db8::/32")->contains("2001:db8:1::1"));
  for (const char* text :
       {"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "x/8", "10.0.0.0/8x", "/8"}) {
    CHECK_FALSE(Network::parse(text));
  }
}

}  // namespace
}  // namespace discovery::http
