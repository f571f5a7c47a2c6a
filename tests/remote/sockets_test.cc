// Over real sockets: TCP, a Unix socket, and TLS.

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "lib/api/embedded_agent.h"
#include "lib/env/asio_env.h"
#include "lib/remote/remote_agent.h"
#include "tests/remote/world.h"
#include "tests/tls/test_server.h"

namespace discovery::remote {
namespace {

using testing::connect;
using testing::Seen;
using namespace std::chrono_literals;

/// An agent with a thread of its own, and a loop here.
struct RealWorld {
  explicit RealWorld(std::string address = "127.0.0.1") {
    agent::Config config;
    config.node_name = "one";
    config.dev_mode = true;
    config.bind_addr = "127.0.0.1";
    config.client_addr = {"127.0.0.1"};
    config.addresses.http = {std::move(address)};
    config.ports.http = 0;
    config.ports.dns = -1;
    auto started = api::EmbeddedAgent::start(std::move(config), {});
    REQUIRE(started.status().message() == "");
    agent = *std::move(started);
    auto created = env::AsioEnv::create({});
    REQUIRE(created.ok());
    env = *std::move(created);
  }

  bool run_until(const std::function<bool()>& reached) {
    for (int turns = 0; turns < 2000 && !reached(); ++turns) env->run_some(10ms);
    return reached();
  }
  template <class T>
  Result<T> wait_for(Async<T> operation) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    std::move(operation).then([result](Result<T> got) { result->emplace(std::move(got)); });
    REQUIRE(run_until([&] { return result->has_value(); }));
    return **result;
  }

  void use(const std::string& url) {
    Options options;
    options.urls = {url};
    const auto backend = connect(*env, options);
    RemoteAgent remote(*env, *backend);
    Seen seen;
    const auto watch = backend->watch(testing::health_of("web"), {}, seen);
    REQUIRE(run_until([&] { return !seen.answers.empty(); }));
    model::ServiceSpec spec;
    spec.service.name = "web";
    spec.service.port = 80;
    REQUIRE(wait_for(remote.register_service(spec, {})).ok());
    REQUIRE(run_until([&] { return seen.rows() == 1; }));
    const std::string large(300000, 'x');
    REQUIRE(wait_for(backend->apply(model::KvCommand{model::KvVerb::kSet, "k", large, 0, 0}, {})).ok());
    const auto answer = wait_for(backend->query(model::GetKey{"k"}, {}));
    REQUIRE(answer.ok());
    CHECK(std::get<model::KvEntries>(answer->value())[0]->value() == large);
    REQUIRE(run_until([&] { return remote.self().node_name == "one"; }));
    agent.reset();
    REQUIRE(run_until([&] { return !seen.meta().live; }));
    CHECK(seen.errors.size() == 1);
  }

  std::unique_ptr<api::EmbeddedAgent> agent;
  std::unique_ptr<env::AsioEnv> env;
};

TEST_CASE("over TCP") {
  RealWorld it;
  const env::Endpoint at = it.agent->facts().http.at(0);
  it.use("http://localhost:" + std::to_string(at.port));
}

TEST_CASE("over a Unix socket") {
  std::string folder = (std::filesystem::temp_directory_path() / "discovery-remote-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  {
    RealWorld it("unix://" + folder + "/http");
    it.use("unix://" + folder + "/http");
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("over TLS, if the agent is who it should be") {
  env::Simulation world(1);
  env::SimEnv& machine = world.add_env("consul.local");
  env::SimEnv& client = world.add_env("client");
  const tls::TestIdentity identity("consul.local");
  std::vector<std::unique_ptr<env::Stream>> streams;
  std::vector<std::unique_ptr<tls::TestServer>> servers;
  const auto listener = std::move(*machine.listen({machine.address(), 8501}, {}));
  listener->start([&](std::unique_ptr<env::Stream> stream) {
    streams.push_back(std::move(stream));
    servers.push_back(std::make_unique<tls::TestServer>(*streams.back(), identity, [](std::string_view) {
      return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[\"a\",\"b\"]";
    }));
  });
  Options options;
  options.urls = {"https://consul.local:8501"};
  options.tls.ca_text = identity.pem();
  const auto ask = [&] {
    const auto backend = connect(client, options);
    auto result = std::make_shared<std::optional<Result<model::Answer>>>();
    backend->query(model::ListPeers{}, {}).then([result](auto got) { result->emplace(std::move(got)); });
    REQUIRE(world.run_until([&] { return result->has_value(); }, 1min));
    return **result;
  };
  const auto answer = ask();
  CAPTURE(answer.status().message());
  REQUIRE(answer.ok());
  CHECK(std::get<model::Names>(answer->value()) == model::Names{"a", "b"});
  options.tls_server_name = "other.local";
  CHECK(ask().status().code() == Code::kUnavailable);
  options.tls_server_name.clear();
  options.tls.ca_text = tls::TestIdentity("consul.local").pem();
  CHECK(ask().status().code() == Code::kUnavailable);
}

}  // namespace
}  // namespace discovery::remote
