// Watches of configuration files: what they ask, and what their handlers get.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "lib/api/watch_plan.h"
#include "lib/hcl/hcl.h"
#include "lib/http1/server.h"
#include "tests/sim/agent_world.h"
#include "tests/tls/test_server.h"

namespace discovery::api {
namespace {

using namespace std::chrono_literals;
using testing::World;

agent::Config watching(const std::string& text) {
  agent::Config config;
  config.watches = {{"w.hcl:4", *hcl::parse_hcl(text)}};
  return config;
}

/// Keeps what a handler's requests bring.
struct Listening final : http1::Handler {
  std::vector<std::string> bodies;
  std::vector<std::string> indexes;
  int status = 200;
  std::uint64_t body_limit(const http1::Request&) override { return 1U << 20; }
  void handle(http1::Request& request, http1::Responder responder) override {
    bodies.push_back(std::string(request.method) + " " + std::string(request.target) + " " +
                     std::string(request.header("X-Own")) + " " + request.body);
    indexes.emplace_back(request.header("X-Consul-Index"));
    std::move(responder).send({.status = status});
  }
};

struct Watched {
  World world;
  Listening heard;
  http1::Server server;

  explicit Watched(const std::string& what)
      : world(1,
              watching(
                  what +
                  " handler_type = \"http\" http_handler_config { path = \"http://10.0.0.2:9000/hook?x=1\" "
                  "header { \"X-Own\" = [\"yes\"] } }"),
              {}),
        server(world.client, {}, heard) {
    REQUIRE(world.client.address() == "10.0.0.2");
    auto listener = world.client.listen({"10.0.0.2", 9000}, {});
    REQUIRE(listener.ok());
    server.serve(*std::move(listener));
    world.simulation.run_for(1s);
  }
};

TEST_CASE("a watched key is handed over at the start and with each change", "[sim][watch]") {
  Watched watched("type = \"key\" key = \"config/a\"");
  REQUIRE(watched.heard.bodies.size() == 1);
  CHECK(watched.heard.bodies[0] == "POST /hook?x=1 yes null");
  REQUIRE(watched.world.ask("PUT", "/v1/kv/config/a", "one").status == 200);
  watched.world.simulation.run_for(1s);
  REQUIRE(watched.heard.bodies.size() == 2);
  CHECK(watched.heard.bodies[1].find("\"Key\": \"config/a\"") != std::string::npos);
  CHECK(watched.heard.bodies[1].find('[') == std::string::npos);
  CHECK(watched.heard.indexes[1] != watched.heard.indexes[0]);
  // What does not concern it wakes no handler, however long.
  REQUIRE(watched.world.ask("PUT", "/v1/kv/other", "x").status == 200);
  watched.world.simulation.run_for(30min);
  CHECK(watched.heard.bodies.size() == 2);
  REQUIRE(watched.world.ask("DELETE", "/v1/kv/config/a").status == 200);
  watched.world.simulation.run_for(1s);
  REQUIRE(watched.heard.bodies.size() == 3);
  CHECK(watched.heard.bodies[2].ends_with("null"));
}

TEST_CASE("services, and one service's healthy instances, are watched", "[sim][watch]") {
  Watched all("type = \"services\"");
  REQUIRE(all.heard.bodies.size() == 1);
  REQUIRE(all.world.ask("PUT", "/v1/agent/service/register", R"({"Name": "web"})").status == 200);
  all.world.simulation.run_for(1s);
  REQUIRE(all.heard.bodies.size() == 2);
  CHECK(all.heard.bodies[1].find("\"web\"") != std::string::npos);

  Watched one("type = \"service\" service = \"web\" passingonly = true tag = \"a\"");
  REQUIRE(one.heard.bodies.size() == 1);
  CHECK(one.heard.bodies[0].ends_with(" []\n"));
  REQUIRE(one.world.ask("PUT", "/v1/agent/service/register", R"({"Name": "web", "Tags": ["a"]})").status ==
          200);
  one.world.simulation.run_for(1s);
  REQUIRE(one.heard.bodies.size() == 2);
  CHECK(one.heard.bodies[1].find("\"Service\": \"web\"") != std::string::npos);
}

TEST_CASE("events are handed over as they are fired, those of a busy time together", "[sim][watch]") {
  Watched watched("type = \"event\" name = \"deploy\"");
  CHECK(watched.heard.bodies.empty());
  REQUIRE(watched.world.ask("PUT", "/v1/event/fire/other", "x").status == 200);
  watched.world.simulation.run_for(1s);
  CHECK(watched.heard.bodies.empty());
  REQUIRE(watched.world.ask("PUT", "/v1/event/fire/deploy", "one").status == 200);
  watched.world.simulation.run_for(1s);
  REQUIRE(watched.heard.bodies.size() == 1);
  CHECK(watched.heard.bodies[0].find("\"Name\":\"deploy\",\"Payload\":\"b25l\"") != std::string::npos);
  const auto list = watched.world.ask("GET", "/v1/event/list?name=deploy");
  CHECK(watched.heard.indexes[0] == list.header("X-Consul-Index"));

  // The second comes while the handler has the first: with the third it is handed over when the handler is
  // done.
  for (const char* body : {"2", "3", "4"}) {
    watched.world.agent->events().fire({.name = "deploy", .payload = body}, {}).then([](const auto& fired) {
      CHECK(fired.ok());
    });
    watched.world.simulation.run_for(1us);
  }
  watched.world.simulation.run_for(1s);
  REQUIRE(watched.heard.bodies.size() == 3);
  CHECK(watched.heard.bodies[1].find("\"Payload\":\"Mg==\"") != std::string::npos);
  CHECK(watched.heard.bodies[1].find("\"Payload\":\"Mw==\"") == std::string::npos);
  CHECK(watched.heard.bodies[2].find("\"Payload\":\"Mw==\"") != std::string::npos);
  CHECK(watched.heard.bodies[2].find("\"Payload\":\"NA==\"") != std::string::npos);
}

TEST_CASE("a list of events waits for the next one", "[sim][watch]") {
  testing::World world;
  const auto waiting = world.begin("GET", "/v1/event/list?index=1");
  world.simulation.run_for(5s);
  CHECK_FALSE(waiting->result);
  REQUIRE(world.ask("PUT", "/v1/event/fire/a").status == 200);
  REQUIRE(world.simulation.run_until([&] { return waiting->result.has_value(); }, 1s));
  const auto index = std::string((**waiting->result).header("X-Consul-Index"));
  const auto again = world.begin("GET", "/v1/event/list?wait=3s&index=" + index);
  world.simulation.run_for(2s);
  CHECK_FALSE(again->result);
  world.simulation.run_for(2s);
  CHECK(again->result);
}

TEST_CASE("a reload replaces the watches, and an agent that stops ends them", "[sim][watch]") {
  Watched watched("type = \"nodes\"");
  REQUIRE(watched.heard.bodies.size() == 1);
  REQUIRE(watched.world.ask("PUT", "/v1/agent/reload").status == 200);
  watched.world.simulation.run_for(1s);
  CHECK(watched.heard.bodies.size() == 2);  // begun anew
  bool done = false;
  watched.world.agent->shutdown(1s, [&] { done = true; });
  REQUIRE(watched.world.simulation.run_until([&] { return done; }, 10s));
  watched.world.agent.reset();
  watched.world.simulation.run_for(10min);
  CHECK(watched.heard.bodies.size() == 2);
}

TEST_CASE("a program gets what was found on its input, and the index in its environment", "[sim][watch]") {
  std::vector<env::ProcessOptions> runs;
  World world(1, watching("type = \"keyprefix\" prefix = \"config/\" args = [\"notify\", \"-v\"]"), {});
  world.machine.set_program("notify", [&runs](const env::ProcessOptions& options) {
    runs.push_back(options);
    return env::SimProgram{.takes = 3s};
  });
  world.simulation.run_for(1s);
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].arguments == std::vector<std::string>{"notify", "-v"});
  CHECK(runs[0].input == "[]");
  REQUIRE(runs[0].environment.size() == 1);
  CHECK(runs[0].environment[0].first == "CONSUL_INDEX");
  // While it runs, changes gather: it is run once more, with the last.
  REQUIRE(world.ask("PUT", "/v1/kv/config/a", "1").status == 200);
  REQUIRE(world.ask("PUT", "/v1/kv/config/b", "2").status == 200);
  world.simulation.run_for(10s);
  REQUIRE(runs.size() == 2);
  CHECK(runs[1].input.find("config/a") != std::string::npos);
  CHECK(runs[1].input.find("config/b") != std::string::npos);
}

