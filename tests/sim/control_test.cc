// What can be asked of an agent as a whole: definitions from files, reload, join, leave, log and metrics.

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "lib/hcl/hcl.h"
#include "tests/sim/agent_world.h"

namespace discovery::api {
namespace {

using namespace std::chrono_literals;
using testing::World;

agent::Definition definition(const std::string& text, const std::string& where = "a.hcl:1") {
  return {where, *hcl::parse_hcl(text)};
}

/// A world whose configuration is what `next` holds when it is read again.
struct Reloadable {
  Result<agent::Config> next = agent::Config();
  int reloads = 0;
  bool left = false;

  AgentRuntime::Around around() {
    AgentRuntime::Around around;
    around.host.load_config = [this](const AgentHost::Loaded& done) { done(next); };
    around.host.reloaded = [this](const agent::Config&) { ++reloads; };
    around.host.left = [this] { left = true; };
    return around;
  }
};

bool has(const http1::ClientResponse& response, const std::string& part) {
  return response.body.find(part) != std::string::npos;
}

TEST_CASE("what files define is registered at the start", "[sim]") {
  agent::Config config;
  config.services = {
      definition("name = \"web\" id = \"web-1\" port = 80 tags = [\"a\"] meta { k = \"v\" } "
                 "weights { passing = 3 } checks = [{ ttl = \"10s\" }, { id = \"own\" ttl = \"20s\" }]")};
  config.checks = {definition("id = \"disk\" name = \"disk free\" ttl = \"1m\" status = \"passing\""),
                   definition("name = \"of web\" service_id = \"web-1\" ttl = \"1m\"")};
  World world(1, config, {});
  const auto service = world.ask("GET", "/v1/agent/service/web-1");
  CHECK(has(service, "\"Port\": 80"));
  CHECK(has(service, "\"Passing\": 3"));
  const auto checks = world.ask("GET", "/v1/agent/checks");
  for (const char* id : {"service:web-1:1", "\"own\"", "\"disk\"", "of web"}) CHECK(has(checks, id));
  CHECK(has(world.ask("GET", "/v1/health/checks/web"), "of web"));
  CHECK(has(world.ask("GET", "/v1/health/node/one"), "disk free"));
}

TEST_CASE("a broken definition is refused at the start with its place", "[sim]") {
  env::Simulation simulation(1);
  env::SimEnv& machine = simulation.add_env("server");
  const auto start = [&](agent::Config config) {
    config.node_name = "one";
    config.dev_mode = true;
    config.bind_addr = machine.address();
    config.client_addr = {machine.address()};
    AgentRuntime runtime(machine, std::move(config), "8d85027d-1b8b-63af-a8a8-08c1179ed0a3");
    return std::string(runtime.start().message());
  };
  const auto service = [&](const std::string& text) {
    agent::Config config;
    config.services = {definition("name = \"fine\""), definition(text, "web.hcl:7")};
    return start(std::move(config));
  };
  const auto check = [&](const std::string& text) {
    agent::Config config;
    config.checks = {definition(text, "c.json:2")};
    return start(std::move(config));
  };
  CHECK(service("port = 1") == "Failed to register service \"\": Service name missing (web.hcl:7)");
  CHECK(service("name = \"a\" weights { passing = 0 }") ==
        "Invalid weight definition for service a: Passing must be greater than 0 (web.hcl:7)");
  CHECK(service("name = \"a\" meta { \"consul-x\" = \"1\" }")
            .starts_with("invalid meta for service a: Couldn't load metadata pair ('consul-x', '1')"));
  CHECK(service("name = \"a\" check { ttl = \"0s\" }") ==
        "Failed to validate checks for service \"a\": TTL must be > 0 for TTL checks (web.hcl:7)");
  CHECK(service("name = \"a\" address = \"0.0.0.0\"") ==
        "Failed to register service \"a\": Invalid service address (web.hcl:7)");
  CHECK(service("name = \"a\" check { args = [\"x\"] interval = \"1s\" }")
            .starts_with("Failed to register check 'a': Scripts are disabled on this agent; to enable"));
  CHECK(service("name = \"a\" connect { sidecar_service { id = \"x\" } }") ==
        "sidecar_service can't specify an ID (web.hcl:7)");
  CHECK(service("name = \"a\" connect { sidecar_service { connect { sidecar_service {} } } }") ==
        "sidecar_service can't have a nested sidecar_service (web.hcl:7)");
  CHECK(check("ttl = \"1s\"").starts_with("Failed to register check '': CheckID missing"));
  CHECK(check("id = \"x\" ttl = \"1s\" interval = \"1s\"") ==
        "Failed to register check 'x': Interval and TTL cannot both be specified (c.json:2)");
  CHECK(check("id = \"x\" ttl = \"1s\" service_id = \"nope\"") ==
        "Failed to register check 'x': ServiceID \"nope\" does not exist (c.json:2)");
}

TEST_CASE("a reload takes over definitions and keeps the state of checks", "[sim]") {
  Reloadable reloadable;
  agent::Config config;
  config.services = {definition("name = \"web\" check { ttl = \"1m\" }"), definition("name = \"old\"")};
  config.checks = {definition("id = \"disk\" ttl = \"1m\"")};
  World world(1, config, reloadable.around());
  REQUIRE(world.ask("PUT", "/v1/agent/check/pass/disk?note=roomy").status == 200);
  REQUIRE(world.ask("PUT", "/v1/agent/check/warn/service:web?note=slow").status == 200);

  agent::Config fresh = config;
  fresh.node_name = "one";
  fresh.bind_addr = world.machine.address();
  fresh.services = {definition("name = \"web\" port = 81 check { ttl = \"1m\" }"),
                    definition("name = \"new\"")};
  fresh.dns_config.node_ttl = 7s;
  reloadable.next = fresh;
  REQUIRE(world.ask("PUT", "/v1/agent/reload").status == 200);
  CHECK(reloadable.reloads == 1);
  const auto services = world.ask("GET", "/v1/agent/services");
  CHECK(has(services, "\"new\""));
  CHECK_FALSE(has(services, "\"old\""));
  CHECK(has(services, "\"Port\": 81"));
  CHECK(world.ask("GET", "/v1/catalog/service/old").body == "[]\n");
  const auto checks = world.ask("GET", "/v1/agent/checks");
  CHECK(has(checks, "roomy"));
  CHECK(has(checks, "slow"));
  CHECK(world.agent->dns().zone->node_ttl() == 7);
}

TEST_CASE("sidecars of definitions come with them and stay through a reload", "[sim]") {
  Reloadable reloadable;
  agent::Config config;
  config.ports.sidecar_min_port = 4000;
  config.ports.sidecar_max_port = 4001;
  config.services = {definition("name = \"web\" port = 80 connect { sidecar_service { tags = [\"s\"] } }"),
                     definition("name = \"db\" connect { sidecar_service {} }")};
  World world(1, config, reloadable.around());
  const auto sidecar = world.ask("GET", "/v1/agent/service/web-sidecar-proxy");
  CHECK(has(sidecar, "\"Port\": 4000"));
  CHECK(has(sidecar, "\"LocalServicePort\": 80"));
  CHECK(has(world.ask("GET", "/v1/agent/checks"), "service:db-sidecar-proxy:2"));

  agent::Config fresh = config;
  fresh.node_name = "one";
  fresh.bind_addr = world.machine.address();
  fresh.services.pop_back();
  reloadable.next = fresh;
  REQUIRE(world.ask("PUT", "/v1/agent/reload").status == 200);
  const auto services = world.ask("GET", "/v1/agent/services");
  CHECK(has(services, "\"Port\": 4000"));
  CHECK_FALSE(has(services, "db-sidecar-proxy"));
  const auto checks = world.ask("GET", "/v1/agent/checks");
  CHECK(has(checks, "service:web-sidecar-proxy:1"));
  CHECK(has(checks, "service:web-sidecar-proxy:2"));
  CHECK(has(world.ask("GET", "/v1/catalog/connect/web"), "web-sidecar-proxy"));
}

TEST_CASE("a reload that cannot be leaves all as it was and says why", "[sim]") {
  Reloadable reloadable;
  agent::Config config;
  config.services = {definition("name = \"web\"")};
  World world(1, config, reloadable.around());

  reloadable.next = invalid_argument("failed to parse a.hcl: nonsense");
  auto answer = world.ask("PUT", "/v1/agent/reload");
  CHECK(answer.status == 500);
  CHECK(answer.body == "failed to parse a.hcl: nonsense");

  agent::Config fresh = config;
  fresh.services = {definition("name = \"new\""), definition("port = 5", "b.hcl:9")};
  reloadable.next = fresh;
  answer = world.ask("PUT", "/v1/agent/reload");
  CHECK(answer.status == 500);
  CHECK(has(answer, "Service name missing (b.hcl:9)"));
  CHECK(reloadable.reloads == 0);
  const auto services = world.ask("GET", "/v1/agent/services");
  CHECK(has(services, "\"web\""));
  CHECK_FALSE(has(services, "\"new\""));
}

TEST_CASE("what callers registered survives a reload where it is kept, and not in development mode",
          "[sim]") {
  Reloadable reloadable;
  World world(1, {}, reloadable.around());
  REQUIRE(world.ask("PUT", "/v1/agent/service/register", R"({"Name": "web"})").status == 200);
  agent::Config fresh;
  fresh.dev_mode = false;
  reloadable.next = fresh;
  REQUIRE(world.ask("PUT", "/v1/agent/reload").status == 200);
  CHECK(has(world.ask("GET", "/v1/agent/services"), "\"web\""));
  fresh.dev_mode = true;
  reloadable.next = fresh;
  REQUIRE(world.ask("PUT", "/v1/agent/reload").status == 200);
  CHECK(world.ask("GET", "/v1/agent/services").body == "{}\n");
}

TEST_CASE("joining, leaving and forcing to leave", "[sim]") {
  Reloadable reloadable;
  World world(1, {}, reloadable.around());
  CHECK(world.ask("PUT", "/v1/agent/join/" + world.machine.address()).status == 200);
  auto answer = world.ask("PUT", "/v1/agent/join/" + world.client.address() + ":1");
  CHECK(answer.status == 500);
  CHECK(answer.body.starts_with("1 error occurred:\n\t* Failed to join " + world.client.address() + ":1: "));
  CHECK(has(world.ask("PUT", "/v1/agent/join/example.com"), "lookup example.com: no such host"));
  CHECK(world.ask("PUT", "/v1/agent/force-leave/one").status == 200);
  answer = world.ask("PUT", "/v1/agent/force-leave/two?prune");
  CHECK(answer.status == 500);
  CHECK(answer.body == "agent: No node found with name 'two'");
  CHECK(world.ask("PUT", "/v1/agent/leave").status == 200);
  CHECK(reloadable.left);
}

TEST_CASE("the agent tells of itself", "[sim]") {
  World world;
  const auto self = world.ask("GET", "/v1/agent/self");
  for (const char* part :
       {"\"check_ttls\": \"0\"", "\"leader\": \"true\"", "\"members\": \"1\"", "\"state\": \"Leader\""}) {
    CHECK(has(self, part));
  }
  CHECK(has(world.ask("GET", "/v1/agent/members"), "wan_join_port"));
  CHECK_FALSE(has(world.ask("GET", "/v1/agent/members?wan=1"), "wan_join_port"));
  CHECK(has(world.ask("GET", "/v1/agent/host"), "\"hostname\":"));
  CHECK(has(world.ask("GET", "/v1/agent/version"), "\"HumanVersion\": \"1.10.11\""));
  world.simulation.run_for(20s);
  const auto metrics = world.ask("GET", "/v1/agent/metrics");
  CHECK(has(metrics, "consul.state.nodes"));
  CHECK(world.ask("GET", "/v1/agent/metrics?format=prometheus").status == 415);
}

TEST_CASE("the log can be followed", "[sim]") {
  AgentRuntime::Around around;
  around.log = std::make_shared<env::LogTap>(nullptr);
  const auto tap = around.log;
  World world(1, {}, around);
  CHECK(world.ask("GET", "/v1/agent/monitor?loglevel=loud").body == "Bad request: Unknown log level: loud");

  // The answer has no end, so it is read as bytes.
  std::string heard;
  std::unique_ptr<env::Stream> stream;
  std::array<char, 4096> room{};
  const std::string request = "GET /v1/agent/monitor?loglevel=warn HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string_view piece = request;
  std::function<void(Result<std::size_t>)> on_read = [&](Result<std::size_t> size) {
    if (!size.ok() || *size == 0) return;
    heard.append(room.data(), *size);
    stream->read_some(room, on_read);
  };
  world.client.connect(world.agent->http().at(0), 10s, [&](Result<std::unique_ptr<env::Stream>> connected) {
    REQUIRE(connected.ok());
    stream = std::move(*connected);
    stream->write({&piece, 1}, [](const Status&) {});
    stream->read_some(room, on_read);
  });
  world.simulation.run_for(1s);
  CHECK(heard.find("200 OK") != std::string::npos);
  tap->write(Level::kInfo, "agent", "quiet");
  tap->write(Level::kError, "agent", "loud");
  world.simulation.run_for(1s);
  CHECK(heard.find("[ERROR] agent: loud\n") != std::string::npos);
  CHECK(heard.find("quiet") == std::string::npos);
  stream.reset();
  world.simulation.run_for(1s);
}

TEST_CASE("coordinates are kept by node and segment", "[sim]") {
  World world;
  const auto update = [&](const std::string& segment, const std::string& vec) {
    return world.ask("PUT", "/v1/coordinate/update",
                     R"({"Node": "one", "Segment": ")" + segment + R"(", "Coord": {"Vec": )" + vec +
                         R"(, "Error": 1.5, "Adjustment": 0, "Height": 1e-05}})");
  };
  CHECK(world.ask("GET", "/v1/coordinate/nodes").body == "[]\n");
  CHECK(world.ask("GET", "/v1/coordinate/node/one").status == 404);
  CHECK(update("", "[0.5]").body == "incompatible coordinate");
  REQUIRE(update("", "[0.5,0,0,0,0,0,0,0]").status == 200);
  REQUIRE(update("seg", "[0.25,0,0,0,0,0,0,0]").status == 200);
  CHECK(has(world.ask("GET", "/v1/coordinate/node/one"), "0.25"));
  CHECK_FALSE(has(world.ask("GET", "/v1/coordinate/node/one?segment="), "0.25"));
  CHECK_FALSE(has(world.ask("GET", "/v1/coordinate/nodes?segment=seg"), "0.5,"));
  CHECK(has(world.ask("GET", "/v1/coordinate/datacenters"), "\"AreaID\": \"wan\""));
}

}  // namespace
}  // namespace discovery::api
