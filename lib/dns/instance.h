#pragma once

/// \file
/// How DNS sees nodes and instances: which of their addresses counts, their health and their metadata. Pure.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "lib/dns/domain_name.h"
#include "lib/dns/ip_address.h"
#include "lib/dns/message.h"
#include "lib/dns/options.h"
#include "lib/model/records.h"

namespace discovery::dns {

/// The address that a node or an instance is reached at: an IP address or a host's name.
using Address = std::variant<IpAddress, DomainName>;

/// Where an instance is reached.
struct InstanceAddress {
  enum class Kind : std::uint8_t {
    kNone,   ///< nowhere that can be put into DNS
    kNode,   ///< at its node's address: the node's name stands for it
    kOther,  ///< at an IP address or host of its own
  };
  Kind kind = Kind::kNone;
  Address address;
};

/// A node's address for questions of a type. What is neither an IP address nor a domain name comes as the
/// root.
Address node_address(const model::Node& node, Type type, const Options& options);

/// An instance's address for questions of a type under the name `question`, asked for in a datacenter.
InstanceAddress instance_address(const model::CheckServiceNode& instance, Type type,
                                 const DomainName& question, const std::string& datacenter,
                                 const Options& options);

/// An instance's own address as text, which may be empty, and its port, as they are seen from here.
std::string service_address_text(const model::ServiceInstance& service, const std::string& datacenter,
                                 const Options& options);
std::uint16_t service_port(const model::ServiceInstance& service, const std::string& datacenter,
                           const Options& options);

/// Whether the checks let an instance into answers.
bool is_usable(const model::CheckServiceNode& instance, bool only_passing);

/// The weight in SRV records, by the state of the checks.
std::uint16_t srv_weight(const model::CheckServiceNode& instance);

/// A node's metadata as TXT records, each pair one: "key=value" quoted as RFC 1464 says, or only the value
/// where the key begins with "rfc1035-". In the order of the keys.
std::vector<Record> node_text_records(const model::Node& node, const DomainName& owner, std::uint32_t ttl);

}  // namespace discovery::dns
