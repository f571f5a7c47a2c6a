#pragma once

/// \file
/// The field lists of the catalog's records: Consul's names and omissions, one list for JSON, MessagePack and
/// filters.

#include <type_traits>

#include "lib/model/filter_samples.h"
#include "lib/model/records.h"

namespace discovery::model {

template <class Archive>
void describe_indexes(Archive& archive, auto& index) {
  archive.field("CreateIndex", index.create, {.hidden_from_filter = true});
  archive.field("ModifyIndex", index.modify, {.hidden_from_filter = true});
}

template <class Archive, codec::Described<Node> R>
void describe(Archive& archive, R& node) {
  archive.field("ID", node.id);
  archive.field("Node", node.name);
  archive.field("Address", node.address);
  archive.field("Datacenter", node.datacenter);
  archive.field("TaggedAddresses", node.tagged_addresses, {.null_if_empty = true});
  archive.field("Meta", node.meta, {.null_if_empty = true});
  describe_indexes(archive, node.index);
}

template <class Archive, codec::Described<ServiceAddress> R>
void describe(Archive& archive, R& address) {
  archive.field("Address", address.address);
  archive.field("Port", address.port);
}

/// Weights that are there at all are 0 where they say nothing, as a Go struct that is decoded.
template <class Archive, codec::Described<Weights> R>
void describe(Archive& archive, R& weights) {
  if constexpr (!std::is_const_v<R>) weights = {.passing = 0, .warning = 0};
  archive.field("Passing", weights.passing);
  archive.field("Warning", weights.warning);
}

template <class Archive, codec::Described<MeshGateway> R>
void describe(Archive& archive, R& gateway) {
  archive.field("Mode", gateway.mode, {.omit_empty = true});
}

template <class Archive, codec::Described<ExposePath> R>
void describe(Archive& archive, R& path) {
  archive.field("ListenerPort", path.listener_port, {.omit_empty = true, .alias = "listener_port"});
  archive.field("Path", path.path, {.omit_empty = true});
  archive.field("LocalPathPort", path.local_path_port, {.omit_empty = true, .alias = "local_path_port"});
  archive.field("Protocol", path.protocol, {.omit_empty = true});
  archive.field("ParsedFromCheck", path.parsed_from_check, {.omit_empty = true});
}

template <class Archive, codec::Described<Expose> R>
void describe(Archive& archive, R& expose) {
  archive.field("Checks", expose.checks, {.omit_empty = true});
  archive.field("Paths", expose.paths, {.omit_empty = true});
}

template <class Archive, codec::Described<TransparentProxy> R>
void describe(Archive& archive, R& proxy) {
  archive.field("OutboundListenerPort", proxy.outbound_listener_port,
                {.omit_empty = true, .alias = "outbound_listener_port"});
  archive.field("DialedDirectly", proxy.dialed_directly,
                {.omit_empty = true, .hidden_from_filter = true, .alias = "dialed_directly"});
}

template <class Archive, codec::Described<Upstream> R>
void describe(Archive& archive, R& upstream) {
  archive.field("DestinationType", upstream.destination_type, {.alias = "destination_type"});
  archive.field("DestinationNamespace", upstream.destination_namespace,
                {.omit_empty = true, .alias = "destination_namespace"});
  archive.field("DestinationName", upstream.destination_name, {.alias = "destination_name"});
  archive.field("Datacenter", upstream.datacenter);
  archive.field("LocalBindAddress", upstream.local_bind_address,
                {.omit_empty = true, .alias = "local_bind_address"});
  archive.field("LocalBindPort", upstream.local_bind_port, {.omit_empty = true, .alias = "local_bind_port"});
  archive.field("LocalBindSocketPath", upstream.local_bind_socket_path,
                {.omit_empty = true, .alias = "local_bind_socket_path"});
  archive.field("LocalBindSocketMode", upstream.local_bind_socket_mode,
                {.omit_empty = true, .alias = "local_bind_socket_mode"});
  archive.field("Config", upstream.config, {.omit_empty = true, .hidden_from_filter = true});
  archive.field("MeshGateway", upstream.mesh_gateway, {.alias = "mesh_gateway"});
}

template <class Archive, codec::Described<ConnectProxy> R>
void describe(Archive& archive, R& proxy) {
  archive.field("DestinationServiceName", proxy.destination_service_name,
                {.omit_empty = true, .alias = "destination_service_name"});
  archive.field("DestinationServiceID", proxy.destination_service_id,
                {.omit_empty = true, .alias = "destination_service_id"});
  archive.field("LocalServiceAddress", proxy.local_service_address,
                {.omit_empty = true, .alias = "local_service_address"});
  archive.field("LocalServicePort", proxy.local_service_port,
                {.omit_empty = true, .alias = "local_service_port"});
  archive.field("LocalServiceSocketPath", proxy.local_service_socket_path,
                {.omit_empty = true, .alias = "local_service_socket_path"});
  archive.field("Mode", proxy.mode);
  archive.field("TransparentProxy", proxy.transparent_proxy,
                {.omit_empty = true, .alias = "transparent_proxy"});
  archive.field("Config", proxy.config, {.omit_empty = true, .hidden_from_filter = true});
  archive.field("Upstreams", proxy.upstreams, {.omit_empty = true});
  archive.field("MeshGateway", proxy.mesh_gateway, {.alias = "mesh_gateway"});
  archive.field("Expose", proxy.expose, {.hidden_from_filter = true});
}

template <class Archive, codec::Described<ServiceConnect> R>
void describe(Archive& archive, R& connect) {
  archive.field("Native", connect.native, {.omit_empty = true});
}

/// `null_lists`: no tags are written as null, as transactions show them.
template <class Archive, codec::Described<ServiceInstance> R>
void describe_service(Archive& archive, R& service, bool null_lists) {
  archive.field("Kind", service.kind, {.omit_empty = true});
  archive.field("ID", service.id);
  archive.field("Service", service.name);
  archive.field("Tags", service.tags, {.null_if_empty = null_lists});
  archive.field("Address", service.address);
  archive.field("TaggedAddresses", service.tagged_addresses, {.omit_empty = true});
  archive.field("Meta", service.meta, {.null_if_empty = true});
  archive.field("Port", service.port, {.omit_empty = true});
  archive.field("SocketPath", service.socket_path, {.omit_empty = true, .hidden_from_filter = true});
  archive.field("Weights", service.weights);
  archive.field("EnableTagOverride", service.enable_tag_override);
  archive.field("Proxy", service.proxy, {.default_if_null = true});
  archive.field("Connect", service.connect);
  describe_indexes(archive, service.index);
}

template <class Archive, codec::Described<ServiceInstance> R>
void describe(Archive& archive, R& service) {
  describe_service(archive, service, false);
}

template <class Archive, codec::Described<CheckDefinition> R>
void describe(Archive& archive, R& definition) {
  archive.field("HTTP", definition.http, {.omit_empty = true});
  archive.field("Header", definition.header, {.omit_empty = true});
  archive.field("Method", definition.method, {.omit_empty = true});
  archive.field("Body", definition.body, {.omit_empty = true});
  archive.field("DisableRedirects", definition.disable_redirects, {.omit_empty = true});
  archive.field("TLSServerName", definition.tls_server_name, {.omit_empty = true});
  archive.field("TLSSkipVerify", definition.tls_skip_verify, {.omit_empty = true});
  archive.field("TCP", definition.tcp, {.omit_empty = true});
  archive.field("H2PING", definition.h2ping, {.omit_empty = true});
  archive.field("H2PingUseTLS", definition.h2ping_use_tls, {.omit_empty = true});
  archive.field("GRPC", definition.grpc, {.omit_empty = true});
  archive.field("GRPCUseTLS", definition.grpc_use_tls, {.omit_empty = true});
  archive.field("ScriptArgs", definition.script_args, {.omit_empty = true});
  archive.field("DockerContainerID", definition.docker_container_id, {.omit_empty = true});
  archive.field("Shell", definition.shell, {.omit_empty = true});
  archive.field("AliasNode", definition.alias_node, {.omit_empty = true});
  archive.field("AliasService", definition.alias_service, {.omit_empty = true});
  archive.field("OutputMaxSize", definition.output_max_size, {.omit_empty = true});
  archive.duration("TTL", definition.ttl, {.omit_empty = true});
  archive.duration("Interval", definition.interval, {.omit_empty = true});
  archive.duration("Timeout", definition.timeout, {.omit_empty = true});
  archive.duration("DeregisterCriticalServiceAfter", definition.deregister_critical_service_after,
                   {.omit_empty = true});
}

/// `null_lists`: as describe_service().
template <class Archive, codec::Described<HealthCheck> R>
void describe_health_check(Archive& archive, R& check, bool null_lists) {
  archive.field("Node", check.node);
  archive.field("CheckID", check.check_id);
  archive.field("Name", check.name);
  archive.field("Status", check.status);
  archive.field("Notes", check.notes);
  archive.field("Output", check.output);
  archive.field("ServiceID", check.service_id);
  archive.field("ServiceName", check.service_name);
  archive.field("ServiceTags", check.service_tags, {.null_if_empty = null_lists});
  archive.field("Type", check.type);
  archive.field("Interval", check.interval);
  archive.field("Timeout", check.timeout);
  archive.field("ExposedPort", check.exposed_port);
  archive.field("Definition", check.definition, {.hidden_from_filter = true, .default_if_null = true});
  describe_indexes(archive, check.index);
}

template <class Archive, codec::Described<HealthCheck> R>
void describe(Archive& archive, R& check) {
  describe_health_check(archive, check, false);
}

/// The flat form of an instance and its node.
template <class Archive>
void describe_service_node(Archive& archive, auto& node, auto& service) {
  archive.field("ID", node.id);
  archive.field("Node", node.name);
  archive.field("Address", node.address);
  archive.field("Datacenter", node.datacenter);
  archive.field("TaggedAddresses", node.tagged_addresses, {.null_if_empty = true});
  archive.field("NodeMeta", node.meta, {.null_if_empty = true});
  archive.field("ServiceKind", service.kind);
  archive.field("ServiceID", service.id);
  archive.field("ServiceName", service.name);
  archive.field("ServiceTags", service.tags);
  archive.field("ServiceAddress", service.address);
  archive.field("ServiceTaggedAddresses", service.tagged_addresses, {.omit_empty = true});
  archive.field("ServiceWeights", service.weights);
  archive.field("ServiceMeta", service.meta);
  archive.field("ServicePort", service.port);
  archive.field("ServiceSocketPath", service.socket_path, {.hidden_from_filter = true});
  archive.field("ServiceEnableTagOverride", service.enable_tag_override);
  archive.field("ServiceProxy", service.proxy, {.default_if_null = true});
  archive.field("ServiceConnect", service.connect);
  describe_indexes(archive, service.index);
}

/// Only written and filtered.
template <class Archive>
void describe(Archive& archive, const ServiceNode& row) {
  describe_service_node(archive, *row.node, *row.service);
}

/// Only written and filtered.
template <class Archive>
void describe(Archive& archive, const CheckServiceNode& row) {
  archive.field("Node", *row.node);
  archive.field("Service", *row.service);
  archive.field("Checks", row.checks);
}

template <class Archive, codec::Described<Coordinate> R>
void describe(Archive& archive, R& coordinate) {
  archive.field("Vec", coordinate.vec);
  archive.field("Error", coordinate.error);
  archive.field("Adjustment", coordinate.adjustment);
  archive.field("Height", coordinate.height);
}

template <class Archive, codec::Described<NodeCoordinate> R>
void describe(Archive& archive, R& row) {
  archive.field("Node", row.node);
  archive.field("Segment", row.segment);
  archive.field("Coord", row.coordinate);
}

}  // namespace discovery::model
