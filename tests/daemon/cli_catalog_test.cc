#include <catch2/catch.hpp>

#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::FakeAgent;
using testing::run_cli;

constexpr const char* kNodes = R"([
  {"ID":"11111111-2222-3333-4444-555555555555","Node":"agent-one","Address":"127.0.0.1","Datacenter":"dc1",
   "TaggedAddresses":{"wan":"10.0.0.1","lan":"127.0.0.1"},"Meta":{"rack":"r1"},"CreateIndex":1,"ModifyIndex":2},
  {"ID":"","Node":"x","Address":"192.168.100.200","Datacenter":"dc1","TaggedAddresses":null,"Meta":null}])";

TEST_CASE("catalog datacenters", "[cli][catalog]") {
  FakeAgent agent;
  agent.on("GET /v1/catalog/datacenters", R"(["dc2","dc1"])");
  const auto run = run_cli(agent, {"catalog", "datacenters"});
  CHECK(run.code == 0);
  CHECK(run.out == "dc2\ndc1\n");
  CHECK(run.err == "");
  CHECK(agent.only_line() == "GET /v1/catalog/datacenters");
  CHECK(run_cli(agent, {"catalog", "datacenters", "x"}).err == "Too many arguments (expected 0, got 1)\n");
  agent.on("GET /v1/catalog/datacenters", "boom", 500);
  CHECK(run_cli(agent, {"catalog", "datacenters"}).err ==
        "Error listing datacenters: Unexpected response code: 500 (boom)\n");
}

TEST_CASE("catalog nodes", "[cli][catalog]") {
  FakeAgent agent;
  agent.on("GET /v1/catalog/nodes", kNodes);
  SECTION("in short") {
    const auto run = run_cli(agent, {"catalog", "nodes"});
    CHECK(run.code == 0);
    CHECK(run.out ==
          "Node       ID        Address          DC\n"
          "agent-one  11111111  127.0.0.1        dc1\n"
          "x                    192.168.100.200  dc1\n");
    CHECK(agent.only_line() == "GET /v1/catalog/nodes");
  }
  SECTION("in detail") {
    CHECK(
        run_cli(agent, {"catalog", "nodes", "-detailed"}).out ==
        "Node       ID                                    Address          DC   TaggedAddresses              "
        "Meta\n"
        "agent-one  11111111-2222-3333-4444-555555555555  127.0.0.1        dc1  lan=127.0.0.1, wan=10.0.0.1  "
        "rack=r1\n"
        "x                                                192.168.100.200  dc1                               "
        "\n");
  }
  SECTION("with everything asked for") {
    const auto run = run_cli(agent, {"catalog", "nodes", "-near=_agent", "-node-meta", "b=2",
                                     "-node-meta=a=1 x", "-filter", "Meta.rack == \"r1\"", "-stale"});
    CHECK(run.code == 0);
    CHECK(agent.only_line() ==
          "GET "
          "/v1/catalog/"
          "nodes?near=_agent&node-meta=a%3A1%20x&node-meta=b%3A2&filter=Meta.rack%20%3D%3D%20%22r1%22"
          "&stale");
  }
  SECTION("a filter from the standard input") {
    run_cli(agent, {"catalog", "nodes", "-filter=-"}, "Node==x");
    CHECK(agent.only_line() == "GET /v1/catalog/nodes?filter=Node%3D%3Dx");
  }
  SECTION("a filter from a file that is not there") {
    const auto run = run_cli(agent, {"catalog", "nodes", "-filter=@/no/file"});
    CHECK(run.code == 1);
    CHECK(
        run.err ==
        "Could not process filter argument: Failed to read file: open /no/file: no such file or directory\n");
    CHECK(agent.seen().empty());
  }
}

TEST_CASE("catalog nodes: of a service", "[cli][catalog]") {
  FakeAgent agent;
  agent.on(
      "GET /v1/catalog/service/web",
      R"([{"ID":"11111111-2222-3333-4444-555555555555","Node":"n","Address":"10.0.0.1","Datacenter":"dc1",
                "NodeMeta":{"k":"v"},"ServiceMeta":{"no":"no"}}])");
  CHECK(run_cli(agent, {"catalog", "nodes", "-service=web", "-detailed"}).out ==
        "Node  ID                                    Address   DC   TaggedAddresses  Meta\n"
        "n     11111111-2222-3333-4444-555555555555  10.0.0.1  dc1                   k=v\n");
  agent.on("GET /v1/catalog/service/web", "boom", 500);
  CHECK(run_cli(agent, {"catalog", "nodes", "-service=web"}).err ==
        "Error listing nodes for service: Unexpected response code: 500 (boom)\n");
}