/// A handler at an https:// URL whose certificate nobody knows.
struct SecureWatched {
  World world;
  tls::TestIdentity identity{"client"};
  std::unique_ptr<env::Listener> listener;
  std::vector<std::unique_ptr<env::Stream>> streams;
  std::vector<std::unique_ptr<tls::TestServer>> servers;

  explicit SecureWatched(const std::string& options)
      : world(1,
              watching("type = \"nodes\" handler_type = \"http\" http_handler_config { path = "
                       "\"https://client:9000/hook\" " +
                       options + " }"),
              {}) {
    listener = *world.client.listen({world.client.address(), 9000}, {});
    listener->start([this](std::unique_ptr<env::Stream> stream) {
      streams.push_back(std::move(stream));
      servers.push_back(std::make_unique<tls::TestServer>(*streams.back(), identity));
    });
    world.simulation.run_for(10s);
  }
  bool logged(const std::string& text) const {
    const auto& lines = world.machine.log_lines();
    return std::any_of(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.message.find(text) != std::string::npos; });
  }
};

TEST_CASE("a handler is asked by HTTPS if it proves who it is, or need not", "[sim][watch]") {
  SECTION("it must, and does not") {
    SecureWatched watched("");
    REQUIRE(watched.servers.size() == 1);
    CHECK(watched.servers[0]->received().empty());
    CHECK(watched.logged("certificate"));
  }
  SECTION("it need not") {
    SecureWatched watched("tls_skip_verify = true");
    REQUIRE(watched.servers.size() == 1);
    CHECK(watched.servers[0]->asked_for() == "client");
    CHECK(watched.servers[0]->received().starts_with("POST /hook HTTP/1.1\r\n"));
    CHECK(watched.servers[0]->received().find("X-Consul-Index: ") != std::string::npos);
    CHECK(watched.servers[0]->received().find("\"Node\"") != std::string::npos);
  }
}

