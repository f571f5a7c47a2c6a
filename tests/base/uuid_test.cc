#include "lib/base/uuid.h"

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

TEST_CASE("uuids are written and known") {
  const std::array<std::uint8_t, 16> bytes{0x1a, 0xd1, 0x55, 0xa1, 0x0c, 0x41, 0x1f, 0x6a,
                                           0x7f, 0x77, 0xb3, 0x33, 0x17, 0x05, 0xd4, 0x10};
  CHECK(format_uuid(bytes) == "1ad155a1-0c41-1f6a-7f77-b3331705d410");
  CHECK(is_uuid(format_uuid(bytes)));
  CHECK(is_uuid("1AD155A1-0C41-1F6A-7F77-B3331705D410"));
  CHECK_FALSE(is_uuid(""));
  CHECK_FALSE(is_uuid("1ad155a1-0c41-1f6a-7f77-b3331705d41"));
  CHECK_FALSE(is_uuid("1ad155a1-0c41-1f6a-7f77-b3331705d4100"));
  CHECK_FALSE(is_uuid("1ad155a1-0c41-1f6a-7f77-b3331705d41g"));
  CHECK_FALSE(is_uuid("1ad155a1x0c41-1f6a-7f77-b3331705d410"));
  CHECK_FALSE(is_uuid("-ad155a1-0c41-1f6a-7f77-b3331705d410"));
}

}  // namespace
}  // namespace discovery::base
