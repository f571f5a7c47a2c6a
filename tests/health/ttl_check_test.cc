#include "lib/health/ttl_check.h"

#include <catch2/catch.hpp>

namespace discovery::health {
namespace {

TEST_CASE("Long output is cut, with a note", "[ttl]") {
  const std::string limit(kDefaultMaxOutput, 'x');
  CHECK(cut_output("", kDefaultMaxOutput).empty());
  CHECK(cut_output(limit, kDefaultMaxOutput) == limit);
  CHECK(cut_output(limit + std::string(904, 'x'), kDefaultMaxOutput) ==
        limit + " ... (captured 4096 of 5000 bytes)");
}

TEST_CASE("An expired check shows what it last reported", "[ttl]") {
  CHECK(expired_output("") == "TTL expired");
  CHECK(expired_output("fine") == "TTL expired (last output before timeout follows): fine");
}

}  // namespace
}  // namespace discovery::health
