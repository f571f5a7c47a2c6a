#include "daemon/config/resolve.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "daemon/config/schema.h"
#include "lib/base/base64.h"
#include "lib/base/strings.h"
#include "lib/model/validation.h"

namespace discovery::config {
namespace {

constexpr std::string_view kUnixPrefix = "unix://";
constexpr int kMaxPort = 65535;

bool is_unix(const std::string& address) { return address.starts_with(kUnixPrefix); }

/// The words of a text.
std::vector<std::string> fields(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  std::vector<std::string> out;
  for (std::size_t begin = text.find_first_not_of(kSpace); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, begin), text.size());
    out.emplace_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kSpace, end);
  }
  return out;
}

/// Reads the texts of addresses and gathers what is wrong with them.
class Addresses {
 public:
  Addresses(const Host& host, std::vector<std::string>& problems) : host_(host), problems_(problems) {}

  /// Any number of IP addresses and sockets.
  std::vector<std::string> all(const std::string& key, const std::string& text) {
    std::vector<std::string> addresses = fields(expanded(key, text).value_or(""));
    for (std::string& address : addresses) {
      if (address == "[::]") address = "::";
      if (is_unix(address) || agent::ip_version(address) != 0) continue;
      problems_.push_back(key + ": invalid ip address: " + address);
      return {};
    }
    return addresses;
  }

  /// At most one IP address; empty if there is none.
  std::string one_ip(const std::string& key, const std::string& text) {
    const std::vector<std::string> addresses = all(key, text);
    if (addresses.empty()) return "";
    if (addresses.size() > 1) {
      std::string list;
      for (const std::string& address : addresses) list += " " + address;
      problems_.push_back(key + ": multiple addresses found:" + list);
    } else if (is_unix(addresses.front())) {
      problems_.push_back(key + " cannot be a unix socket");
    }
    return addresses.front();
  }

  /// The text with what its templates choose of the machine's addresses; nothing if they cannot be read.
  std::optional<std::string> expanded(const std::string& key, const std::string& text) {
    if (!is_address_template(text)) return text;
    if (!interfaces_) interfaces_ = host_.interfaces();
    Result<std::string> filled =
        interfaces_->ok() ? expand_address_template(text, **interfaces_) : interfaces_->status();
    if (filled.ok()) return *std::move(filled);
    problems_.push_back(key + ": error parsing " + base::go_quote(text) + ": " +
                        std::string(filled.status().message()));
    return std::nullopt;
  }

 private:
  const Host& host_;
  std::optional<Result<std::vector<InterfaceAddress>>> interfaces_;
  std::vector<std::string>& problems_;
};

/// Ports of 0 and less are off.
void resolve_ports(agent::PortsConfig& ports, std::vector<std::string>& problems) {
  const std::pair<std::string_view, int*> all[] = {
      {"dns", &ports.dns},
      {"http", &ports.http},
      {"https", &ports.https},
      {"server", &ports.server},
      {"grpc", &ports.grpc},
      {"serf_lan", &ports.serf_lan},
      {"serf_wan", &ports.serf_wan},
      {"proxy_min_port", &ports.proxy_min_port},
      {"proxy_max_port", &ports.proxy_max_port},
      {"sidecar_min_port", &ports.sidecar_min_port},
      {"sidecar_max_port", &ports.sidecar_max_port},
      {"expose_min_port", &ports.expose_min_port},
      {"expose_max_port", &ports.expose_max_port},
  };
  for (const auto& [name, port] : all) {
    if (*port <= 0) *port = agent::kPortOff;
    if (*port > kMaxPort)
      problems.push_back("ports." + std::string(name) + ": invalid port: " + std::to_string(*port));
  }
}

