#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/daemon/config_fixture.h"

namespace discovery::config {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

/// The member `key` of a definition as text; empty if it is not there.
std::string text_of(const hcl::Value& definition, const std::string& key) {
  const hcl::Value* value = definition.find(key);
  return value == nullptr || value->as_string() == nullptr ? "" : *value->as_string();
}

TEST_CASE("what an agent is without being told") {
  const TemporaryDirectory directory;
  const agent::Config config = must_load({"-data-dir", directory.path()});
  CHECK(config.node_name == "machine");
  CHECK(config.datacenter == "dc1");
  CHECK(config.primary_datacenter == "dc1");
  CHECK(config.domain == "consul.");
  CHECK(config.data_dir == directory.path());
  CHECK_FALSE(config.server);
  CHECK_FALSE(config.dev_mode);
  CHECK(config.leave_on_terminate);
  CHECK_FALSE(config.skip_leave_on_interrupt);
  CHECK(config.bind_addr == "0.0.0.0");
  CHECK(config.advertise_addr == "10.1.2.3");
  CHECK(config.advertise_addr_wan == "10.1.2.3");
  CHECK(config.tagged_addresses ==
        std::map<std::string, std::string>{
            {"lan", "10.1.2.3"}, {"lan_ipv4", "10.1.2.3"}, {"wan", "10.1.2.3"}, {"wan_ipv4", "10.1.2.3"}});
  CHECK(config.client_addr == Strings{"127.0.0.1"});
  CHECK(config.addresses.http == Strings{"127.0.0.1"});
  CHECK(config.addresses.dns == Strings{"127.0.0.1"});
  CHECK(config.ports.http == 8500);
  CHECK(config.ports.dns == 8600);
  CHECK(config.ports.https == agent::kPortOff);
  CHECK(config.ports.grpc == agent::kPortOff);
  CHECK(config.raft_multiplier == 5);
  CHECK(config.log_level == "INFO");
  CHECK(config.default_query_time == 300s);
  CHECK(config.max_query_time == 600s);
  CHECK(config.limits.http_max_conns_per_client == 200);
  CHECK(config.limits.kv_max_value_size == 524288);
  CHECK(config.dns_config.udp_answer_limit == 3);
  CHECK(config.dns_config.allow_stale);
  CHECK(config.dns_config.max_stale == 87600h);
  CHECK(config.check_update_interval == 5min);
  CHECK(config.disable_host_node_id);
  CHECK_FALSE(config.connect_enabled);
  CHECK(warnings_of({"-data-dir", directory.path()}).empty());
}

TEST_CASE("development mode") {
  const agent::Config config = must_load({"-dev"});
  CHECK(config.dev_mode);
  CHECK(config.server);
  CHECK(config.data_dir.empty());
  CHECK(config.bind_addr == "127.0.0.1");
  CHECK(config.advertise_addr == "127.0.0.1");
  CHECK(config.raft_multiplier == 1);
  CHECK(config.ports.grpc == 8502);
  CHECK(config.log_level == "DEBUG");
  CHECK(config.enable_debug);
  CHECK(config.connect_enabled);
  CHECK(config.disable_keyring_file);
  CHECK_FALSE(config.leave_on_terminate);
  CHECK(config.skip_leave_on_interrupt);
  CHECK(warnings_of({"-dev"}).empty());
  CHECK(must_load({"-dev", "-log-level=err", "-server=false", "-grpc-port=-1"}).log_level == "ERROR");
}

TEST_CASE("later sources win, lists grow, maps merge") {
  const TemporaryDirectory directory;
  const std::string first =
      directory.write("b.hcl",
                      "datacenter = \"file1\" recursors = [\"1.1.1.1\"] node_meta { a = \"1\" b = \"1\" }\n"
                      "ports { http = 1001 dns = 1011 } log_level = \"WARN\" services { name = \"s1\" }");
  const std::string second = directory.write(
      "a.json",
      R"({"datacenter": "file2", "recursors": ["2.2.2.2", "1.1.1.1"], "node_meta": {"b": "2", "c": "2"},
          "ports": {"dns": 1002}, "service": {"name": "s2"}, "services": [{"name": "s3"}]})");
  const Strings files = {"-dev", "-config-file", first, "-config-file", second};
  const agent::Config config = must_load(files);
  CHECK(config.datacenter == "file2");
  CHECK(config.recursors == Strings{"1.1.1.1", "2.2.2.2"});
  CHECK(config.node_meta == std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}, {"c", "2"}});
  CHECK(config.ports.http == 1001);
  CHECK(config.ports.dns == 1002);
  CHECK(config.log_level == "WARN");
  REQUIRE(config.services.size() == 3);
  CHECK(text_of(config.services[0].value, "name") == "s1");
  CHECK(text_of(config.services[1].value, "name") == "s2");
  CHECK(text_of(config.services[2].value, "name") == "s3");

  SECTION("the order of files is that of the command line") {
    CHECK(must_load({"-dev", "-config-file", second, "-config-file", first}).datacenter == "file1");
  }
  SECTION("a directory is read in the order of names") {
    CHECK(must_load({"-dev", "-config-dir", directory.path()}).datacenter == "file1");
  }
  SECTION("plain flags count over files, wherever they stand") {
    Strings args = files;
    args.insert(args.begin(),
                {"-datacenter=flag", "-dns-port=1003", "-node-meta=c:3", "-node-meta", "d:4:5"});
    const agent::Config flagged = must_load(args);
    CHECK(flagged.datacenter == "flag");
    CHECK(flagged.ports.dns == 1003);
    CHECK(flagged.ports.http == 1001);
    CHECK(flagged.node_meta ==
          std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4:5"}});
  }
  SECTION("flags with lists come before files") {
    Strings args = files;
    args.insert(args.end(), {"-recursor=3.3.3.3", "-recursor", "2.2.2.2"});
    CHECK(must_load(args).recursors == Strings{"3.3.3.3", "2.2.2.2", "1.1.1.1"});
  }
  SECTION("fragments count over everything, the last one most") {
    Strings args = files;
    args.insert(args.begin(), {"-hcl", "datacenter = \"hcl1\" recursors = [\"9.9.9.9\"]",
                               "-hcl=datacenter = \"hcl2\"", "-datacenter", "flag"});
    const agent::Config fragmented = must_load(args);
    CHECK(fragmented.datacenter == "hcl2");
    CHECK(fragmented.recursors == Strings{"1.1.1.1", "2.2.2.2", "9.9.9.9"});
  }
}

