#include "daemon/config/keys.h"

#include <array>
#include <iterator>
#include <type_traits>
#include <vector>

#include "daemon/config/assign.h"
#include "daemon/config/definitions.h"

namespace discovery::config {
namespace {

using C = agent::Config;
using D = Draft;
using agent::AclConfig;
using agent::AclTokensConfig;
using agent::DnsConfig;
using agent::HttpConfig;
using agent::LimitsConfig;
using agent::PortsConfig;
using agent::SoaConfig;
using agent::TelemetryConfig;
using agent::UnixSocketsConfig;

// How a row is written
// ------------------------------------------------------------------------------------------------

/// The member of `draft` at the end of a chain of pointers to members.
template <auto... kMembers, class D2>
constexpr auto& member(D2& draft) {
  return (draft.*....*kMembers);
}

/// A key that fills a member. Without `type` the member's own type tells what it is.
template <auto... kMembers>
constexpr AgentKey at(
    std::string_view path, Effect effect = Effect::kStatic,
    Type type = kTypeOf<std::remove_reference_t<decltype(member<kMembers...>(std::declval<D&>()))>>) {
  return {{path, type},
          effect,
          [](Draft& draft, const hcl::Value& value) { assign(member<kMembers...>(draft), value); },
          [](Draft& to, const Draft& from) { member<kMembers...>(to) = member<kMembers...>(from); },
          [](const Draft& a, const Draft& b) { return member<kMembers...>(a) == member<kMembers...>(b); }};
}
/// A key that fills a member which nothing makes use of, and why.
template <auto... kMembers>
constexpr AgentKey moot(std::string_view path, std::string_view why) {
  AgentKey key = at<kMembers...>(path, Effect::kLater);
  key.note = why;
  return key;
}

/// A key that holds definitions: these remember where they stand.
template <auto kMember>
constexpr AgentKey definitions(std::string_view path, Type type, const Schema& (*nested)()) {
  return {
      {path, type, nested},
      Effect::kReload,
      [](Draft& draft, const hcl::Value& value) { assign_definitions(draft.*kMember, draft.source, value); },
      [](Draft& to, const Draft& from) { to.*kMember = from.*kMember; }};
}

/// A key that Consul knows and nothing here keeps.
constexpr AgentKey later(std::string_view path, Type type, std::string_view why = {}) {
  return {{path, type}, Effect::kLater, nullptr, nullptr, nullptr, why};
}
/// What is so anyway, and why.
template <auto... kMembers>
constexpr AgentKey always_on(std::string_view path, std::string_view why) {
  AgentKey key = at<kMembers...>(path, Effect::kAlwaysOn);
  key.note = why;
  return key;
}
constexpr AgentKey always_on(std::string_view path, std::string_view why) {
  return {{path, Type::kBool}, Effect::kAlwaysOn, nullptr, nullptr, nullptr, why};
}
constexpr AgentKey enterprise(std::string_view path, Type type, const Schema& (*nested)() = nullptr) {
  return {{path, type, nested}, Effect::kEnterprise};
}
/// A former name of the key `now`, which is of the same type.
constexpr AgentKey deprecated(std::string_view path, Type type, std::string_view now) {
  return {{path, type}, Effect::kDeprecated, nullptr, nullptr, nullptr, now};
}
constexpr AgentKey renamed(std::string_view path, Type type, std::string_view now) {
  return {{path, type}, Effect::kRenamed, nullptr, nullptr, nullptr, now};
}
constexpr AgentKey refused(std::string_view path, Type type, std::string_view why) {
  return {{path, type}, Effect::kRefused, nullptr, nullptr, nullptr, why};
}

// The table
// -----------------------------------------------------------------------------------------------------------

constexpr Effect kReload = Effect::kReload;
constexpr Effect kLater = Effect::kLater;

constexpr std::string_view kNoCirconus =
    "metrics are not sent to Circonus; statsd, statsite, DogStatsD and Prometheus are served";

constexpr std::string_view kAsksNobody = "this agent never asks anybody for new versions";
constexpr std::string_view kNeverOld = "DNS answers are kept for as long as they are true";

constexpr AgentKey kKeys[] = {
    // Who the agent is.
    at<&C::node_name>("node_name"),
    at<&C::node_id>("node_id"),
    at<&C::node_meta>("node_meta", kReload),
    at<&C::datacenter>("datacenter"),
    at<&C::primary_datacenter>("primary_datacenter"),
    at<&C::domain>("domain"),
    at<&C::alt_domain>("alt_domain"),
    at<&C::data_dir>("data_dir"),
    at<&C::pid_file>("pid_file"),

    // What part it plays.
    at<&C::server>("server"),
    at<&C::bootstrap>("bootstrap"),
    at<&C::bootstrap_expect>("bootstrap_expect"),
    moot<&C::raft_multiplier>("performance.raft_multiplier",
                              "there is one server yet, which needs no election"),
    at<&C::raft_protocol>("raft_protocol"),
    at<&D::leave_on_terminate_set>("leave_on_terminate"),
    at<&D::skip_leave_on_interrupt_set>("skip_leave_on_interrupt"),

    // Addresses and ports.
    at<&C::bind_addr>("bind_addr"),
    at<&C::advertise_addr>("advertise_addr"),
    at<&C::advertise_addr_wan>("advertise_addr_wan"),
    at<&D::advertise_ipv4_text>("advertise_addr_ipv4"),
    at<&D::advertise_ipv6_text>("advertise_addr_ipv6"),
    at<&D::advertise_wan_ipv4_text>("advertise_addr_wan_ipv4"),
    at<&D::advertise_wan_ipv6_text>("advertise_addr_wan_ipv6"),
    at<&C::tagged_addresses>("tagged_addresses"),
    at<&C::translate_wan_addrs>("translate_wan_addrs"),
    at<&D::client_text>("client_addr"),
    at<&D::dns_text>("addresses.dns"),
    at<&D::http_text>("addresses.http"),
    at<&D::https_text>("addresses.https", kLater),
    at<&D::grpc_text>("addresses.grpc", kLater),
    at<&C::ports, &PortsConfig::dns>("ports.dns"),
    at<&C::ports, &PortsConfig::http>("ports.http"),
    at<&C::ports, &PortsConfig::https>("ports.https", kLater),
    at<&C::ports, &PortsConfig::grpc>("ports.grpc", kLater),
    at<&C::ports, &PortsConfig::server>("ports.server"),
    at<&C::ports, &PortsConfig::serf_lan>("ports.serf_lan"),
    at<&C::ports, &PortsConfig::serf_wan>("ports.serf_wan"),
    at<&C::ports, &PortsConfig::proxy_min_port>("ports.proxy_min_port"),
    at<&C::ports, &PortsConfig::proxy_max_port>("ports.proxy_max_port"),
    at<&C::ports, &PortsConfig::sidecar_min_port>("ports.sidecar_min_port"),
    at<&C::ports, &PortsConfig::sidecar_max_port>("ports.sidecar_max_port"),
    at<&C::ports, &PortsConfig::expose_min_port>("ports.expose_min_port"),
    at<&C::ports, &PortsConfig::expose_max_port>("ports.expose_max_port"),
    at<&C::unix_sockets, &UnixSocketsConfig::user>("unix_sockets.user"),
    at<&C::unix_sockets, &UnixSocketsConfig::group>("unix_sockets.group"),
    at<&C::unix_sockets, &UnixSocketsConfig::mode>("unix_sockets.mode"),

    // Log and debugging.
    at<&C::log_level>("log_level", kReload),
    at<&C::log_json>("log_json"),
    at<&C::log_file>("log_file"),
    at<&C::log_rotate_bytes>("log_rotate_bytes"),
    at<&C::log_rotate_duration>("log_rotate_duration"),
    at<&C::log_rotate_max_files>("log_rotate_max_files"),
    at<&C::enable_syslog>("enable_syslog"),
    at<&C::syslog_facility>("syslog_facility"),
    at<&C::auto_reload_config>("auto_reload_config"),
    moot<&C::enable_debug>("enable_debug",
                           "there are no profiles of Go's to serve; perf(1) shows where time goes"),
    at<&C::telemetry, &TelemetryConfig::prometheus_retention_time>("telemetry.prometheus_retention_time"),
    at<&C::telemetry, &TelemetryConfig::metrics_prefix>("telemetry.metrics_prefix"),
    at<&C::telemetry, &TelemetryConfig::disable_hostname>("telemetry.disable_hostname"),
    at<&C::telemetry, &TelemetryConfig::prefix_filter>("telemetry.prefix_filter", kReload),
    at<&C::telemetry, &TelemetryConfig::filter_default>("telemetry.filter_default", kReload),
    at<&C::telemetry, &TelemetryConfig::statsd_address>("telemetry.statsd_address"),
    at<&C::telemetry, &TelemetryConfig::statsite_address>("telemetry.statsite_address"),
    at<&C::telemetry, &TelemetryConfig::dogstatsd_addr>("telemetry.dogstatsd_addr"),
    at<&C::telemetry, &TelemetryConfig::dogstatsd_tags>("telemetry.dogstatsd_tags"),

    // Queries, HTTP and limits.
    at<&C::default_query_time>("default_query_time"),
    at<&C::max_query_time>("max_query_time"),
    at<&C::discovery_max_stale>("discovery_max_stale"),
    at<&C::session_ttl_min>("session_ttl_min"),
    at<&C::use_streaming_backend>("use_streaming_backend"),
    at<&C::limits, &LimitsConfig::http_max_conns_per_client>("limits.http_max_conns_per_client", kReload),
    at<&C::limits, &LimitsConfig::kv_max_value_size>("limits.kv_max_value_size"),
    at<&C::limits, &LimitsConfig::txn_max_req_len>("limits.txn_max_req_len"),
    at<&C::limits, &LimitsConfig::txn_max_operations>("limits.txn_max_operations"),
    at<&C::http_config, &HttpConfig::block_endpoints>("http_config.block_endpoints"),
    at<&C::http_config, &HttpConfig::response_headers>("http_config.response_headers"),
    at<&C::http_config, &HttpConfig::allow_write_http_from>("http_config.allow_write_http_from"),
    at<&C::http_config, &HttpConfig::refuse_browser_writes>("http_config.refuse_browser_writes"),
    at<&C::http_config, &HttpConfig::trusted_origins>("http_config.trusted_origins"),
    at<&C::http_config, &HttpConfig::use_cache>("http_config.use_cache"),
    at<&C::http_config, &HttpConfig::max_header_bytes>("http_config.max_header_bytes"),
    at<&C::disable_http_unprintable_char_filter>("disable_http_unprintable_char_filter"),

    // DNS.
    at<&C::dns_config, &DnsConfig::allow_stale>("dns_config.allow_stale", kReload),
    at<&C::dns_config, &DnsConfig::max_stale>("dns_config.max_stale", kReload),
    at<&C::dns_config, &DnsConfig::node_ttl>("dns_config.node_ttl", kReload),
    at<&C::dns_config, &DnsConfig::service_ttl>("dns_config.service_ttl", kReload),
    at<&C::dns_config, &DnsConfig::only_passing>("dns_config.only_passing", kReload),
    at<&C::dns_config, &DnsConfig::udp_answer_limit>("dns_config.udp_answer_limit", kReload),
    at<&C::dns_config, &DnsConfig::a_record_limit>("dns_config.a_record_limit", kReload),
    at<&C::dns_config, &DnsConfig::enable_truncate>("dns_config.enable_truncate", kReload),
    at<&C::dns_config, &DnsConfig::strict_truncate>("dns_config.strict_truncate", kReload),
    at<&C::dns_config, &DnsConfig::multiple_tags>("dns_config.multiple_tags", kReload),
    at<&C::dns_config, &DnsConfig::near>("dns_config.near", kReload),
    at<&C::dns_config, &DnsConfig::disable_compression>("dns_config.disable_compression", kReload),
    at<&C::dns_config, &DnsConfig::enable_additional_node_meta_txt>(
        "dns_config.enable_additional_node_meta_txt", kReload),
    at<&C::dns_config, &DnsConfig::soa, &SoaConfig::refresh>("dns_config.soa.refresh", kReload),
    at<&C::dns_config, &DnsConfig::soa, &SoaConfig::retry>("dns_config.soa.retry", kReload),
    at<&C::dns_config, &DnsConfig::soa, &SoaConfig::expire>("dns_config.soa.expire", kReload),
    at<&C::dns_config, &DnsConfig::soa, &SoaConfig::min_ttl>("dns_config.soa.min_ttl", kReload),
    at<&C::dns_config, &DnsConfig::recursor_strategy>("dns_config.recursor_strategy", kReload),
    at<&C::dns_config, &DnsConfig::recursor_timeout>("dns_config.recursor_timeout", kReload),
    moot<&C::dns_config, &DnsConfig::use_cache>("dns_config.use_cache", kNeverOld),
    moot<&C::dns_config, &DnsConfig::cache_max_age>("dns_config.cache_max_age", kNeverOld),
    enterprise("dns_config.prefer_namespace", Type::kBool),
    at<&C::recursors>("recursors", kReload),

    // Services and checks.
    definitions<&C::services>("service", Type::kObject, service_definition),
    definitions<&C::services>("services", Type::kObjectList, service_definition),
    definitions<&C::checks>("check", Type::kObject, check_definition),
    definitions<&C::checks>("checks", Type::kObjectList, check_definition),
    definitions<&C::watches>("watches", Type::kAnyList, nullptr),
    at<&C::enable_script_checks>("enable_script_checks"),
    at<&D::enable_local_script_checks_set>("enable_local_script_checks"),
    at<&C::check_update_interval>("check_update_interval"),
    at<&C::check_output_max_size>("check_output_max_size"),
    at<&C::discard_check_output>("discard_check_output", kReload),

    // What can be switched off and is not there, or does nothing, anyway.
    always_on<&C::disable_anonymous_signature>("disable_anonymous_signature", kAsksNobody),
    at<&C::disable_coordinates>("disable_coordinates"),
    at<&C::disable_host_node_id>("disable_host_node_id"),
    at<&C::disable_keyring_file>("disable_keyring_file"),
    always_on("disable_remote_exec", "nobody can have programs run here over the network"),
    always_on<&C::disable_update_check>("disable_update_check", kAsksNobody),

    // Access control.
    at<&C::acl, &AclConfig::enabled>("acl.enabled", kLater),
    at<&C::acl, &AclConfig::default_policy>("acl.default_policy", kLater),
    at<&C::acl, &AclConfig::down_policy>("acl.down_policy", kLater),
    at<&C::acl, &AclConfig::enable_token_persistence>("acl.enable_token_persistence", kLater),
    at<&C::acl, &AclConfig::tokens, &AclTokensConfig::initial_management>("acl.tokens.initial_management",
                                                                          kLater),
    at<&C::acl, &AclConfig::tokens, &AclTokensConfig::agent_recovery>("acl.tokens.agent_recovery", kLater),
    at<&C::acl, &AclConfig::tokens, &AclTokensConfig::default_token>("acl.tokens.default", kLater),
    at<&C::acl, &AclConfig::tokens, &AclTokensConfig::agent>("acl.tokens.agent", kLater),
    at<&C::acl, &AclConfig::tokens, &AclTokensConfig::replication>("acl.tokens.replication", kLater),
    at<&C::acl, &AclConfig::tokens, &AclTokensConfig::config_file_service_registration>(
        "acl.tokens.config_file_service_registration", kLater),
    at<&C::acl, &AclConfig::tokens, &AclTokensConfig::dns>("acl.tokens.dns", kLater),
    renamed("acl.tokens.master", Type::kString, "acl.tokens.initial_management"),
    renamed("acl.tokens.agent_master", Type::kString, "acl.tokens.agent_recovery"),
    later("acl.token_ttl", Type::kDuration),
    later("acl.policy_ttl", Type::kDuration),
    later("acl.role_ttl", Type::kDuration),
    later("acl.disabled_ttl", Type::kDuration),
    later("acl.enable_key_list_policy", Type::kBool),
    later("acl.enable_token_replication", Type::kBool),
    enterprise("acl.msp_disable_bootstrap", Type::kBool),
    enterprise("acl.tokens.managed_service_provider", Type::kAnyList),
    // Whoever names the datacenter that keeps the ACLs wants them.
    {{"acl_datacenter", Type::kString},
     Effect::kDeprecated,
     [](Draft& draft, const hcl::Value&) { draft.acl.enabled = true; },
     nullptr,
     nullptr,
     "primary_datacenter"},
    deprecated("acl_enforce_version_8", Type::kBool, ""),
    deprecated("acl_default_policy", Type::kString, "acl.default_policy"),
    deprecated("acl_down_policy", Type::kString, "acl.down_policy"),
    deprecated("acl_ttl", Type::kDuration, "acl.token_ttl"),
    deprecated("acl_token", Type::kString, "acl.tokens.default"),
    deprecated("acl_agent_token", Type::kString, "acl.tokens.agent"),
    deprecated("acl_agent_master_token", Type::kString, "acl.tokens.agent_recovery"),
    deprecated("acl_master_token", Type::kString, "acl.tokens.initial_management"),
    deprecated("acl_replication_token", Type::kString, "acl.tokens.replication"),
    deprecated("acl_enable_key_list_policy", Type::kBool, "acl.enable_key_list_policy"),
    deprecated("enable_acl_replication", Type::kBool, "acl.enable_token_replication"),

    // Mesh.
    at<&C::connect_enabled>("connect.enabled", kLater),
    at<&D::ca_provider>("connect.ca_provider", kLater),
    later("connect.ca_config", Type::kAny),
    at<&D::wan_federation_through_gateways>("connect.enable_mesh_gateway_wan_federation", kLater),
    later("connect.enable_serverless_plugin", Type::kBool),
    later("connect.test_ca_leaf_root_change_spread", Type::kDuration),
    later("config_entries.bootstrap", Type::kAnyList),
    later("default_intention_policy", Type::kString),
    later("enable_central_service_config", Type::kBool),
    later("peering.enabled", Type::kBool),
    at<&D::primary_gateways>("primary_gateways", kLater),
    later("primary_gateways_interval", Type::kDuration),
    later("xds.update_max_per_second", Type::kFloat),

    // Other agents.
    later("retry_join", Type::kStrings),
    later("retry_join_wan", Type::kStrings),
    later("retry_interval", Type::kDuration),
    later("retry_interval_wan", Type::kDuration),
    later("retry_max", Type::kInt),
    later("retry_max_wan", Type::kInt),
    later("start_join", Type::kStrings),
    later("start_join_wan", Type::kStrings),
    later("rejoin_after_leave", Type::kBool),
    at<&D::encrypt>("encrypt", kLater),
    later("encrypt_verify_incoming", Type::kBool),
    later("encrypt_verify_outgoing", Type::kBool),
    later("reconnect_timeout", Type::kDuration),
    later("reconnect_timeout_wan", Type::kDuration),
    at<&D::advertise_reconnect_timeout>("advertise_reconnect_timeout", kLater),
    later("serf_lan", Type::kString),
    later("serf_wan", Type::kString),
    later("serf_lan_allowed_cidrs", Type::kStrings),
    later("serf_wan_allowed_cidrs", Type::kStrings),
    later("server_rejoin_age_max", Type::kDuration),
    later("gossip_lan.gossip_interval", Type::kDuration),
    later("gossip_lan.gossip_nodes", Type::kInt),
    later("gossip_lan.probe_interval", Type::kDuration),
    later("gossip_lan.probe_timeout", Type::kDuration),
    later("gossip_lan.suspicion_mult", Type::kInt),
    later("gossip_lan.retransmit_mult", Type::kInt),
    later("gossip_wan.gossip_interval", Type::kDuration),
    later("gossip_wan.gossip_nodes", Type::kInt),
    later("gossip_wan.probe_interval", Type::kDuration),
    later("gossip_wan.probe_timeout", Type::kDuration),
    later("gossip_wan.suspicion_mult", Type::kInt),
    later("gossip_wan.retransmit_mult", Type::kInt),
    at<&D::auto_config_enabled>("auto_config.enabled", kLater),
    later("auto_config.intro_token", Type::kString),
    later("auto_config.intro_token_file", Type::kString),
    later("auto_config.server_addresses", Type::kStrings),
    later("auto_config.dns_sans", Type::kStrings),
    later("auto_config.ip_sans", Type::kStrings),
    later("auto_config.authorization.enabled", Type::kBool),
    later("auto_config.authorization.static", Type::kAny),
    at<&D::auto_encrypt_tls>("auto_encrypt.tls", kLater),
    at<&D::auto_encrypt_allow_tls>("auto_encrypt.allow_tls", kLater),
    later("auto_encrypt.dns_san", Type::kStrings),
    later("auto_encrypt.ip_san", Type::kStrings),

    // The replicated log.
    later("autopilot.cleanup_dead_servers", Type::kBool),
    later("autopilot.last_contact_threshold", Type::kDuration),
    at<&D::autopilot_max_trailing_logs>("autopilot.max_trailing_logs", kLater),
    later("autopilot.min_quorum", Type::kUint32),
    later("autopilot.server_stabilization_time", Type::kDuration),
    enterprise("autopilot.disable_upgrade_migration", Type::kBool),
    enterprise("autopilot.redundancy_zone_tag", Type::kString),
    enterprise("autopilot.upgrade_version_tag", Type::kString),
    later("performance.leave_drain_time", Type::kDuration),
    later("performance.rpc_hold_timeout", Type::kDuration),
    later("performance.grpc_keepalive_interval", Type::kDuration),
    later("performance.grpc_keepalive_timeout", Type::kDuration),
    later("performance.enable_xds_load_balancing", Type::kBool),
    later("protocol", Type::kInt),
    later("raft_snapshot_threshold", Type::kInt),
    later("raft_snapshot_interval", Type::kDuration),
    later("raft_trailing_logs", Type::kInt),
    later("raft_prevote_disabled", Type::kBool),
    later("raft_boltdb.nofreelistsync", Type::kBool),
    later("raft_logstore.backend", Type::kString),
    later("raft_logstore.disable_log_cache", Type::kBool),
    later("raft_logstore.boltdb.no_freelist_sync", Type::kBool),
    later("raft_logstore.wal.segment_size_mb", Type::kInt),
    later("raft_logstore.verification.enabled", Type::kBool),
    later("raft_logstore.verification.interval", Type::kDuration),
    later("rpc.enable_streaming", Type::kBool),

    // TLS, in both of its spellings.
    later("ca_file", Type::kString),
    later("ca_path", Type::kString),
    later("cert_file", Type::kString),
    later("key_file", Type::kString),
    later("verify_incoming", Type::kBool),
    later("verify_incoming_rpc", Type::kBool),
    later("verify_incoming_https", Type::kBool),
    later("verify_outgoing", Type::kBool),
    later("verify_server_hostname", Type::kBool),
    later("tls_min_version", Type::kString),
    later("tls_cipher_suites", Type::kString),
    later("tls_prefer_server_cipher_suites", Type::kBool),
    later("server_name", Type::kString),
    later("enable_agent_tls_for_checks", Type::kBool),
    later("tls.defaults.ca_file", Type::kString),
    later("tls.defaults.ca_path", Type::kString),
    later("tls.defaults.cert_file", Type::kString),
    later("tls.defaults.key_file", Type::kString),
    later("tls.defaults.verify_incoming", Type::kBool),
    later("tls.defaults.verify_outgoing", Type::kBool),
    later("tls.defaults.verify_server_hostname", Type::kBool),
    later("tls.defaults.tls_min_version", Type::kString),
    later("tls.defaults.tls_cipher_suites", Type::kString),
    refused("tls.defaults.use_auto_cert", Type::kBool, "use_auto_cert is only valid in the tls.grpc stanza"),
    later("tls.internal_rpc.ca_file", Type::kString),
    later("tls.internal_rpc.ca_path", Type::kString),
    later("tls.internal_rpc.cert_file", Type::kString),
    later("tls.internal_rpc.key_file", Type::kString),
    later("tls.internal_rpc.verify_incoming", Type::kBool),
    later("tls.internal_rpc.verify_outgoing", Type::kBool),
    later("tls.internal_rpc.verify_server_hostname", Type::kBool),
    later("tls.internal_rpc.tls_min_version", Type::kString),
    later("tls.internal_rpc.tls_cipher_suites", Type::kString),
    refused("tls.internal_rpc.use_auto_cert", Type::kBool,
            "use_auto_cert is only valid in the tls.grpc stanza"),
    later("tls.https.ca_file", Type::kString),
    later("tls.https.ca_path", Type::kString),
    later("tls.https.cert_file", Type::kString),
    later("tls.https.key_file", Type::kString),
    later("tls.https.verify_incoming", Type::kBool),
    later("tls.https.verify_outgoing", Type::kBool),
    refused("tls.https.verify_server_hostname", Type::kBool,
            "verify_server_hostname is only valid in the tls.defaults and tls.internal_rpc stanzas"),
    later("tls.https.tls_min_version", Type::kString),
    later("tls.https.tls_cipher_suites", Type::kString),
    refused("tls.https.use_auto_cert", Type::kBool, "use_auto_cert is only valid in the tls.grpc stanza"),
    later("tls.grpc.ca_file", Type::kString),
    later("tls.grpc.ca_path", Type::kString),
    later("tls.grpc.cert_file", Type::kString),
    later("tls.grpc.key_file", Type::kString),
    later("tls.grpc.verify_incoming", Type::kBool),
    refused("tls.grpc.verify_outgoing", Type::kBool, "verify_outgoing is not valid in the tls.grpc stanza"),
    refused("tls.grpc.verify_server_hostname", Type::kBool,
            "verify_server_hostname is only valid in the tls.defaults and tls.internal_rpc stanzas"),
    later("tls.grpc.tls_min_version", Type::kString),
    later("tls.grpc.tls_cipher_suites", Type::kString),
    later("tls.grpc.use_auto_cert", Type::kBool),

    // The web UI.
    later("ui_config.enabled", Type::kBool),
    later("ui_config.dir", Type::kString),
    at<&D::ui_content_path>("ui_config.content_path", kLater),
    later("ui_config.metrics_provider", Type::kString),
    later("ui_config.metrics_provider_files", Type::kStrings),
    later("ui_config.metrics_provider_options_json", Type::kString),
    later("ui_config.metrics_proxy.base_url", Type::kString),
    later("ui_config.metrics_proxy.add_headers", Type::kAnyList),
    later("ui_config.metrics_proxy.path_allowlist", Type::kStrings),
    later("ui_config.dashboard_url_templates", Type::kStringMap),
    deprecated("ui", Type::kBool, "ui_config.enabled"),
    deprecated("ui_dir", Type::kString, "ui_config.dir"),
    deprecated("ui_content_path", Type::kString, "ui_config.content_path"),

    // Metrics.
    later("telemetry.enable_host_metrics", Type::kBool),
    always_on("telemetry.retry_failed_connection",
              "the agent starts without its sinks, and connects to them when they are there"),
    always_on("telemetry.disable_compat_1.9", "metrics have no second names of before 1.9"),
    later("telemetry.circonus_api_app", Type::kString, kNoCirconus),
    later("telemetry.circonus_api_token", Type::kString, kNoCirconus),
    later("telemetry.circonus_api_url", Type::kString, kNoCirconus),
    later("telemetry.circonus_broker_id", Type::kString, kNoCirconus),
    later("telemetry.circonus_broker_select_tag", Type::kString, kNoCirconus),
    later("telemetry.circonus_check_display_name", Type::kString, kNoCirconus),
    later("telemetry.circonus_check_force_metric_activation", Type::kString, kNoCirconus),
    later("telemetry.circonus_check_id", Type::kString, kNoCirconus),
    later("telemetry.circonus_check_instance_id", Type::kString, kNoCirconus),
    later("telemetry.circonus_check_search_tag", Type::kString, kNoCirconus),
    later("telemetry.circonus_check_tags", Type::kString, kNoCirconus),
    later("telemetry.circonus_submission_interval", Type::kString, kNoCirconus),
    later("telemetry.circonus_submission_url", Type::kString, kNoCirconus),

    // Limits of what is not there yet.
    later("limits.https_handshake_timeout", Type::kDuration),
    later("limits.rpc_handshake_timeout", Type::kDuration),
    later("limits.rpc_client_timeout", Type::kDuration),
    later("limits.rpc_max_burst", Type::kInt),
    later("limits.rpc_max_conns_per_client", Type::kInt),
    later("limits.rpc_rate", Type::kFloat),
    later("limits.request_limits.mode", Type::kString),
    later("limits.request_limits.read_rate", Type::kFloat),
    later("limits.request_limits.write_rate", Type::kFloat),
    later("cache.entry_fetch_max_burst", Type::kInt),
    later("cache.entry_fetch_rate", Type::kFloat),

    // The rest.
    later("addresses.grpc_tls", Type::kString),
    later("ports.grpc_tls", Type::kInt),
    later("experiments", Type::kStrings),
    later("locality.region", Type::kString),
    later("locality.zone", Type::kString),
    later("snapshot_agent", Type::kAny),
    enterprise("audit", Type::kAny),
    enterprise("license_path", Type::kString),
    enterprise("non_voting_server", Type::kBool),
    enterprise("partition", Type::kString),
    enterprise("read_replica", Type::kBool),
    enterprise("reporting", Type::kAny),
    enterprise("segment", Type::kString),
    enterprise("segments", Type::kObjectList, segment_definition),
};

constexpr std::array<Key, std::size(kKeys)> keys_alone() {
  std::array<Key, std::size(kKeys)> keys{};
  for (std::size_t row = 0; row < keys.size(); ++row) keys[row] = kKeys[row].key;
  return keys;
}

constexpr std::array<Key, std::size(kKeys)> kSchemaKeys = keys_alone();

}  // namespace

const Schema& agent_schema() {
  static const Schema schema(kSchemaKeys);
  return schema;
}

const AgentKey& agent_key(std::size_t row) { return kKeys[row]; }

}  // namespace discovery::config