Status resolve_bind_address(Draft& draft, Addresses& addresses) {
  const std::optional<std::string> text = addresses.expanded("bind_addr", draft.bind_addr);
  if (!text) return {};
  const std::vector<std::string> found = fields(*text);
  if (found.empty()) return invalid_argument("bind_addr cannot be empty");
  if (found.size() > 1) {
    return invalid_argument(
        "bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.");
  }
  if (is_unix(found.front())) return invalid_argument("bind_addr cannot be a unix socket");
  draft.bind_addr = found.front() == "[::]" ? "::" : found.front();
  if (agent::ip_version(draft.bind_addr) == 0) return invalid_argument("bind_addr must be an ip address");
  return {};
}

/// The machine's own address in place of the one that stands for all interfaces.
Result<std::string> detect(const std::string& any, const Host& host) {
  const bool is_v4 = agent::ip_version(any) == 4;
  const std::string_view what = is_v4 ? "private IPv4" : "public IPv6";
  const Result<std::vector<std::string>> found = is_v4 ? host.private_ipv4() : host.public_ipv6();
  if (!found.ok()) {
    return invalid_argument("Error detecting " + std::string(what) +
                            " address: " + std::string(found.status().message()));
  }
  if (found->empty()) {
    return invalid_argument("No " + std::string(what) +
                            " address found; say which one to use with -bind or -advertise");
  }
  if (found->size() > 1) {
    return invalid_argument("Multiple " + std::string(what) +
                            " addresses found. Please configure one with 'bind' and/or 'advertise'.");
  }
  return found->front();
}

/// Writes the address of one version of IP into the tagged addresses: the one that is given, or the general
/// one.
Status tag_version(Draft& draft, Addresses& addresses, const std::string& tag, const std::string& key,
                   const std::string& text, const std::string& general, int version) {
  std::string address = addresses.one_ip(key, text);
  if (!address.empty() && agent::ip_version(address) != version) {
    return invalid_argument(key + " must be an ipv" + std::to_string(version) + " address");
  }
  if (address.empty() && agent::ip_version(general) == version) address = general;
  if (!address.empty()) draft.tagged_addresses[tag + "_ipv" + std::to_string(version)] = address;
  return {};
}

Status resolve_advertised(Draft& draft, Addresses& addresses, const Host& host) {
  if (model::is_any_address(draft.advertise_addr)) {
    return invalid_argument("Advertise address cannot be 0.0.0.0, :: or [::]");
  }
  if (model::is_any_address(draft.advertise_addr_wan)) {
    return invalid_argument("Advertise WAN address cannot be 0.0.0.0, :: or [::]");
  }
  std::string lan = addresses.one_ip("advertise_addr", draft.advertise_addr);
  if (lan.empty()) lan = draft.bind_addr;
  if (model::is_any_address(lan)) {
    Result<std::string> detected = detect(lan, host);
    if (!detected.ok()) return detected.status();
    lan = std::move(*detected);
  }
  std::string wan = addresses.one_ip("advertise_addr_wan", draft.advertise_addr_wan);
  if (wan.empty()) wan = lan;
  draft.tagged_addresses["lan"] = lan;
  draft.tagged_addresses["wan"] = wan;
  for (const Status& status :
       {tag_version(draft, addresses, "lan", "advertise_addr_ipv4", draft.advertise_ipv4_text, lan, 4),
        tag_version(draft, addresses, "lan", "advertise_addr_ipv6", draft.advertise_ipv6_text, lan, 6),
        tag_version(draft, addresses, "wan", "advertise_addr_wan_ipv4", draft.advertise_wan_ipv4_text, wan,
                    4),
        tag_version(draft, addresses, "wan", "advertise_addr_wan_ipv6", draft.advertise_wan_ipv6_text, wan,
                    6)}) {
    if (!status.ok()) return status;
  }
  draft.advertise_addr = std::move(lan);
  draft.advertise_addr_wan = std::move(wan);
  return {};
}

