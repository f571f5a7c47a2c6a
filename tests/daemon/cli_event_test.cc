#include <catch2/catch.hpp>

#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::FakeAgent;
using testing::run_cli;

TEST_CASE("event: fires and prints the id", "[cli][event]") {
  FakeAgent agent;
  agent.on("PUT /v1/event/fire/deploy", R"({"ID":"e-1","Name":"deploy"})");
  const auto run = run_cli(agent, {"event", "-name=deploy", "-node=n.*", "-service=web", "-tag=v1", "16"});
  CHECK(run.code == 0);
  CHECK(run.out == "Event ID: e-1\n");
  REQUIRE(agent.seen().size() == 1);
  CHECK(agent.seen()[0].line == "PUT /v1/event/fire/deploy?node=n.%2A&service=web&tag=v1");
  CHECK(agent.seen()[0].body == "16");
}

TEST_CASE("event: what is wrong is said before anything is fired", "[cli][event]") {
  FakeAgent agent;
  const auto fails = [&agent](const std::vector<std::string>& args) {
    const auto run = run_cli(agent, args);
    CHECK(run.code == 1);
    CHECK(run.out.empty());
    return run.err;
  };
  CHECK(fails({"event"}).starts_with("Event name must be specified\n\nUsage: discoveryd event"));
  CHECK(fails({"event", "-name=a", "b", "c"}).starts_with("Too many command line arguments.\n\nUsage:"));
  CHECK(fails({"event", "-name=a", "-node=["}) ==
        "Failed to compile node filter regexp: error parsing regexp: missing closing ]: `[`\n");
  CHECK(fails({"event", "-name=a", "-service=("}).starts_with("Failed to compile service filter regexp: "));
  CHECK(fails({"event", "-name=a", "-service=x", "-tag=*"})
            .starts_with("Failed to compile tag filter regexp: "));
  CHECK(fails({"event", "-name=a", "-tag=x"}) == "Cannot provide tag filter without service filter.\n");
  CHECK(agent.seen().empty());
  agent.on("PUT /v1/event/fire/a", "No path to datacenter", 500);
  CHECK(fails({"event", "-name=a", "-datacenter=x"}) ==
        "Error firing event: Unexpected response code: 500 (No path to datacenter)\n");
}

}  // namespace
}  // namespace discovery::cli
