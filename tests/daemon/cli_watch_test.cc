
#include <catch2/catch.hpp>

#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::FakeAgent;
using testing::run_cli;
using testing::TemporaryFile;

/// An agent that is there.
struct Agent : FakeAgent {
  Agent() { on("GET /v1/agent/self", "{}"); }
  std::string asked() const { return seen().size() < 2 ? "nothing" : seen()[1].line; }
};

std::string error(const std::vector<std::string>& args) {
  Agent agent;
  const auto run = run_cli(agent, args);
  CHECK(run.code == 1);
  CHECK(run.out.empty());
  return run.err;
}

TEST_CASE("watch: without a program it shows what there is", "[cli][watch]") {
  Agent agent;
  SECTION("a key") {
    agent.on("GET /v1/kv/a/b", R"([{"Key":"a/b","ModifyIndex":18446744073709551615}])");
    const auto run = run_cli(agent, {"watch", "-type=key", "-key=a/b", "-stale"});
    CHECK(run.code == 0);
    CHECK(run.out == "{\n    \"Key\": \"a/b\",\n    \"ModifyIndex\": 18446744073709551615\n}\n");
    CHECK(agent.asked() == "GET /v1/kv/a/b?stale");
  }
  SECTION("a key that is not there") {
    CHECK(run_cli(agent, {"watch", "-type=key", "-key=a"}).out == "null\n");
  }
  SECTION("keys") {
    CHECK(run_cli(agent, {"watch", "-type=keyprefix", "-prefix=a/"}).out == "[]\n");
    CHECK(agent.asked() == "GET /v1/kv/a/?recurse");
  }
  SECTION("services") {
    agent.on("GET /v1/catalog/services", R"({"consul":[]})");
    CHECK(run_cli(agent, {"watch", "-type=services"}).out == "{\n    \"consul\": []\n}\n");
  }
  SECTION("a service") {
    agent.on("GET /v1/health/service/web", "[]");
    CHECK(run_cli(agent, {"watch", "-type=service", "-service=web", "-tag=a", "-passingonly=true",
                          "-filter=Node.Node==n"})
              .out == "[]\n");
    CHECK(agent.asked() == "GET /v1/health/service/web?tag=a&passing=1&filter=Node.Node%3D%3Dn");
  }
  SECTION("checks") {
    agent.on("GET /v1/health/state/critical", "[]");
    CHECK(run_cli(agent, {"watch", "-type=checks", "-state=critical"}).out == "[]\n");
  }
  SECTION("events") {
    agent.on("GET /v1/event/list", R"([{"ID":"e"}])");
    CHECK(run_cli(agent, {"watch", "-type=event", "-name=deploy"}).out ==
          "[\n    {\n        \"ID\": \"e\"\n    }\n]\n");
    CHECK(agent.asked() == "GET /v1/event/list?name=deploy");
  }
  SECTION("a service of the agent") {
    agent.on("GET /v1/agent/service/web-1", "{}");
    CHECK(run_cli(agent, {"watch", "-type=agent_service", "-service=web-1"}).out == "{}\n");
  }
  SECTION("what the agent does not have yet") {
    agent.on("GET /v1/agent/connect/ca/roots", "GET /v1/agent/connect/ca/roots is not available yet", 501);
    const auto run = run_cli(agent, {"watch", "-type=connect_roots"});
    CHECK(run.code == 1);
    CHECK(run.err == "Error querying Consul agent: GET /v1/agent/connect/ca/roots is not available yet\n");
  }
}