TEST_CASE("a directory of configuration files") {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  directory.write("10.hcl", "datacenter = \"ten\"");
  directory.write("2.hcl", "datacenter = \"two\" log_level = \"WARN\"");
  directory.write("3.json", "");
  const std::string note = directory.write("README.md", "not a configuration");
  std::filesystem::create_directory(directory.path() + "/sub.hcl");
  std::ofstream(directory.path() + "/sub.hcl/x.hcl") << "bogus";
  std::filesystem::create_symlink(elsewhere.write("data.hcl", "domain = \"Linked\""),
                                  directory.path() + "/5.hcl");
  const Result<LoadedConfig> loaded = load({"-dev", "-config-dir=" + directory.path()});
  REQUIRE(loaded.ok());
  CHECK(loaded->config.datacenter == "two");
  CHECK(loaded->config.log_level == "WARN");
  CHECK(loaded->config.domain == "linked.");
  CHECK(loaded->warnings ==
        Strings{"skipping file " + note + ", extension must be .hcl or .json, or config format must be set"});
  CHECK(error_of({"-dev", "-config-format=json", "-config-dir", directory.path()})
            .starts_with("failed to parse "));
}

TEST_CASE("-config-format forces the language") {
  const TemporaryDirectory directory;
  const std::string json = directory.write("a.conf", "{\"datacenter\": \"east\"}");
  const std::string hcl = directory.write("b.json", "datacenter = \"west\"");
  CHECK(must_load({"-dev", "-config-format=json", "-config-file=" + json}).datacenter == "east");
  CHECK(must_load({"-dev", "-config-format", "hcl", "-config-file", hcl}).datacenter == "west");
}

