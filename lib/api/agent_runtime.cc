#include "lib/api/agent_runtime.h"

#include <charconv>
#include <string_view>
#include <utility>

#include <discovery/version.h>

#include "lib/agent/identity.h"
#include "lib/agent/local_agent.h"
#include "lib/dns/tcp_server.h"
#include "lib/http/api.h"
#include "lib/http1/server.h"
#include "lib/server/server.h"
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
  const std::pair<const char*, std::string> tags[] = {
      {"acls", config.acl.enabled ? "1" : "0"},
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
      {"vsn_min", "2"},
      {"wan_join_port", std::to_string(config.ports.serf_wan)}};
  for (const auto& [key, value] : tags) member.tags.set(key, value);
  identity.wan_member = member;
  identity.wan_member->name = config.node_name + "." + config.datacenter;
  identity.wan_member->port = static_cast<std::uint16_t>(config.ports.serf_wan);
  return identity;
}

agent::NodeAgent::Options agent_options(const Config& config) {
  agent::NodeAgent::Options options;
  options.check_update_interval = config.check_update_interval;
  options.max_check_output = static_cast<std::size_t>(config.check_output_max_size);
  options.discard_check_output = config.discard_check_output;
  options.enable_script_checks = config.enable_script_checks;
  options.enable_local_script_checks = config.enable_local_script_checks;
  // Without the system's certificates checks of HTTPS fail and say so; nothing else needs them.
  if (auto tls = tls::ClientContext::create({}); tls.ok()) options.checker.tls = *tls;
  if (auto tls = tls::ClientContext::create({.verify = false}); tls.ok())
    options.checker.tls_unverified = *tls;
  return options;
}

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
  options.refuse_unprintable_paths = !config.disable_http_unprintable_char_filter;
  options.discovery_max_stale = config.discovery_max_stale;
  options.max_query_time = config.max_query_time;
  options.response_headers.assign(config.http_config.response_headers.begin(),
                                  config.http_config.response_headers.end());
  options.block_endpoints = config.http_config.block_endpoints;
  options.kv_max_value_size = config.limits.kv_max_value_size;
  return options;
}

http1::ServerOptions connection_options(const Config& config) {
  http1::ServerOptions options;
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
  options.disable_compression = from.disable_compression;
  options.node_meta_txt = from.enable_additional_node_meta_txt;
  options.translate_wan_addrs = config.translate_wan_addrs;
  options.allow_stale = from.allow_stale;
  options.max_stale = from.max_stale;
  options.soa = {from.soa.refresh, from.soa.retry, from.soa.expire, from.soa.min_ttl};
  options.token = config.acl.tokens.default_token;
  return options;
}

/// Where a service listens: at its own addresses, or the client addresses; nowhere if its port is off.
std::vector<Endpoint> endpoints(const std::vector<std::string>& own, const std::vector<std::string>& client,
                                int port) {
  std::vector<Endpoint> result;
  if (port == agent::kPortOff) return result;
  constexpr std::string_view kUnix = "unix://";
  for (const std::string& address : own.empty() ? client : own) {
    if (address.starts_with(kUnix)) {
      result.push_back({address.substr(kUnix.size()), 0});
    } else {
      result.push_back({address, static_cast<std::uint16_t>(port)});
    }
  }
  return result;
}

std::uint32_t octal(const std::string& digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return value;
}

}  // namespace

std::string advertised_address(const Config& config) {
  return config.advertise_addr.empty() ? config.bind_addr : config.advertise_addr;
}

class AgentRuntime::Impl {
 public:
  Impl(env::Env& env, Config config, std::string node_id)
      : env_(env),
        config_(std::move(config)),
        identity_(make_identity(config_, node_id)),
        server_(std::make_unique<server::Server>(env, server_options(config_, identity_))),
        agent_(std::make_unique<agent::NodeAgent>(env, *server_, identity_, agent_options(config_))),
        api_(*server_, *agent_, env, http_options(config_)),
        http_(env, connection_options(config_), api_) {}

  /// The agent and the server answer those who still wait when they go, and these answers go out through the
  /// API.
  ~Impl() {
    dns_tcp_.clear();
    agent_.reset();
    server_.reset();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start() {
    Result<dns::Zone> zone = dns::Zone::make(dns_options(config_));
    if (!zone.ok()) return zone.status();
    dns_.zone = std::make_shared<const dns::Zone>(*std::move(zone));
    if (Status status = server_->start(); !status.ok()) return status;
    agent_->sync_after_start();
    if (Status status = listen_http(); !status.ok()) return status;
    return listen_dns();
  }

  void shutdown(Duration grace, UniqueFunction<void()> done) {
    dns_tcp_.clear();
    http_.shutdown(grace, std::move(done));
  }

  server::Server& server() noexcept { return *server_; }
  agent::NodeAgent& agent() noexcept { return *agent_; }
  const std::vector<Endpoint>& http() const noexcept { return http_at_; }
  const DnsService& dns() const noexcept { return dns_; }

 private:
  Status listen_http() {
    env::ListenOptions options;
    options.unix_mode = octal(config_.unix_sockets.mode);
    for (const Endpoint& at : endpoints(config_.addresses.http, config_.client_addr, config_.ports.http)) {
      auto listener = env_.listen(at, options);
      if (!listener.ok())
        return {listener.status().code(), "HTTP: " + std::string(listener.status().message())};
      http_at_.push_back((*listener)->local());
      http_.serve(*std::move(listener));
    }
    return {};
  }

  Status listen_dns() {
    for (const Endpoint& at : endpoints(config_.addresses.dns, config_.client_addr, config_.ports.dns)) {
      auto listener = env_.listen(at, {});
      if (!listener.ok())
        return {listener.status().code(), "DNS: " + std::string(listener.status().message())};
      dns_.at.push_back((*listener)->local());
      dns::ResponderSetup setup;
      setup.zone = dns_.zone;
      setup.backend = server_.get();
      setup.clock = &env_.clock();
      setup.seed = env_.random().next();
      dns_tcp_.push_back(std::make_unique<dns::TcpServer>(env_, dns::TcpServer::Limits(), std::move(setup)));
      dns_tcp_.back()->serve(*std::move(listener));
    }
    return {};
  }

  env::Env& env_;
  const Config config_;
  const agent::AgentIdentity identity_;
  std::unique_ptr<server::Server> server_;
  std::unique_ptr<agent::NodeAgent> agent_;
  http::Api api_;
  http1::Server http_;
  std::vector<Endpoint> http_at_;
  DnsService dns_;
  std::vector<std::unique_ptr<dns::TcpServer>> dns_tcp_;
};

AgentRuntime::AgentRuntime(env::Env& env, Config config, std::string node_id)
    : impl_(std::make_unique<Impl>(env, std::move(config), std::move(node_id))) {}
AgentRuntime::~AgentRuntime() = default;
Status AgentRuntime::start() { return impl_->start(); }
void AgentRuntime::shutdown(Duration grace, UniqueFunction<void()> done) {
  impl_->shutdown(grace, std::move(done));
}
model::Backend& AgentRuntime::backend() noexcept { return impl_->server(); }
model::LocalAgent& AgentRuntime::local_agent() noexcept { return impl_->agent(); }
const std::vector<env::Endpoint>& AgentRuntime::http() const noexcept { return impl_->http(); }
const DnsService& AgentRuntime::dns() const noexcept { return impl_->dns(); }

}  // namespace discovery::api
