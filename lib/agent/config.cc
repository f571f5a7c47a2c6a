#include "lib/agent/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "lib/base/strings.h"
#include "lib/base/uuid.h"
#include "lib/env/env.h"
#include "lib/health/url.h"
#include "lib/model/validation.h"

namespace discovery::agent {
namespace {

using Warnings = std::vector<std::string>;

constexpr std::size_t kMaxDnsLabel = 63;
constexpr int kMaxPort = 65535;
constexpr int kMaxRaftMultiplier = 10;
/// Above this a value strains the replicated log.
constexpr std::uint64_t kLargeValue = 3 << 19;
constexpr std::string_view kUnixPrefix = "unix://";
constexpr std::string_view kTableOfClusterSizes =
    "https://www.consul.io/docs/internals/consensus.html#deployment-table";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Status check_datacenter(std::string_view key, const std::string& value) {
  if (value.empty()) return invalid_argument(std::string(key) + " cannot be empty");
  if (is_valid_datacenter(value)) return {};
  return invalid_argument(
      std::string(key) +
      " can only contain lowercase alphanumeric, - or _ characters. received: " + base::go_quote(value));
}

Status check_node_name(const std::string& name, Warnings& warnings) {
  if (name.empty()) return invalid_argument("node_name cannot be empty");
  const bool has_bad_character = std::any_of(name.begin(), name.end(), [](char c) {
    return (static_cast<unsigned char>(c) <= 0x20) || c == '"' || c == '\'' || c == '`' || c == 0x7F;
  });
  if (has_bad_character) {
    return invalid_argument("node_name cannot contain quotes, whitespace or control characters. received: " +
                            base::go_quote(name));
  }
  const std::string subject =
      "Node name " + base::go_quote(name) + " will not be discoverable via DNS due to ";
  if (!std::all_of(name.begin(), name.end(), [](char c) { return is_alphanumeric(c) || c == '-'; })) {
    warnings.push_back(subject +
                       "invalid characters. Valid characters include all alpha-numerics and dashes.");
  } else if (name.size() > kMaxDnsLabel) {
    warnings.push_back(subject + "it being too long. Valid lengths are between 1 and 63 bytes.");
  }
  return {};
}

Status check_node_id(const std::string& id) {
  constexpr std::size_t kUuidLength = 36;
  if (id.empty() || base::is_uuid(id)) return {};
  return invalid_argument(id.size() == kUuidLength ? "Failed to setup node ID: uuid is improperly formatted"
                                                   : "Failed to setup node ID: uuid string is wrong length");
}

/// The names under which DNS questions are told apart must not begin the second domain.
Status check_alt_domain(const Config& config) {
  for (const std::string& label : {std::string("service"), std::string("connect"), std::string("node"),
                                   std::string("query"), std::string("addr"), config.datacenter}) {
    if (config.alt_domain.starts_with(label + ".")) {
      return invalid_argument("alt_domain cannot start with {service,connect,node,query,addr," +
                              config.datacenter + "}");
    }
  }
  return {};
}

Status check_identity(const Config& config, Warnings& warnings) {
  if (Status status = check_datacenter("datacenter", config.datacenter); !status.ok()) return status;
  if (config.data_dir.empty() && !config.dev_mode) return invalid_argument("data_dir cannot be empty");
  if (Status status = check_node_name(config.node_name, warnings); !status.ok()) return status;
  if (Status status = check_node_id(config.node_id); !status.ok()) return status;
  if (Status status = check_alt_domain(config); !status.ok()) return status;
  if (!config.primary_datacenter.empty()) {
    if (Status status = check_datacenter("primary_datacenter", config.primary_datacenter); !status.ok())
      return status;
  }
  model::Labels meta;
  for (const auto& [key, value] : config.node_meta) meta.set(key, value);
  if (Status status = model::validate_meta(meta); !status.ok()) {
    return invalid_argument("node_meta invalid: " + std::string(status.message()));
  }
  return {};
}

/// "127.0.0.1:8500", "[::1]:8500" or the path of a socket.
std::string endpoint(const std::string& address, int port) {
  if (address.starts_with(kUnixPrefix)) return address.substr(kUnixPrefix.size());
  return (ip_version(address) == 6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

/// Finds two listeners at the same address.
class Endpoints {
 public:
  Status claim(std::string_view owner, const std::vector<std::string>& addresses, int port) {
    if (port == kPortOff) return {};
    for (const std::string& address : addresses) {
      const std::string name = endpoint(address, port);
      if (const auto [at, is_new] = taken_.emplace(name, owner); !is_new) {
        return invalid_argument(std::string(owner) + " address " + name + " already configured for " +
                                at->second);
      }
    }
    return {};
  }

 private:
  std::map<std::string, std::string> taken_;
};

const std::vector<std::string>& listeners(const Config& config, const std::vector<std::string>& own) {
  return own.empty() ? config.client_addr : own;
}

Status check_endpoints(const Config& config) {
  const std::string& lan = config.advertise_addr.empty() ? config.bind_addr : config.advertise_addr;
  const std::string& wan = config.advertise_addr_wan.empty() ? lan : config.advertise_addr_wan;
  const AddressesConfig& addresses = config.addresses;
  const PortsConfig& ports = config.ports;
  Endpoints endpoints;
  for (const Status& status : {endpoints.claim("DNS", listeners(config, addresses.dns), ports.dns),
                               endpoints.claim("HTTP", listeners(config, addresses.http), ports.http),
                               endpoints.claim("HTTPS", listeners(config, addresses.https), ports.https),
                               endpoints.claim("gRPC", listeners(config, addresses.grpc), ports.grpc),
                               endpoints.claim("RPC Advertise", {lan}, ports.server),
                               endpoints.claim("Serf Advertise LAN", {lan}, ports.serf_lan),
                               endpoints.claim("Serf Advertise WAN", {wan}, ports.serf_wan)}) {
    if (!status.ok()) return status;
  }
  return {};
}

Status check_ports(const PortsConfig& ports) {
  const std::pair<std::string_view, int> all[] = {
      {"dns", ports.dns},
      {"http", ports.http},
      {"https", ports.https},
      {"grpc", ports.grpc},
      {"server", ports.server},
      {"serf_lan", ports.serf_lan},
      {"serf_wan", ports.serf_wan},
      {"proxy_min_port", ports.proxy_min_port},
      {"proxy_max_port", ports.proxy_max_port},
      {"sidecar_min_port", ports.sidecar_min_port},
      {"sidecar_max_port", ports.sidecar_max_port},
      {"expose_min_port", ports.expose_min_port},
      {"expose_max_port", ports.expose_max_port},
  };
  for (const auto& [name, port] : all) {
    if (port != kPortOff && (port < 1 || port > kMaxPort)) {
      return invalid_argument("ports." + std::string(name) + ": invalid port: " + std::to_string(port));
    }
  }
  const std::tuple<std::string_view, int, int> ranges[] = {
      {"proxy", ports.proxy_min_port, ports.proxy_max_port},
      {"sidecar", ports.sidecar_min_port, ports.sidecar_max_port},
      {"expose", ports.expose_min_port, ports.expose_max_port},
  };
  for (const auto& [name, min, max] : ranges) {
    if (max < min) {
      return invalid_argument(std::string(name) + "_min_port must be less than " + std::string(name) +
                              "_max_port. To disable, set both to zero.");
    }
  }
  return {};
}

Status check_listen_addresses(std::string_view key, const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    if (address.starts_with(kUnixPrefix) && address.size() > kUnixPrefix.size()) continue;
    if (ip_version(address) == 0)
      return invalid_argument(std::string(key) + ": invalid ip address: " + address);
  }
  return {};
}

Status check_advertised(std::string_view key, std::string_view title, const std::string& address) {
  if (address.empty()) return {};
  if (model::is_any_address(address)) {
    return invalid_argument(std::string(title) + " address cannot be 0.0.0.0, :: or [::]");
  }
  if (ip_version(address) == 0)
    return invalid_argument(std::string(key) + ": invalid ip address: " + address);
  return {};
}

Status check_addresses(const Config& config, Warnings& warnings) {
  if (config.bind_addr.empty()) return invalid_argument("bind_addr cannot be empty");
  if (ip_version(config.bind_addr) == 0) return invalid_argument("bind_addr must be an ip address");
  for (const Status& status :
       {check_advertised("advertise_addr", "Advertise", config.advertise_addr),
        check_advertised("advertise_addr_wan", "Advertise WAN", config.advertise_addr_wan),
        check_listen_addresses("client_addr", config.client_addr),
        check_listen_addresses("addresses.dns", config.addresses.dns),
        check_listen_addresses("addresses.http", config.addresses.http),
        check_listen_addresses("addresses.https", config.addresses.https),
        check_listen_addresses("addresses.grpc", config.addresses.grpc)}) {
    if (!status.ok()) return status;
  }
  const auto is_unix = [](const std::string& address) { return address.starts_with(kUnixPrefix); };
  if (std::any_of(config.client_addr.begin(), config.client_addr.end(), is_unix)) {
    return invalid_argument("client_addr cannot be a unix socket");
  }
  if (std::any_of(config.addresses.dns.begin(), config.addresses.dns.end(), is_unix)) {
    return invalid_argument("DNS address cannot be a unix socket");
  }
  if (std::any_of(config.recursors.begin(), config.recursors.end(), model::is_any_address)) {
    return invalid_argument("DNS recursor address cannot be 0.0.0.0, :: or [::]");
  }
  for (const std::string& recursor : config.recursors) {
    if (!env::Endpoint::parse(recursor, 0)) {
      return invalid_argument("DNS recursor address is invalid: " + recursor);
    }
  }
  if (config.client_addr.empty()) {
    warnings.emplace_back(
        "client_addr is empty, client services (DNS, HTTP, HTTPS, GRPC) will not be listening for "
        "connections");
  }
  return {};
}

void warn_of_cluster_size(const Config& config, Warnings& warnings) {
  if (!config.server) return;
  if (config.bootstrap) {
    warnings.emplace_back("bootstrap = true: do not enable unless necessary");
    return;
  }
  const int expect = config.bootstrap_expect;
  if (expect == 2) {
    warnings.push_back(
        "bootstrap_expect = 2: A cluster with 2 servers will provide no failure tolerance. See " +
        std::string(kTableOfClusterSizes));
  } else if (expect > 2 && expect % 2 == 0) {
    warnings.push_back(
        "bootstrap_expect is even number: A cluster with an even number of servers does not achieve optimum "
        "fault "
        "tolerance. See " +
        std::string(kTableOfClusterSizes));
  }
  if (expect > 1) {
    warnings.push_back("bootstrap_expect > 0: expecting " + std::to_string(expect) + " servers");
  }
}

Status check_mode(const Config& config, Warnings& warnings) {
  const int expect = config.bootstrap_expect;
  if (config.raft_protocol != 2 && config.raft_protocol != 3) {
    return invalid_argument("raft_protocol version " + std::to_string(config.raft_protocol) +
                            " is not supported by this version of Consul");
  }
  if (config.bootstrap && !config.server)
    return invalid_argument("'bootstrap = true' requires 'server = true'");
  if (expect < 0) {
    return invalid_argument("bootstrap_expect cannot be " + std::to_string(expect) +
                            ". Must be greater than or equal to zero");
  }
  if (expect > 0 && !config.server)
    return invalid_argument("'bootstrap_expect > 0' requires 'server = true'");
  if (expect > 0 && config.dev_mode)
    return invalid_argument("'bootstrap_expect > 0' not allowed in dev mode");
  if (expect > 0 && config.bootstrap) {
    return invalid_argument("'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive");
  }
  if (config.raft_multiplier < 1 || config.raft_multiplier > kMaxRaftMultiplier) {
    return invalid_argument("performance.raft_multiplier cannot be " +
                            std::to_string(config.raft_multiplier) + ". Must be between 1 and " +
                            std::to_string(kMaxRaftMultiplier));
  }
  if (config.server && (config.ports.server == kPortOff || config.ports.serf_lan == kPortOff)) {
    return invalid_argument("a server needs ports.server and ports.serf_lan");
  }
  warn_of_cluster_size(config, warnings);
  return {};
}

bool is_network(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return false;
  const int version = ip_version(text.substr(0, slash));
  int length = -1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, length);
  const bool in_range = length >= 0 && length <= (version == 4 ? 32 : 128);
  return version != 0 && error == std::errc() && stop == end && in_range;
}

Status check_not_negative(std::string_view key, std::int64_t value) {
  if (value >= 0) return {};
  return invalid_argument(std::string(key) + " cannot be " + std::to_string(value) +
                          ". Must be greater than or equal to zero");
}

Status check_durations(const Config& config) {
  const std::pair<std::string_view, Duration> all[] = {
      {"default_query_time", config.default_query_time},
      {"max_query_time", config.max_query_time},
      {"discovery_max_stale", config.discovery_max_stale},
      {"session_ttl_min", config.session_ttl_min},
      {"check_update_interval", config.check_update_interval},
      {"dns_config.max_stale", config.dns_config.max_stale},
      {"dns_config.node_ttl", config.dns_config.node_ttl},
      {"telemetry.prometheus_retention_time", config.telemetry.prometheus_retention_time},
  };
  for (const auto& [key, value] : all) {
    if (value < Duration::zero()) return invalid_argument(std::string(key) + " cannot be negative");
  }
  for (const auto& [service, ttl] : config.dns_config.service_ttl) {
    if (ttl < Duration::zero()) {
      return invalid_argument("dns_config.service_ttl[" + base::go_quote(service) + "] cannot be negative");
    }
  }
  return {};
}

/// Scheme and authority, as browsers spell an origin.
bool is_origin(std::string_view text) {
  const std::size_t slashes = text.find("://");
  const std::string_view scheme = text.substr(0, slashes);
  if (slashes == std::string_view::npos || (scheme != "http" && scheme != "https")) return false;
  const std::string_view authority = text.substr(slashes + 3);
  return !authority.empty() && authority.find_first_of("/?#@* ") == std::string_view::npos;
}

Status check_limits(const Config& config, Warnings& warnings) {
  if (config.check_output_max_size < 1) {
    return invalid_argument(
        "check_output_max_size must be positive, to discard check output use the discard_check_output flag");
  }
  for (const Status& status :
       {check_not_negative("dns_config.udp_answer_limit", config.dns_config.udp_answer_limit),
        check_not_negative("dns_config.a_record_limit", config.dns_config.a_record_limit),
        check_durations(config)}) {
    if (!status.ok()) return status;
  }
  for (const std::string& network : config.http_config.allow_write_http_from) {
    if (is_network(std::string(base::trim(network)))) continue;
    return invalid_argument("allow_write_http_from: invalid cidr: " + network);
  }
  for (const std::string& origin : config.http_config.trusted_origins) {
    if (is_origin(origin)) continue;
    return invalid_argument("http_config.trusted_origins: invalid origin: " + origin +
                            ". It is a scheme, a host and, where it is not the scheme's own, a port");
  }
  for (const auto& [key, value] : {std::pair("limits.kv_max_value_size", config.limits.kv_max_value_size),
                                   std::pair("limits.txn_max_req_len", config.limits.txn_max_req_len)}) {
    if (value > kLargeValue) {
      warnings.push_back(
          std::string(key) +
          " is above 1.5 MiB: entries that large hold up the replicated log and its elections");
    }
  }
  return {};
}

Status check_telemetry(const TelemetryConfig& telemetry) {
  for (const auto& [key, address] : {std::pair("statsd_address", &telemetry.statsd_address),
                                     std::pair("statsite_address", &telemetry.statsite_address),
                                     std::pair("dogstatsd_addr", &telemetry.dogstatsd_addr)}) {
    if (address->empty()) continue;
    if (const auto parts = health::split_host_port(*address); !parts.ok()) {
      return invalid_argument("telemetry." + std::string(key) + ": " + std::string(parts.status().message()));
    }
  }
  return {};
}

Status check_words(const Config& config) {
  const auto is_one_of = [](const std::string& word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (!is_one_of(config.log_level, {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"})) {
    return invalid_argument("Invalid log level: " + config.log_level +
                            ". Valid log levels are: [TRACE DEBUG INFO WARN ERR ERROR]");
  }
  if (!is_one_of(config.acl.default_policy, {"allow", "deny"})) {
    return invalid_argument("Unsupported default ACL policy: " + config.acl.default_policy);
  }
  if (!is_one_of(config.acl.down_policy, {"allow", "deny", "extend-cache", "async-cache"})) {
    return invalid_argument("Unsupported down ACL policy: " + config.acl.down_policy);
  }
  const std::string& mode = config.unix_sockets.mode;
  const bool is_octal = std::all_of(mode.begin(), mode.end(), [](char c) { return c >= '0' && c <= '7'; });
  if (!is_octal || mode.size() > 5) return invalid_argument("unix_sockets.mode: invalid mode: " + mode);
  return {};
}

}  // namespace

int ip_version(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return 4;
  return inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 ? 6 : 0;
}

bool is_valid_datacenter(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Result<std::vector<std::string>> validate(const Config& config) {
  Warnings warnings;
  if (Status status = check_identity(config, warnings); !status.ok()) return status;
  if (Status status = check_ports(config.ports); !status.ok()) return status;
  if (Status status = check_addresses(config, warnings); !status.ok()) return status;
  if (Status status = check_mode(config, warnings); !status.ok()) return status;
  if (Status status = check_limits(config, warnings); !status.ok()) return status;
  if (Status status = check_words(config); !status.ok()) return status;
  if (Status status = check_telemetry(config.telemetry); !status.ok()) return status;
  if (Status status = check_endpoints(config); !status.ok()) return status;
  if (config.enable_script_checks && !config.acl.enabled &&
      config.http_config.allow_write_http_from.empty()) {
    warnings.emplace_back(
        "using enable-script-checks without ACLs and without allow_write_http_from is DANGEROUS, use "
        "enable-local-script-checks instead, see "
        "https://www.hashicorp.com/blog/protecting-consul-from-rce-risk-in-specific-configurations/");
  }
  return warnings;
}

}  // namespace discovery::agent
