#pragma once

/// \file
/// The configuration of an agent as a value. Names, meanings and defaults are those of Consul's configuration
/// (https://developer.hashicorp.com/consul/docs/agent/config/config-files); only keys that something here
/// makes use of have a member.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/hcl/value.h"

namespace discovery::agent {

/// The port of a listener that is off.
inline constexpr int kPortOff = -1;

/// Where each listener listens: IP addresses, and "unix:///path" except for DNS. Empty: at
/// Config::client_addr.
struct AddressesConfig {
  std::vector<std::string> dns, http, https, grpc;
};

/// 1 to 65535, or kPortOff.
struct PortsConfig {
  int dns = 8600;  ///< UDP and TCP
  int http = 8500;
  int https = kPortOff;
  int grpc = kPortOff;
  int server = 8300;
  int serf_lan = 8301;
  int serf_wan = 8302;
  // From where to where the agent chooses ports for proxies.
  int proxy_min_port = 20000, proxy_max_port = 20255;
  int sidecar_min_port = 21000, sidecar_max_port = 21255;
  int expose_min_port = 21500, expose_max_port = 21755;
};

/// Who owns Unix sockets that the agent makes; empty members leave it to the system.
struct UnixSocketsConfig {
  std::string user, group;  ///< a name or a number
  std::string mode;         ///< octal digits
};

struct LimitsConfig {
  int http_max_conns_per_client = 200;  ///< open connections from one IP address; 0 or less: no limit
  std::size_t http_max_conns = 65536;   ///< in all; no key of Consul's, follows from the open files allowed
  std::uint64_t kv_max_value_size = 512 << 10;  ///< bytes
  std::uint64_t txn_max_req_len = 512 << 10;    ///< bytes of a transaction's body
  std::uint64_t txn_max_operations = 64;        ///< of one transaction
};

struct HttpConfig {
  std::vector<std::string> block_endpoints;             ///< prefixes of paths that answer 403
  std::map<std::string, std::string> response_headers;  ///< added to every answer
  std::vector<std::string> allow_write_http_from;       ///< networks (CIDR) that may write; empty: all
  bool refuse_browser_writes = false;                   ///< whether pages of other origins may not write
  std::vector<std::string> trusted_origins;  ///< whose pages may all the same: "https://ui.example.com"
  bool use_cache = true;                     ///< whether `?cached` has a meaning
  int max_header_bytes = 0;                  ///< of a request; 0 or less: the server's default
};

/// What the zone's SOA record says, in seconds.
struct SoaConfig {
  std::uint32_t refresh = 3600, retry = 600, expire = 86400, min_ttl = 0;
};

struct DnsConfig {
  bool allow_stale = true;
  Duration max_stale = std::chrono::hours(87600);
  Duration node_ttl{};
  std::map<std::string, Duration> service_ttl;  ///< by name; "prefix*" and "*" stand for many
  bool only_passing = false;
  int udp_answer_limit = 3;
  int a_record_limit = 0;  ///< 0: no limit
  bool enable_truncate = false;
  bool strict_truncate = false;  ///< ours: TC on every UDP answer that lacks something
  bool multiple_tags = false;    ///< ours: "a.b.web.service.consul" asks for both tags
  std::string near;              ///< ours: order by distance from this node; "_agent" for the agent's own
  bool disable_compression = false;
  bool enable_additional_node_meta_txt = true;
  SoaConfig soa{};
  Duration recursor_timeout = std::chrono::seconds(2);  ///< for each of the recursors
  std::string recursor_strategy = "sequential";         ///< or "random"
  bool use_cache = false;                               ///< changes nothing: answers are never out of date
  Duration cache_max_age{};                             ///< the same
};

/// What is measured, and under which names.
struct TelemetryConfig {
  Duration prometheus_retention_time{};     ///< 0: no metrics in Prometheus' format
  std::string metrics_prefix = "consul";    ///< of all names
  bool disable_hostname = false;            ///< whether gauges' names lack the host's
  std::string host_name{};                  ///< found out at the start; no key
  std::vector<std::string> prefix_filter;   ///< "+a.b" and "-a.b": which names are gathered
  bool filter_default = true;               ///< whether those are that no rule fits
  std::string statsd_address;               ///< "host:port" of UDP that values are sent to; empty: none
  std::string statsite_address;             ///< the same of TCP
  std::string dogstatsd_addr;               ///< the same of UDP, for who understands tags
  std::vector<std::string> dogstatsd_tags;  ///< of all that is sent there: "name:value"
};

/// Tokens that the agent uses itself, or makes known to the servers; any text, not only UUIDs.
struct AclTokensConfig {
  std::string initial_management, agent_recovery, default_token, agent, replication;
  std::string config_file_service_registration, dns;
};

struct AclConfig {
  bool enabled = false;
  std::string default_policy = "allow";  ///< or "deny"
  std::string down_policy = "extend-cache";
  bool enable_token_persistence = false;
  AclTokensConfig tokens{};
};

/// A definition of a service or check, with the keys of configuration files (snake_case). `check` and
/// `checks`, single and repeated blocks, lists and objects all have the one form their key has; durations are
/// text.
struct Definition {
  std::string where;  ///< the file with the line, as in "web.hcl:3"; what messages call it
  hcl::Value value;   ///< an object
};

/// Everything an agent is told at its start.
/// Threads: a value; distinct objects may be used by distinct threads.
struct Config {
  std::string node_name;  ///< must be set
  std::string node_id;    ///< a UUID in lower case; empty: made once and kept in data_dir
  std::map<std::string, std::string> node_meta;
  std::string datacenter = "dc1";  ///< lower case
  std::string primary_datacenter;  ///< empty: this one
  std::string domain = "consul.";  ///< of DNS
  std::string alt_domain;          ///< a second one; empty: none

