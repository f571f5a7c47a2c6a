#pragma once

/// \file
/// The endpoints of the HTTP API, version 1, by family; the table in routes.cc says which path leads to
/// which. Each does what Consul's documentation says of its path
/// (https://developer.hashicorp.com/consul/api-docs).

#include "lib/http/reply.h"
#include "lib/http/request.h"

namespace discovery::http::v1 {

/// \name Key/value store (.../api-docs/kv)
/// @{
/// GET, PUT, DELETE /v1/kv/:key: one key, or with `recurse` or `keys` all below a prefix.
void kv(Request& request, Reply reply);
/// @}

/// \name Transactions (.../api-docs/txn)
/// @{
/// PUT /v1/txn: several operations of which all happen or none.
void txn(Request& request, Reply reply);
/// @}

/// \name Sessions (.../api-docs/session)
/// @{
/// PUT /v1/session/create: makes one; with `while-connected` it ends with the connection at the latest.
void session_create(Request& request, Reply reply);
/// PUT /v1/session/destroy/:id: ends one.
void session_destroy(Request& request, Reply reply);
/// PUT /v1/session/renew/:id: puts off its end by its TTL.
void session_renew(Request& request, Reply reply);
/// GET /v1/session/info/:id: it, or nothing.
void session_info(Request& request, Reply reply);
/// GET /v1/session/list: all of them.
void session_list(Request& request, Reply reply);
/// GET /v1/session/node/:node: those of a node.
void session_node(Request& request, Reply reply);
/// @}

/// \name Catalog (.../api-docs/catalog)
/// @{
/// PUT /v1/catalog/register: makes or changes a node with a service and checks.
void catalog_register(Request& request, Reply reply);
/// PUT /v1/catalog/deregister: removes a node, a service or a check.
void catalog_deregister(Request& request, Reply reply);
/// GET /v1/catalog/datacenters: the names of the known datacenters.
void catalog_datacenters(Request& request, Reply reply);
/// GET /v1/catalog/nodes: all nodes.
void catalog_nodes(Request& request, Reply reply);
/// GET /v1/catalog/services: all service names with their tags.
void catalog_services(Request& request, Reply reply);
/// GET /v1/catalog/service/:service: its instances.
void catalog_service(Request& request, Reply reply);
/// GET /v1/catalog/connect/:service: those that speak for it in the mesh.
void catalog_connect(Request& request, Reply reply);
/// GET /v1/catalog/node/:node: the node and its services, as an object by id.
void catalog_node(Request& request, Reply reply);
/// GET /v1/catalog/node-services/:node: the node and its services, as a list.
void catalog_node_services(Request& request, Reply reply);
/// GET /v1/catalog/gateway-services/:gateway: the services bound to it; so far none.
void catalog_gateway_services(Request& request, Reply reply);
/// @}

/// \name Health (.../api-docs/health)
/// @{
/// GET /v1/health/node/:node: its checks.
void health_node(Request& request, Reply reply);
/// GET /v1/health/checks/:service: the checks of its instances.
void health_checks(Request& request, Reply reply);
/// GET /v1/health/state/:state: the checks in that state, or `any`.
void health_state(Request& request, Reply reply);
/// GET /v1/health/service/:service: its instances with node and checks.
void health_service(Request& request, Reply reply);
/// GET /v1/health/connect/:service: as health_service(), of those that speak for it in the mesh.
void health_connect(Request& request, Reply reply);
/// GET /v1/health/ingress/:service: as health_service(), of the ingress gateways that expose it.
void health_ingress(Request& request, Reply reply);
/// @}

/// \name Network coordinates (.../api-docs/coordinate)
/// @{
/// GET /v1/coordinate/datacenters: the servers of each datacenter with their coordinates.
void coordinate_datacenters(Request& request, Reply reply);
/// GET /v1/coordinate/nodes: the nodes' coordinates.
void coordinate_nodes(Request& request, Reply reply);
/// GET /v1/coordinate/node/:node: those of one node.
void coordinate_node(Request& request, Reply reply);
/// PUT /v1/coordinate/update: sets one of a node.
void coordinate_update(Request& request, Reply reply);
/// @}

/// \name Events (.../api-docs/event)
/// @{
/// PUT /v1/event/fire/:name: fires an event with the body as its payload.
void event_fire(Request& request, Reply reply);
/// GET /v1/event/list: the latest events that were meant for this node.
void event_list(Request& request, Reply reply);
/// @}

/// \name Status (.../api-docs/status)
/// @{
/// GET /v1/status/leader: the leader's address, or an empty string.
void status_leader(Request& request, Reply reply);
/// GET /v1/status/peers: the servers' addresses.
void status_peers(Request& request, Reply reply);
/// @}

/// \name This agent (.../api-docs/agent)
/// @{
/// GET /v1/agent/self: who this agent is.
void agent_self(Request& request, Reply reply);
/// GET /v1/agent/members: the members of its gossip pool.
void agent_members(Request& request, Reply reply);
/// PUT /v1/agent/reload: reads the configuration anew.
void agent_reload(Request& request, Reply reply);
/// PUT /v1/agent/leave: leaves the pool and ends.
void agent_leave(Request& request, Reply reply);
/// PUT /v1/agent/join/:address: joins the pool of another agent.
void agent_join(Request& request, Reply reply);
/// PUT /v1/agent/force-leave/:node: takes a failed member for one that has left.
void agent_force_leave(Request& request, Reply reply);
/// GET /v1/agent/host: what the machine is.
void agent_host(Request& request, Reply reply);
/// GET /v1/agent/version: which version of Consul this agent speaks.
void agent_version(Request& request, Reply reply);
/// GET /v1/agent/metrics: what was measured in the last interval, or all so far for Prometheus.
void agent_metrics(Request& request, Reply reply);
/// GET /v1/agent/metrics/stream: the same for each interval to come.
void agent_metrics_stream(Request& request, Reply reply);
/// GET /v1/agent/monitor: the log from now on.
void agent_monitor(Request& request, Reply reply);
/// GET /v1/agent/services: its services, by id.
void agent_services(Request& request, Reply reply);
/// GET /v1/agent/service/:id: one of them; waits while it has the hash of `?hash`.
void agent_service(Request& request, Reply reply);
/// GET /v1/agent/checks: its checks, by id.
void agent_checks(Request& request, Reply reply);
/// PUT /v1/agent/service/register: adds or replaces a service.
void agent_service_register(Request& request, Reply reply);
/// PUT /v1/agent/service/deregister/:id: removes one with its checks.
void agent_service_deregister(Request& request, Reply reply);
/// PUT /v1/agent/check/register: adds a check.
void agent_check_register(Request& request, Reply reply);
/// PUT /v1/agent/check/deregister/:id: removes one.
void agent_check_deregister(Request& request, Reply reply);
/// PUT /v1/agent/service/maintenance/:id: takes one out of service, or lets it back.
void agent_service_maintenance(Request& request, Reply reply);
/// PUT /v1/agent/maintenance: the same for the node.
void agent_maintenance(Request& request, Reply reply);
/// GET /v1/agent/health/service/id/:id: its health, which the status tells as well (200, 429 or 503).
void agent_health_by_id(Request& request, Reply reply);
/// GET /v1/agent/health/service/name/:name: that of all services of a name; the status is that of the worst.
void agent_health_by_name(Request& request, Reply reply);
/// GET /v1/agent/check/:id/history: the latest changes of its state, and what happens next.
void agent_check_history(Request& request, Reply reply);
/// PUT /v1/agent/check/pass/:id: reports a TTL check as passing.
void agent_check_pass(Request& request, Reply reply);
/// PUT /v1/agent/check/warn/:id: reports it as warning.
void agent_check_warn(Request& request, Reply reply);
/// PUT /v1/agent/check/fail/:id: reports it as critical.
void agent_check_fail(Request& request, Reply reply);
/// PUT /v1/agent/check/update/:id: reports the state and output that the body names.
void agent_check_update(Request& request, Reply reply);
/// @}

/// \name What is there only to say that it is not
/// @{
/// All of ACLs, while they are off.
void acl_disabled(Request& request, Reply reply);
/// One prepared query, whose paths look at their methods themselves.
void query_specific(Request& request, Reply reply);
/// The profiler of Go's runtime.
void debug_pprof(Request& request, Reply reply);
/// @}

}  // namespace discovery::http::v1
