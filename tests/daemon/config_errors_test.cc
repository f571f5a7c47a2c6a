#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/daemon/config_fixture.h"

namespace discovery::config {
namespace {

using namespace testing;

struct Case {
  std::string text;
  std::string message;
};

std::string one(const std::string& error) { return "1 error occurred:\n\t* " + error + "\n\n"; }

TEST_CASE("an HCL fragment that is wrong is refused with its message") {
  const std::string parse = "failed to parse flags-0.hcl: ";
  const std::string decode = parse + "1 error(s) decoding:\n\n* ";
  const Case cases[] = {
      // What is no HCL.
      {"nonsense", parse + "At 1:10: key 'nonsense' expected start of object ('{') or assignment ('=')"},
      {"ports {", parse + "At 1:9: object expected closing RBRACE got: EOF"},
      {"node_name = \"x", parse + "1:15: literal not terminated"},
      {"{\"server\": }", parse + "invalid character '}' looking for beginning of value (at 1:12)"},
      {"{\"server\"", parse + "unexpected end of JSON input"},
      // Keys that do not exist.
      {"bogus = 1", parse + one("invalid config key bogus")},
      {"bogus = 1 worse { }",
       parse + "2 errors occurred:\n\t* invalid config key bogus\n\t* invalid config key worse\n\n"},
      {"node_nam = \"x\"", parse + one("invalid config key node_nam (did you mean \"node_name\"?)")},
      {"sever = true", parse + one("invalid config key sever (did you mean \"server\"?)")},
      {"ports { htp = 1 }", parse + one("invalid config key ports.htp (did you mean \"ports.http\"?)")},
      {"port { http = 1 }", parse + one("invalid config key port (did you mean \"ports\"?)")},
      {"dns_config { soa { expires = 1 } }",
       parse + one("invalid config key dns_config.soa.expires (did you mean \"dns_config.soa.expire\"?)")},
      {"service { name = \"a\" bogus = 1 }", parse + one("invalid config key service.bogus")},
      {"services = [{}, { check { tcpp = \"\" } }]",
       parse + one("invalid config key services[1].check.tcpp (did you mean \"tcp\"?)")},
      {"check { intervall = \"1s\" }",
       parse + one("invalid config key check.intervall (did you mean \"interval\"?)")},
      {"service { connect { sidecar_service { proxy { upstreams { nope = 1 } } } } }",
       parse + one("invalid config key service.connect.sidecar_service.proxy.upstreams[0].nope")},
      // Values of the wrong type.
      {"{\"server\": \"maybe\"}",
       decode + "'server' expected type 'bool', got unconvertible type 'string', value: 'maybe'"},
      {"server = 1", decode + "'server' expected type 'bool', got unconvertible type 'int', value: '1'"},
      {"node_name = 5",
       decode + "'node_name' expected type 'string', got unconvertible type 'int', value: '5'"},
      {"node_name = 1.5",
       decode + "'node_name' expected type 'string', got unconvertible type 'float64', value: '1.5'"},
      {"node_name = true",
       decode + "'node_name' expected type 'string', got unconvertible type 'bool', value: 'true'"},
      {"node_name = [\"a\", \"b\"]",
       decode +
           "'node_name' expected type 'string', got unconvertible type '[]interface {}', value: '[a b]'"},
      {"node_name { a = 1 }",
       decode +
           "'node_name' expected type 'string', got unconvertible type 'map[string]interface {}', value: "
           "'map[a:1]'"},
      {"ports { http = \"8500\" }",
       decode + "'ports.http' expected type 'int', got unconvertible type 'string', value: '8500'"},
      {"ports { http = 85.5 }",
       decode + "'ports.http' expected type 'int', got unconvertible type 'float64', value: '85.5'"},
      {"ports { http = 99999999999 }", decode + "cannot parse 'ports.http', 99999999999 is out of range"},
      {"limits { kv_max_value_size = -1 }",
       decode + "cannot parse 'limits.kv_max_value_size', -1 overflows uint"},
      {"dns_config { soa { retry = 4294967296 } }",
       decode + "cannot parse 'dns_config.soa.retry', 4294967296 is out of range"},
      {"limits { rpc_rate = \"x\" }",
       decode + "'limits.rpc_rate' expected type 'float64', got unconvertible type 'string', value: 'x'"},
      {"retry_interval = 5",
       decode + "'retry_interval' expected type 'string', got unconvertible type 'int', value: '5'"},
      {"ports = 8500", decode + "'ports' expected a map, got 'int'"},
      {"ports { http = 1 } ports { dns = 2 }", decode + "'ports' expected a map, got 'slice'"},
      {"service { name = \"a\" } service { name = \"b\" }", decode + "'service' expected a map, got 'slice'"},
      {"node_meta = \"x\"", decode + "'node_meta' expected a map, got 'string'"},
      {"node_meta { rack = 7 }",
       decode + "'node_meta[rack]' expected type 'string', got unconvertible type 'int', value: '7'"},
      {"recursors = \"1.1.1.1\"", decode + "'recursors': source data must be an array or slice, got string"},
      {"recursors = [\"1.1.1.1\", 5]",
       decode + "'recursors[1]' expected type 'string', got unconvertible type 'int', value: '5'"},
      {"services = 5", decode + "'services': source data must be an array or slice, got int"},
      {"services = [5]", decode + "'services[0]' expected a map, got 'int'"},
      {"service { tags = \"a\" }",
       decode + "'service.tags': source data must be an array or slice, got string"},
      {"check { header { X = \"y\" } }",
       decode + "'check.header[X]': source data must be an array or slice, got string"},
      {"service { port = \"x\" tags = 1 }",
       parse + "2 error(s) decoding:\n\n* 'service.port' expected type 'int', got unconvertible type "
               "'string', value: "
               "'x'\n* 'service.tags': source data must be an array or slice, got int"},
      // Values that mean nothing.
      {"retry_interval = \"abc\"",
       one("retry_interval: invalid duration: \"abc\": time: invalid duration \"abc\"")},
      {"dns_config { node_ttl = \"10\" }",
       one("dns_config.node_ttl: invalid duration: \"10\": time: missing unit in duration \"10\"")},
      {"dns_config { service_ttl { web = \"1x\" } }",
       one("dns_config.service_ttl[\"web\"]: invalid duration: \"1x\": time: unknown unit \"x\" in duration "
           "\"1x\"")},
      {"check { interval = \"x\" }",
       one("check.interval: invalid duration: \"x\": time: invalid duration \"x\"")},
      {"max_query_time = \"x\" default_query_time = \"\"",
       "2 errors occurred:\n\t* max_query_time: invalid duration: \"x\": time: invalid duration \"x\"\n\t* "
       "default_query_time: invalid duration: \"\": time: invalid duration \"\"\n\n"},
      {"ports { http = 99999 }", one("ports.http: invalid port: 99999")},
      {"ports { sidecar_min_port = 22000 }",
       "sidecar_min_port must be less than sidecar_max_port. To disable, set both to zero."},
      {"ports { expose_max_port = -1 }",
       "expose_min_port must be less than expose_max_port. To disable, set both to zero."},
      {"ports { dns = 8500 }", "HTTP address 127.0.0.1:8500 already configured for DNS"},
      {"ports { serf_lan = 8300 }",
       "Serf Advertise LAN address 127.0.0.1:8300 already configured for RPC Advertise"},
      {"ports { server = -1 }", "a server needs ports.server and ports.serf_lan"},
      {"bind_addr = \"\"", "bind_addr cannot be empty"},
      {"bind_addr = \"127.0.0.1 127.0.0.2\"",
       "bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead."},
      {"bind_addr = \"unix:///x\"", "bind_addr cannot be a unix socket"},
      {"bind_addr = \"localhost\"", "bind_addr must be an ip address"},
      {"bind_addr = \"{{ GetPrivateIp }}\"", one("bind_addr: error parsing \"{{ GetPrivateIp }}\": function "
                                                 "\"GetPrivateIp\" not defined, or not for "
                                                 "what it is given")},
      {"bind_addr = \"{{ GetInterfaceIP `eth9` }}\"", "bind_addr cannot be empty"},
      {"recursors = [\"{{ GetPublicIP\"]",
       one("recursors: error parsing \"{{ GetPublicIP\": unclosed action")},
      {"advertise_addr = \"0.0.0.0\"", "Advertise address cannot be 0.0.0.0, :: or [::]"},
      {"advertise_addr = \"[::]\"", "Advertise address cannot be 0.0.0.0, :: or [::]"},
      {"advertise_addr_wan = \"::\"", "Advertise WAN address cannot be 0.0.0.0, :: or [::]"},
      {"advertise_addr = \"name\"", one("advertise_addr: invalid ip address: name")},
      {"advertise_addr = \"10.0.0.1 10.0.0.2\"",
       one("advertise_addr: multiple addresses found: 10.0.0.1 10.0.0.2")},
      {"advertise_addr = \"unix:///x\"", one("advertise_addr cannot be a unix socket")},
      {"advertise_addr_ipv4 = \"::1\"", "advertise_addr_ipv4 must be an ipv4 address"},
      {"advertise_addr_wan_ipv6 = \"10.0.0.1\"", "advertise_addr_wan_ipv6 must be an ipv6 address"},
      {"client_addr = \"unix:///x\"", one("client_addr cannot be a unix socket")},
      {"client_addr = \"1.2.3\"", one("client_addr: invalid ip address: 1.2.3")},
      {"addresses { http = \"nowhere\" }", one("addresses.http: invalid ip address: nowhere")},
      {"addresses { dns = \"unix:///x\" }", "DNS address cannot be a unix socket"},
      {"recursors = [\"0.0.0.0\"]", "DNS recursor address cannot be 0.0.0.0, :: or [::]"},
      {"recursors = [\"unix:///x\"]", "DNS Recursors cannot be unix sockets: unix:///x"},
      {"datacenter = \"dc one\"",
       "datacenter can only contain lowercase alphanumeric, - or _ characters. received: \"dc one\""},
      {"datacenter = \"\"", "datacenter cannot be empty"},
      {"primary_datacenter = \"d.c\"",
       "primary_datacenter can only contain lowercase alphanumeric, - or _ characters. received: \"d.c\""},
      {"node_name = \"a b\"",
       "node_name cannot contain quotes, whitespace or control characters. received: \"a b\""},
      {"node_id = \"x\"", "Failed to setup node ID: uuid string is wrong length"},
      {"node_id = \"c0819d59+cf6b-ddaf-caf6-ff6a6e73d523\"",
       "Failed to setup node ID: uuid is improperly formatted"},
      {"node_meta { consul-x = \"1\" }",
       "node_meta invalid: Couldn't load metadata pair ('consul-x', '1'): Key prefix 'consul-' is reserved "
       "for "
       "internal use"},
      {"alt_domain = \"service.x\"", "alt_domain cannot start with {service,connect,node,query,addr,dc1}"},
      {"alt_domain = \"dc1.x\"", "alt_domain cannot start with {service,connect,node,query,addr,dc1}"},
      {"performance { raft_multiplier = 11 }",
       "performance.raft_multiplier cannot be 11. Must be between 1 and 10"},
      {"performance { raft_multiplier = 0 }",
       "performance.raft_multiplier cannot be 0. Must be between 1 and 10"},
      {"raft_protocol = 9", "raft_protocol version 9 is not supported by this version of Consul"},
      {"server = false bootstrap = true", "'bootstrap = true' requires 'server = true'"},
      {"server = false bootstrap_expect = 3", "'bootstrap_expect > 0' requires 'server = true'"},
      {"bootstrap_expect = -1", "bootstrap_expect cannot be -1. Must be greater than or equal to zero"},
      {"bootstrap_expect = 3", "'bootstrap_expect > 0' not allowed in dev mode"},
      {"check_output_max_size = 0",
       "check_output_max_size must be positive, to discard check output use the discard_check_output flag"},
      {"dns_config { udp_answer_limit = -1 }",
       "dns_config.udp_answer_limit cannot be -1. Must be greater than or equal to zero"},
      {"dns_config { a_record_limit = -1 }",
       "dns_config.a_record_limit cannot be -1. Must be greater than or equal to zero"},
      {"dns_config { recursor_strategy = \"best\" }",
       one("dns_config.recursor_strategy: invalid strategy: \"best\"")},
      {"autopilot { max_trailing_logs = -1 }",
       "autopilot.max_trailing_logs cannot be -1. Must be greater than or equal to zero"},
      {"session_ttl_min = \"-1s\"", "session_ttl_min cannot be negative"},
      {"http_config { allow_write_http_from = [\"10.0.0.0\"] }",
       "allow_write_http_from: invalid cidr: 10.0.0.0"},
      {"http_config { allow_write_http_from = [\"10.0.0.0/33\"] }",
       "allow_write_http_from: invalid cidr: 10.0.0.0/33"},
      {"http_config { trusted_origins = [\"https://a.b\", \"a.b\"] }",
       "http_config.trusted_origins: invalid origin: a.b. It is a scheme, a host and, where it is not the "
       "scheme's own, a port"},
      {"http_config { trusted_origins = [\"https://a.b/\"] }",
       "http_config.trusted_origins: invalid origin: https://a.b/. It is a scheme, a host and, where it is "
       "not "
       "the scheme's own, a port"},
      {"unix_sockets { mode = \"9\" }", "unix_sockets.mode: invalid mode: 9"},
      {"log_level = \"loud\"",
       "Invalid log level: LOUD. Valid log levels are: [TRACE DEBUG INFO WARN ERR ERROR]"},
      {"limits { http_max_conns_per_client = 1005 }",
       "system allows a max of 1024 file descriptors, but limits.http_max_conns_per_client: 1005 needs at "
       "least 1025"},
      // Keys that are not in force yet.
      {"acl { default_policy = \"maybe\" }", "Unsupported default ACL policy: maybe"},
      {"acl { down_policy = \"up\" }", "Unsupported down ACL policy: up"},
      {"encrypt = \"*\"", "encrypt has invalid key: illegal base64 data at input byte 0"},
      {"connect { ca_provider = \"zz\" }", "zz is not a valid CA provider"},
      {"connect { enabled = false enable_mesh_gateway_wan_federation = true }",
       "'connect.enable_mesh_gateway_wan_federation=true' requires 'connect.enabled=true'"},
      {"node_name = \"a/b\" connect { enable_mesh_gateway_wan_federation = true }",
       "'connect.enable_mesh_gateway_wan_federation = true' requires that 'node_name' not contain '/' "
       "characters"},
      {"auto_encrypt { tls = true }", "auto_encrypt.tls can only be used on a client."},
      {"server = false auto_encrypt { allow_tls = true }",
       "auto_encrypt.allow_tls can only be used on a server."},
      {"auto_config { enabled = true }", "auto_config.enabled cannot be set to true for server agents."},
      {"server = false auto_config { enabled = true } auto_encrypt { tls = true }",
       "both auto_encrypt.tls and auto_config.enabled cannot be set to true."},
      {"advertise_reconnect_timeout = \"9h\"", "advertise_reconnect_timeout can only be used on a client"},
      {"server = false primary_gateways = [\"x\"]", "'primary_gateways' requires 'server = true'"},
      {"primary_gateways = [\"x\"]",
       "'primary_gateways' should only be configured in a secondary datacenter"},
      {"ui_config { content_path = \"/a b/\" }",
       "ui-content-path can only contain alphanumeric, -, _, or /. received: \"/a b/\""},
      {"ui_content_path = \"v1\"", "ui-content-path cannot have 'v[0-9]'. received: \"/v1/\""},
      {"tls { grpc { verify_outgoing = true } }", "verify_outgoing is not valid in the tls.grpc stanza"},
      {"tls { https { verify_server_hostname = true } }",
       "verify_server_hostname is only valid in the tls.defaults and tls.internal_rpc stanzas"},
      {"tls { defaults { use_auto_cert = true } }", "use_auto_cert is only valid in the tls.grpc stanza"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(error_of({"-dev", "-hcl", c.text}) == c.message);
  }
}

TEST_CASE("flags that are wrong are refused with their message") {
  struct FlagCase {
    std::vector<std::string> args;
    std::string message;
  };
  const FlagCase cases[] = {
      {{"-wxyz"}, "flag provided but not defined: -wxyz"},
      {{"-wxyz=1"}, "flag provided but not defined: -wxyz"},
      {{"--wxyz", "x"}, "flag provided but not defined: -wxyz"},
      {{"-node"}, "flag needs an argument: -node"},
      {{"---node", "x"}, "bad flag syntax: ---node"},
      {{"-=x"}, "bad flag syntax: -=x"},
      {{"-dev", "extra"}, "Unexpected extra arguments: [extra]"},
      {{"-server", "true", "x"}, "Unexpected extra arguments: [true x]"},
      {{"-dev", "--", "-server"}, "Unexpected extra arguments: [-server]"},
      {{"-http-port", "abc"},
       "invalid value \"abc\" for flag -http-port: strconv.Atoi: parsing \"abc\": invalid syntax"},
      {{"-http-port=99999999999"},
       "invalid value \"99999999999\" for flag -http-port: strconv.Atoi: parsing \"99999999999\": value out "
       "of range"},
      {{"-server=maybe"},
       "invalid boolean value \"maybe\" for -server: strconv.ParseBool: parsing \"maybe\": invalid syntax"},
      {{"-dev", "-http-port=70000"}, one("ports.http: invalid port: 70000")},
      {{"-dev", "-retry-interval=x"},
       one("retry_interval: invalid duration: \"x\": time: invalid duration \"x\"")},
      {{"-config-format=toml"}, "config: -config-format must be either 'hcl' or 'json'"},
      {{}, "data_dir cannot be empty"},
      {{"-server"}, "data_dir cannot be empty"},
      {{"-data-dir", "/tmp", "-bootstrap"}, "'bootstrap = true' requires 'server = true'"},
      {{"-data-dir", "/tmp", "-server", "-bootstrap", "-bootstrap-expect=3"},
       "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive"},
      {{"-dev", "-bootstrap-expect=-1"},
       "bootstrap_expect cannot be -1. Must be greater than or equal to zero"},
      {{"-dev", "-bind="}, "bind_addr cannot be empty"},
      {{"-dev", "-bind={{ GetInterfaceIP eth0 }}"},
       one("bind_addr: error parsing \"{{ GetInterfaceIP eth0 }}\": unexpected \"eth0\" in operand")},
      {{"-dev", "-datacenter", "Dc One"},
       "datacenter can only contain lowercase alphanumeric, - or _ characters. received: \"dc one\""},
      {{"-dev", "-hcl", "server = true", "-hcl", "bogus = 1"},
       "failed to parse flags-1.hcl: 1 error occurred:\n\t* invalid config key bogus\n\n"},
      {{"-dev", "-config-file", "nope.hcl"},
       "config: Open failed on nope.hcl. open nope.hcl: no such file or directory"},
  };
  for (const FlagCase& c : cases) {
    std::string line;
    for (const std::string& arg : c.args) line += arg + " ";
    INFO(line);
    CHECK(error_of(c.args) == c.message);
  }
}

TEST_CASE("files that are wrong are refused with their name") {
  const TemporaryDirectory directory;
  struct FileCase {
    std::string name;
    std::string text;
    std::string message;  ///< behind "failed to parse <path>: "
  };
  const FileCase cases[] = {
      {"a.json", "{", "unexpected end of JSON input"},
      {"b.json", " ", "unexpected end of JSON input"},
      {"c.json", "{\"server\": \"maybe\"}",
       "1 error(s) decoding:\n\n* 'server' expected type 'bool', got unconvertible type 'string', value: "
       "'maybe'"},
      {"d.json", "{\"bogus\": 1}", "1 error occurred:\n\t* invalid config key bogus\n\n"},
      {"e.json", "[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"},
      {"f.json", "5", "json: cannot unmarshal number into Go value of type map[string]interface {}"},
      {"g.json", "\"x\"", "json: cannot unmarshal string into Go value of type map[string]interface {}"},
      {"h.json", "true", "json: cannot unmarshal bool into Go value of type map[string]interface {}"},
      {"i.hcl", "server = maybe", "At 1:10: expected a value, a list or an object got: IDENT"},
      {"j.hcl", "ports { x = 1 }", "1 error occurred:\n\t* invalid config key ports.x\n\n"},
      {"k.json", "server = true", "invalid character 's' looking for beginning of value (at 1:1)"},
  };
  for (const FileCase& c : cases) {
    const std::string path = directory.write(c.name, c.text);
    CHECK(error_of({"-dev", "-config-file", path}) == "failed to parse " + path + ": " + c.message);
  }
}

TEST_CASE("paths that are wrong are refused") {
  const TemporaryDirectory directory;
  const std::string text = directory.write("a.txt", "server = true");
  CHECK(error_of({"-dev", "-config-file", text}) ==
        "file " + text + " has unknown extension; must be .hcl or .json, or config format must be set");
  const std::string missing = directory.path() + "/none";
  CHECK(error_of({"-dev", "-config-dir", missing}) ==
        "config: Open failed on " + missing + ". open " + missing + ": no such file or directory");
  CHECK(error_of({"-data-dir", text}) == "data_dir \"" + text + "\" is not a directory");
  std::filesystem::create_symlink(missing, directory.path() + "/dangling.hcl");
  CHECK(error_of({"-dev", "-config-dir", directory.path()}) ==
        "config: " + directory.path() + "/dangling.hcl: no such file or directory");
}

TEST_CASE("a configuration file over the limit is refused") {
  const TemporaryDirectory directory;
  const std::string path = directory.write("big.hcl", "#" + std::string(16 << 20, 'x'));
  CHECK(error_of({"-dev", "-config-file", path}) == "config: " + path + " is longer than 16777216 bytes");
}

TEST_CASE("a machine without a clear address is asked for one") {
  const TemporaryDirectory directory;
  Host host = machine();
  const std::vector<std::string> args = {"-data-dir", directory.path()};
  host.private_ipv4 = [] { return Result<std::vector<std::string>>(std::vector<std::string>{}); };
  CHECK(error_of(args, host) ==
        "No private IPv4 address found; say which one to use with -bind or -advertise");
  host.private_ipv4 = [] { return Result<std::vector<std::string>>({"10.0.0.1", "10.0.0.2"}); };
  CHECK(error_of(args, host) ==
        "Multiple private IPv4 addresses found. Please configure one with 'bind' and/or 'advertise'.");
  host.private_ipv4 = [] {
    return Result<std::vector<std::string>>(Status(Code::kUnavailable, "no network"));
  };
  CHECK(error_of(args, host) == "Error detecting private IPv4 address: no network");
  host.public_ipv6 = [] { return Result<std::vector<std::string>>(std::vector<std::string>{}); };
  CHECK(error_of({"-data-dir", directory.path(), "-bind", "::"}, host) ==
        "No public IPv6 address found; say which one to use with -bind or -advertise");
  host.hostname = [] { return Result<std::string>(Status(Code::kUnavailable, "no name")); };
  CHECK(error_of({"-dev"}, host) == "node_name: no name");
  host.hostname = [] { return Result<std::string>(" "); };
  CHECK(error_of({"-dev"}, host) == "node_name cannot be empty");
}

TEST_CASE("what keeps an agent from starting is told with what to do") {
  for (const char* message : {
           "Error starting agent: HTTP: cannot listen on 127.0.0.1:8500: address already in use; stop the "
           "program",
           "Error starting agent: DNS: cannot listen on 127.0.0.1:8600: address already in use; stop the "
           "program",
           "Error starting agent: HTTP: invalid user specified: nobodyever",
           "Error starting agent: cannot make the directory /x/y: Permission denied",
           "Could not write pid file /x/y: No such file or directory",
           "cannot open the log file /x/consul-1.log: Permission denied",
           "Syslog setup did not succeed: /dev/log: No such file or directory",
           "Failed to register service \"a\": Service name missing (a.hcl:3)",
       }) {
    const std::string told = explained(message, {});
    CAPTURE(told);
    CHECK(told.starts_with(std::string(message) + "\n    to do: "));
    CHECK(explained(told, {}) == told);  // once is enough
    CHECK(without_explanation(told) == message);
  }
}

}  // namespace
}  // namespace discovery::config
