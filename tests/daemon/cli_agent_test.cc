#include <catch2/catch.hpp>

#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::FakeAgent;
using testing::run_cli;
using testing::TemporaryFile;

constexpr const char* kMembers =
    R"([{"Name":"two","Addr":"10.0.0.2","Port":8301,"Status":4,"Tags":{"role":"node","build":"1.10.11:abc","dc":"dc1","vsn":"2","segment":""}},
        {"Name":"one","Addr":"::1","Port":8301,"Status":1,"Tags":{"role":"consul","build":"1.10.11:","dc":"dc1","vsn":"2","segment":"","id":"i"}}])";

TEST_CASE("members", "[cli]") {
  FakeAgent agent;
  agent.on("GET /v1/agent/members", kMembers);
  SECTION("as a table") {
    const auto run = run_cli(agent, {"members"});
    CHECK(run.code == 0);
    CHECK(run.out ==
          "Node  Address        Status  Type    Build    Protocol  DC   Segment\n"
          "one   [::1]:8301     alive   server  1.10.11  2         dc1  <all>\n"
          "two   10.0.0.2:8301  failed  client  1.10.11  2         dc1  <default>\n");
    CHECK(agent.only_line() == "GET /v1/agent/members");
  }
  SECTION("with all tags, of one status, of the wide pool") {
    const auto run = run_cli(agent, {"members", "-detailed", "-status=al.*", "-wan"});
    CHECK(run.out ==
          "Node  Address     Status  Tags\n"
          "one   [::1]:8301  alive   build=1.10.11:,dc=dc1,id=i,role=consul,segment=<all>,vsn=2\n");
    CHECK(agent.only_line() == "GET /v1/agent/members?wan=1");
  }
  SECTION("none") {
    const auto run = run_cli(agent, {"members", "-status=left"});
    CHECK(run.code == 2);
    CHECK(run.out + run.err == "");
  }
  SECTION("errors") {
    CHECK(run_cli(agent, {"members", "-status=("}).err.starts_with("Failed to compile status regexp: "));
    CHECK(run_cli(agent, {"members", "x"}).err == "Too many arguments (expected 0, got 1)\n");
    const FakeAgent silent;
    CHECK(run_cli(silent, {"members"})
              .err.starts_with("Error retrieving members: Unexpected response code: 404"));
  }
}

TEST_CASE("info, sorted", "[cli]") {
  FakeAgent agent;
  agent.on("GET /v1/agent/self",
           R"({"Stats":{"raft":{"term":"2","state":"Leader"},"agent":{"checks":"0"}}})");
  CHECK(run_cli(agent, {"info"}).out == "agent:\n\tchecks = 0\nraft:\n\tstate = Leader\n\tterm = 2\n");
  agent.on("GET /v1/agent/self", "{}");
  CHECK(run_cli(agent, {"info"}).err == "Agent did not provide stats\n");
}

TEST_CASE("reload, leave, force-leave and join", "[cli]") {
  FakeAgent agent;
  for (const char* path : {"reload", "leave", "force-leave/n1", "join/10.0.0.1"}) {
    agent.on("PUT /v1/agent/" + std::string(path), "");
  }
  agent.on("PUT /v1/agent/join/10.0.0.2", "no", 500);
  CHECK(run_cli(agent, {"reload"}).out == "Configuration reload triggered\n");
  CHECK(run_cli(agent, {"leave"}).out == "Graceful leave complete\n");
  auto run = run_cli(agent, {"force-leave", "-prune", "n1"});
  CHECK(run.code == 0);
  CHECK(run.out == "");
  CHECK(agent.seen().back().line == "PUT /v1/agent/force-leave/n1?prune=1");
  CHECK(run_cli(agent, {"force-leave"}).code == 1);
  CHECK(run_cli(agent, {"force-leave", "n2"})
            .err.starts_with("Error force leaving: Unexpected response code: 404"));
  CHECK(run_cli(agent, {"join", "10.0.0.1"}).out == "Successfully joined cluster by contacting 1 nodes.\n");
  run = run_cli(agent, {"join", "-wan", "10.0.0.1", "10.0.0.2"});
  CHECK(run.code == 1);
  CHECK(run.err == "Error joining address '10.0.0.2': Unexpected response code: 500 (no)\n");
  CHECK(run_cli(agent, {"join", "10.0.0.2"}).err.ends_with("Failed to join any nodes.\n"));
  CHECK(run_cli(agent, {"join"}).err == "At least one address to join must be specified.\n");
  const FakeAgent silent;
  CHECK(run_cli(silent, {"reload"}).err.starts_with("Error reloading: Unexpected response code: 404"));
  CHECK(run_cli(silent, {"leave"}).err.starts_with("Error leaving: "));
}

