#include "lib/base/percent.h"

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

TEST_CASE("what is not plain is percent-encoded") {
  CHECK(percent_encode("aZ09-_.~") == "aZ09-_.~");
  CHECK(percent_encode("a b/c?d&e=f%") == "a%20b%2Fc%3Fd%26e%3Df%25");
  CHECK(percent_encode("a/b", "/") == "a/b");
  CHECK(percent_encode("\xC3\xA4\n") == "%C3%A4%0A");
  CHECK(percent_encode("").empty());
}

}  // namespace
}  // namespace discovery::base