TEST_CASE("every form of a flag") {
  for (const Strings& args :
       {Strings{"-dev", "-node", "a"}, Strings{"-dev", "-node=a"}, Strings{"--dev", "--node", "a"},
        Strings{"-dev=true", "--node=a"}, Strings{"-dev", "-node", "b", "-node", "a"}}) {
    CHECK(must_load(args).node_name == "a");
  }
  CHECK_FALSE(must_load({"-dev", "-server=false"}).server);
  CHECK_FALSE(must_load({"-dev", "-server=F"}).server);
  CHECK(must_load({"-dev", "-server=1"}).server);
  CHECK(must_load({"-dev", "-http-port", "-1"}).ports.http == agent::kPortOff);
  CHECK(must_load({"-dev", "-http-port=0"}).ports.http == agent::kPortOff);
  CHECK(must_load({"-dev", "-node-meta=x"}).node_meta.at("x").empty());
  CHECK(must_load({"-dev", "-check_output_max_size=7"}).check_output_max_size == 7);
  CHECK(must_load({"-dev", "-allow-write-http-from=10.0.0.0/8", "-allow-write-http-from", "::1/128"})
            .http_config.allow_write_http_from == Strings{"10.0.0.0/8", "::1/128"});
  CHECK(must_load({"-dev", "-default-query-time=5s", "-max-query-time", "1m"}).max_query_time == 1min);
}

TEST_CASE("flags of what is not there yet are taken with a warning") {
  const Strings args = {
      "-dev",          "-retry-join=a", "-retry-join",   "b",
      "-ui",           "-syslog=false", "-encrypt",      "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=",
      "-https-port=1", "-segment=",     "-read-replica", "-bootstrap-expect=1"};
  CHECK(warnings_of(args) ==
        Strings{"config key \"retry_join\" is accepted but not in force yet",
                "config key \"ui_config.enabled\" is accepted but not in force yet",
                "config key \"encrypt\" is accepted but not in force yet",
                "config key \"ports.https\" is accepted but not in force yet",
                "\"read_replica\" is a Consul Enterprise configuration and will have no effect",
                "BootstrapExpect is set to 1; this is the same as Bootstrap mode.",
                "bootstrap = true: do not enable unless necessary"});
}

TEST_CASE("keys of what is not there yet are taken with one warning each") {
  const Strings warnings =
      warnings_of({"-dev", "-hcl", "acl { enabled = true tokens { master = \"root\" } }", "-hcl",
                   "acl { enabled = true default_policy = \"deny\" } segments = [] verify_incoming = false "
                   "reconnect_timeout = \"80h\" autopilot { min_quorum = 3 }"});
  for (const char* key : {"acl.tokens.initial_management", "acl.enabled", "acl.default_policy",
                          "reconnect_timeout", "autopilot.min_quorum"}) {
    INFO(key);
    CHECK(std::count(warnings.begin(), warnings.end(),
                     "config key \"" + std::string(key) + "\" is accepted but not in force yet") == 1);
  }
  CHECK(warnings.size() == 5);
}

