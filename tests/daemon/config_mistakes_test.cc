// Mistakes that people make in configuration files and on command lines. Each must be told with the place
// (file and line, or flag) and what to do; and nothing may start.

#include <set>
#include <string>
#include <vector>

#include "tests/daemon/cli_fake_agent.h"
#include "tests/daemon/config_fixture.h"

namespace discovery::config {
namespace {

using namespace testing;
using cli::testing::run_cli;

/// A line that is wrong, in HCL, and a part of what is said of it.
struct Line {
  const char* text;
  const char* said;
};

constexpr Line kLines[] = {
    // Keys that are not there.
    {"node_nam = \"x\"", "did you mean \"node_name\"?"},
    {"datacentre = \"dc1\"", "did you mean \"datacenter\"?"},
    {"sever = true", "did you mean \"server\"?"},
    {"bootstrap_expekt = 3", "did you mean \"bootstrap_expect\"?"},
    {"datadir = \"/x\"", "did you mean \"data_dir\"?"},
    {"data-dir = \"/x\"", "did you mean \"data_dir\"?"},
    {"bind_adr = \"10.0.0.1\"", "did you mean \"bind_addr\"?"},
    {"client_address = \"0.0.0.0\"", "did you mean \"client_addr\"?"},
    {"advertise_adr = \"10.0.0.1\"", "did you mean \"advertise_addr\"?"},
    {"retry_joins = [\"a\"]", "did you mean \"retry_join\"?"},
    {"recursor = [\"1.1.1.1\"]", "did you mean \"recursors\"?"},
    {"loglevel = \"INFO\"", "did you mean \"log_level\"?"},
    {"encryption = \"x\"", "invalid config key encryption"},
    {"port { http = 1 }", "did you mean \"ports\"?"},
    {"ports { htp = 1 }", "did you mean \"ports.http\"?"},
    {"ports { dnss = 1 }", "did you mean \"ports.dns\"?"},
    {"address { http = \"::\" }", "did you mean \"addresses\"?"},
    {"dns_confg { }", "did you mean \"dns_config\"?"},
    {"dns_config { node_tl = \"1s\" }", "did you mean \"dns_config.node_ttl\"?"},
    {"dns_config { soa { expires = 1 } }", "did you mean \"dns_config.soa.expire\"?"},
    {"http_config { response_header { } }", "did you mean \"http_config.response_headers\"?"},
    {"http_config { block_endpoint = [] }", "did you mean \"http_config.block_endpoints\"?"},
    {"limits { http_max_conn_per_client = 1 }", "did you mean \"limits.http_max_conns_per_client\"?"},
    {"telemetry { prefix_filters = [] }", "did you mean \"telemetry.prefix_filter\"?"},
    {"acl { enable = true }", "did you mean \"acl.enabled\"?"},
    {"acl { tokens { agnet = \"x\" } }", "did you mean \"acl.tokens.agent\"?"},
    {"performance { raft_multiplyer = 1 }", "did you mean \"performance.raft_multiplier\"?"},
    {"autopilot { cleanup_dead_server = true }", "did you mean \"autopilot.cleanup_dead_servers\"?"},
    {"connect { enable = true }", "did you mean \"connect.enabled\"?"},
    {"ui_config { enable = true }", "did you mean \"ui_config.enabled\"?"},
    {"unix_sockets { mod = \"600\" }", "did you mean \"unix_sockets.mode\"?"},
    {"watch = []", "did you mean \"watches\"?"},
    {"completely_unknown_thing = 1", "invalid config key completely_unknown_thing"},
    {"service { name = \"a\" prot = 1 }", "did you mean \"port\"?"},
    {"service { nmae = \"a\" }", "did you mean \"name\"?"},
    {"service { name = \"a\" tag = [\"x\"] }", "did you mean \"tags\"?"},
    {"service { name = \"a\" chek { ttl = \"1s\" } }", "did you mean \"check\"?"},
    {"service { name = \"a\" check { intervall = \"1s\" } }", "did you mean \"interval\"?"},
    {"services = [{ name = \"a\", ports = 1 }]", "did you mean \"port\"?"},
    {"check { htp = \"x\" }", "did you mean \"http\"?"},
    {"check { arg = [\"x\"] }", "did you mean \"args\"?"},
    {"checks = [{ id = \"x\", timeot = \"1s\" }]", "did you mean \"timeout\"?"},
    {"service { name = \"a\" weight { passing = 1 } }", "did you mean \"weights\"?"},
    {"service { name = \"a\" weights { pasing = 1 } }", "did you mean \"passing\"?"},
    // Values of another type.
    {"server = \"yes\"", "'server' expected type 'bool'"},
    {"server = 1", "'server' expected type 'bool'"},
    {"bootstrap = \"true\"", "'bootstrap' expected type 'bool'"},
    {"bootstrap_expect = \"3\"", "'bootstrap_expect' expected type 'int'"},
    {"bootstrap_expect = 2.5", "'bootstrap_expect' expected type 'int'"},
    {"node_name = 5", "'node_name' expected type 'string'"},
    {"node_name = true", "'node_name' expected type 'string'"},
    {"node_name = [\"a\", \"b\"]", "'node_name' expected type 'string'"},
    {"node_meta = \"rack=1\"", "'node_meta' expected a map"},
    {"node_meta { rack = 7 }", "'node_meta[rack]' expected type 'string'"},
    {"ports = 8500", "'ports' expected a map"},
    {"ports { http = \"8500\" }", "'ports.http' expected type 'int'"},
    {"ports { http = 99999999999 }", "is out of range"},
    {"recursors = \"1.1.1.1\"", "must be an array or slice"},
    {"recursors = [1]", "'recursors[0]' expected type 'string'"},
    {"retry_join = \"a\"", "must be an array or slice"},
    {"retry_interval = 30", "'retry_interval' expected type 'string'"},
    {"limits { kv_max_value_size = -1 }", "overflows uint"},
    {"limits { kv_max_value_size = \"1MB\" }", "expected type 'uint64'"},
    {"limits { http_max_conns_per_client = \"many\" }", "expected type 'int'"},
    {"limits { rpc_rate = \"fast\" }", "expected type 'float64'"},
    {"dns_config = true", "'dns_config' expected a map"},
    {"dns_config { only_passing = \"true\" }", "expected type 'bool'"},
    {"dns_config { service_ttl = \"10s\" }", "expected a map"},
    {"dns_config { soa { retry = 4294967296 } }", "is out of range"},
    {"http_config { response_headers = \"X: y\" }", "expected a map"},
    {"http_config { allow_write_http_from = \"10.0.0.0/8\" }", "must be an array or slice"},
    {"telemetry { disable_hostname = \"no\" }", "expected type 'bool'"},
    {"enable_script_checks = \"on\"", "expected type 'bool'"},
    {"check_output_max_size = \"4k\"", "expected type 'int'"},
    {"services = 5", "must be an array or slice"},
    {"services = [5]", "'services[0]' expected a map"},
    {"service = \"web\"", "'service' expected a map"},
    {"service { name = \"a\" port = \"80\" }", "'service.port' expected type 'int'"},
    {"service { name = \"a\" tags = \"x\" }", "must be an array or slice"},
    {"service { name = \"a\" meta = [\"x\"] }", "expected a map"},
    {"service { name = \"a\" checks = \"ttl\" }", "must be an array or slice"},
    {"service { name = 5 }", "'service.name' expected type 'string'"},
    {"check { args = \"sh -c x\" }", "must be an array or slice"},
    {"check { header { X = \"y\" } }", "must be an array or slice"},
    {"check { tls_skip_verify = \"1\" }", "expected type 'bool'"},
    {"check { interval = 10 }", "'check.interval' expected type 'string'"},
    {"encrypt = 12345", "'encrypt' expected type 'string'"},
    {"acl { tokens { agent = 5 } }", "'acl.tokens.agent' expected type 'string'"},
    // Durations.
    {"default_query_time = \"5\"", "missing unit in duration"},
    {"max_query_time = \"ten minutes\"", "invalid duration"},
    {"retry_interval = \"abc\"", "invalid duration"},
    {"check_update_interval = \"5 m\"", "invalid duration"},
    {"log_rotate_duration = \"1d\"", "unknown unit"},
    {"discovery_max_stale = \"\"", "invalid duration"},
    {"session_ttl_min = \"10sec\"", "unknown unit"},
    {"dns_config { node_ttl = \"10\" }", "missing unit"},
    {"dns_config { service_ttl { web = \"1x\" } }", "unknown unit"},
    {"telemetry { statsd_address = \"stats.example\" }",
     "telemetry.statsd_address: address stats.example: missing port in address"},
    {"telemetry { statsite_address = \"10.0.0.1:x\" }", "telemetry.statsite_address: "},
    {"telemetry { dogstatsd_addr = \"unix:///var/run/dog.sock\" }", "telemetry.dogstatsd_addr: "},
    {"enable_syslog = true syslog_facility = \"LOCAL9\"", "invalid syslog facility: LOCAL9"},
    {"telemetry { prometheus_retention_time = \"24\" }", "missing unit"},
    {"check { id = \"x\" ttl = \"soon\" }", "invalid duration"},
    {"service { name = \"a\" check { interval = \"1 s\" } }", "invalid duration"},
    // Values that mean nothing.
    {"datacenter = \"dc one\"", "datacenter can only contain"},
    {"datacenter = \"\"", "datacenter cannot be empty"},
    {"primary_datacenter = \"d.c\"", "primary_datacenter can only contain"},
    {"node_name = \"a b\"", "node_name cannot contain"},
    {"bind_addr = \"localhost\"", "bind_addr must be an ip address"},
    {"bind_addr = \"\"", "bind_addr cannot be empty"},
    {"bind_addr = \"10.0.0.1 10.0.0.2\"", "bind_addr cannot contain multiple addresses"},
    {"bind_addr = \"unix:///x\"", "bind_addr cannot be a unix socket"},
    {"client_addr = \"1.2.3\"", "invalid ip address"},
    {"client_addr = \"unix:///x\"", "cannot be a unix socket"},
    {"advertise_addr = \"my.host\"", "invalid ip address"},
    {"advertise_addr = \"10.0.0.1 10.0.0.2\"", "multiple addresses found"},
    {"advertise_addr_ipv4 = \"::1\"", "must be an ipv4 address"},
    {"advertise_addr_wan_ipv6 = \"10.0.0.1\"", "must be an ipv6 address"},
    {"addresses { http = \"nowhere\" }", "invalid ip address"},
    {"ports { http = 99999 }", "invalid port: 99999"},
    {"ports { dns = 70000 }", "invalid port: 70000"},
    {"ports { serf_lan = 65536 }", "invalid port: 65536"},
    {"node_id = \"x\"", "Failed to setup node ID"},
    {"performance { raft_multiplier = 11 }", "raft_multiplier cannot be 11"},
    {"performance { raft_multiplier = -1 }", "raft_multiplier cannot be -1"},
    {"raft_protocol = 9", "raft_protocol version 9"},
    {"bootstrap_expect = -1", "bootstrap_expect cannot be -1"},
    {"node_meta { \"consul-x\" = \"1\" }", "reserved for internal use"},
    {"dns_config { udp_answer_limit = -1 }", "udp_answer_limit cannot be -1"},
    {"dns_config { a_record_limit = -1 }", "a_record_limit cannot be -1"},
    {"dns_config { recursor_strategy = \"fastest\" }", "invalid strategy"},
    {"check_output_max_size = 0", "check_output_max_size must be positive"},
    {"autopilot { max_trailing_logs = -1 }", "max_trailing_logs cannot be -1"},
    {"encrypt = \"not base64!\"", "encrypt has invalid key"},
    {"connect { ca_provider = \"zz\" }", "zz is not a valid CA provider"},
    {"http_config { allow_write_http_from = [\"all\"] }", "invalid cidr"},
    {"tls { grpc { verify_outgoing = true } }", "not valid in the tls.grpc stanza"},
    {"tls { https { use_auto_cert = true } }", "only valid in the tls.grpc stanza"},
    // Text that cannot be read.
    {"nonsense", "failed to parse"},
    {"node_name = \"x", "literal not terminated"},
    {"node_name = ", "failed to parse"},
    {"= 5", "failed to parse"},
    {"node_name = \"a\" }", "failed to parse"},
    {"ports { http = }", "failed to parse"},
    {"services = [{]", "failed to parse"},
    // Definitions.
    {"service { port = 80 }", "Service name missing"},
    {"service { name = \"a\" weights { passing = 0 } }", "Passing must be greater than 0"},
    {"service { name = \"a\" weights { passing = 1 warning = -1 } }", "Invalid weight definition"},
    {"service { name = \"a\" meta { \"bad key\" = \"v\" } }", "invalid meta for service a"},
    {"service { name = \"a\" address = \"0.0.0.0\" }", "Invalid service address"},
    {"service { name = \"a\" check { } }", "TTL must be > 0"},
    {"service { name = \"a\" check { ttl = \"0s\" } }", "TTL must be > 0"},
    {"service { name = \"a\" check { http = \"http://x\" } }", "Interval must be > 0"},
    {"service { name = \"a\" check { tcp = \"x:1\" } }", "Interval must be > 0"},
    {"service { name = \"a\" check { ttl = \"1s\" interval = \"1s\" } }", "cannot both be specified"},
    {"service { name = \"a\" check { ttl = \"1s\" status = \"fine\" } }", "Status for checks must"},
    {"service { name = \"a\" check { args = [\"x\"] interval = \"1s\" } }", "Scripts are disabled"},
    {"check { ttl = \"1s\" }", "CheckID missing"},
    {"check { id = \"x\" }", "TTL must be > 0"},
    {"check { id = \"x\" ttl = \"1s\" service_id = \"nope\" }", "does not exist"},
    {"check { id = \"x\" args = [\"true\"] interval = \"1s\" }", "Scripts are disabled"},
    {"check { id = \"x\" alias_service = \"a\" ttl = \"1s\" }", "Alias checks"},
    {"check { id = \"x\" ttl = \"1s\" output_max_size = -1 }", "MaxOutputMaxSize must be positive"},
    // Watches.
    {"watches = [{ type = \"key\" }]", "Must define a watch handler"},
    {"watches = [{ type = \"key\", args = [\"x\"] }]", "Must specify a single key to watch"},
    {"watches = [{ type = \"kye\", key = \"a\", args = [\"x\"] }]", "Unsupported watch type: kye"},
    {"watches = [{ type = \"nodes\", args = [\"x\"], handler = \"y\" }]", "Only one watch handler allowed"},
    {"watches = [{ type = \"nodes\", arg = [\"x\"] }]", "Must define a watch handler"},
    {"watches = [{ type = \"nodes\", args = [\"x\"], token = 5 }]", "Expecting token to be a string"},
};

TEST_CASE("a mistake in a file is told with file, line and cure", "[mistakes]") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/bad.hcl";
  for (const Line& mistake : kLines) {
    // On the second line, and further keys behind it.
    directory.write("bad.hcl", "# a comment\n" + std::string(mistake.text) + "\n");
    const auto run =
        run_cli({"validate", "-config-format=hcl",
                 directory.write("fine.hcl", "data_dir = \"/x\" bind_addr = \"127.0.0.1\""), path});
    INFO(mistake.text << "\n" << run.err);
    CHECK(run.code == 1);
    CHECK(run.out.empty());
    CHECK(run.err.starts_with("Config validation failed: "));
    CHECK(run.err.find(mistake.said) != std::string::npos);
    const bool at_end = run.err.find(path + ":3") != std::string::npos;  // what is missing there
    CHECK((run.err.find(path + ":2") != std::string::npos || at_end));
    CHECK(run.err.find("to do: ") != std::string::npos);
  }
}

struct Words {
  std::vector<std::string> args;
  const char* said;
  const char* place;
};

/// Command lines of the agent.
const std::vector<Words>& agent_lines() {
  static const std::vector<Words> kWords = {
      {{"-nope"}, "flag provided but not defined", "-nope"},
      {{"-datadir=/x"}, "did you mean -data-dir?", "-datadir"},
      {{"-bnd=1.2.3.4"}, "did you mean -bind?", "-bnd"},
      {{"-htp-port=1"}, "did you mean -http-port?", "-htp-port"},
      {{"-bind"}, "flag needs an argument", "-bind"},
      {{"-http-port"}, "flag needs an argument", "-http-port"},
      {{"-http-port=x"}, "invalid value \"x\"", "-http-port"},
      {{"-dns-port=1.5"}, "invalid value \"1.5\"", "-dns-port"},
      {{"-http-port=99999999999"}, "invalid value", "-http-port"},
      {{"-http-port=70000"}, "invalid port: 70000", "flag -http-port"},
      {{"-server=maybe"}, "invalid boolean value", "-server"},
      {{"-dev=2"}, "invalid boolean value", "-dev"},
      {{"---dev"}, "bad flag syntax", "---dev"},
      {{"-=x"}, "bad flag syntax", "-=x"},
      {{"-dev", "extra"}, "Unexpected extra arguments", "extra"},
      {{"-config-format=yaml"}, "must be either 'hcl' or 'json'", "-config-format"},
      {{"-dev", "-bind=localhost"}, "bind_addr must be an ip address", "flag -bind"},
      {{"-dev", "-client=1.2.3"}, "invalid ip address", "flag -client"},
      {{"-dev", "-advertise=0.0.0.0"}, "Advertise address cannot be", "advertise"},
      {{"-dev", "-datacenter=a b"}, "datacenter can only contain", "flag -datacenter"},
      {{"-dev", "-node=a b"}, "node_name cannot contain", "flag -node"},
      {{"-dev", "-node-id=x"}, "Failed to setup node ID", "node"},
      {{"-dev", "-node-meta=consul-x:1"}, "reserved for internal use", "flag -node-meta"},
      {{"-dev", "-node-meta=a:1", "-node-meta=a.b:2"}, "Key contains invalid characters", "flag -node-meta"},
      {{"-dev", "-bootstrap-expect=3"}, "not allowed in dev mode", "flag -bootstrap-expect"},
      {{"-bootstrap", "-data-dir=/x"}, "'bootstrap = true' requires", "flag -bootstrap"},
      {{"-bootstrap-expect=-1", "-data-dir=/x"}, "bootstrap_expect cannot be -1", "flag -bootstrap-expect"},
      {{"-server", "-bootstrap", "-bootstrap-expect=3", "-data-dir=/x"},
       "mutually exclusive",
       "flag -bootstrap"},
      {{"-dev", "-raft-protocol=9"}, "raft_protocol version 9", "flag -raft-protocol"},
      {{"-dev", "-encrypt=???"}, "encrypt has invalid key", "flag -encrypt"},
      {{"-dev", "-retry-interval=abc"}, "invalid duration", "flag -retry-interval"},
      {{"-dev", "-default-query-time=5"}, "missing unit", "flag -default-query-time"},
      {{"-dev", "-check_output_max_size=0"}, "must be positive", "flag -check_output_max_size"},
      {{"-dev", "-allow-write-http-from=all"}, "invalid cidr", "allow_write_http_from"},
      {{"-dev", "-alt-domain=service.x"}, "alt_domain cannot start", "flag -alt-domain"},
      {{"-dev", "-ui-content-path=/a b/"}, "ui-content-path can only contain", "ui-content-path"},
      {{"-dev", "-recursor=0.0.0.0"}, "recursor address cannot be", "recursor"},
      {{"-dev", "-hcl=bogus = 1"}, "invalid config key bogus", "flags-0.hcl:1"},
      {{"-dev", "-hcl=log_level = \"x\" datacenter = 5"}, "expected type 'string'", "flags-0.hcl:1"},
      {{"-dev", "-hcl=ports {"}, "failed to parse", "flags-0.hcl:1"},
      {{"-server"}, "data_dir cannot be empty", "-data-dir"},
      {{"-config-file=/no/such.hcl"}, "no such file", "/no/such.hcl"},
      {{"-config-dir=/no/such"}, "no such file", "/no/such"},
      {{"-config-file=/etc/passwd"}, "unknown extension", "/etc/passwd"},
      {{"-data-dir=/etc/passwd"}, "is not a directory", "flag -data-dir"},
      {{"-dev", "-hcl=limits { http_max_conns_per_client = 2000000000 }"},
       "file descriptors",
       "flags-0.hcl:1"},
  };
  return kWords;
}

/// Of the commands. None of them asks an agent before it has found the mistake.
const std::vector<Words>& command_lines() {
  static const std::vector<Words> kWords = {
      {{"members", "-detaild"}, "did you mean -detailed?", "-detaild"},
      {{"members", "-status=["}, "Failed to compile status regexp", "status"},
      {{"members", "extra"}, "Too many arguments", "expected 0"},
      {{"info", "-http-adr=x"}, "did you mean -http-addr?", "-http-adr"},
      {{"info", "-http-addr=ftp://x"}, "Unknown protocol scheme", "ftp"},
      {{"info", "-token-file=/no/such"}, "/no/such", "/no/such"},
      {{"reload", "-tokn=x"}, "did you mean -token?", "-tokn"},
      {{"leave", "now"}, "Too many arguments", "expected 0"},
      {{"join"}, "At least one address to join must be specified.", "address"},
      {{"join", "-wann", "10.0.0.1"}, "did you mean -wan?", "-wann"},
      {{"force-leave"}, "A single node name must be specified", "node name"},
      {{"force-leave", "-prun", "n1"}, "did you mean -prune?", "-prun"},
      {{"maint", "-enable", "-disable"}, "Only one of -enable or -disable may be provided", "-enable"},
      {{"maint", "-reason=x"}, "Reason may only be provided with -enable", "-enable"},
      {{"maint", "-enable=2"}, "invalid boolean value", "-enable"},
      {{"monitor", "-loglevel=debug"}, "did you mean -log-level?", "-loglevel"},
      {{"validate"}, "Must specify at least one config file or directory", "file"},
      {{"validate", "-config-format=xml", "x"}, "must be either 'hcl' or 'json'", "-config-format"},
      {{"kv", "get"}, "Missing KEY argument", "KEY"},
      {{"kv", "get", "-recurs", "a"}, "did you mean -recurse?", "-recurs"},
      {{"kv", "put"}, "Missing KEY argument", "KEY"},
      {{"kv", "put", "a", "b", "c"}, "Too many arguments", "got 3"},
      {{"kv", "put", "-flags=x", "a"}, "invalid value \"x\"", "-flags"},
      {{"kv", "put", "-acquire", "a"}, "Missing -session", "-session"},
      {{"kv", "put", "-base64", "a", "!"}, "Cannot base 64 decode data", "data"},
      {{"kv", "put", "a", "@/no/such"}, "no such file or directory", "/no/such"},
      {{"kv", "delete"}, "Missing KEY argument", "KEY"},
      {{"kv", "delete", "-cas", "a"}, "-modify-index", "-modify-index"},
      {{"kv", "delete", "-modify-index=5", "a"}, "Cannot specify -modify-index without -cas", "-cas"},
      {{"kv", "import"}, "Missing DATA argument", "DATA"},
      {{"kv", "import", "nope"}, "Cannot unmarshal data", "offset 1"},
      {{"catalog", "nodes", "-node-meta=x"}, "Missing \"=\" value", "-node-meta"},
      {{"catalog", "services", "-tag"}, "did you mean -tags?", "-tag"},
      {{"services", "register"}, "requires at least one argument or flags", "argument"},
      {{"services", "register", "-port=many", "-name=x"}, "invalid value \"many\"", "-port"},
      {{"services", "register", "/no/such.hcl"}, "no such file or directory", "/no/such.hcl"},
      {{"services", "deregister"}, "requires at least one argument or -id", "-id"},
      {{"version", "-format=xml"}, "Unknown format: xml", "format"},
  };
  return kWords;
}

TEST_CASE("a mistake on the command line of the agent is told with the flag and the cure", "[mistakes]") {
  for (const Words& mistake : agent_lines()) {
    Status status;
    const Result<AgentFlags> flags = parse_agent_flags(mistake.args);
    status = flags.ok() ? load_agent_config(*flags, machine()).status()
                        : Status(flags.status().code(), explained(std::string(flags.status().message()), {}));
    const std::string message(status.message());
    INFO(mistake.args.back() << "\n" << message);
    CHECK_FALSE(status.ok());
    CHECK(message.find(mistake.said) != std::string::npos);
    CHECK(message.find(mistake.place) != std::string::npos);
    CHECK(message.find("to do: ") != std::string::npos);
  }
}

TEST_CASE("a mistake in a command is told before anybody is asked", "[mistakes]") {
  for (const Words& mistake : command_lines()) {
    const auto run = run_cli(mistake.args, {.env = {{"CONSUL_HTTP_ADDR", "127.0.0.1:1"}}});
    INFO(mistake.args[0] << " " << mistake.args.back() << "\n" << run.err);
    CHECK(run.code == 1);
    CHECK(run.out.empty());
    CHECK(run.err.find(mistake.said) != std::string::npos);
    CHECK(run.err.find(mistake.place) != std::string::npos);
    CHECK(run.err.find("dial tcp") == std::string::npos);
  }
}

TEST_CASE("there are more than two hundred, and no two are alike", "[mistakes]") {
  std::set<std::string> different;
  for (const Line& line : kLines) different.insert(line.text);
  for (const auto* lines : {&agent_lines(), &command_lines()}) {
    for (const Words& words : *lines) {
      std::string text;
      for (const std::string& word : words.args) text += " " + word;
      different.insert(std::move(text));
    }
  }
  CHECK(different.size() == std::size(kLines) + agent_lines().size() + command_lines().size());
  CHECK(different.size() >= 200);
}

TEST_CASE("secrets are not shown when they are wrong", "[mistakes]") {
  const TemporaryDirectory directory;
  for (const char* text :
       {"encrypt = 76543210", "acl { tokens { agent = 76543210 } }", "acl_token = 76543210",
        "service { name = \"a\" token = 76543210 }", "check { id = \"a\" token = [\"76543210\", \"b\"] }",
        "acl { tokens { default = [\"76543210\", \"b\"] } }", "encrypt = \"76543210!\""}) {
    const std::string path = directory.write("secret.hcl", text);
    const auto run = run_cli({"validate", path});
    INFO(text);
    CHECK(run.code == 1);
    CHECK(run.err.find("76543210") == std::string::npos);
  }
}

}  // namespace
}  // namespace discovery::config
