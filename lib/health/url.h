#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <discovery/status.h>

namespace discovery::health {

/// The parts of an "http" or "https" URL that a request needs (RFC 3986).
struct Url {
  bool tls = false;
  std::string host;        ///< without brackets
  std::uint16_t port = 0;  ///< the scheme's where it was left out
  std::string authority;   ///< "host" or "host:port" as it was written, for the Host field
  std::string target;      ///< path and query; at least "/"
  std::string user_info;   ///< "user:password", decoded; empty if there is none

  /// "https://host:port/path?query"
  std::string to_string() const;
};

/// Parses a URL. kInvalidArgument. Pure.
Result<Url> parse_url(std::string_view text);

/// What a redirection from `base` to `location` leads to (RFC 3986, section 5.2). kInvalidArgument. Pure.
Result<Url> resolve_url(const Url& base, std::string_view location);

/// Splits "host:port" or "[host]:port". kInvalidArgument with the texts of Go's net package. Pure.
Result<std::pair<std::string, std::uint16_t>> split_host_port(std::string_view text);

}  // namespace discovery::health
