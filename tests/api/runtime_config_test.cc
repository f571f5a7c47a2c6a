// What an agent tells of its configuration.

#include "lib/api/runtime_config.h"

#include <string>

#include <catch2/catch.hpp>

#include "lib/api/settings.h"
#include "lib/hcl/hcl.h"

namespace discovery::api {
namespace {

using namespace std::chrono_literals;

std::string shown(const agent::Config& config) {
  return runtime_config_json(config, make_identity(config, "8d85027d-1b8b-63af-a8a8-08c1179ed0a3"));
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("a configuration is shown with Consul's names", "[api][config]") {
  agent::Config config;
  config.node_name = "one";
  config.bind_addr = "10.0.0.1";
  config.client_addr = {"10.0.0.1", "::1"};
  config.addresses.http = {"127.0.0.1", "unix:///run/discoveryd.sock"};
  config.data_dir = "/data";
  config.node_meta = {{"rack", "7"}};
  config.recursors = {"10.0.0.53"};
  config.dns_config.node_ttl = 90s;
  config.dns_config.service_ttl = {{"web*", 5s}};
  config.telemetry.prefix_filter = {"+consul.a", "-consul.b", "nonsense"};
  config.telemetry.statsd_address = "10.0.0.9:8125";
  config.limits.kv_max_value_size = 7;
  config.log_level = "TRACE";
  config.enable_script_checks = true;
  const std::string json = shown(config);
  for (const char* part :
       {R"("NodeName":"one")",
        R"("NodeID":"8d85027d-1b8b-63af-a8a8-08c1179ed0a3")",
        R"("NodeMeta":{"rack":"7"})",
        R"("BindAddr":"10.0.0.1")",
        R"("ClientAddrs":["10.0.0.1","::1"])",
        R"("DataDir":"/data")",
        R"("DNSAddrs":["tcp://10.0.0.1:8600","tcp://[::1]:8600","udp://10.0.0.1:8600","udp://[::1]:8600"])",
        R"("HTTPAddrs":["tcp://127.0.0.1:8500","unix:///run/discoveryd.sock"])",
        R"("HTTPSAddrs":[],"HTTPSPort":-1)",
        R"("DNSNodeTTL":"1m30s")",
        R"("DNSServiceTTL":{"web*":"5s"})",
        R"("DNSRecursors":["10.0.0.53"])",
        R"("DNSSOA":{"Expire":86400,"Minttl":0,"Refresh":3600,"Retry":600})",
        R"("AllowedPrefixes":["consul.a"])",
        R"("BlockedPrefixes":["consul.b"])",
        R"("StatsdAddr":"10.0.0.9:8125")",
        R"("KVMaxValueSize":7)",
        R"("LogLevel":"TRACE")",
        R"("EnableRemoteScriptChecks":true)",
        R"("Services":[])",
        R"("Watches":[])",
        R"("RPCAdvertiseAddr":"tcp://10.0.0.1:8300")",
        R"("lan":"10.0.0.1")",
        R"("ServerMode":true)"}) {
    CAPTURE(part);
    CHECK(has(json, part));
  }
  // Names are in order, as Go puts them.
  CHECK(json.starts_with(R"({"ACLMasterToken":"hidden","ACLResolverSettings":{"ACLDefaultPolicy":"allow")"));
}

TEST_CASE("what is secret is hidden, wherever it stands", "[api][config]") {
  agent::Config config;
  config.node_name = "one";
  config.acl.tokens.agent = config.acl.tokens.default_token = "s3cret-1";
  config.http_config.response_headers = {{"X-Api-Key", "s3cret-2"}, {"X-Plain", "told"}};
  const auto definition = [](const std::string& text) {
    return agent::Definition{"a.hcl:1", *hcl::parse_hcl(text)};
  };
  config.services = {definition(
      "name = \"web\" port = 80 token = \"s3cret-3\" meta { api_token = \"s3cret-4\" rack = \"7\" } "
      "check = { http = \"http://user:s3cret-5@10.0.0.1/s3cret-6?token=s3cret-7\" interval = \"10s\" "
      "header = { Authorization = [\"s3cret-8\"] } }")};
  config.checks = {
      definition("id = \"c\" args = [\"/bin/check\", \"s3cret-9\"] token = \"s3cret-10\" body = "
                 "\"s3cret-11\" notes = \"n\"")};
  config.watches = {definition(
      "type = \"key\" key = \"k\" token = \"s3cret-12\" handler_type = \"http\" "
      "http_handler_config = { path = \"http://10.0.0.1/s3cret-13\" header = { a = [\"s3cret-14\"] } }")};
  const std::string json = shown(config);
  CHECK_FALSE(has(json, "s3cret"));
  CHECK(has(json, R"("HTTPResponseHeaders":{"X-Api-Key":"hidden","X-Plain":"told"})"));
  CHECK(has(json, R"({"Checks":[{"HTTP":"http://10.0.0.1:80","Interval":"10s","Token":"hidden"}],)"
                  R"("Meta":{"api_token":"hidden","rack":"7"},"Name":"web","Port":80,"Token":"hidden"})"));
  CHECK(has(json, R"("ScriptArgs":["/bin/check","hidden"])"));
  CHECK(has(json, R"("Watches":[{"handler_type":"http","key":"k","token":"hidden","type":"key"}])"));
}

}  // namespace
}  // namespace discovery::api