std::string error_of(const std::string& text) {
  return std::string(read_watches(watching(text)).status().message());
}

TEST_CASE("a watch that is wrong is refused with its place", "[watch]") {
  const std::string parse = "Failed to parse watch (w.hcl:4): ";
  const std::string run = " args = [\"true\"]";
  CHECK(error_of("type = \"key\"" + run) == parse + "Must specify a single key to watch");
  CHECK(error_of("type = \"keyprefix\"" + run) == parse + "Must specify a single prefix to watch");
  CHECK(error_of("type = \"service\"" + run) == parse + "Must specify a single service to watch");
  CHECK(error_of("type = \"bogus\"" + run) == parse + "Unsupported watch type: bogus");
  CHECK(error_of("key = \"a\"" + run) == parse + "Watch type must be specified");
  CHECK(error_of("type = \"checks\" service = \"a\" state = \"any\"" + run) ==
        parse + "Cannot specify service and state");
  CHECK(error_of("type = \"nodes\"") == parse + "Must define a watch handler");
  CHECK(error_of("type = \"nodes\" handler = \"x\"" + run) == parse + "Only one watch handler allowed");
  CHECK(error_of("type = \"nodes\" handler_type = \"mail\"" + run) ==
        parse + "Handler type 'mail' not recognized");
  CHECK(error_of("type = \"nodes\" bogus = 1 token = \"secret\"" + run) ==
        parse + "Invalid parameters: [bogus]");
  CHECK(error_of("type = \"nodes\" stale = \"yes\"" + run) == parse + "Expecting stale to be a boolean");
  CHECK(error_of("type = 5" + run).starts_with(parse));
  CHECK(error_of("type = \"nodes\" handler_type = \"http\" http_handler_config { }") ==
        parse + "Requires 'path' to be set");
  CHECK(error_of("type = \"nodes\" handler_type = \"http\" http_handler_config { path = \"http://h:x/\" }") ==
        parse + "'path' must be a URL of http or https");
  CHECK(
      error_of(
          "type = \"nodes\" handler_type = \"http\" http_handler_config { path = \"ftp://u:secret@h/\" }") ==
      parse + "'path' must be a URL of http or https");
  CHECK(error_of("type = \"nodes\" handler_type = \"http\" http_handler_config { path = \"https://h/\" "
                 "tls_skip_verify = \"yes\" }") == parse + "Expecting tls_skip_verify to be a boolean");
  CHECK(error_of("type = \"nodes\" handler_type = \"http\" http_handler_config { path = \"http://h/\" "
                 "timeout = \"1\" }")
            .starts_with(parse + "Failed to parse handler_config timeout: "));
  CHECK(read_watches(watching("type = \"event\" name = \"x\"" + run))->plans.at(0).event == "x");
  CHECK(read_watches(watching("type = \"connect_roots\"" + run))->warnings.size() == 1);
}

}  // namespace
}  // namespace discovery::api
