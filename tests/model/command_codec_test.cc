#include <string>

#include <catch2/catch.hpp>

#include "lib/codec/json_writer.h"
#include "lib/model/command.h"

namespace discovery::model {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

/// What encode() and decode_command() make of a command.
template <class C>
C round_trip(const C& command) {
  const auto decoded = decode_command(encode(command));
  REQUIRE(decoded.ok());
  REQUIRE(std::holds_alternative<C>(*decoded));
  return std::get<C>(*decoded);
}

RegisterCommand full_registration() {
  RegisterCommand command;
  command.datacenter = "dc1";
  command.id = "40e4a748-2192-161a-0510-9bf59fe950b5";
  command.node = "full";
  command.address = "10.0.0.9";
  command.tagged_addresses = {{"lan", "10.0.0.9"}, {"wan", "198.18.0.9"}};
  command.node_meta = {{"a", "b"}};
  command.skip_node_update = true;
  auto& service = command.service.emplace();
  service.id = "svc-id";
  service.name = "svc";
  service.tags = {"one", "two"};
  service.tagged_addresses["lan"] = {"10.0.0.11", 1};
  service.port = -1;
  service.weights = {.passing = 5, .warning = 0};
  ConnectProxy proxy;
  proxy.destination_service_name = "web";
  proxy.config.json = R"({"a":[1,2.5,"x"]})";
  service.proxy = std::make_shared<const ConnectProxy>(proxy);
  auto& check = command.checks.emplace_back();
  check.node = "full";
  check.check_id = "service:svc-id";
  check.status = "passing";
  CheckDefinition definition;
  definition.tcp = "localhost:8888";
  definition.interval = 5s;
  check.definition = std::make_shared<const CheckDefinition>(definition);
  return command;
}

TEST_CASE("Sessions survive the log", "[command]") {
  SessionCommand command;
  Session& session = command.session;
  session.id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
  session.name = "leader";
  session.node = "n1";
  session.lock_delay = 7s;
  session.behavior = "delete";
  session.ttl = "15s";
  session.node_checks.emplace();
  session.service_checks = std::vector<ServiceCheckName>{{"web", "default"}};
  session.checks = {"old"};
  const auto back = round_trip(command);
  CHECK(codec::to_json(back.session) == codec::to_json(session));
  CHECK(back.session.lock_delay == 7s);
  CHECK(back.verb == SessionVerb::kCreate);
  CHECK(round_trip(SessionCommand{SessionVerb::kDestroy, session}).verb == SessionVerb::kDestroy);
  CHECK_FALSE(round_trip(SessionCommand{}).session.node_checks);
}

TEST_CASE("Locks survive the log", "[command]") {
  const auto back = round_trip(KvCommand{.verb = KvVerb::kLock, .key = "k", .value = "v", .session = "s"});
  CHECK(back.verb == KvVerb::kLock);
  CHECK(back.session == "s");
  TxnCommand txn;
  txn.operations.emplace_back(KvOperation{.verb = "unlock", .key = "k", .value = "", .session = "s"});
  SessionOperation end{"delete", {}};
  end.session.id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
  txn.operations.emplace_back(end);
  const auto operations = round_trip(txn).operations;
  REQUIRE(operations.size() == 2);
  CHECK(std::get<KvOperation>(operations[0]).session == "s");
  CHECK(std::get<SessionOperation>(operations[1]).session.id == end.session.id);
  CHECK(std::get<SessionOperation>(operations[1]).verb == "delete");
}

TEST_CASE("Registrations survive the log", "[command]") {
  const auto command = full_registration();
  const auto back = round_trip(command);
  CHECK(codec::to_json(back) == codec::to_json(command));
  REQUIRE(back.service);
  CHECK(back.service->same_content(*command.service));
  REQUIRE(back.checks.size() == 1);
  CHECK(back.checks[0].same_content(command.checks[0]));
  CHECK_FALSE(back.check);
}

TEST_CASE("Deregistrations survive the log", "[command]") {
  DeregisterCommand command;
  command.node = "n";
  command.service_id = "s";
  command.check_id = "c";
  CHECK(codec::to_json(round_trip(command)) == codec::to_json(command));
}

TEST_CASE("Changes of keys survive the log", "[command]") {
  KvCommand command;
  command.key = std::string("a/\0\xff", 4);
  command.value = std::string(100'000, '\0') + "\xff";
  command.flags = ~std::uint64_t{0};
  command.index = 77;
  for (const auto verb :
       {KvVerb::kSet, KvVerb::kCas, KvVerb::kDelete, KvVerb::kDeleteCas, KvVerb::kDeleteTree}) {
    command.verb = verb;
    const auto back = round_trip(command);
    CHECK(back.verb == verb);
    CHECK(back.key == command.key);
    CHECK(back.value == command.value);
    CHECK(back.flags == command.flags);
    CHECK(back.index == command.index);
  }
}

TEST_CASE("Reaping and coordinates survive the log", "[command]") {
  CHECK(round_trip(ReapTombstonesCommand{9}).up_to == 9);
  UpdateCoordinatesCommand command;
  auto& update = command.updates.emplace_back();
  update.node = "n";
  update.coordinate.vec = {0.25, -1e-9};
  update.coordinate.height = 3;
  const auto back = round_trip(command);
  REQUIRE(back.updates.size() == 1);
  CHECK(back.updates[0].node == "n");
  CHECK(back.updates[0].coordinate == update.coordinate);
}

TEST_CASE("Transactions survive the log", "[command]") {
  TxnCommand command;
  command.operations.emplace_back(KvOperation{"cas", "k", std::string("\0\xff", 2), 7, 9});
  NodeOperation node{"set", {}};
  node.node.name = "n";
  node.node.meta = {{"a", "b"}};
  node.node.index.modify = 3;
  command.operations.emplace_back(node);
  ServiceOperation service{"delete-cas", "n", *full_registration().service};
  command.operations.emplace_back(service);
  command.operations.emplace_back(CheckOperation{"explode", full_registration().checks[0]});
  const auto back = round_trip(command);
  REQUIRE(back.operations.size() == 4);
  const auto& kv = std::get<KvOperation>(back.operations[0]);
  CHECK(kv.verb == "cas");
  CHECK(kv.key == "k");
  CHECK(kv.value == std::string("\0\xff", 2));
  CHECK(kv.flags == 7);
  CHECK(kv.index == 9);
  CHECK(codec::to_json(std::get<NodeOperation>(back.operations[1])) == codec::to_json(node));
  CHECK(codec::to_json(std::get<ServiceOperation>(back.operations[2])) == codec::to_json(service));
  CHECK(std::get<CheckOperation>(back.operations[3]).verb == "explode");
  CHECK(round_trip(TxnCommand{}).operations.empty());
  CHECK(encode(command).substr(0, 2) == "\x01\x08");
  CHECK(decode_command("\x01\x08\x81\xa3Ops\x91\x80"s).status().code() == Code::kDataLoss);
}

TEST_CASE("The log's form is a version, Consul's type, and MessagePack with Consul's names", "[command]") {
  KvCommand command;
  command.key = "k";
  command.value = "v";
  command.index = 3;
  // {Op: "set", DirEnt: {Key: "k", Flags: 0, Value: "v", Session: "", ModifyIndex: 3}}
  CHECK(encode(command) ==
        "\x01\x02"
        "\x82\xa2Op\xa3set\xa6"
        "DirEnt\x85\xa3Key\xa1k\xa5"
        "Flags\x00\xa5Value\xa1v\xa7Session\xa0\xabModifyIndex\x03"s);
  CHECK(encode(full_registration()).substr(0, 2) == "\x01\x00"s);
  CHECK(encode(DeregisterCommand{}).substr(0, 2) == "\x01\x01");
  CHECK(encode(SessionCommand{}).substr(0, 2) == "\x01\x03");
  CHECK(encode(ReapTombstonesCommand{}).substr(0, 2) == "\x01\x05");
  CHECK(encode(UpdateCoordinatesCommand{}).substr(0, 2) == "\x01\x06");
}

TEST_CASE("What is no command is damage", "[command]") {
  const std::string good = encode(full_registration());
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(decode_command(good.substr(0, size)).status().code() == Code::kDataLoss);
  }
  CHECK(decode_command(good + "x").status().code() == Code::kDataLoss);
  CHECK(decode_command("\x02" + good.substr(1)).status().code() == Code::kDataLoss);
  CHECK(decode_command("\x01\x63\x80").status().code() == Code::kDataLoss);
  CHECK(decode_command("\x01\x02\x81\xa2Op\xa4lick").status().code() == Code::kDataLoss);
  CHECK(decode_command("\x01\x02\x81\xa2Op\x05").status().code() == Code::kDataLoss);
  CHECK(decode_command(std::string("\x01\x00\x93", 3)).status().code() == Code::kDataLoss);
}

}  // namespace
}  // namespace discovery::model
