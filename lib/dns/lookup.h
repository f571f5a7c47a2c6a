#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/dns/domain_name.h"
#include "lib/dns/ip_address.h"
#include "lib/dns/message.h"
#include "lib/dns/options.h"
#include "lib/model/query.h"

namespace discovery::dns {

/// `[TAG.]SVC.service[.DC]`, `_SVC._TAG[.service][.DC]`, `SVC.connect[.DC]`, `SVC.ingress[.DC]`.
struct ServiceLookup {
  std::string service;
  std::vector<std::string> tags;  ///< an instance has all of them
  model::ServiceRole role = model::ServiceRole::kPlain;
  std::string datacenter;
};

/// `NODE.node[.DC]`.
struct NodeLookup {
  std::string node;
  std::string datacenter;
};

/// `HEX.addr[.DC]`: the address is in the name itself. None: not of an address's length, which is no error.
struct AddressLookup {
  std::optional<IpAddress> address;
};

/// A name below `arpa`. None: it spells no whole address.
struct ReverseLookup {
  std::optional<IpAddress> address;
};

/// A name of the zone that nothing can be behind.
struct NoSuchName {};

/// A name of somebody else's zone.
struct ForeignName {};

using Lookup = std::variant<ServiceLookup, NodeLookup, AddressLookup, ReverseLookup, NoSuchName, ForeignName>;

/// What a name stands for
/// (https://developer.hashicorp.com/consul/docs/services/discovery/dns-static-lookups). Names are taken in
/// lower case; a datacenter is always filled in. Pure.
Lookup parse_lookup(const DomainName& name, Type type, const Zone& zone);

}  // namespace discovery::dns