TEST_CASE("watch: what is wrong with it", "[cli][watch]") {
  CHECK(error({"watch"}).starts_with("Watch type must be specified\n\nUsage: discoveryd watch"));
  CHECK(error({"watch", "-type=bogus"}) == "Unsupported watch type: bogus\n");
  CHECK(error({"watch", "-type=key"}) == "Must specify a single key to watch\n");
  CHECK(error({"watch", "-type=keyprefix"}) == "Must specify a single prefix to watch\n");
  CHECK(error({"watch", "-type=service"}) == "Must specify a single service to watch\n");
  CHECK(error({"watch", "-type=connect_leaf"}) == "Must specify a single service to watch\n");
  CHECK(error({"watch", "-type=checks", "-service=a", "-state=any"}) == "Cannot specify service and state\n");
  CHECK(error({"watch", "-type=nodes", "-key=a"}) == "Invalid parameters: [key]\n");
  CHECK(error({"watch", "-type=service", "-service=a", "-passingonly=perhaps"})
            .starts_with("Failed to parse passingonly flag: "));
  FakeAgent nobody;
  CHECK(run_cli(nobody, {"watch", "-type=nodes"}).err.starts_with("Error querying Consul agent: "));
}

TEST_CASE("watch: a program runs at the start and with each change, until it fails", "[cli][watch]") {
  Agent agent;
  // What comes with the same index, or says the same, is no change; a lower index counts from the beginning.
  agent.on_each("GET /v1/kv/a", {{200, R"([{"Value":"one"}])", "5"},
                                 {200, R"([{"Value":"other"}])", "5"},
                                 {200, R"([{"Value":"one"}])", "6"},
                                 {404, "", "9"},
                                 {200, R"([{"Value":"two"}])", "3"}});
  const TemporaryFile out("out", "");
  const auto run =
      run_cli(agent, {"watch", "-type=key", "-key=a",
                      "(echo $CONSUL_INDEX; cat) >>" + out.path() + "; ! grep -q two " + out.path()});
  CHECK(run.code == 1);
  CHECK(run.err == "Error executing handler: exit status 1\n");
  CHECK(out.content() == "5\n{\"Value\":\"one\"}\n9\nnull\n3\n{\"Value\":\"two\"}\n");
  std::vector<std::string> lines;
  for (const auto& seen : agent.seen()) lines.push_back(seen.line);
  CHECK(lines == std::vector<std::string>{"GET /v1/agent/self", "GET /v1/kv/a", "GET /v1/kv/a?index=5",
                                          "GET /v1/kv/a?index=5", "GET /v1/kv/a?index=6",
                                          "GET /v1/kv/a?index=9"});
}

TEST_CASE("watch: a program of its own, without a shell", "[cli][watch]") {
  Agent agent;
  agent.on("GET /v1/catalog/nodes", "[]");
  const TemporaryFile out("out", "");
  const auto run = run_cli(agent, {"watch", "-type=nodes", "-shell=false", "/bin/sh", "-c",
                                   "echo \"$0 $1\" >" + out.path() + "; kill -TERM $$", "a b", "c"});
  CHECK(run.code == 1);
  CHECK(run.err == "Error executing handler: signal: terminated\n");
  CHECK(out.content() == "a b c\n");
  CHECK(run_cli(agent, {"watch", "-type=nodes", "-shell=false", "no-such-program"}).err ==
        "Error starting handler: exec: \"no-such-program\": executable file not found in $PATH\n");
}

TEST_CASE("watch: events are handed over once", "[cli][watch]") {
  Agent agent;
  // The index of a list follows from the id of its last event.
  constexpr const char* kOld = R"({"ID":"00000000-0000-0000-0000-000000000007","Name":"a"})";
  constexpr const char* kNew = R"({"ID":"00000000-0000-0000-0000-000000000003","Name":"a"})";
  const std::string both = std::string("[") + kOld + "," + kNew + "]";
  agent.on_each("GET /v1/event/list", {{200, std::string("[") + kOld + "]", "7"}, {200, both, "3"}});
  const TemporaryFile out("out", "");
  const auto run =
      run_cli(agent, {"watch", "-type=event", "cat >>" + out.path() + "; test $CONSUL_INDEX = 7"});
  CHECK(run.code == 1);
  CHECK(out.content() == std::string("[") + kOld + "]\n[" + kNew + "]\n");
}

}  // namespace
}  // namespace discovery::cli
