#include "lib/api/runtime_config.h"

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/duration.h"
#include "lib/base/strings.h"
#include "lib/codec/json_writer.h"
#include "lib/env/env.h"
#include "lib/health/url.h"

namespace discovery::api {
namespace {

constexpr std::string_view kHidden = "hidden";
constexpr std::string_view kUnix = "unix://";

/// The members of an object, which come out in the order of their names.
class Members {
 public:
  void set(std::string name, const std::string& value) { text(std::move(name), value); }
  void set(std::string name, std::string_view value) { text(std::move(name), value); }
  void set(std::string name, const char* value) { text(std::move(name), value); }
  void set(std::string name, bool value) { members_[std::move(name)] = value ? "true" : "false"; }
  void set(std::string name, int value) { members_[std::move(name)] = std::to_string(value); }
  void set(std::string name, std::int64_t value) { members_[std::move(name)] = std::to_string(value); }
  void set(std::string name, std::uint64_t value) { members_[std::move(name)] = std::to_string(value); }
  void set(std::string name, std::uint32_t value) { members_[std::move(name)] = std::to_string(value); }
  void set(std::string name, Duration value) { text(std::move(name), base::format_go_duration(value)); }
  void set(std::string name, const std::vector<std::string>& values) {
    codec::JsonWriter writer(members_[std::move(name)]);
    writer.begin_array();
    for (const std::string& value : values) {
      writer.element();
      writer.string(value);
    }
    writer.end_array();
  }
  void set(std::string name, const std::map<std::string, std::string>& values) {
    Members object;
    for (const auto& [key, value] : values) object.set(key, is_secret(key) ? std::string(kHidden) : value);
    set(std::move(name), object);
  }
  void set(std::string name, const Members& object) { members_[std::move(name)] = object.to_json(); }
  void set(std::string name, const std::vector<Members>& objects) {
    codec::JsonWriter writer(members_[std::move(name)]);
    writer.begin_array();
    for (const Members& object : objects) {
      writer.element();
      writer.raw(object.to_json());
    }
    writer.end_array();
  }
  void hide(std::string name) { text(std::move(name), kHidden); }

  std::string to_json() const {
    std::string out;
    codec::JsonWriter writer(out);
    writer.begin_object();
    for (const auto& [name, value] : members_) {
      writer.key(name);
      writer.raw(value);
    }
    writer.end_object();
    return out;
  }

 private:
  void text(std::string name, std::string_view value) {
    codec::JsonWriter(members_[std::move(name)]).string(value);
  }
  static bool is_secret(std::string_view key) {
    const std::string name = base::to_lower(key);
    for (const char* part : {"token", "secret", "password", "auth", "key", "cookie"}) {
      if (name.find(part) != std::string::npos) return true;
    }
    return false;
  }