TEST_CASE("keys that mean nothing here say why") {
  CHECK(warnings_of({"-dev", "-hcl", "enable_debug = true"}) ==
        Strings{"config key \"enable_debug\" has no effect: there are no profiles of Go's to serve; perf(1) "
                "shows where time goes"});
  CHECK(warnings_of({"-dev"}).empty());
  const Strings circonus = warnings_of({"-dev", "-hcl", "telemetry { circonus_api_token = \"x\" }"});
  REQUIRE(circonus.size() == 1);
  CHECK(
      circonus[0].starts_with("config key \"telemetry.circonus_api_token\" has no effect: metrics are not"));
  CHECK(warnings_of({"-dev", "-hcl", "dns_config { use_cache = true cache_max_age = \"1s\" }"}).size() == 2);
  for (const char* key : {"disable_remote_exec", "disable_update_check",
                          "telemetry { retry_failed_connection", "telemetry { disable_compat_1.9"}) {
    const std::string end = std::string(key).find('{') == std::string::npos ? "" : " }";
    CAPTURE(key);
    CHECK(warnings_of({"-dev", "-hcl", std::string(key) + " = true" + end}).empty());
    const Strings off = warnings_of({"-dev", "-hcl", std::string(key) + " = false" + end});
    REQUIRE(off.size() == 1);
    CHECK(off[0].find(" cannot be turned off: ") != std::string::npos);
  }
}

TEST_CASE("what a reload does not change is told") {
  const agent::Config running = must_load({"-dev"});
  const auto waiting = [&](const std::string& text) {
    const auto keys = waiting_for_restart(running, must_load({"-dev", "-hcl", text}));
    return Strings(keys.begin(), keys.end());
  };
  CHECK(waiting("").empty());
  // What it does change:
  CHECK(
      waiting(
          "log_level = \"WARN\" dns_config { node_ttl = \"7s\" } node_meta { a = \"b\" } services = [{ name "
          "= \"x\" }] limits { http_max_conns_per_client = 7 } telemetry { filter_default = false }")
          .empty());
  CHECK(waiting("http_config { response_headers { a = \"b\" } } ports { dns = 8601 } datacenter = \"dc2\"") ==
        Strings{"datacenter", "primary_datacenter", "ports.dns", "http_config.response_headers"});
  CHECK(waiting("client_addr = \"127.0.0.2\" leave_on_terminate = true enable_local_script_checks = true") ==
        Strings{"client_addr", "addresses.dns", "addresses.http", "leave_on_terminate",
                "enable_local_script_checks"});
  CHECK(waiting("telemetry { statsd_address = \"127.0.0.1:8125\" }") == Strings{"telemetry.statsd_address"});
}

TEST_CASE("former names of keys") {
  const Result<LoadedConfig> loaded =
      load({"-dev", "-hcl",
            "acl_datacenter = \"DC9\" acl_master_token = \"m\" acl_agent_token = \"old\" acl { tokens { "
            "agent = \"new\" } } ui = false acl_enforce_version_8 = false"});
  REQUIRE(loaded.ok());
  CHECK(loaded->config.primary_datacenter == "dc9");
  CHECK(loaded->config.acl.enabled);
  CHECK(loaded->config.acl.tokens.initial_management == "m");
  CHECK(loaded->config.acl.tokens.agent == "new");
  for (const char* warning :
       {"The 'acl_datacenter' field is deprecated. Use the 'primary_datacenter' field instead.",
        "The 'acl_master_token' field is deprecated. Use the 'acl.tokens.initial_management' "
        "field instead.",
        "config key \"acl_enforce_version_8\" is deprecated and should be removed",
        "The 'ui' field is deprecated. Use the 'ui_config.enabled' field instead."}) {
    INFO(warning);
    CHECK(std::count(loaded->warnings.begin(), loaded->warnings.end(), warning) == 1);
  }
}

