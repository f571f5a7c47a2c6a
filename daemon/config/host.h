#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <discovery/status.h>

#include "daemon/config/address_template.h"

namespace discovery::config {

/// What the configuration asks of the machine; tests answer in its place. The functions may block for a
/// moment.
struct Host {
  std::function<Result<std::string>()> hostname;
  /// Addresses of interfaces that are up, from the private ranges (RFC 1918 and RFC 6598).
  std::function<Result<std::vector<std::string>>()> private_ipv4;
  /// The same, of global scope and not unique-local.
  std::function<Result<std::vector<std::string>>()> public_ipv6;
  /// How many files this process may open at most; nothing if there is no limit.
  std::function<std::optional<std::uint64_t>()> max_open_files;
  /// The addresses of all interfaces: what templates choose from.
  std::function<Result<std::vector<InterfaceAddress>>()> interfaces;
};

/// The machine that this runs on.
Host this_host();

}  // namespace discovery::config
