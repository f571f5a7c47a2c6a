#include "lib/model/validation.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "lib/base/strings.h"

namespace discovery::model {
namespace {

constexpr std::string_view kWildcard = "*";
constexpr std::string_view kReservedPrefix = "consul-";

using Errors = std::vector<std::string>;

/// One message of many, as Consul lays it out.
Status to_status(const Errors& errors) {
  if (errors.empty()) return {};
  std::string message =
      errors.size() == 1 ? "1 error occurred:" : std::to_string(errors.size()) + " errors occurred:";
  for (const auto& error : errors) message += "\n\t* " + error;
  return invalid_argument(message + "\n\n");
}

/// Where the proxy listens for one upstream.
std::string bind_address(const Upstream& upstream) {
  if (!upstream.local_bind_socket_path.empty()) return upstream.local_bind_socket_path;
  const std::string address =
      upstream.local_bind_address.empty() ? std::string("127.0.0.1") : upstream.local_bind_address;
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(upstream.local_bind_port);
}

std::string upstream_error(const Upstream& upstream) {
  if (upstream.destination_name.empty()) return "upstream destination name cannot be empty";
  if (upstream.destination_name == kWildcard) return "upstream destination name cannot be a wildcard";
  if (upstream.local_bind_port == 0 && upstream.local_bind_socket_path.empty()) {
    return "upstream local bind port or local socket path must be defined and nonzero";
  }
  const auto& type = upstream.destination_type;
  if (!type.empty() && type != "service" && type != "prepared_query")
    return "unknown upstream destination type";
  return {};
}

void check_upstreams(const std::vector<Upstream>& upstreams, Errors& errors) {
  std::set<std::string> addresses;
  std::set<std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>> destinations;
  for (const auto& upstream : upstreams) {
    if (auto error = upstream_error(upstream); !error.empty()) {
      errors.push_back(std::move(error));
      continue;
    }
    const std::string address = bind_address(upstream);
    if (!addresses.insert(address).second) {
      errors.push_back("upstreams cannot contain duplicates by local bind address and port or unix path; " +
                       base::go_quote(address) + " is specified twice");
      continue;
    }
    const auto& [type, space, name, datacenter] =
        std::tie(upstream.destination_type, upstream.destination_namespace, upstream.destination_name,
                 upstream.datacenter);
    if (!destinations.emplace(type, name, space, datacenter).second) {
      errors.push_back("upstreams cannot contain duplicates of [type=" + base::go_quote(type) +
                       ", name=" + base::go_quote(name) + ", namespace=" + base::go_quote(space) +
                       ", datacenter=" + base::go_quote(datacenter) + "]");
    }
  }
}

void check_exposed_paths(const std::vector<ExposePath>& paths, Errors& errors) {
  std::set<std::string_view> known_paths;
  std::set<std::int64_t> known_ports;
  for (const auto& path : paths) {
    if (path.path.empty()) errors.emplace_back("expose.paths: empty path exposed");
    if (!known_paths.insert(path.path).second) errors.emplace_back("expose.paths: duplicate paths exposed");
    if (!known_ports.insert(path.listener_port).second) {
      errors.emplace_back("expose.paths: duplicate listener ports exposed");
    }
    if (path.listener_port <= 0 || path.listener_port > 65535) {
      errors.push_back("expose.paths: invalid listener port: " + std::to_string(path.listener_port));
    }
    const std::string protocol = base::to_lower(path.protocol);
    if (!protocol.empty() && protocol != "http" && protocol != "http2") {
      errors.push_back("protocol '" + protocol + "' not supported for path: " + path.path +
                       ", must be in: [http http2]");
    }
  }
}

void check_proxy(const ServiceInstance& service, const ConnectProxy& proxy, Errors& errors) {
  if (base::trim(proxy.destination_service_name).empty()) {
    errors.emplace_back("Proxy.DestinationServiceName must be non-empty for Connect proxy services");
  }
  if (proxy.destination_service_name == kWildcard) {
    errors.emplace_back("Proxy.DestinationServiceName must not be a wildcard for Connect proxy services");
  }
  if (service.port == 0 && service.socket_path.empty()) {
    errors.emplace_back("Port or SocketPath must be set for a Connect proxy");
  }
  if (service.connect.native) {
    errors.emplace_back("A Proxy cannot also be Connect Native, only typical services");
  }
  check_upstreams(proxy.upstreams, errors);
  check_exposed_paths(proxy.expose.paths, errors);
}

void check_gateway(const ServiceInstance& service, const ConnectProxy& proxy, Errors& errors) {
  if (service.port == 0) errors.push_back("Port must be non-zero for a " + service.kind);
  const auto refuse = [&](bool set, const char* field) {
    if (set)
      errors.push_back(std::string("The Proxy.") + field + " configuration is invalid for a " + service.kind);
  };
  refuse(!proxy.destination_service_name.empty(), "DestinationServiceName");
  refuse(!proxy.destination_service_id.empty(), "DestinationServiceID");
  refuse(!proxy.local_service_address.empty(), "LocalServiceAddress");
  refuse(proxy.local_service_port != 0, "LocalServicePort");
  refuse(!proxy.local_service_socket_path.empty(), "LocalServiceSocketPath");
  refuse(!proxy.upstreams.empty(), "Upstreams");
}

bool is_meta_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string meta_error(std::string_view key, std::string_view value) {
  if (key.empty()) return "Key cannot be blank";
  if (!std::all_of(key.begin(), key.end(), is_meta_character)) return "Key contains invalid characters";
  if (key.size() > kMaxMetaKeySize) {
    return "Key is too long (limit: " + std::to_string(kMaxMetaKeySize) + " characters)";
  }
  if (key.starts_with(kReservedPrefix)) {
    return "Key prefix '" + std::string(kReservedPrefix) + "' is reserved for internal use";
  }
  if (value.size() > kMaxMetaValueSize) {
    return "Value is too long (limit: " + std::to_string(kMaxMetaValueSize) + " characters)";
  }
  return {};
}

}  // namespace

bool is_check_status(std::string_view status) {
  return status == kPassing || status == kWarning || status == kCritical;
}

bool is_any_address(std::string_view address) {
  return address == "0.0.0.0" || address == "::" || address == "[::]";
}

Status validate_service(const ServiceInstance& service) {
  if (service.kind.empty()) return {};
  const ConnectProxy none;
  const ConnectProxy& proxy = service.proxy ? *service.proxy : none;
  Errors errors;
  if (service.kind == "connect-proxy") {
    check_proxy(service, proxy, errors);
  } else if (service.kind == "mesh-gateway" || service.kind == "terminating-gateway" ||
             service.kind == "ingress-gateway") {
    check_gateway(service, proxy, errors);
  }
  return to_status(errors);
}

Status validate_sidecar(std::string_view parent_kind, bool has_id, bool has_sidecar) {
  Errors errors;
  if (parent_kind.ends_with("-gateway"))
    errors.push_back("A " + std::string(parent_kind) + " cannot have a sidecar service defined");
  if (has_id) errors.emplace_back("A SidecarService cannot specify an ID as this is managed by the agent");
  if (has_sidecar) errors.emplace_back("A SidecarService cannot have a nested SidecarService");
  return to_status(errors);
}

Status validate_meta(const Labels& meta) {
  if (meta.size() > kMaxMetaPairs) {
    return invalid_argument("Node metadata cannot contain more than " + std::to_string(kMaxMetaPairs) +
                            " key/value pairs");
  }
  for (const auto& [key, value] : meta) {
    if (const auto error = meta_error(key, value); !error.empty()) {
      return invalid_argument("Couldn't load metadata pair ('" + key + "', '" + value + "'): " + error);
    }
  }
  return {};
}

Status validate_weights(const Weights& weights) {
  if (weights.passing < 1) return invalid_argument("Passing must be greater than 0");
  if (weights.warning < 0) return invalid_argument("Warning must be greater or equal than 0");
  if (weights.passing > kMaxWeight || weights.warning > kMaxWeight) {
    return invalid_argument("DNS Weight must be between 0 and " + std::to_string(kMaxWeight));
  }
  return {};
}

}  // namespace discovery::model
