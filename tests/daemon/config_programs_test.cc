// What real programs put on the command line and into configuration files.

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/daemon/config_fixture.h"

namespace discovery::config {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

/// How an agent is started for a recorded case.
Strings conformance_command(const std::string& data_dir, const std::string& config_file) {
  return {"-server",        "-bootstrap",
          "-node",          "agent-one",
          "-data-dir",      data_dir,
          "-bind",          "127.0.0.1",
          "-client",        "127.0.0.1",
          "-http-port",     "20001",
          "-dns-port",      "20002",
          "-server-port",   "20003",
          "-serf-lan-port", "20004",
          "-serf-wan-port", "20005",
          "-grpc-port",     "20006",
          "-hcl",           "performance{raft_multiplier=1}",
          "-hcl",           "connect{enabled=true}",
          "-config-file",   config_file};
}

TEST_CASE("the configurations of the recorded cases load") {
  const char* const configs[] = {
      "{}",
      R"({"acl": {"default_policy": "deny", "enable_token_persistence": true, "enabled": true, "tokens": {"agent":
          "e95b599e-166e-7d80-08ad-aee76e7ddf19", "master": "e95b599e-166e-7d80-08ad-aee76e7ddf19"}}})",
      R"({"acl": {"default_policy": "allow", "enabled": true}})",
      R"({"check": {"args": ["sleep", "5"], "id": "slow", "interval": "300ms", "name": "slow", "timeout": "200ms"},
          "check_update_interval": "0s", "checks": [{"id": "ttl", "name": "ttl", "notes": "n", "ttl": "500s"}],
          "enable_local_script_checks": true, "node_meta": {"rack": "7", "zone": "z1"}, "service": {"name": "single"},
          "services": [{"checks": [{"args": ["sh", "-c", "echo fine"], "id": "ok", "interval": "300ms"},
          {"args": ["sh", "-c", "echo careful; exit 1"], "id": "warn", "interval": "300ms", "name": "warned"},
          {"args": ["sh", "-c", "echo broken; exit 2"], "id": "bad", "interval": "300ms"}], "id": "cfg-1",
          "meta": {"k": "v"}, "name": "cfg", "port": 8080, "tags": ["a"]}]})",
      R"({"dns_config": {"enable_truncate": true}})",
      R"({"default_query_time": "2s", "discovery_max_stale": "5s", "http_config": {"block_endpoints":
          ["/v1/agent/metrics", "/v1/event"], "max_header_bytes": 4096, "response_headers": {"X-Consul-Custom": "yes"},
          "use_cache": false}, "limits": {"kv_max_value_size": 100, "txn_max_req_len": 300}, "max_query_time": "3s",
          "translate_wan_addrs": true})",
  };
  const TemporaryDirectory directory;
  std::vector<agent::Config> loaded;
  for (const char* text : configs) {
    INFO(text);
    const std::string file = directory.write("config.json", text);
    loaded.push_back(must_load(conformance_command(directory.path(), file)));
    CHECK(loaded.back().node_name == "agent-one");
    CHECK(loaded.back().server);
    CHECK(loaded.back().bootstrap);
    CHECK(loaded.back().raft_multiplier == 1);
    CHECK(loaded.back().connect_enabled);
    CHECK(loaded.back().ports.http == 20001);
    CHECK(loaded.back().ports.serf_wan == 20005);
  }
  CHECK(loaded[1].acl.enabled);
  CHECK(loaded[1].acl.default_policy == "deny");
  CHECK(loaded[1].acl.enable_token_persistence);
  CHECK(loaded[1].acl.tokens.initial_management == "e95b599e-166e-7d80-08ad-aee76e7ddf19");
  CHECK(loaded[2].acl.default_policy == "allow");
  CHECK(loaded[3].checks.size() == 2);
  CHECK(loaded[3].services.size() == 2);
  CHECK(loaded[3].check_update_interval == 0s);
  CHECK(loaded[3].enable_local_script_checks);
  CHECK_FALSE(loaded[3].enable_script_checks);
  CHECK(loaded[3].node_meta.at("zone") == "z1");
  CHECK(loaded[4].dns_config.enable_truncate);
  CHECK(loaded[5].default_query_time == 2s);
  CHECK(loaded[5].max_query_time == 3s);
  CHECK(loaded[5].discovery_max_stale == 5s);
  CHECK(loaded[5].http_config.block_endpoints == Strings{"/v1/agent/metrics", "/v1/event"});
  CHECK(loaded[5].http_config.response_headers.at("X-Consul-Custom") == "yes");
  CHECK(loaded[5].http_config.max_header_bytes == 4096);
  CHECK_FALSE(loaded[5].http_config.use_cache);
  CHECK(loaded[5].limits.kv_max_value_size == 100);
  CHECK(loaded[5].limits.txn_max_req_len == 300);
  CHECK(loaded[5].translate_wan_addrs);
}

