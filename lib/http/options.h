#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <discovery/types.h>

namespace discovery::http {

/// How the HTTP API behaves; the names are those of Consul's configuration
/// (https://developer.hashicorp.com/consul/docs/agent/config/config-files#http_config).
struct Options {
  std::string datacenter;  ///< this agent's; shown in its views and filled into registrations that name none
  std::string node_name;   ///< this agent's; what `?near=_agent` means

  bool pretty = false;            ///< indent JSON also when the request does not ask for it, as `-dev` does
  bool acl_default_allow = true;  ///< what X-Consul-Default-Acl-Policy says
  bool translate_addresses = false;   ///< says so in a header
  bool use_cache = true;              ///< whether `?cached` has a meaning
  bool use_streaming_backend = true;  ///< what watched health queries report as their backend
  bool refuse_unprintable_paths = true;
  bool coordinates = true;  ///< whether there are network coordinates; if not, their endpoints answer 401
  Duration discovery_max_stale{};  ///< catalog and health reads are stale up to this by default; 0: not
  Duration max_query_time = std::chrono::minutes(10);  ///< the longest `?wait`; what is longer is cut

  std::vector<std::pair<std::string, std::string>>
      response_headers;                       ///< added to every answer of an endpoint
  std::vector<std::string> block_endpoints;   ///< path prefixes that answer 403
  std::vector<std::string> allow_write_from;  ///< networks ("10.0.0.0/8") that may write; empty: all
  bool refuse_browser_writes = false;         ///< whether a BrowserGuard looks at writes
  std::vector<std::string> trusted_origins;   ///< of which it takes them

  std::uint64_t kv_max_value_size = 512U << 10;  ///< bytes; over it 413
  std::uint64_t txn_max_req_len = 512U << 10;    ///< bytes of a transaction's body; over it 413
  std::size_t txn_max_operations = 64;           ///< of one transaction; over it 413
  std::uint64_t max_body_size = 2U << 20;        ///< bytes of any other body; over it 413

  /// The longest body of a transaction: it may always hold one value.
  std::uint64_t max_txn_size() const noexcept { return std::max(txn_max_req_len, kv_max_value_size); }
};

}  // namespace discovery::http
