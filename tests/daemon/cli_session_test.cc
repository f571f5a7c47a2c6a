#include <catch2/catch.hpp>

#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::FakeAgent;
using testing::run_cli;

constexpr const char* kSession =
    R"({"ID":"s-1","Name":"","Node":"n1","LockDelay":15000000000,"Behavior":"release","TTL":"30s",)"
    R"("NodeChecks":["serfHealth"],"ServiceChecks":[{"ID":"web-1","Namespace":""}],"CreateIndex":7,"ModifyIndex":9})";

TEST_CASE("session create: prints the id", "[cli][session]") {
  FakeAgent agent;
  agent.on("PUT /v1/session/create", R"({"ID":"s-1"})");
  CHECK(run_cli(agent, {"session", "create"}).out == "s-1\n");
  CHECK(run_cli(agent, {"session", "create", "-name=a", "-node=n", "-ttl=10s", "-behavior=delete",
                        "-lock-delay=1s", "-check=x", "-check=y"})
            .code == 0);
  REQUIRE(agent.seen().size() == 2);
  CHECK(agent.seen()[0].body == "{}");
  CHECK(agent.seen()[1].body ==
        R"({"Behavior":"delete","LockDelay":"1s","Name":"a","Node":"n","TTL":"10s","NodeChecks":["x","y"]})");
  agent.on("PUT /v1/session/create", "Invalid Session TTL", 500);
  const auto failed = run_cli(agent, {"session", "create", "-ttl=1s"});
  CHECK(failed.code == 1);
  CHECK(failed.err == "Error creating session: Unexpected response code: 500 (Invalid Session TTL)\n");
}

TEST_CASE("session list and info", "[cli][session]") {
  FakeAgent agent;
  agent.on("GET /v1/session/list", std::string("[") + kSession + "]");
  agent.on("GET /v1/session/node/n1", "[]");
  CHECK(run_cli(agent, {"session", "list"}).out ==
        "ID   Name  Node  Behavior  TTL  LockDelay\n"
        "s-1  -     n1    release   30s  15s\n");
  CHECK(run_cli(agent, {"session", "list", "-node=n1"}).out.empty());
  agent.on("GET /v1/session/info/s-1", std::string("[") + kSession + "]");
  agent.on("GET /v1/session/info/s-2", "[]");
  const auto info = run_cli(agent, {"session", "info", "s-1"});
  CHECK(info.code == 0);
  CHECK(info.out.find("Checks           serfHealth, web-1\n") != std::string::npos);
  CHECK(info.out.find("LockDelay        15s\n") != std::string::npos);
  const auto missing = run_cli(agent, {"session", "info", "s-2"});
  CHECK(missing.code == 1);
  CHECK(missing.err == "Error! No session exists with ID: s-2\n");
  CHECK(run_cli(agent, {"session", "info"}).err == "Error! Missing ID argument\n");
}

TEST_CASE("session renew and destroy", "[cli][session]") {
  FakeAgent agent;
  agent.on("PUT /v1/session/renew/s-1", std::string("[") + kSession + "]");
  agent.on("PUT /v1/session/destroy/s-1", "true");
  CHECK(run_cli(agent, {"session", "renew", "s-1"}).out == "Success! Renewed session: s-1 (TTL: 30s)\n");
  CHECK(run_cli(agent, {"session", "renew", "s-2"}).err == "Error! No session exists with ID: s-2\n");
  CHECK(run_cli(agent, {"session", "destroy", "s-1"}).out == "Success! Destroyed session: s-1\n");
  CHECK(run_cli(agent, {"session", "destroy", "a", "b"}).code == 1);
}

}  // namespace
}  // namespace discovery::cli
