#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>

#include "lib/env/env.h"

namespace discovery::env {
namespace {

bool is_ip_address(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace

std::string Endpoint::to_string() const {
  if (is_unix()) return "unix://" + address;
  const std::string number = std::to_string(port);
  if (address.find(':') != std::string::npos) return "[" + address + "]:" + number;
  return address + ":" + number;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t default_port) {
  Endpoint endpoint{std::string(text), default_port};
  const std::size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  // Without brackets the port of an IPv6 address could not be told from its last part.
  const bool has_port =
      colon != std::string_view::npos && (bracketed ? text[colon - 1] == ']' : text.find(':') == colon);
  if (has_port) {
    const std::string_view port = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
    endpoint.address = text.substr(0, colon);
  }
  if (bracketed && endpoint.address.ends_with(']')) {
    endpoint.address = endpoint.address.substr(1, endpoint.address.size() - 2);
  }
  if (!is_ip_address(endpoint.address)) return std::nullopt;
  return endpoint;
}

}  // namespace discovery::env
