#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

namespace discovery::config {

/// One address of one interface of the machine.
struct InterfaceAddress {
  std::string name{};     ///< of the interface, as in "eth0"
  std::string address{};  ///< without the zone
  int prefix = 0;         ///< length of its network's prefix in bits
  bool up = false, loopback = false, broadcast = false, multicast = false, point_to_point = false;
  bool is_default = false;  ///< the default route leads there
};

/// Whether a text holds a template.
bool is_address_template(std::string_view text);

/// Fills in the templates ({{ ... }}) of a text, which choose addresses of the machine as go-sockaddr's do
/// (https://pkg.go.dev/github.com/hashicorp/go-sockaddr/template): GetPrivateIP(s), GetPublicIP(s),
/// GetInterfaceIP(s) "name", GetAllInterfaces, GetDefaultInterfaces, GetPrivateInterfaces and
/// GetPublicInterfaces, and behind a bar include, exclude, sort, unique, limit, offset, attr and join. Where
/// nothing fits, the result is empty. Pure. Errors: kInvalidArgument, with what cannot be read.
Result<std::string> expand_address_template(std::string_view text,
                                            const std::vector<InterfaceAddress>& machine);

}  // namespace discovery::config