TEST_CASE("addresses") {
  const agent::Config config = must_load(
      {"-dev", "-client", "127.0.0.1 [::] ", "-advertise=10.0.0.7", "-hcl",
       "addresses { http = \"unix:///run/http.sock 127.0.0.2\" } advertise_addr_wan = \"2001:db8::7\" "
       "advertise_addr_ipv6 = \"2001:db8::1\" tagged_addresses { extra = \"1.2.3.4\" }"});
  CHECK(config.client_addr == Strings{"127.0.0.1", "::"});
  CHECK(config.addresses.http == Strings{"unix:///run/http.sock", "127.0.0.2"});
  CHECK(config.addresses.dns == Strings{"127.0.0.1", "::"});
  CHECK(config.advertise_addr == "10.0.0.7");
  CHECK(config.advertise_addr_wan == "2001:db8::7");
  CHECK(config.tagged_addresses == std::map<std::string, std::string>{{"extra", "1.2.3.4"},
                                                                      {"lan", "10.0.0.7"},
                                                                      {"lan_ipv4", "10.0.0.7"},
                                                                      {"lan_ipv6", "2001:db8::1"},
                                                                      {"wan", "2001:db8::7"},
                                                                      {"wan_ipv6", "2001:db8::7"}});
  CHECK(must_load({"-dev", "-bind", "[::]"}).advertise_addr == "2001:db8::1");
  CHECK(warnings_of({"-dev", "-client="}) == Strings{"client_addr is empty, client services (DNS, HTTP, "
                                                     "HTTPS, GRPC) will not be listening for connections"});
}

TEST_CASE("names are put into their proper form") {
  const agent::Config config =
      must_load({"-dev", "-node", " n1 ", "-datacenter=DC2", "-domain", "Example.ORG", "-alt-domain=Alt.",
                 "-node-id", "C0819D59-CF6B-DDAF-CAF6-FF6A6E73D523"});
  CHECK(config.node_name == "n1");
  CHECK(config.datacenter == "dc2");
  CHECK(config.primary_datacenter == "dc2");
  CHECK(config.domain == "example.org.");
  CHECK(config.alt_domain == "alt.");
  CHECK(config.node_id == "c0819d59-cf6b-ddaf-caf6-ff6a6e73d523");
}

TEST_CASE("what is allowed but hardly meant is warned of") {
  const TemporaryDirectory directory;
  const auto warnings = [&](Strings more) {
    more.insert(more.end(), {"-data-dir", directory.path()});
    return warnings_of(more);
  };
  CHECK(warnings({"-node=a.b"}) == Strings{"Node name \"a.b\" will not be discoverable via DNS due to "
                                           "invalid characters. Valid characters include "
                                           "all alpha-numerics and dashes."});
  CHECK(
      warnings({"-node=" + std::string(64, 'x')}) ==
      Strings{
          "Node name \"" + std::string(64, 'x') +
          "\" will not be discoverable via DNS due to it being too long. Valid lengths are between 1 and 63 "
          "bytes."});
  CHECK(warnings({"-server", "-bootstrap-expect=2"}).size() == 2);
  CHECK(warnings({"-server", "-bootstrap-expect=3"}) == Strings{"bootstrap_expect > 0: expecting 3 servers"});
  CHECK(warnings({"-server", "-bootstrap-expect=4"})[0].starts_with("bootstrap_expect is even number"));
  CHECK(warnings({"-enable-script-checks"})[0].find("DANGEROUS") != std::string::npos);
  CHECK(warnings({"-enable-script-checks", "-allow-write-http-from=127.0.0.1/32"}).empty());
  CHECK(warnings({"-hcl=limits { kv_max_value_size = 2000000 }"})[0].starts_with(
      "limits.kv_max_value_size is above"));
}

