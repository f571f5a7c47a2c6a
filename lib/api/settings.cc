#include "lib/api/settings.h"

#include <optional>
#include <string_view>
#include <utility>

#include "lib/health/url.h"
#include "lib/tls/client.h"

namespace discovery::api {
namespace {

using agent::Config;
using env::Endpoint;

/// The Consul version whose behaviour is spoken: clients decide by it what they may ask.
constexpr std::string_view kConsulVersion = "1.10.11";

bool is_ipv6(std::string_view address) { return address.find(':') != std::string_view::npos; }

/// The tagged addresses of the agent's node: what is advertised, by network and by family, unless configured.
model::Labels tagged_addresses(const Config& config) {
  const std::string lan = advertised_address(config);
  const std::string wan = config.advertise_addr_wan.empty() ? lan : config.advertise_addr_wan;
  model::Labels tagged;
  tagged.set("lan", lan);
  tagged.set(is_ipv6(lan) ? "lan_ipv6" : "lan_ipv4", lan);
  tagged.set("wan", wan);
  tagged.set(is_ipv6(wan) ? "wan_ipv6" : "wan_ipv4", wan);
  for (const auto& [name, address] : config.tagged_addresses) tagged.set(name, address);
  return tagged;
}

model::Labels node_meta(const Config& config) {
  model::Labels meta;
  for (const auto& [key, value] : config.node_meta) meta.set(key, value);
  meta.set("consul-network-segment", "");
  return meta;
}

}  // namespace

std::string advertised_address(const Config& config) {
  return config.advertise_addr.empty() ? config.bind_addr : config.advertise_addr;
}

agent::AgentIdentity make_identity(const Config& config, const std::string& node_id) {
  agent::AgentIdentity identity;
  identity.address = advertised_address(config);
  identity.tagged_addresses = tagged_addresses(config);

  model::AgentSelf& self = identity.self;
  self.datacenter = config.datacenter;
  self.primary_datacenter = config.primary_datacenter.empty() ? config.datacenter : config.primary_datacenter;
  self.node_name = config.node_name;
  self.node_id = node_id;
  self.version = kConsulVersion;
  self.server = true;
  self.node_meta = node_meta(config);
  self.grpc_open = config.ports.grpc > 0;

  model::Member& member = self.member;
  member.name = config.node_name;
  member.address = identity.address;
  member.port = static_cast<std::uint16_t>(config.ports.serf_lan);
  const std::pair<const char*, std::string> tags[] = {{"acls", config.acl.enabled ? "1" : "0"},
                                                      {"bootstrap", "1"},
                                                      {"build", std::string(kConsulVersion) + ":"},
                                                      {"dc", config.datacenter},
                                                      {"ft_fs", "1"},
                                                      {"ft_si", "1"},
                                                      {"id", node_id},
                                                      {"port", std::to_string(config.ports.server)},
                                                      {"raft_vsn", "3"},
                                                      {"role", "consul"},
                                                      {"segment", ""},
                                                      {"vsn", "2"},
                                                      {"vsn_max", "3"},
                                                      {"vsn_min", "2"}};
  for (const auto& [key, value] : tags) member.tags.set(key, value);
  identity.wan_member = member;
  identity.wan_member->name = config.node_name + "." + config.datacenter;
  identity.wan_member->port = static_cast<std::uint16_t>(config.ports.serf_wan);
  member.tags.set("wan_join_port",
                  std::to_string(config.ports.serf_wan));  // what the wide pool need not tell
  return identity;
}

agent::NodeAgent::Options agent_options(const Config& config) {
  agent::NodeAgent::Options options;
  options.check_update_interval = config.check_update_interval;
  options.max_check_output = static_cast<std::size_t>(config.check_output_max_size);
  options.discard_check_output = config.discard_check_output;
  if (!config.dev_mode) options.data_dir = config.data_dir;
  options.enable_script_checks = config.enable_script_checks;
  options.enable_local_script_checks = config.enable_local_script_checks;
  options.sidecar_ports = {config.ports.sidecar_min_port, config.ports.sidecar_max_port};
  // Without the system's certificates checks of HTTPS fail and say so; nothing else needs them.
  if (auto tls = tls::ClientContext::create({}); tls.ok()) options.checker.tls = *tls;
  if (auto tls = tls::ClientContext::create({.verify = false}); tls.ok())
    options.checker.tls_unverified = *tls;
  return options;
}

agent::NodeAgent::Reloadable reloadable_agent_options(const Config& config) {
  return {.node_meta = node_meta(config), .discard_check_output = config.discard_check_output};
}

namespace {

/// So many entries has a fresh server of Consul put into its log before it registers itself; indexes are
/// shown to people, in texts too.
constexpr Index kConsulsOwnEntries = 12;

}  // namespace

server::ServerOptions server_options(const Config& config, const agent::AgentIdentity& identity) {
  server::ServerOptions options;
  options.datacenter = config.datacenter;
  options.node.id = identity.self.node_id;
  options.node.name = config.node_name;
  options.node.address = identity.address;
  options.node.datacenter = config.datacenter;
  options.node.tagged_addresses = identity.tagged_addresses;
  options.node.meta = identity.self.node_meta;
  options.rpc_port = static_cast<std::uint16_t>(config.ports.server);
  options.rpc_address = Endpoint{identity.address, options.rpc_port}.to_string();
  options.service_meta = {{"non_voter", "false"},
                          {"raft_version", "3"},
                          {"read_replica", "false"},
                          {"serf_protocol_current", "2"},
                          {"serf_protocol_max", "5"},
                          {"serf_protocol_min", "1"},
                          {"version", std::string(kConsulVersion)}};
  options.query_limits.default_wait = config.default_query_time;
  options.query_limits.max_wait = config.max_query_time;
  options.log_starts_after = kConsulsOwnEntries;
  options.session_ttl_min = config.session_ttl_min;
  return options;
}

http::Options http_options(const Config& config) {
  http::Options options;
  options.datacenter = config.datacenter;
  options.node_name = config.node_name;
  options.pretty = config.dev_mode;
  options.acl_default_allow = config.acl.default_policy != "deny";
  options.translate_addresses = config.translate_wan_addrs;
  options.use_cache = config.http_config.use_cache;
  options.use_streaming_backend = config.use_streaming_backend;
  options.coordinates = !config.disable_coordinates;
  options.refuse_unprintable_paths = !config.disable_http_unprintable_char_filter;
  options.discovery_max_stale = config.discovery_max_stale;
  options.max_query_time = config.max_query_time;
  options.response_headers.assign(config.http_config.response_headers.begin(),
                                  config.http_config.response_headers.end());
  options.block_endpoints = config.http_config.block_endpoints;
  options.allow_write_from = config.http_config.allow_write_http_from;
  options.refuse_browser_writes = config.http_config.refuse_browser_writes;
  options.trusted_origins = config.http_config.trusted_origins;
  options.kv_max_value_size = config.limits.kv_max_value_size;
  options.txn_max_req_len = config.limits.txn_max_req_len;
  options.txn_max_operations = config.limits.txn_max_operations;
  return options;
}

http1::ServerOptions connection_options(const Config& config) {
  http1::ServerOptions options;
  options.max_connections = config.limits.http_max_conns;
  options.max_connections_per_address = static_cast<std::size_t>(config.limits.http_max_conns_per_client);
  if (config.http_config.max_header_bytes > 0) {
    options.max_header_bytes = static_cast<std::size_t>(config.http_config.max_header_bytes);
  }
  return options;
}

dns::Options dns_options(const Config& config) {
  const agent::DnsConfig& from = config.dns_config;
  dns::Options options;
  options.domain = config.domain;
  options.alt_domain = config.alt_domain;
  options.datacenter = config.datacenter;
  options.node_ttl = from.node_ttl;
  options.service_ttl = from.service_ttl;
  options.only_passing = from.only_passing;
  options.udp_answer_limit = static_cast<std::uint32_t>(from.udp_answer_limit);
  options.a_record_limit = static_cast<std::uint32_t>(from.a_record_limit);
  options.enable_truncate = from.enable_truncate;
  options.strict_truncate = from.strict_truncate;
  options.multiple_tags = from.multiple_tags;
  options.near = from.near == "_agent" ? config.node_name : from.near;
  options.disable_compression = from.disable_compression;
  options.node_meta_txt = from.enable_additional_node_meta_txt;
  options.translate_wan_addrs = config.translate_wan_addrs;
  options.allow_stale = from.allow_stale;
  options.max_stale = from.max_stale;
  options.soa = {from.soa.refresh, from.soa.retry, from.soa.expire, from.soa.min_ttl};
  options.token = config.acl.tokens.default_token;
  for (const std::string& text : config.recursors) {
    const auto at = env::Endpoint::parse(text, dns::kDomainPort);
    const auto ip = at ? dns::IpAddress::parse(at->address) : std::nullopt;
    if (ip) options.recursors.servers.push_back({*ip, at->port});
  }
  options.recursors.timeout = from.recursor_timeout;
  options.recursors.shuffled = from.recursor_strategy == "random";
  return options;
}

metrics::Registry::Options metrics_options(const Config& config) {
  const agent::TelemetryConfig& from = config.telemetry;
  metrics::Registry::Options options;
  options.prefix = from.metrics_prefix;
  if (!from.disable_hostname) options.host_name = from.host_name;
  options.retention = from.prometheus_retention_time;
  options.prefix_filter = from.prefix_filter;
  options.filter_default = from.filter_default;
  return options;
}

metrics::Pusher::Options push_options(const Config& config) {
  const agent::TelemetryConfig& from = config.telemetry;
  const auto target = [](const std::string& address) -> std::optional<metrics::Pusher::Target> {
    if (address.empty()) return std::nullopt;
    auto parts = health::split_host_port(address);
    if (!parts.ok()) return std::nullopt;  // validate() has refused it
    return metrics::Pusher::Target{std::move(parts->first), parts->second};
  };
  return {.statsd = target(from.statsd_address),
          .statsite = target(from.statsite_address),
          .dogstatsd = target(from.dogstatsd_addr),
          .global_tags = from.dogstatsd_tags};
}

}  // namespace discovery::api