TEST_CASE("catalog nodes: none", "[cli][catalog]") {
  FakeAgent agent;
  for (const std::string body : {"[]", "null", "{}"}) {
    agent.on("GET /v1/catalog/nodes", body);
    const auto run = run_cli(agent, {"catalog", "nodes"});
    CHECK(run.code == 0);
    CHECK(run.out == "");
    CHECK(run.err == "No nodes match the given query - try expanding your search.\n");
  }
}

TEST_CASE("catalog nodes: errors", "[cli][catalog]") {
  FakeAgent agent;
  const auto failed = run_cli(agent, {"catalog", "nodes"});
  CHECK(failed.code == 1);
  CHECK(failed.err == "Error listing nodes: Unexpected response code: 404 ()\n");
  CHECK(run_cli(agent, {"catalog", "nodes", "a", "b"}).err == "Too many arguments (expected 0, got 2)\n");
  agent.on("GET /v1/catalog/nodes", "<html>");
  CHECK(run_cli(agent, {"catalog", "nodes"}).err.starts_with("Error listing nodes: invalid JSON at offset"));
}

TEST_CASE("catalog services", "[cli][catalog]") {
  FakeAgent agent;
  agent.on("GET /v1/catalog/services", R"({"web":["v2","v1"],"consul":[],"db-primary":["rw"]})");
  SECTION("their names, sorted") {
    const auto run = run_cli(agent, {"catalog", "services"});
    CHECK(run.code == 0);
    CHECK(run.out == "consul\ndb-primary\nweb\n");
    CHECK(agent.only_line() == "GET /v1/catalog/services");
  }
  SECTION("with tags") {
    CHECK(run_cli(agent, {"catalog", "services", "-tags"}).out ==
          "consul          \n"
          "db-primary      rw\n"
          "web             v1,v2\n");
  }
  SECTION("by node metadata") {
    run_cli(agent, {"catalog", "services", "-node-meta=k=v"});
    CHECK(agent.only_line() == "GET /v1/catalog/services?node-meta=k%3Av");
  }
  SECTION("none") {
    agent.on("GET /v1/catalog/services", "{}");
    const auto run = run_cli(agent, {"catalog", "services"});
    CHECK(run.code == 0);
    CHECK(run.out == "");
    CHECK(run.err == "No services match the given query - try expanding your search.\n");
  }
  SECTION("errors") {
    CHECK(run_cli(agent, {"catalog", "services", "x"}).err == "Too many arguments (expected 0, got 1)\n");
    agent.on("GET /v1/catalog/services", "boom", 403);
    const auto run = run_cli(agent, {"catalog", "services"});
    CHECK(run.code == 1);
    CHECK(run.err == "Error listing services: Unexpected response code: 403 (boom)\n");
  }
}

TEST_CASE("catalog services: of a node", "[cli][catalog]") {
  FakeAgent agent;
  agent.on("GET /v1/catalog/node/n1",
           R"({"Node":{"Node":"n1"},"Services":{"web-1":{"ID":"web-1","Service":"web","Tags":["b"]},
               "web-2":{"ID":"web-2","Service":"web","Tags":["a"]},"db":{"Service":"db","Tags":null}}})");
  CHECK(run_cli(agent, {"catalog", "services", "-node=n1"}).out == "db\nweb\n");
  CHECK(run_cli(agent, {"catalog", "services", "-node=n1", "-tags"}).out == "db       \nweb      a,b\n");
  agent.on("GET /v1/catalog/node/n1", "null");
  CHECK(run_cli(agent, {"catalog", "services", "-node=n1"}).err ==
        "No services match the given query - try expanding your search.\n");
  agent.on("GET /v1/catalog/node/n1", "boom", 500);
  CHECK(run_cli(agent, {"catalog", "services", "-node=n1"}).err ==
        "Error listing services for node: Unexpected response code: 500 (boom)\n");
}

}  // namespace
}  // namespace discovery::cli
