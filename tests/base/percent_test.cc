#include "lib/base/percent.h"

#include <catch2/catch.hpp>

#include "lib/base/digest.h"

namespace discovery::base {
namespace {

TEST_CASE("what is not plain is percent-encoded") {
  CHECK(percent_encode("aZ09-_.~") == "aZ09-_.~");
  CHECK(percent_encode("a b/c?d&e=f%") == "a%20b%2Fc%3Fd%26e%3Df%25");
  CHECK(percent_encode("a/b", "/") == "a/b");
  CHECK(percent_encode("\xC3\xA4\n") == "%C3%A4%0A");
  CHECK(percent_encode("").empty());
}

TEST_CASE("SHA-256 of the examples of FIPS 180-4") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha512_hex("abc") ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

}  // namespace
}  // namespace discovery::base
