#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/dns/domain_name.h"
#include "lib/dns/ip_address.h"

namespace discovery::dns {

/// What the zone's SOA record says
/// (https://developer.hashicorp.com/consul/docs/agent/config/config-files#soa); seconds.
struct SoaTimes {
  std::uint32_t refresh = 3600;
  std::uint32_t retry = 600;
  std::uint32_t expire = 86400;
  std::uint32_t min_ttl = 0;  ///< also the TTL of the SOA record itself
};

/// The port of name servers (RFC 1035, section 4.2).
inline constexpr std::uint16_t kDomainPort = 53;

/// Where a name server listens.
struct ServerAddress {
  IpAddress ip;
  std::uint16_t port = kDomainPort;
  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};

/// The name servers that know other zones
/// (https://developer.hashicorp.com/consul/docs/agent/config/config-files#recursors).
struct RecursorOptions {
  std::vector<ServerAddress> servers;          ///< none: other zones are refused
  Duration timeout = std::chrono::seconds(2);  ///< how long each of them has
  bool shuffled = false;                       ///< try them in random order, else as they stand
};

/// How DNS answers are made
/// (https://developer.hashicorp.com/consul/docs/agent/config/config-files#dns_config).
struct Options {
  std::string domain = "consul";
  std::string alt_domain;  ///< empty: none
  std::string datacenter = "dc1";
  Duration node_ttl{};
  /// TTLs by service; a key that ends in '*' stands for all names with that prefix, and the longest one
  /// counts.
  std::map<std::string, Duration> service_ttl;
  bool only_passing = false;           ///< leave out instances in state warning as well
  std::uint32_t udp_answer_limit = 3;  ///< answers to a UDP client without EDNS, at most kMaxUdpAnswers
  std::uint32_t a_record_limit = 0;    ///< instances in an answer other than SRV; 0: no limit
  bool enable_truncate = false;        ///< say so (TC) when answers did not fit
  /// Say so whenever a UDP client does not get all there is, for whatever reason; over TCP it does.
  bool strict_truncate = false;
  /// Every label before the service is a tag, and an instance must have all of them; else they are one tag,
  /// dots included.
  bool multiple_tags = false;
  std::string
      near;  ///< a node: instances come in the order of their distance from it. Empty: in random order
  bool disable_compression = false;
  bool node_meta_txt = true;  ///< a node's metadata as TXT records, also where nobody asked for them
  bool translate_wan_addrs = false;
  bool allow_stale = true;  ///< any server may answer
  Duration max_stale = std::chrono::hours(87600);
  SoaTimes soa;
  RecursorOptions recursors;
  std::string token;  ///< with which the catalog is asked

  /// What Consul caps udp_answer_limit at.
  static constexpr std::uint32_t kMaxUdpAnswers = 8;
};

/// Options, checked and with their names ready for use. Threads: immutable once made.
class Zone {
 public:
  /// kInvalidArgument: a domain that is no domain name.
  static Result<Zone> make(Options options);

  const Options& options() const noexcept { return options_; }
  const DomainName& domain() const noexcept { return domain_; }
  /// The root where there is none.
  const DomainName& alt_domain() const noexcept { return alt_domain_; }
  /// "consul.", as the ends of names are spelled.
  const std::string& domain_text() const noexcept { return domain_text_; }
  /// In seconds.
  std::uint32_t node_ttl() const noexcept;
  std::uint32_t service_ttl(std::string_view service) const;

 private:
  Zone() = default;

  Options options_;
  DomainName domain_;
  DomainName alt_domain_;
  std::string domain_text_;
};

}  // namespace discovery::dns
