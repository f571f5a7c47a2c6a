// A remote agent over https, through the public interface and real sockets.

#include <httplib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include <discovery/agent.h>
#include <discovery/kv_store.h>

#include "tests/tls/test_server.h"

namespace discovery {
namespace {

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "discovery-tls-XXXXXX").string();
  Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }

  std::string put(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name) << text;
    return path + "/" + name;
  }
};

TEST_CASE("a remote agent says who it is where that is demanded", "[remote_agent]") {
  const tls::TestIdentity server_identity("localhost");
  const tls::TestIdentity client_identity("client");
  const Folder folder;
  const std::string server_cert = folder.put("server.pem", server_identity.pem());
  const std::string server_key = folder.put("server.key", server_identity.key_pem());
  const std::string client_cert = folder.put("client.pem", client_identity.pem());
  const std::string client_key = folder.put("client.key", client_identity.key_pem());

  httplib::SSLServer server(server_cert.c_str(), server_key.c_str(), client_cert.c_str());
  server.Get("/v1/kv/color", [](const httplib::Request&, httplib::Response& response) {
    response.set_header("X-Consul-Index", "7");
    response.set_content(
        R"([{"Key":"color","Value":"Ymx1ZQ==","Flags":0,"CreateIndex":7,"ModifyIndex":7,"LockIndex":0}])",
        "application/json");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();  // stop() before that is lost

  const auto color = [&](TlsOptions tls) -> Result<std::string> {
    AgentOptions options{.mode = Mode::kRemote};
    options.remote_urls = {"https://localhost:" + std::to_string(port)};
    options.tls = std::move(tls);
    auto agent = Agent::start(std::move(options));
    if (!agent.ok()) return agent.status();
    const auto found = (*agent)->kv().get("color").get();
    if (!found.ok()) return found.status();
    return found->value->has_value() ? (*found->value)->value : "none";
  };
  const auto known = color({.ca_file = server_cert, .cert_file = client_cert, .key_file = client_key});
  const auto nobody = color({.ca_file = server_cert});
  const auto half = color({.ca_file = server_cert, .cert_file = client_cert});
  server.stop();
  thread.join();

  INFO(known.status().to_string());
  REQUIRE(known.ok());
  CHECK(*known == "blue");
  CHECK(nobody.status().code() == Code::kUnavailable);
  CHECK(half.status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace discovery
