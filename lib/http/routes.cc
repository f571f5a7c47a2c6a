#include "lib/http/router.h"
#include "lib/http/v1/endpoints.h"

namespace discovery::http {
namespace {

constexpr std::uint8_t bit(Method method) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(method));
}

constexpr std::uint8_t kGetBit = bit(Method::kGet);
constexpr std::uint8_t kPutBit = bit(Method::kPut);
constexpr std::uint8_t kPostBit = bit(Method::kPost);
constexpr std::uint8_t kDeleteBit = bit(Method::kDelete);

constexpr Methods kAny{};
constexpr Methods kGet{kGetBit, "GET"};
constexpr Methods kPut{kPutBit, "PUT"};
constexpr Methods kPost{kPostBit, "POST"};
constexpr Methods kDelete{kDeleteBit, "DELETE"};
constexpr Methods kGetPut{kGetBit | kPutBit, "GET,PUT"};
constexpr Methods kGetPost{kGetBit | kPostBit, "GET,POST"};
constexpr Methods kGetDelete{kGetBit | kDeleteBit, "GET,DELETE"};
constexpr Methods kGetPutDelete{kGetBit | kPutBit | kDeleteBit, "GET,PUT,DELETE"};
constexpr Methods kAllFour{kGetBit | kPostBit | kPutBit | kDeleteBit, "GET,POST,PUT,DELETE"};

constexpr Endpoint* kLater = nullptr;