  std::map<std::string, std::string> members_;
};

/// Where something listens: "tcp://127.0.0.1:8500", or "unix:///path"; nowhere if its port is off.
std::vector<std::string> listeners(const std::vector<std::string>& own, const agent::Config& config, int port,
                                   std::span<const std::string_view> protocols) {
  std::vector<std::string> found;
  if (port == agent::kPortOff) return found;
  for (const std::string_view protocol : protocols) {
    for (const std::string& address : own.empty() ? config.client_addr : own) {
      const env::Endpoint at{address, static_cast<std::uint16_t>(port)};
      found.push_back(address.starts_with(kUnix) ? address : std::string(protocol) + "://" + at.to_string());
    }
  }
  return found;
}

std::string tcp(const std::string& address, int port) {
  return "tcp://" + env::Endpoint{address, static_cast<std::uint16_t>(port)}.to_string();
}

/// A key of a definition, and its name here.
using Name = std::pair<std::string_view, const char*>;

/// Sets what a definition says of these keys.
void set_plain(Members& to, const hcl::Value& definition, std::span<const Name> names) {
  for (const auto& [key, name] : names) {
    const hcl::Value* const value = definition.find(key);
    if (value == nullptr) continue;
    if (const bool* data = value->as_bool()) to.set(name, *data);
    if (const std::int64_t* data = value->as_int()) to.set(name, *data);
    if (const std::string* data = value->as_string()) to.set(name, *data);
    if (const hcl::Value::List* list = value->as_list()) {
      std::vector<std::string> texts;
      for (const hcl::Value& one : *list) {
        if (const std::string* text = one.as_string()) texts.push_back(*text);
      }
      to.set(name, texts);
    }
    if (const hcl::Value::Object* object = value->as_object()) {
      std::map<std::string, std::string> texts;
      for (const hcl::Member& member : *object) {
        if (const std::string* text = member.value.as_string()) texts[member.key] = *text;
      }
      to.set(name, texts);
    }
  }
}

Members check_members(const hcl::Value& check) {
  constexpr Name kNames[] = {
      {"id", "ID"},
      {"name", "Name"},
      {"service_id", "ServiceID"},
      {"status", "Status"},
      {"interval", "Interval"},
      {"timeout", "Timeout"},
      {"ttl", "TTL"},
      {"tcp", "TCP"},
      {"method", "Method"},
      {"alias_node", "AliasNode"},
      {"alias_service", "AliasService"},
      {"tls_skip_verify", "TLSSkipVerify"},
      {"success_before_passing", "SuccessBeforePassing"},
      {"failures_before_warning", "FailuresBeforeWarning"},
      {"failures_before_critical", "FailuresBeforeCritical"},
      {"deregister_critical_service_after", "DeregisterCriticalServiceAfter"},
  };
  Members members;
  set_plain(members, check, kNames);
  members.hide("Token");
  if (const hcl::Value* http = check.find("http"); http != nullptr && http->as_string() != nullptr) {
    const Result<health::Url> url = health::parse_url(*http->as_string());
    members.set("HTTP",
                url.ok() ? (url->tls ? "https://" : "http://") + url->host + ":" + std::to_string(url->port)
                         : std::string(kHidden));
  }
  if (const hcl::Value* args = check.find("args"); args != nullptr && args->as_list() != nullptr) {
    std::vector<std::string> shown;
    for (const hcl::Value& one : *args->as_list()) {
      const std::string* const text = one.as_string();
      shown.push_back(shown.empty() && text != nullptr ? *text : std::string(kHidden));
    }
    members.set("ScriptArgs", shown);
  }
  return members;
}

Members service_members(const hcl::Value& service) {
  constexpr Name kNames[] = {{"id", "ID"},
                             {"name", "Name"},
                             {"kind", "Kind"},
                             {"tags", "Tags"},
                             {"meta", "Meta"},
                             {"address", "Address"},
                             {"port", "Port"},
                             {"socket_path", "SocketPath"},
                             {"enable_tag_override", "EnableTagOverride"}};
  Members members;
  set_plain(members, service, kNames);
  members.hide("Token");
  std::vector<Members> checks;
  if (const hcl::Value* check = service.find("check")) checks.push_back(check_members(*check));
  if (const hcl::Value* all = service.find("checks"); all != nullptr && all->as_list() != nullptr) {
    for (const hcl::Value& check : *all->as_list()) checks.push_back(check_members(check));
  }
  members.set("Checks", checks);
  return members;
}

Members watch_members(const hcl::Value& watch) {
  constexpr Name kNames[] = {{"type", "type"},
                             {"key", "key"},
                             {"prefix", "prefix"},
                             {"service", "service"},
                             {"tag", "tag"},
                             {"passingonly", "passingonly"},
                             {"state", "state"},
                             {"name", "name"},
                             {"service_id", "service_id"},
                             {"handler_type", "handler_type"}};
  Members members;
  set_plain(members, watch, kNames);
  if (watch.find("token") != nullptr) members.hide("token");
  return members;
}

template <class Show>
std::vector<Members> all(const std::vector<agent::Definition>& definitions, Show show) {
  std::vector<Members> shown;
  shown.reserve(definitions.size());
  for (const agent::Definition& definition : definitions) shown.push_back(show(definition.value));
  return shown;
}

void set_acl(Members& out, const agent::Config& config) {
  out.set("ACLsEnabled", config.acl.enabled);
  out.hide("ACLMasterToken");
  Members resolver;
  resolver.set("ACLDefaultPolicy", config.acl.default_policy);
  resolver.set("ACLDownPolicy", config.acl.down_policy);
  resolver.set("ACLsEnabled", config.acl.enabled);
  resolver.set("Datacenter", config.datacenter);
  resolver.set("NodeName", config.node_name);
  out.set("ACLResolverSettings", resolver);
  Members tokens;
  for (const char* name :
       {"ACLAgentMasterToken", "ACLAgentToken", "ACLDefaultToken", "ACLReplicationToken"}) {
    tokens.hide(name);
  }
  tokens.set("DataDir", config.data_dir);
  tokens.set("EnablePersistence", config.acl.enable_token_persistence);
  out.set("ACLTokens", tokens);
  out.hide("EncryptKey");
}

void set_addresses(Members& out, const agent::Config& config, const agent::AgentIdentity& identity) {
  const agent::PortsConfig& ports = config.ports;
  const std::string& wan = config.advertise_addr_wan.empty() ? identity.address : config.advertise_addr_wan;
  constexpr std::string_view kTcp[] = {"tcp"};
  constexpr std::string_view kBoth[] = {"tcp", "udp"};
  out.set("AdvertiseAddrLAN", identity.address);
  out.set("AdvertiseAddrWAN", wan);
  out.set("BindAddr", config.bind_addr);
  out.set("ClientAddrs", config.client_addr);
  out.set("ConnectSidecarMinPort", ports.sidecar_min_port);
  out.set("ConnectSidecarMaxPort", ports.sidecar_max_port);
  out.set("DNSAddrs", listeners(config.addresses.dns, config, ports.dns, kBoth));
  out.set("DNSPort", ports.dns);
  out.set("ExposeMinPort", ports.expose_min_port);
  out.set("ExposeMaxPort", ports.expose_max_port);
  out.set("GRPCAddrs", listeners(config.addresses.grpc, config, ports.grpc, kTcp));
  out.set("GRPCPort", ports.grpc);
  out.set("HTTPAddrs", listeners(config.addresses.http, config, ports.http, kTcp));
  out.set("HTTPPort", ports.http);
  out.set("HTTPSAddrs", listeners(config.addresses.https, config, ports.https, kTcp));
  out.set("HTTPSPort", ports.https);
  out.set("RPCAdvertiseAddr", tcp(identity.address, ports.server));
  out.set("RPCBindAddr", tcp(config.bind_addr, ports.server));
  out.set("SerfAdvertiseAddrLAN", tcp(identity.address, ports.serf_lan));
  out.set("SerfAdvertiseAddrWAN", ports.serf_wan == agent::kPortOff ? "" : tcp(wan, ports.serf_wan));
  out.set("SerfPortLAN", ports.serf_lan);
  out.set("SerfPortWAN", ports.serf_wan);
  out.set("ServerPort", ports.server);
  out.set("TranslateWANAddrs", config.translate_wan_addrs);
  out.set("UnixSocketGroup", config.unix_sockets.group);
  out.set("UnixSocketMode", config.unix_sockets.mode);
  out.set("UnixSocketUser", config.unix_sockets.user);
  std::map<std::string, std::string> tagged;
  for (const auto& [name, address] : identity.tagged_addresses) tagged.emplace(name, address);
  out.set("TaggedAddresses", tagged);
}

void set_dns(Members& out, const agent::Config& config) {
  const agent::DnsConfig& dns = config.dns_config;
  out.set("DNSARecordLimit", dns.a_record_limit);
  out.set("DNSAllowStale", dns.allow_stale);
  out.set("DNSAltDomain", config.alt_domain);
  out.set("DNSCacheMaxAge", dns.cache_max_age);
  out.set("DNSDisableCompression", dns.disable_compression);
  out.set("DNSDomain", config.domain);
  out.set("DNSEnableTruncate", dns.enable_truncate);
  out.set("DNSMaxStale", dns.max_stale);
  out.set("DNSNodeMetaTXT", dns.enable_additional_node_meta_txt);
  out.set("DNSNodeTTL", dns.node_ttl);
  out.set("DNSOnlyPassing", dns.only_passing);
  out.set("DNSRecursorStrategy", dns.recursor_strategy);
  out.set("DNSRecursorTimeout", dns.recursor_timeout);
  out.set("DNSRecursors", config.recursors);
  Members soa;
  soa.set("Expire", dns.soa.expire);
  soa.set("Minttl", dns.soa.min_ttl);
  soa.set("Refresh", dns.soa.refresh);
  soa.set("Retry", dns.soa.retry);
  out.set("DNSSOA", soa);
  Members ttls;
  for (const auto& [service, ttl] : dns.service_ttl) ttls.set(service, ttl);
  out.set("DNSServiceTTL", ttls);
  out.set("DNSUDPAnswerLimit", dns.udp_answer_limit);
  out.set("DNSUseCache", dns.use_cache);
}

void set_http(Members& out, const agent::Config& config) {
  const agent::HttpConfig& http = config.http_config;
  out.set("AllowWriteHTTPFrom", http.allow_write_http_from);
  out.set("HTTPBlockEndpoints", http.block_endpoints);
  out.set("HTTPMaxConnsPerClient", config.limits.http_max_conns_per_client);
  out.set("HTTPMaxHeaderBytes", http.max_header_bytes);
  out.set("HTTPResponseHeaders", http.response_headers);
  out.set("HTTPUseCache", http.use_cache);
  out.set("DisableHTTPUnprintableCharFilter", config.disable_http_unprintable_char_filter);
  out.set("KVMaxValueSize", config.limits.kv_max_value_size);
  out.set("TxnMaxReqLen", config.limits.txn_max_req_len);
  out.set("DefaultQueryTime", config.default_query_time);
  out.set("MaxQueryTime", config.max_query_time);
  out.set("DiscoveryMaxStale", config.discovery_max_stale);
  out.set("SessionTTLMin", config.session_ttl_min);
  out.set("UseStreamingBackend", config.use_streaming_backend);
}

void set_telemetry(Members& out, const agent::TelemetryConfig& telemetry) {
  std::vector<std::string> allowed;
  std::vector<std::string> blocked;
  for (const std::string& rule : telemetry.prefix_filter) {
    if (rule.starts_with('+')) allowed.push_back(rule.substr(1));
    if (rule.starts_with('-')) blocked.push_back(rule.substr(1));
  }
  Members shown;
  shown.set("AllowedPrefixes", allowed);
  shown.set("BlockedPrefixes", blocked);
  shown.set("DisableHostname", telemetry.disable_hostname);
  shown.set("DogstatsdAddr", telemetry.dogstatsd_addr);
  shown.set("DogstatsdTags", telemetry.dogstatsd_tags);
  shown.set("FilterDefault", telemetry.filter_default);
  shown.set("MetricsPrefix", telemetry.metrics_prefix);
  Members prometheus;
  prometheus.set("Expiration", telemetry.prometheus_retention_time);
  shown.set("PrometheusOpts", prometheus);
  shown.set("StatsdAddr", telemetry.statsd_address);
  shown.set("StatsiteAddr", telemetry.statsite_address);
  out.set("Telemetry", shown);
}

void set_log(Members& out, const agent::Config& config) {
  Members log;
  log.set("EnableSyslog", config.enable_syslog);
  log.set("LogFilePath", config.log_file);
  log.set("LogJSON", config.log_json);
  log.set("LogLevel", config.log_level);
  log.set("LogRotateBytes", config.log_rotate_bytes);
  log.set("LogRotateDuration", config.log_rotate_duration);
  log.set("LogRotateMaxFiles", config.log_rotate_max_files);
  log.set("SyslogFacility", config.syslog_facility);
  out.set("Logging", log);
}

void set_node(Members& out, const agent::Config& config, const agent::AgentIdentity& identity) {
  out.set("AutoReloadConfig", config.auto_reload_config);
  out.set("Bootstrap", config.bootstrap);
  out.set("BootstrapExpect", config.bootstrap_expect);
  out.set("ConnectEnabled", config.connect_enabled);
  out.set("DataDir", config.data_dir);
  out.set("Datacenter", config.datacenter);
  out.set("DevMode", config.dev_mode);
  out.set("DisableAnonymousSignature", config.disable_anonymous_signature);
  out.set("DisableCoordinates", config.disable_coordinates);
  out.set("DisableHostNodeID", config.disable_host_node_id);
  out.set("DisableKeyringFile", config.disable_keyring_file);
  out.set("DisableRemoteExec", true);
  out.set("DisableUpdateCheck", config.disable_update_check);
  out.set("EnableDebug", config.enable_debug);
  out.set("LeaveOnTerm", config.leave_on_terminate);
  out.set("NodeID", identity.self.node_id);
  out.set("NodeMeta", config.node_meta);
  out.set("NodeName", config.node_name);
  out.set("PidFile", config.pid_file);
  out.set("PrimaryDatacenter", identity.self.primary_datacenter);
  out.set("RaftProtocol", config.raft_protocol);
  out.set("Revision", "");
  out.set("ServerMode", identity.self.server);
  out.set("SkipLeaveOnInt", config.skip_leave_on_interrupt);
  out.set("Version", identity.self.version);
  out.set("VersionPrerelease", "");
}

void set_checks(Members& out, const agent::Config& config) {
  out.set("CheckOutputMaxSize", config.check_output_max_size);
  out.set("CheckUpdateInterval", config.check_update_interval);
  out.set("DiscardCheckOutput", config.discard_check_output);
  out.set("EnableLocalScriptChecks", config.enable_local_script_checks);
  out.set("EnableRemoteScriptChecks", config.enable_script_checks);
  out.set("Services", all(config.services, service_members));
  out.set("Checks", all(config.checks, check_members));
  out.set("Watches", all(config.watches, watch_members));
}

}  // namespace

std::string runtime_config_json(const agent::Config& config, const agent::AgentIdentity& identity) {
  Members out;
  set_node(out, config, identity);
  set_acl(out, config);
  set_addresses(out, config, identity);
  set_dns(out, config);
  set_http(out, config);
  set_telemetry(out, config.telemetry);
  set_log(out, config);
  set_checks(out, config);
  return out.to_json();
}

}  // namespace discovery::api