void resolve_listeners(Draft& draft, Addresses& addresses, std::vector<std::string>& problems) {
  draft.client_addr = addresses.all("client_addr", draft.client_text);
  if (std::any_of(draft.client_addr.begin(), draft.client_addr.end(), is_unix)) {
    problems.emplace_back("client_addr cannot be a unix socket");
  }
  const auto listeners = [&](const std::string& key, const std::string& text) {
    std::vector<std::string> own = addresses.all(key, text);
    return own.empty() ? draft.client_addr : own;
  };
  draft.addresses.dns = listeners("addresses.dns", draft.dns_text);
  draft.addresses.http = listeners("addresses.http", draft.http_text);
  draft.addresses.https = listeners("addresses.https", draft.https_text);
  draft.addresses.grpc = listeners("addresses.grpc", draft.grpc_text);
}

/// Each name server once.
Status resolve_recursors(Draft& draft, Addresses& addresses) {
  std::vector<std::string> unique;
  for (const std::string& text : draft.recursors) {
    for (std::string& address : fields(addresses.expanded("recursors", text).value_or(""))) {
      if (is_unix(address)) return invalid_argument("DNS Recursors cannot be unix sockets: " + address);
      if (std::find(unique.begin(), unique.end(), address) == unique.end())
        unique.push_back(std::move(address));
    }
  }
  draft.recursors = std::move(unique);
  return {};
}

Status resolve_identity(Draft& draft, const Host& host) {
  draft.node_name = std::string(base::trim(draft.node_name));
  if (draft.node_name.empty()) {
    const Result<std::string> name = host.hostname();
    if (!name.ok()) return invalid_argument("node_name: " + std::string(name.status().message()));
    draft.node_name = std::string(base::trim(*name));
  }
  if (const Result<std::string> name = host.hostname(); name.ok())
    draft.telemetry.host_name = base::trim(*name);
  draft.node_id = base::to_lower(draft.node_id);
  draft.datacenter = base::to_lower(draft.datacenter);
  draft.primary_datacenter = base::to_lower(draft.primary_datacenter);
  if (draft.primary_datacenter.empty()) draft.primary_datacenter = draft.datacenter;
  for (std::string* domain : {&draft.domain, &draft.alt_domain}) {
    *domain = base::to_lower(*domain);
    if (!domain->empty() && !domain->ends_with('.')) *domain += '.';
  }
  return {};
}

/// Levels come in any case, and ERR is short for ERROR.
std::string canonical_level(std::string level) {
  std::transform(level.begin(), level.end(), level.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return level == "ERR" ? "ERROR" : level;
}

void resolve_defaults(Draft& draft, std::vector<std::string>& warnings) {
  if (draft.bootstrap_expect == 1) {
    draft.bootstrap = true;
    draft.bootstrap_expect = 0;
    warnings.emplace_back("BootstrapExpect is set to 1; this is the same as Bootstrap mode.");
  }
  draft.leave_on_terminate = draft.leave_on_terminate_set.value_or(!draft.server);
  draft.skip_leave_on_interrupt = draft.skip_leave_on_interrupt_set.value_or(draft.server);
  draft.enable_local_script_checks =
      draft.enable_local_script_checks_set.value_or(draft.enable_script_checks);
  draft.log_level = canonical_level(draft.log_level);
}

Status check_ui_path(const std::string& text) {
  const std::size_t begin = text.find_first_not_of('/');
  const std::string inner =
      begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of('/') - begin + 1);
  const std::string path = text.empty() ? "/ui/" : "/" + inner + "/";
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '/';
  };
  if (!std::all_of(path.begin(), path.end(), is_allowed)) {
    return invalid_argument("ui-content-path can only contain alphanumeric, -, _, or /. received: " +
                            base::go_quote(path));
  }
  const bool is_version =
      inner.size() > 1 && inner[0] == 'v' && inner.find_first_not_of("0123456789", 1) == std::string::npos;
  if (is_version) {
    return invalid_argument("ui-content-path cannot have 'v[0-9]'. received: " + base::go_quote(path));
  }
  return {};
}