TEST_CASE("maint", "[cli]") {
  FakeAgent agent;
  agent.on("PUT /v1/agent/maintenance", "");
  agent.on("PUT /v1/agent/service/maintenance/web", "");
  CHECK(run_cli(agent, {"maint", "-enable", "-reason=new disk"}).out == "Node maintenance is now enabled\n");
  CHECK(agent.only_line() == "PUT /v1/agent/maintenance?enable=true&reason=new%20disk");
  CHECK(run_cli(agent, {"maint", "-disable"}).out == "Node maintenance is now disabled\n");
  CHECK(run_cli(agent, {"maint", "-enable", "-service=web"}).out ==
        "Service maintenance is now enabled for \"web\"\n");
  CHECK(run_cli(agent, {"maint", "-disable", "-service=web"}).out ==
        "Service maintenance is now disabled for \"web\"\n");
  CHECK(run_cli(agent, {"maint", "-enable", "-disable"}).err ==
        "Only one of -enable or -disable may be provided\n");
  CHECK(run_cli(agent, {"maint", "-reason=x"}).err == "Reason may only be provided with -enable\n");
  CHECK(run_cli(agent, {"maint", "-service=x"}).err == "Service requires either -enable or -disable\n");
  CHECK(run_cli(agent, {"maint", "-enable", "-service=db"})
            .err.starts_with("Error enabling service maintenance: Unexpected response code: 404"));

  agent.on("GET /v1/agent/self", R"({"Config":{"NodeName":"n1"}})");
  agent.on("GET /v1/agent/checks",
           R"({"_node_maintenance":{"CheckID":"_node_maintenance","Notes":"why"},"x":{"CheckID":"x"},
               "_service_maintenance:web":{"CheckID":"_service_maintenance:web","ServiceID":"web","Notes":"because"}})");
  CHECK(run_cli(agent, {"maint"}).out ==
        "Node:\n  Name:   n1\n  Reason: why\n\nService:\n  ID:     web\n  Reason: because\n\n");
}

TEST_CASE("monitor", "[cli]") {
  FakeAgent agent;
  agent.on("GET /v1/agent/monitor", "line one\nline two\n");
  const auto run = run_cli(agent, {"monitor", "-log-level=debug", "-log-json"});
  CHECK(run.out.starts_with("line one\nline two\n\nRemote side ended the monitor!"));
  CHECK(run.code == 1);
  CHECK(agent.only_line() == "GET /v1/agent/monitor?loglevel=debug&logjson");
  agent.on("GET /v1/agent/monitor", "Bad request: Unknown log level: x", 400);
  CHECK(run_cli(agent, {"monitor"}).err ==
        "Error starting monitor: Unexpected response code: 400 (Bad request: Unknown log level: x)\n");
}

TEST_CASE("validate", "[cli]") {
  const TemporaryFile good("good.hcl",
                           "data_dir = \"/tmp\" bind_addr = \"127.0.0.1\" service { name = \"a\" }");
  auto run = run_cli({"validate", good.path()});
  CHECK(run.code == 0);
  CHECK(run.out.ends_with("Configuration is valid!\n"));
  CHECK(run_cli({"validate", "-quiet", good.path()}).out == "");
  const TemporaryFile bad("bad.json", "{\"bogus\": 1}");
  run = run_cli({"validate", bad.path()});
  CHECK(run.code == 1);
  CHECK(run.err.starts_with("Config validation failed: failed to parse " + bad.path() +
                            ": 1 error occurred:\n\t* invalid config key bogus\n"));
  CHECK(run_cli({"validate"}).err == "Must specify at least one config file or directory\n");
  CHECK(run_cli({"validate", "-config-format=x", bad.path()}).code == 1);
}

TEST_CASE("kv export and import", "[cli][kv]") {
  FakeAgent agent;
  agent.on("GET /v1/kv/a",
           R"([{"Key":"a/\"x","Flags":7,"Value":"aGk="},{"Key":"a/y","Flags":0,"Value":null}])");
  const std::string exported =
      "[\n\t{\n\t\t\"key\": \"a/\\\"x\",\n\t\t\"flags\": 7,\n\t\t\"value\": \"aGk=\"\n\t},\n"
      "\t{\n\t\t\"key\": \"a/y\",\n\t\t\"flags\": 0,\n\t\t\"value\": \"\"\n\t}\n]\n";
  CHECK(run_cli(agent, {"kv", "export", "a"}).out == exported);
  CHECK(run_cli(agent, {"kv", "export", "none"}).out == "[]\n");
  agent.on("PUT /v1/kv/p/b", "true");
  const auto run =
      run_cli(agent, {"kv", "import", "-prefix=p", "-"}, R"([{"key":"b","flags":3,"value":"aGk="}])");
  CHECK(run.out == "Imported: p/b\n");
  CHECK(agent.seen().back().line == "PUT /v1/kv/p/b?flags=3");
  CHECK(agent.seen().back().body == "hi");
  CHECK(run_cli(agent, {"kv", "import"}).err == "Error! Missing DATA argument\n");
  CHECK(run_cli(agent, {"kv", "import", "nope"}).err.starts_with("Cannot unmarshal data: "));
  CHECK(run_cli(agent, {"kv", "import", "{}"}).code == 1);
  CHECK(run_cli(agent, {"kv", "import", R"([{"key":"b","value":"*"}])"}).code == 1);
}

}  // namespace
}  // namespace discovery::cli
