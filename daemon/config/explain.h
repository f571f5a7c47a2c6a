#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace discovery::config {

/// A message in the words of Consul, followed by lines that say where the mistake is and what to do about it,
/// as far as that is known:
///
///     bind_addr must be an ip address
///         where: agent.hcl:7
///         to do: give an IP address such as 10.0.0.1, not a name
///
/// Pure.
std::string explained(std::string message, const std::vector<std::string>& places);

/// The message of an explained one. Pure.
std::string_view without_explanation(std::string_view explained);

}  // namespace discovery::config