TEST_CASE("definitions of services and checks have one form") {
  const agent::Config config = must_load({"-dev", "-hcl", R"(
    service {
      Name = "web"
      tags = ["a"]
      weights { passing = 2 }
      EnableTagOverride = true
      check { ScriptArgs = ["x"] interval = "1s" header { A = ["b"] } }
      checks = [{ ttl = "5s" }]
      connect { sidecar_service {} }
      tagged_addresses { lan { address = "1.2.3.4" port = 5 } }
    }
    checks { id = "one" }
    checks { id = "two" DeregisterCriticalServiceAfter = "1m" }
  )"});
  REQUIRE(config.services.size() == 1);
  const hcl::Value& service = config.services[0].value;
  CHECK(text_of(service, "name") == "web");
  CHECK(*service.find("tags")->as_list() == hcl::Value::List{hcl::Value(std::string("a"))});
  CHECK(*service.find("weights")->find("passing")->as_int() == 2);
  CHECK(*service.find("enable_tag_override")->as_bool());
  CHECK(service.find("check")->find("args")->as_list()->size() == 1);
  CHECK(service.find("check")->find("header")->find("A")->as_list()->size() == 1);
  CHECK(text_of((*service.find("checks")->as_list())[0], "ttl") == "5s");
  CHECK(service.find("connect")->find("sidecar_service")->as_object()->empty());
  CHECK(*service.find("tagged_addresses")->find("lan")->find("port")->as_int() == 5);
  REQUIRE(config.checks.size() == 2);
  CHECK(text_of(config.checks[1].value, "id") == "two");
  CHECK(text_of(config.checks[1].value, "deregister_critical_service_after") == "1m");
}

TEST_CASE("a reload takes over what may change and nothing else") {
  const TemporaryDirectory directory;
  const Strings base = {"-data-dir", directory.path()};
  Strings changed = base;
  changed.insert(
      changed.end(),
      {"-hcl",
       "log_level = \"DEBUG\" dns_config { node_ttl = \"7s\" service_ttl { web = \"1s\" } } node_meta { "
       "a = \"1\" } service { name = \"web\" } limits { http_max_conns_per_client = 5 }",
       "-hcl", "ports { http = 1 } datacenter = \"dc2\" server = true"});
  const agent::Config running = must_load(base);
  const agent::Config result = reloaded(running, must_load(changed));
  CHECK(result.log_level == "DEBUG");
  CHECK(result.dns_config.node_ttl == 7s);
  CHECK(result.dns_config.service_ttl.at("web") == 1s);
  CHECK(result.node_meta.size() == 1);
  CHECK(result.services.size() == 1);
  CHECK(result.limits.http_max_conns_per_client == 5);
  CHECK(result.ports.http == 8500);
  CHECK(result.datacenter == "dc1");
  CHECK_FALSE(result.server);
  CHECK(reloaded(result, running).services.empty());
}

TEST_CASE("this machine can be asked") {
  const Host host = this_host();
  CHECK(host.hostname().ok());
  CHECK(host.private_ipv4().ok());
  CHECK(host.public_ipv6().ok());
  const Result<LoadedConfig> loaded =
      load_agent_config(Strings{"-dev", "-hcl=limits{http_max_conns_per_client=1}"});
  INFO(loaded.status().to_string());
  REQUIRE(loaded.ok());
  CHECK_FALSE(loaded->config.node_name.empty());
  CHECK(load_agent_config(Strings{"-wxyz"}).status().message() ==
        "flag provided but not defined: -wxyz\n    to do: discoveryd agent -help lists the flags");
}

TEST_CASE("help names every flag once, and what it names exists") {
  const std::string help = agent_help();
  for (const char* flag :
       {"-dev\n", "-config-file=<path>", "-http-port=<port>", "-node-meta=<key:value>", "-retry-join="}) {
    INFO(flag);
    const std::size_t at = help.find(std::string("\n  ") + flag);
    CHECK(at != std::string::npos);
    CHECK(help.find(std::string("\n  ") + flag, at + 1) == std::string::npos);
  }
  std::size_t flags = 0;
  for (std::size_t at = help.find("\n  -"); at != std::string::npos; at = help.find("\n  -", at + 1)) {
    const std::size_t begin = at + 3;
    const std::string name = help.substr(begin, help.find_first_of("=\n", begin) - begin);
    INFO(name);
    // An unknown flag is refused before anything else about it.
    const Result<AgentFlags> parsed = parse_agent_flags(Strings{name + "=false"});
    CHECK(std::string(parsed.status().message()).find("not defined") == std::string::npos);
    ++flags;
  }
  CHECK(flags > 60);
  CHECK(parse_agent_flags(Strings{"-h"})->help);
  CHECK(parse_agent_flags(Strings{"-dev", "--help"})->help);
}

}  // namespace
}  // namespace discovery::config
