#include "lib/gossip/user_events.h"

#include <catch2/catch.hpp>

namespace discovery::gossip {
namespace {

TEST_CASE("a message takes as many bytes as Serf's does", "[gossip][events]") {
  // The type, then the map of a message that a Consul agent has sent:
  // 0384a24343c2a54c54696d6502a44e616d65b3...
  UserEventMessage message{.ltime = 2, .name = "consul:event:deploy", .payload = std::string(87, 'x')};
  CHECK(UserEvents::encoded_size(message) == 1 + 1 + 4 + 7 + 25 + 8 + 3 + 87);
  message.payload = std::string(31, 'x');
  CHECK(UserEvents::encoded_size(message) == 1 + 1 + 4 + 7 + 25 + 8 + 1 + 31);
  message.ltime = 300;
  CHECK(UserEvents::encoded_size(message) == 1 + 1 + 4 + 9 + 25 + 8 + 1 + 31);
}

TEST_CASE("messages bear the times of a clock that follows the others'", "[gossip][events]") {
  UserEvents events;
  const auto first = events.make("a", "");
  REQUIRE(first.ok());
  CHECK(first->ltime == 1);
  CHECK(events.make("a", "")->ltime == 2);
  CHECK(events.receive({.ltime = 10, .name = "b"}));
  CHECK(events.make("a", "")->ltime == 11);
  CHECK(events.receive({.ltime = 3, .name = "b"}));
  CHECK(events.time() == 12);
}

TEST_CASE("what is too large is refused, and takes no time", "[gossip][events]") {
  UserEvents events;
  CHECK(events.make("n", std::string(512, 'x')).status().message() ==
        "user event exceeds configured limit of 512 bytes before encoding");
  CHECK(events.make("n", std::string(511, 'x')).status().message() ==
        "user event exceeds configured limit of 512 bytes after encoding");
  std::size_t largest = 511;
  while (!events.make("n", std::string(largest, 'x')).ok()) --largest;
  CHECK(UserEvents::encoded_size({.ltime = 1, .name = "n", .payload = std::string(largest, 'x')}) == 512);
  CHECK(events.time() == 2);
}

TEST_CASE("an event is taken once", "[gossip][events]") {
  UserEvents events;
  const UserEventMessage message{.ltime = 5, .name = "a", .payload = "x"};
  CHECK(events.receive(message));
  CHECK_FALSE(events.receive(message));
  CHECK(events.receive({.ltime = 5, .name = "a", .payload = "y"}));
  CHECK(events.receive({.ltime = 5, .name = "b", .payload = "x"}));
  CHECK(events.receive({.ltime = 6, .name = "a", .payload = "x"}));
  CHECK_FALSE(events.receive(message));

  SECTION("also when another has taken its place by time, since it is too old then") {
    CHECK(events.receive({.ltime = 5 + UserEvents::kMemory, .name = "a", .payload = "x"}));
    CHECK_FALSE(events.receive(message));
  }
  SECTION("and one that comes late is still taken, up to a limit") {
    CHECK(events.receive({.ltime = 1000, .name = "a"}));
    CHECK(events.receive({.ltime = 1001 - UserEvents::kMemory, .name = "a"}));
    CHECK_FALSE(events.receive({.ltime = 1000 - UserEvents::kMemory, .name = "a"}));
  }
  SECTION("and not without end at one time") {
    std::size_t taken = 0;
    for (int i = 0; i < 1000; ++i) {
      const bool is_new = events.receive({.ltime = 9, .name = std::to_string(i)});
      taken += is_new ? 1 : 0;
    }
    CHECK(taken == UserEvents::kMaxAtOneTime);
  }
}

}  // namespace
}  // namespace discovery::gossip