constexpr Route kRoutes[] = {
    {"/v1/acl/auth-method", kPut, v1::acl_disabled},
    {"/v1/acl/auth-method/", kGetPutDelete, v1::acl_disabled},
    {"/v1/acl/auth-methods", kGet, v1::acl_disabled},
    {"/v1/acl/binding-rule", kPut, v1::acl_disabled},
    {"/v1/acl/binding-rule/", kGetPutDelete, v1::acl_disabled},
    {"/v1/acl/binding-rules", kGet, v1::acl_disabled},
    {"/v1/acl/bootstrap", kPut, v1::acl_disabled},
    {"/v1/acl/clone/", kPut, v1::acl_disabled},
    {"/v1/acl/create", kPut, v1::acl_disabled},
    {"/v1/acl/destroy/", kPut, v1::acl_disabled},
    {"/v1/acl/info/", kGet, v1::acl_disabled},
    {"/v1/acl/list", kGet, v1::acl_disabled},
    {"/v1/acl/login", kPost, v1::acl_disabled},
    {"/v1/acl/logout", kPost, v1::acl_disabled},
    {"/v1/acl/policies", kGet, v1::acl_disabled},
    {"/v1/acl/policy", kPut, v1::acl_disabled},
    {"/v1/acl/policy/", kGetPutDelete, v1::acl_disabled},
    {"/v1/acl/policy/name/", kGet, v1::acl_disabled},
    {"/v1/acl/replication", kGet, v1::acl_disabled},
    {"/v1/acl/role", kPut, v1::acl_disabled},
    {"/v1/acl/role/", kGetPutDelete, v1::acl_disabled},
    {"/v1/acl/role/name/", kGet, v1::acl_disabled},
    {"/v1/acl/roles", kGet, v1::acl_disabled},
    {"/v1/acl/rules/translate", kPost, v1::acl_disabled},
    {"/v1/acl/rules/translate/", kGet, v1::acl_disabled},
    {"/v1/acl/token", kPut, v1::acl_disabled},
    {"/v1/acl/token/", kGetPutDelete, v1::acl_disabled},
    {"/v1/acl/token/self", kGet, v1::acl_disabled},
    {"/v1/acl/tokens", kGet, v1::acl_disabled},
    {"/v1/acl/update", kPut, v1::acl_disabled},
    {"/v1/internal/acl/authorize", kPost, v1::acl_disabled},

    {"/v1/agent/check/", kAny, v1::agent_check_history},
    {"/v1/agent/check/deregister/", kPut, v1::agent_check_deregister},
    {"/v1/agent/check/fail/", kPut, v1::agent_check_fail},
    {"/v1/agent/check/pass/", kPut, v1::agent_check_pass},
    {"/v1/agent/check/register", kPut, v1::agent_check_register},
    {"/v1/agent/check/update/", kPut, v1::agent_check_update},
    {"/v1/agent/check/warn/", kPut, v1::agent_check_warn},
    {"/v1/agent/checks", kGet, v1::agent_checks},
    {"/v1/agent/connect/authorize", kPost, kLater},
    {"/v1/agent/connect/ca/leaf/", kGet, kLater},
    {"/v1/agent/connect/ca/roots", kGet, kLater},
    {"/v1/agent/force-leave/", kPut, v1::agent_force_leave},
    {"/v1/agent/health/service/id/", kGet, v1::agent_health_by_id},
    {"/v1/agent/health/service/name/", kGet, v1::agent_health_by_name},
    {"/v1/agent/host", kGet, v1::agent_host},
    {"/v1/agent/join/", kPut, v1::agent_join},
    {"/v1/agent/leave", kPut, v1::agent_leave},
    {"/v1/agent/maintenance", kPut, v1::agent_maintenance},
    {"/v1/agent/members", kGet, v1::agent_members},
    {"/v1/agent/metrics", kGet, v1::agent_metrics},
    {"/v1/agent/metrics/stream", kGet, v1::agent_metrics_stream},
    {"/v1/agent/monitor", kGet, v1::agent_monitor},
    {"/v1/agent/reload", kPut, v1::agent_reload},
    {"/v1/agent/self", kGet, v1::agent_self},
    {"/v1/agent/service/", kGet, v1::agent_service},
    {"/v1/agent/service/deregister/", kPut, v1::agent_service_deregister},
    {"/v1/agent/service/maintenance/", kPut, v1::agent_service_maintenance},
    {"/v1/agent/service/register", kPut, v1::agent_service_register},
    {"/v1/agent/services", kGet, v1::agent_services},
    {"/v1/agent/token/", kPut, v1::acl_disabled},
    {"/v1/agent/version", kGet, v1::agent_version},

    {"/v1/catalog/connect/", kGet, v1::catalog_connect},
    {"/v1/catalog/datacenters", kGet, v1::catalog_datacenters},
    {"/v1/catalog/deregister", kPut, v1::catalog_deregister},
    {"/v1/catalog/gateway-services/", kGet, v1::catalog_gateway_services},
    {"/v1/catalog/node-services/", kGet, v1::catalog_node_services},
    {"/v1/catalog/node/", kGet, v1::catalog_node},
    {"/v1/catalog/nodes", kGet, v1::catalog_nodes},
    {"/v1/catalog/register", kPut, v1::catalog_register},
    {"/v1/catalog/service/", kGet, v1::catalog_service},
    {"/v1/catalog/services", kGet, v1::catalog_services},

    {"/v1/config", kPut, kLater},
    {"/v1/config/", kGetDelete, kLater},
    {"/v1/connect/ca/configuration", kGetPut, kLater},
    {"/v1/connect/ca/roots", kGet, kLater},
    {"/v1/connect/intentions", kGetPost, kLater},
    {"/v1/connect/intentions/", kGetPutDelete, kLater},
    {"/v1/connect/intentions/check", kGet, kLater},
    {"/v1/connect/intentions/exact", kGetPutDelete, kLater},
    {"/v1/connect/intentions/match", kGet, kLater},
    {"/v1/coordinate/datacenters", kGet, v1::coordinate_datacenters},
    {"/v1/coordinate/node/", kGet, v1::coordinate_node},
    {"/v1/coordinate/nodes", kGet, v1::coordinate_nodes},
    {"/v1/coordinate/update", kPut, v1::coordinate_update},
    {"/v1/discovery-chain/", kGetPost, kLater},
    {"/v1/event/fire/", kPut, v1::event_fire},
    {"/v1/event/list", kGet, v1::event_list},

    {"/v1/health/checks/", kGet, v1::health_checks},
    {"/v1/health/connect/", kGet, v1::health_connect},
    {"/v1/health/ingress/", kGet, v1::health_ingress},
    {"/v1/health/node/", kGet, v1::health_node},
    {"/v1/health/service/", kGet, v1::health_service},
    {"/v1/health/state/", kGet, v1::health_state},

    {"/v1/internal/federation-state/", kGet, kLater},
    {"/v1/internal/federation-states", kGet, kLater},
    {"/v1/internal/federation-states/mesh-gateways", kGet, kLater},
    {"/v1/internal/ui/gateway-intentions/", kGet, kLater},
    {"/v1/internal/ui/gateway-services-nodes/", kGet, kLater},
    {"/v1/internal/ui/metrics-proxy/", kGet, kLater},
    {"/v1/internal/ui/node/", kGet, kLater},
    {"/v1/internal/ui/nodes", kGet, kLater},
    {"/v1/internal/ui/service-topology/", kGet, kLater},
    {"/v1/internal/ui/services", kGet, kLater},

    {"/v1/kv/", kGetPutDelete, v1::kv},

    {"/v1/operator/autopilot/configuration", kGetPut, kLater},
    {"/v1/operator/autopilot/health", kGet, kLater},
    {"/v1/operator/autopilot/state", kGet, kLater},
    {"/v1/operator/keyring", kAllFour, kLater},
    {"/v1/operator/raft/configuration", kGet, kLater},
    {"/v1/operator/raft/peer", kDelete, kLater},
    {"/v1/query", kGetPost, kLater},
    {"/v1/query/", kAny, v1::query_specific},
    {"/v1/session/create", kPut, v1::session_create},
    {"/v1/session/destroy/", kPut, v1::session_destroy},
    {"/v1/session/info/", kGet, v1::session_info},
    {"/v1/session/list", kGet, v1::session_list},
    {"/v1/session/node/", kGet, v1::session_node},
    {"/v1/session/renew/", kPut, v1::session_renew},
    {"/v1/snapshot", kGetPut, kLater},
    {"/v1/status/leader", kGet, v1::status_leader},
    {"/v1/status/peers", kGet, v1::status_peers},
    {"/v1/txn", kPut, v1::txn},

    {"/debug/pprof/", kAny, v1::debug_pprof},
};

}  // namespace

std::span<const Route> routes() { return kRoutes; }

}  // namespace discovery::http