  bool dev_mode = false;  ///< a server in memory that elects itself, for a developer's machine
  bool server = false;
  bool bootstrap = false;    ///< elects itself
  int bootstrap_expect = 0;  ///< waits for that many servers before the first election; 0: does not
  std::string data_dir;      ///< must be set except in dev_mode
  int raft_multiplier = 5;   ///< scales the timing of elections, 1 to 10
  int raft_protocol = 3;

  std::string bind_addr = "0.0.0.0";                    ///< of the ports between agents
  std::string advertise_addr, advertise_addr_wan;       ///< where others find this agent; empty: bind_addr
  std::map<std::string, std::string> tagged_addresses;  ///< "lan", "lan_ipv4", "wan" ... -> address
  bool translate_wan_addrs = false;
  std::vector<std::string> client_addr = {"127.0.0.1"};
  AddressesConfig addresses{};
  PortsConfig ports{};
  UnixSocketsConfig unix_sockets{};
  std::vector<std::string> recursors;  ///< "address" or "address:port"

  std::string log_level = "INFO";  ///< TRACE, DEBUG, INFO, WARN or ERROR
  bool log_json = false;
  std::string log_file;  ///< empty: none; a directory ends in '/'
  Duration log_rotate_duration = std::chrono::hours(24);
  std::int64_t log_rotate_bytes = 0;  ///< 0: no limit
  int log_rotate_max_files = 0;       ///< 0: all are kept, -1: none
  bool enable_syslog = false;         ///< whether the system's log is written to as well
  std::string syslog_facility = "LOCAL0";
  std::string pid_file;
  bool auto_reload_config = false;  ///< whether a change of the configuration's files reloads them

  Duration default_query_time = std::chrono::seconds(300);
  Duration max_query_time = std::chrono::seconds(600);
  Duration discovery_max_stale{};
  Duration session_ttl_min = std::chrono::seconds(10);
  bool use_streaming_backend = true;
  LimitsConfig limits{};
  HttpConfig http_config{};
  DnsConfig dns_config{};
  AclConfig acl{};
  bool connect_enabled = false;
  TelemetryConfig telemetry{};
  bool enable_debug = false;

  bool leave_on_terminate = true;        ///< whether SIGTERM means to leave the cluster in good order
  bool skip_leave_on_interrupt = false;  ///< whether SIGINT means not to
  bool disable_anonymous_signature = false;
  bool disable_coordinates = false;
  bool disable_host_node_id = true;
  bool disable_http_unprintable_char_filter = false;
  bool disable_keyring_file = false;
  bool disable_remote_exec = true;
  bool disable_update_check = false;

  bool enable_script_checks = false;        ///< checks may run programs
  bool enable_local_script_checks = false;  ///< those may that are defined in configuration files
  Duration check_update_interval = std::chrono::minutes(5);  ///< how long a change of output alone may wait
  int check_output_max_size = 4096;                          ///< bytes
  bool discard_check_output = false;

  std::vector<Definition> services, checks;
  std::vector<Definition> watches;  ///< with the keys as they were written
};

/// 4 or 6 for the text of an IP address, 0 for anything else. Pure.
int ip_version(const std::string& address);

/// Whether `name` may be that of a datacenter: lower-case letters, digits, '-' and '_', at least one. Pure.
bool is_valid_datacenter(std::string_view name);

/// Checks what no single key can tell: names, addresses, ranges, and what contradicts what. Returns warnings
/// about what is allowed but hardly meant. Pure: files and the network are not looked at. Errors:
/// kInvalidArgument with Consul's text for the first thing that is wrong.
Result<std::vector<std::string>> validate(const Config& config);

}  // namespace discovery::agent
