#include <string>

#include <catch2/catch.hpp>

#include "lib/model/command.h"

namespace discovery::model {
namespace {

std::string refusal(RegisterCommand command) { return std::string(validate(command).message()); }

RegisterCommand node_x() {
  RegisterCommand command;
  command.node = "x";
  command.address = "1.1.1.1";
  return command;
}

ServiceInstance service_of(std::string id, std::string name) {
  ServiceInstance service;
  service.id = std::move(id);
  service.name = std::move(name);
  return service;
}

HealthCheck check_of(std::string id, std::string status) {
  HealthCheck check;
  check.check_id = std::move(id);
  check.status = std::move(status);
  return check;
}

RegisterCommand with(ServiceInstance service) {
  auto command = node_x();
  command.service = std::move(service);
  return command;
}

RegisterCommand with(HealthCheck check) {
  auto command = node_x();
  command.check = std::move(check);
  return command;
}

TEST_CASE("A registration names a node and its address", "[command]") {
  CHECK(refusal({}) == "Must provide node");
  RegisterCommand command;
  command.address = "1.1.1.1";
  CHECK(refusal(command) == "Must provide node");
  command.address.clear();
  command.node = "x";
  CHECK(refusal(command) == "Must provide address if SkipNodeUpdate is not set");
  command.skip_node_update = true;
  CHECK(refusal(command).empty());
  CHECK(refusal(node_x()).empty());
}

TEST_CASE("A node's id is a UUID or empty", "[command]") {
  auto command = node_x();
  command.id = "not-a-uuid";
  CHECK(refusal(command) == "Bad node ID: uuid string is wrong length");
  command.id = "40e4a748-2192-161a-0510-9bf59fe950bz";
  CHECK(refusal(command) == "Bad node ID: uuid is improperly formatted");
  command.id = "40e4a748-2192-161a-0510-9bf59fe950b5";
  CHECK(refusal(command).empty());
}

TEST_CASE("A service's id defaults to its name", "[command]") {
  auto command = with(service_of("", "web"));
  REQUIRE(validate(command).ok());
  CHECK(command.service->id == "web");
  CHECK(refusal(with(service_of("a", ""))) == "Must provide service name with ID");
  CHECK(refusal(with(ServiceInstance{})).empty());
}

TEST_CASE("A service cannot be reached at every address", "[command]") {
  auto service = service_of("", "w");
  service.port = -1;
  service.weights.passing = -1;
  CHECK(refusal(with(service)).empty());
  for (const char* address : {"0.0.0.0", "::", "[::]"}) {
    service.address = address;
    CHECK(refusal(with(service)) == "Invalid service address");
  }
}

TEST_CASE("A mesh proxy is refused with all that is wrong", "[command]") {
  auto service = service_of("", "p");
  service.kind = "connect-proxy";
  CHECK(refusal(with(service)) ==
        "2 errors occurred:\n\t* Proxy.DestinationServiceName must be non-empty for Connect proxy services\n"
        "\t* Port or SocketPath must be set for a Connect proxy\n\n");
}

TEST_CASE("The single check joins the others, and all are completed", "[command]") {
  auto command = with(check_of("c", "strange"));
  command.checks.push_back(check_of("", ""));
  command.checks[0].name = "named";
  REQUIRE(validate(command).ok());
  CHECK_FALSE(command.check);
  REQUIRE(command.checks.size() == 2);
  CHECK(command.checks[0].check_id == "named");
  CHECK(command.checks[0].status == kCritical);
  CHECK(command.checks[0].node == "x");
  CHECK(command.checks[1].check_id == "c");
  CHECK(command.checks[1].name.empty());
  CHECK(command.checks[1].status == "strange");
}

TEST_CASE("A check belongs to the node that is registered", "[command]") {
  auto check = check_of("c", "");
  check.node = "other";
  CHECK(refusal(with(check)) == "check node \"other\" does not match node \"x\"");
}

TEST_CASE("A deregistration names a node", "[command]") {
  DeregisterCommand command;
  command.service_id = "noid";
  CHECK(validate(command).message() == "Must provide node");
  command.node = "sys";
  CHECK(validate(command).ok());
}

TEST_CASE("Only deleting a tree may do without a key", "[command]") {
  KvCommand command;
  for (const auto verb : {KvVerb::kSet, KvVerb::kCas, KvVerb::kDelete, KvVerb::kDeleteCas}) {
    command.verb = verb;
    CHECK(validate(command).message() == "Must provide key");
  }
  command.verb = KvVerb::kDeleteTree;
  CHECK(validate(command).ok());
  command.verb = KvVerb::kSet;
  command.key = "k";
  CHECK(validate(command).ok());
}

}  // namespace
}  // namespace discovery::model