Status check_federation(const Draft& draft) {
  if (!draft.wan_federation_through_gateways) return {};
  if (!draft.connect_enabled) {
    return invalid_argument(
        "'connect.enable_mesh_gateway_wan_federation=true' requires 'connect.enabled=true'");
  }
  if (!draft.server) {
    return invalid_argument("'connect.enable_mesh_gateway_wan_federation = true' requires 'server = true'");
  }
  if (draft.node_name.find('/') != std::string::npos) {
    return invalid_argument(
        "'connect.enable_mesh_gateway_wan_federation = true' requires that 'node_name' not contain '/' "
        "characters");
  }
  return {};
}

Status check_server_or_client(const Draft& draft) {
  if (!draft.primary_gateways.empty() && !draft.server) {
    return invalid_argument("'primary_gateways' requires 'server = true'");
  }
  if (!draft.primary_gateways.empty() && draft.primary_datacenter == draft.datacenter) {
    return invalid_argument("'primary_gateways' should only be configured in a secondary datacenter");
  }
  if (draft.auto_config_enabled && draft.server) {
    return invalid_argument("auto_config.enabled cannot be set to true for server agents.");
  }
  if (draft.auto_config_enabled && draft.auto_encrypt_tls) {
    return invalid_argument("both auto_encrypt.tls and auto_config.enabled cannot be set to true.");
  }
  if (draft.server && draft.auto_encrypt_tls) {
    return invalid_argument("auto_encrypt.tls can only be used on a client.");
  }
  if (!draft.server && draft.auto_encrypt_allow_tls) {
    return invalid_argument("auto_encrypt.allow_tls can only be used on a server.");
  }
  if (draft.server && draft.advertise_reconnect_timeout != Duration::zero()) {
    return invalid_argument("advertise_reconnect_timeout can only be used on a client");
  }
  return {};
}

}  // namespace

Result<agent::Config> resolve(Draft draft, const Host& host, std::vector<std::string> problems,
                              std::vector<std::string>& warnings) {
  Addresses addresses(host, problems);
  resolve_ports(draft.ports, problems);
  if (Status status = resolve_identity(draft, host); !status.ok()) return status;
  if (Status status = resolve_bind_address(draft, addresses); !status.ok()) return status;
  if (Status status = resolve_advertised(draft, addresses, host); !status.ok()) return status;
  resolve_listeners(draft, addresses, problems);
  if (Status status = resolve_recursors(draft, addresses); !status.ok()) return status;
  resolve_defaults(draft, warnings);
  std::string& strategy = draft.dns_config.recursor_strategy;
  if (strategy.empty()) strategy = "sequential";
  if (strategy != "sequential" && strategy != "random") {
    problems.push_back("dns_config.recursor_strategy: invalid strategy: " + base::go_quote(strategy));
  }
  if (!problems.empty()) return invalid_argument(join_errors(problems));
  if (Status status = check_keys_not_in_force(draft); !status.ok()) return status;
  return static_cast<agent::Config&&>(draft);
}

Status check_keys_not_in_force(const Draft& draft) {
  if (Status status = check_ui_path(draft.ui_content_path); !status.ok()) return status;
  if (draft.autopilot_max_trailing_logs < 0) {
    return invalid_argument("autopilot.max_trailing_logs cannot be " +
                            std::to_string(draft.autopilot_max_trailing_logs) +
                            ". Must be greater than or equal to zero");
  }
  if (const Result<std::string> key = base::decode_base64(draft.encrypt); !key.ok()) {
    return invalid_argument("encrypt has invalid key: " + std::string(key.status().message()));
  }
  if (Status status = check_federation(draft); !status.ok()) return status;
  constexpr std::array<std::string_view, 4> kProviders = {"", "consul", "vault", "aws-pca"};
  if (std::find(kProviders.begin(), kProviders.end(), draft.ca_provider) == kProviders.end()) {
    return invalid_argument(draft.ca_provider + " is not a valid CA provider");
  }
  return check_server_or_client(draft);
}

}  // namespace discovery::config
