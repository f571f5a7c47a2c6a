#include "lib/model/session.h"

#include <string>

#include <catch2/catch.hpp>

#include "lib/codec/json_writer.h"
#include "lib/model/command.h"

namespace discovery::model {
namespace {

using namespace std::chrono_literals;

std::string refusal(SessionCommand command) {
  return std::string(validate(command, kMinSessionTtl).message());
}

SessionCommand creation() {
  SessionCommand command;
  command.session.node = "n1";
  return command;
}

std::string refused_ttl(const char* ttl, Duration ttl_min = kMinSessionTtl) {
  SessionCommand command = creation();
  command.session.ttl = ttl;
  return std::string(validate(command, ttl_min).message());
}

std::string refused_id(std::string_view id) { return std::string(SessionKey::parse(id).status().message()); }

TEST_CASE("A session is shown as Consul shows it", "[session]") {
  Session session;
  session.id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
  session.node = "n1";
  session.node_checks = Tags{"serfHealth"};
  session.index = {3, 4};
  CHECK(codec::to_json(session) ==
        R"({"ID":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","Name":"","Node":"n1","LockDelay":15000000000,)"
        R"("Behavior":"release","TTL":"","NodeChecks":["serfHealth"],"ServiceChecks":null,)"
        R"("CreateIndex":3,"ModifyIndex":4})");
  session.node_checks.reset();
  session.service_checks = std::vector<ServiceCheckName>{{"web", ""}};
  session.checks = {"x"};
  session.lock_delay = {};
  CHECK(codec::to_json(session) ==
        R"({"ID":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","Name":"","Node":"n1","LockDelay":0,)"
        R"("Behavior":"release","TTL":"","NodeChecks":null,"ServiceChecks":[{"ID":"web","Namespace":""}],)"
        R"("Checks":["x"],"CreateIndex":3,"ModifyIndex":4})");
}

TEST_CASE("A session lives on all the checks that it names", "[session]") {
  Session session;
  session.node_checks = Tags{"a"};
  session.service_checks = std::vector<ServiceCheckName>{{"b", ""}};
  session.checks = {"c"};
  std::string seen;
  for_each_check(session, [&](const Text& id) { seen += id.str(); });
  CHECK(seen == "cab");
}

TEST_CASE("Sessions are checked as Consul checks them", "[session]") {
  CHECK(refusal(creation()).empty());
  CHECK(refusal({}) == "Must provide Node");
  CHECK(refusal({.verb = SessionVerb::kDestroy, .session = {}}) == "Must provide ID");
  SessionCommand command = creation();
  command.session.behavior = "explode";
  CHECK(refusal(command) == "Invalid Behavior setting 'explode'");
  command.session.behavior = "";
  REQUIRE(validate(command, kMinSessionTtl).ok());
  CHECK(command.session.behavior == kReleaseKeys);
  command.session.checks = {Text(std::string("a\0b", 3))};
  CHECK_FALSE(refusal(command).empty());
}

TEST_CASE("A TTL is between its bounds", "[session]") {
  for (const char* ttl : {"", "0", "0s", "10s", "24h", "86400s", "1m30s"}) CHECK(refused_ttl(ttl).empty());
  CHECK(refused_ttl("9999ms") == "Invalid Session TTL '9999000000', must be between [10s=24h0m0s]");
  CHECK(refused_ttl("24h1s") == "Invalid Session TTL '86401000000000', must be between [10s=24h0m0s]");
  CHECK(refused_ttl("-10s") == "Invalid Session TTL '-10000000000', must be between [10s=24h0m0s]");
  CHECK(refused_ttl("abc") == "Session TTL 'abc' invalid: time: invalid duration \"abc\"");
  CHECK(refused_ttl("1s", 1s).empty());
  CHECK(refused_ttl("10s", 20s) == "Invalid Session TTL '10000000000', must be between [20s=24h0m0s]");
  Session session;
  CHECK(ttl_of(session) == 0s);
  session.ttl = "90s";
  CHECK(ttl_of(session) == 90s);
}

TEST_CASE("Ids of sessions are read as Consul reads them", "[session]") {
  const auto key = SessionKey::parse("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeee01");
  REQUIRE(key.ok());
  CHECK(key->view() == "\xaa\xaa\xaa\xaa\xbb\xbb\xcc\xcc\xdd\xdd\xee\xee\xee\xee\xee\x01");
  CHECK(*key == *SessionKey::parse("AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEE01"));
  CHECK_FALSE(*key == *SessionKey::parse("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeee02"));
  CHECK(SessionKey::parse(std::string(36, '0')).ok());
  const std::string failed = "failed session lookup: index error: ";
  CHECK(refused_id("not-a-uuid") == failed + "UUID must be 36 characters");
  CHECK(refused_id("") == failed + "UUID must be 36 characters");
  CHECK(refused_id("-----aaa-bbbb-cccc-dddd-eeeeeeeeeeee") ==
        failed + "UUID should have maximum of 4 \"-\"; got 9");
  CHECK(refused_id("aaaaaaaaabbbb-cccc-dddd-eeeeeeeeeeee") ==
        failed + "Input (without hyphens) must be even length");
  CHECK(refused_id("naaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee") ==
        failed + "Invalid UUID: encoding/hex: invalid byte: U+006E 'n'");
}

}  // namespace
}  // namespace discovery::model
