#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <discovery/status.h>

namespace discovery::remote {

/// Where an agent serves its HTTP API.
struct ServerUrl {
  bool tls = false;
  std::string host{};  ///< empty: a Unix socket
  std::uint16_t port = 0;
  std::string socket{};     ///< the path of a Unix socket
  std::string authority{};  ///< the Host field
  std::string prefix{};     ///< what comes before "/v1", without a slash at the end
  std::string text{};       ///< as it was written
};

/// Reads "http://host:port/prefix", "https://..." or "unix:///path". kInvalidArgument, also for a URL with a
/// user or a query. Pure.
Result<ServerUrl> parse_server_url(std::string_view text);

}  // namespace discovery::remote