TEST_CASE("the command lines of the benchmark load") {
  Host host = machine();
  host.max_open_files = [] { return std::optional<std::uint64_t>(1048576); };
  const TemporaryDirectory directory;
  const Strings common = {"-log-level=err",
                          "-node=agent",
                          "-bind=127.0.0.1",
                          "-client=127.0.0.1",
                          "-http-port=20001",
                          "-dns-port=20002",
                          "-server-port=20003",
                          "-serf-lan-port=20004",
                          "-serf-wan-port=20005",
                          "-hcl=limits { http_max_conns_per_client = 15000 rpc_max_conns_per_client = 1000 }",
                          "-hcl=disable_update_check = true",
                          "-hcl=performance { raft_multiplier = 1 }"};
  Strings dev = {"-dev", "-grpc-port=-1"};
  dev.insert(dev.end(), common.begin(), common.end());
  const agent::Config config = must_load(dev, host);
  CHECK(config.limits.http_max_conns_per_client == 15000);
  CHECK(config.limits.http_max_conns == 65536);
  host.max_open_files = [] { return std::optional<std::uint64_t>(20000); };
  CHECK(must_load(dev, host).limits.http_max_conns == 17952);  // some files are left to others
  host.max_open_files = [] { return std::optional<std::uint64_t>(16000); };
  CHECK(must_load(dev, host).limits.http_max_conns == 14000);
  CHECK(config.log_level == "ERROR");
  CHECK(config.ports.grpc == agent::kPortOff);
  CHECK(config.disable_update_check);
  Strings server = {"-server", "-bootstrap-expect=1", "-data-dir=" + directory.path(),
                    "-retry-join=127.0.0.1:20004"};
  server.insert(server.end(), common.begin(), common.end());
  CHECK(must_load(server, host).bootstrap);
}

TEST_CASE("the configuration that a widely used test kit writes loads") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("config.json", R"({
    "node_name": "node-0b2f", "node_id": "adf4238a-882b-9ddc-4a9d-5b6758e4159e", "node_meta": {"test": ""},
    "performance": {"raft_multiplier": 1}, "bootstrap": true, "server": true, "data_dir": ")" +
                                                              directory.path() + R"(",
    "segments": null, "disable_update_check": true, "log_level": "debug", "bind_addr": "127.0.0.1", "addresses":
    {"http": "unix:///tmp/x/http.sock"}, "ports": {"dns": 21000, "http": 21001, "https": 21002, "serf_lan": 21003,
    "serf_wan": 21004, "server": 21005}, "raft_protocol": 3, "acl": {"enabled": true, "default_policy": "deny",
    "tokens": {"master": "root", "agent": "root"}}, "connect": {"ca_config": {"cluster_id":
    "11111111-2222-3333-4444-555555555555"}, "enabled": true}, "encrypt": "", "ca_file": "rel/ca.pem",
    "cert_file": "", "key_file": "", "verify_incoming_https": false, "enable_script_checks": true, "enable_debug": true,
    "primary_datacenter": "dc1", "datacenter": "dc1", "server_name": null})");
  const Result<LoadedConfig> loaded = load({"-config-file", file});
  INFO(loaded.status().to_string());
  REQUIRE(loaded.ok());
  CHECK(loaded->config.addresses.http == Strings{"unix:///tmp/x/http.sock"});
  CHECK(loaded->config.addresses.dns == Strings{"127.0.0.1"});
  CHECK(loaded->config.ports.https == 21002);
  CHECK(loaded->config.bootstrap);
  CHECK(loaded->config.acl.tokens.initial_management == "root");
  CHECK(loaded->config.log_level == "DEBUG");
  CHECK(loaded->config.data_dir == directory.path());
}

}  // namespace
}  // namespace discovery::config
