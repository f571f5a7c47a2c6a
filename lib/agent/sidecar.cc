#include "lib/agent/sidecar.h"

#include <chrono>
#include <memory>
#include <utility>

namespace discovery::agent {
namespace {

using model::CheckSpec;
using model::ConnectProxy;
using model::ServiceInstance;
using model::ServiceSpec;

constexpr std::string_view kSuffix = "-sidecar-proxy";
constexpr const char* kLoopback = "127.0.0.1";

/// How the proxy reaches its parent, and whom it stands for.
std::shared_ptr<const ConnectProxy> complete_proxy(const ServiceInstance& sidecar,
                                                   const ServiceInstance& parent) {
  ConnectProxy proxy = sidecar.proxy ? *sidecar.proxy : ConnectProxy();
  if (proxy.destination_service_name.empty()) proxy.destination_service_name = parent.name.str();
  if (proxy.destination_service_id.empty()) proxy.destination_service_id = parent.id.str();
  const bool placed = !proxy.local_service_address.empty() && proxy.local_service_port >= 1;
  if (proxy.local_service_socket_path.empty() && !placed) {
    if (!parent.socket_path.empty()) {
      proxy.local_service_socket_path = parent.socket_path.str();
    } else {
      if (proxy.local_service_address.empty()) proxy.local_service_address = kLoopback;
      if (proxy.local_service_port < 1) proxy.local_service_port = parent.port;
    }
  }
  return std::make_shared<const ConnectProxy>(std::move(proxy));
}

}  // namespace

std::string sidecar_id(std::string_view parent_id) { return std::string(parent_id) + std::string(kSuffix); }

std::string_view parent_of_sidecar(std::string_view id) {
  return id.ends_with(kSuffix) ? id.substr(0, id.size() - kSuffix.size()) : std::string_view();
}

std::vector<std::string> sidecar_check_ids(const ServiceSpec& parent) {
  std::vector<std::string> ids;
  if (!parent.sidecar) return ids;
  const std::string_view parent_id = parent.service.id.empty() ? parent.service.name : parent.service.id;
  const std::string made_up = "service:" + sidecar_id(parent_id);
  const std::vector<CheckSpec>& checks = parent.sidecar->checks;
  const std::size_t count = checks.empty() ? 2 : checks.size();
  for (std::size_t at = 0; at < count; ++at) {
    if (at < checks.size() && !checks[at].id.empty()) {
      ids.push_back(checks[at].id);
    } else {
      ids.push_back(count == 1 ? made_up : made_up + ":" + std::to_string(at + 1));
    }
  }
  return ids;
}

ServiceSpec expand_sidecar(const ServiceSpec& parent) {
  const ServiceInstance& above = parent.service;
  const model::SidecarSpec& nested = *parent.sidecar;
  ServiceSpec sidecar;
  ServiceInstance& service = sidecar.service;
  service = nested.service;
  service.id = sidecar_id(above.id);
  if (service.name.empty()) service.name = above.name.str() + std::string(kSuffix);
  if (service.kind.empty()) service.kind = "connect-proxy";
  if (service.tags.empty()) service.tags = above.tags;
  if (service.meta.empty()) service.meta = above.meta;
  if (service.address.empty()) service.address = above.address;
  service.weights = nested.weights.value_or(above.weights);
  service.proxy = complete_proxy(service, above);
  sidecar.checks = nested.checks;
  sidecar.token = nested.token.empty() ? parent.token : nested.token;
  sidecar.replace_existing_checks = parent.replace_existing_checks;
  sidecar.origin = parent.origin;
  sidecar.is_sidecar = true;
  return sidecar;
}

void add_default_checks(ServiceSpec& sidecar, std::string_view parent_id) {
  if (!sidecar.checks.empty()) return;
  std::string address = sidecar.service.address.str();
  if (address.empty() && sidecar.service.proxy) address = sidecar.service.proxy->local_service_address;
  if (address.empty()) address = kLoopback;
  if (address.find(':') != std::string::npos) address = "[" + address + "]";
  CheckSpec& listening = sidecar.checks.emplace_back();
  listening.name = "Connect Sidecar Listening";
  listening.tcp = address + ":" + std::to_string(sidecar.service.port);
  listening.interval = std::chrono::seconds(10);
  CheckSpec& alias = sidecar.checks.emplace_back();
  alias.name = "Connect Sidecar Aliasing " + std::string(parent_id);
  alias.alias_service = parent_id;
}

Result<int> choose_sidecar_port(const SidecarPorts& ports, std::optional<int> former,
                                const std::function<bool(int)>& is_used) {
  const std::string none = "no port provided for sidecar_service and ";
  if (ports.min < 1 || ports.max < 1) return invalid_argument(none + "auto-assignment disabled in config");
  if (former && *former >= ports.min && *former <= ports.max) return *former;
  for (int port = ports.min; port <= ports.max; ++port) {
    if (!is_used(port)) return port;
  }
  return invalid_argument(none + "none left in the configured range [" + std::to_string(ports.min) + ", " +
                          std::to_string(ports.max) + "]");
}

}  // namespace discovery::agent
