#pragma once

/// \file
/// A check as a caller defines it on its agent
/// (https://developer.hashicorp.com/consul/api-docs/agent/check#register-check), and what has become of one.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::model {

/// Where a definition came from.
enum class Origin : std::uint8_t {
  kApi,     ///< from a caller; kept under the data directory, if there is one
  kConfig,  ///< from a configuration file, which is read again at the next start
};

/// What a check does. The names are those of its `Type`.
enum class CheckKind : std::uint8_t {
  kTtl,
  kHttp,
  kTcp,
  kUdp,
  kScript,
  kDocker,
  kAlias,
  kGrpc,
  kH2Ping,
  kOsService,
  kMaintenance,
};

/// A check. Which fields are set decides its kind; where several are, the first in the order of kind()
/// counts.
struct CheckSpec {
  std::string id;  ///< empty: made from the service's id, or the name
  std::string name;
  std::string notes;
  std::string service_id;
  std::string status;  ///< the state at the start; empty: critical
  std::string token;

  Duration ttl{};                 ///< TTL: critical unless reported within this
  std::vector<std::string> args;  ///< script: a program and its arguments
  std::string shell;              ///< what a container runs `args` with
  std::string docker_container_id;
  std::string http;  ///< HTTP: a URL
  std::map<std::string, std::vector<std::string>> header;
  std::string method;  ///< empty: GET
  std::string body;
  bool disable_redirects = false;
  std::string tcp;  ///< "host:port", as udp
  std::string udp;
  std::string h2ping;
  bool h2ping_use_tls = true;
  std::string grpc;  ///< "host:port/service"
  bool grpc_use_tls = false;
  std::string os_service;
  std::string alias_node;
  std::string alias_service;
  std::string tls_server_name;
  bool tls_skip_verify = false;

  Duration interval{};
  Duration timeout{};                        ///< 0: the kind's default
  std::int64_t success_before_passing = 0;   ///< so many successes in a row make it passing
  std::int64_t failures_before_warning = 0;  ///< the same of failures; 0: as failures_before_critical
  std::int64_t failures_before_critical = 0;
  Duration
      deregister_critical_service_after{};  ///< its service goes when it was critical for so long; 0: never
  std::int64_t output_max_size = 0;         ///< longer outputs are cut; 0: the agent's default
  Origin origin = Origin::kApi;

  bool operator==(const CheckSpec&) const = default;

  CheckKind kind() const;
  /// Whether it runs at an interval. An alias follows its target instead.
  bool runs() const;
};

/// The word for a kind in a check's `Type`. Pure.
std::string_view type_name(CheckKind kind);

/// Whether a definition makes sense. kInvalidArgument with Consul's text. Pure.
Status validate(const CheckSpec& spec);

/// What was seen when a check changed its state.
struct Evidence {
  std::int32_t code = 0;          ///< HTTP status, or exit code; 0 where there is none
  std::uint32_t consecutive = 0;  ///< results of this kind in a row, this one included
  Duration latency{};             ///< of the probe; 0 where nothing was probed
  std::string output;             ///< its beginning
};

/// One change of a check's state.
struct CheckTransition {
  std::chrono::system_clock::time_point time;
  std::string from;  ///< empty: it was registered
  std::string to;
  Evidence evidence;
  std::string next;  ///< what followed from it, in words
};

/// What has become of a check, the oldest change first.
struct CheckHistory {
  std::string check_id;
  std::string service_id;
  std::string status;
  std::uint32_t consecutive_successes = 0;
  std::uint32_t consecutive_failures = 0;
  std::uint64_t forgotten = 0;  ///< older changes that are no longer kept
  std::vector<CheckTransition> transitions;
  std::vector<std::string> next;  ///< what happens next, in words
};

}  // namespace discovery::model
