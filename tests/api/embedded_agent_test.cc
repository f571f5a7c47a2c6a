#include "lib/api/embedded_agent.h"

#include <httplib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::api {
namespace {

agent::Config config_on_any_port() {
  agent::Config config;
  config.node_name = "one";
  config.dev_mode = true;
  config.bind_addr = "127.0.0.1";
  config.ports.http = 0;
  config.ports.dns = 0;
  return config;
}

/// A folder that goes with the test.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "discovery-api-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

httplib::Client client_of(const EmbeddedAgent& agent) {
  const env::Endpoint& at = agent.facts().http.at(0);
  return httplib::Client(at.address, at.port);
}

TEST_CASE("an agent serves while it lives, and leaves nothing behind", "[api]") {
  env::Endpoint at;
  {
    auto agent = EmbeddedAgent::start(config_on_any_port(), {});
    REQUIRE(agent.ok());
    auto client = client_of(**agent);
    REQUIRE(client.Put("/v1/agent/service/register", R"({"Name": "web", "Port": 80})", "")->status == 200);
    REQUIRE(client.Get("/v1/catalog/service/web")->body.find("\"ServicePort\": 80") != std::string::npos);
    at = (*agent)->facts().http.at(0);
  }
  agent::Config again = config_on_any_port();
  again.ports.http = at.port;
  REQUIRE(EmbeddedAgent::start(std::move(again), {}).ok());
}

TEST_CASE("several agents live in one process and share nothing", "[api]") {
  auto first = EmbeddedAgent::start(config_on_any_port(), {});
  auto second = EmbeddedAgent::start(config_on_any_port(), {});
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  std::vector<std::thread> threads;
  for (EmbeddedAgent* agent : {first->get(), second->get()}) {
    for (int thread = 0; thread < 2; ++thread) {
      threads.emplace_back([agent, thread] {
        auto client = client_of(*agent);
        for (int n = 0; n < 50; ++n) client.Put("/v1/kv/t" + std::to_string(thread), std::to_string(n), "");
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(client_of(**first).Get("/v1/kv/t1?raw")->body == "49");
  REQUIRE(client_of(**second).Put("/v1/kv/only-here", "x", "")->status == 200);
  REQUIRE(client_of(**first).Get("/v1/kv/only-here")->status == 404);
  REQUIRE((*first)->facts().node_id != (*second)->facts().node_id);
}

TEST_CASE("a port that is taken is named", "[api]") {
  auto first = EmbeddedAgent::start(config_on_any_port(), {});
  REQUIRE(first.ok());
  agent::Config config = config_on_any_port();
  config.ports.http = (*first)->facts().http.at(0).port;
  const auto second = EmbeddedAgent::start(config, {});
  REQUIRE(second.status().code() == Code::kUnavailable);
  REQUIRE(second.status().message().find(std::to_string(config.ports.http)) != std::string_view::npos);
}

TEST_CASE("a node keeps its id in its data directory", "[api]") {
  const Folder folder;
  const auto start = [&] {
    agent::Config config = config_on_any_port();
    config.dev_mode = false;
    config.data_dir = (folder.path / "data").string();
    return EmbeddedAgent::start(config, {});
  };
  std::string id;
  {
    auto agent = start();
    REQUIRE(agent.ok());
    id = (*agent)->facts().node_id;
    const auto other = start();  // into what the first one has
    REQUIRE(other.status().code() == Code::kUnavailable);
    REQUIRE(other.status().message().find("is in use by another agent") != std::string_view::npos);
  }
  {
    auto agent = start();
    REQUIRE(agent.ok());
    REQUIRE((*agent)->facts().node_id == id);
  }
  std::ofstream(folder.path / "data" / "node-id") << "nonsense";
  const auto agent = start();
  REQUIRE(agent.status().code() == Code::kInvalidArgument);
  REQUIRE(agent.status().message().find("node-id") != std::string_view::npos);
}

TEST_CASE("an agent serves a Unix socket", "[api]") {
  const Folder folder;
  agent::Config config = config_on_any_port();
  const std::string path = (folder.path / "http.sock").string();
  config.addresses.http = {"unix://" + path};
  auto agent = EmbeddedAgent::start(config, {});
  REQUIRE(agent.ok());
  REQUIRE((*agent)->facts().http.at(0).address == path);
  REQUIRE(std::filesystem::is_socket(path));
}

}  // namespace
}  // namespace discovery::api
