#include "daemon/config/definitions.h"

namespace discovery::config {
namespace {

const Schema& weights() {
  static constexpr Key kKeys[] = {{"passing", Type::kInt}, {"warning", Type::kInt}};
  static const Schema schema(kKeys);
  return schema;
}

const Schema& address() {
  static constexpr Key kKeys[] = {{"address", Type::kString}, {"port", Type::kInt}};
  static const Schema schema(kKeys);
  return schema;
}

const Schema& locality() {
  static constexpr Key kKeys[] = {{"region", Type::kString}, {"zone", Type::kString}};
  static const Schema schema(kKeys);
  return schema;
}

const Schema& mesh_gateway() {
  static constexpr Key kKeys[] = {{"mode", Type::kString}};
  static const Schema schema(kKeys);
  return schema;
}

const Schema& exposed_path() {
  static constexpr Key kKeys[] = {
      {"listener_port", Type::kInt},
      {"path", Type::kString},
      {"protocol", Type::kString},
      {"local_path_port", Type::kInt},
  };
  static const Schema schema(kKeys);
  return schema;
}

const Schema& expose() {
  static constexpr Key kKeys[] = {
      {"checks", Type::kBool},
      {"port", Type::kInt},
      {"paths", Type::kObjectList, exposed_path},
  };
  static const Schema schema(kKeys);
  return schema;
}

const Schema& transparent_proxy() {
  static constexpr Key kKeys[] = {{"outbound_listener_port", Type::kInt}, {"dialed_directly", Type::kBool}};
  static const Schema schema(kKeys);
  return schema;
}

const Schema& upstream() {
  static constexpr Key kKeys[] = {
      {"destination_type", Type::kString},
      {"destination_namespace", Type::kString},
      {"destination_partition", Type::kString},
      {"destination_peer", Type::kString},
      {"destination_name", Type::kString},
      {"datacenter", Type::kString},
      {"local_bind_address", Type::kString},
      {"local_bind_port", Type::kInt},
      {"local_bind_socket_path", Type::kString},
      {"local_bind_socket_mode", Type::kString},
      {"config", Type::kAny},
      {"mesh_gateway", Type::kObject, mesh_gateway},
  };
  static const Schema schema(kKeys);
  return schema;
}

const Schema& proxy() {
  static constexpr Key kKeys[] = {
      {"destination_service_name", Type::kString},
      {"destination_service_id", Type::kString},
      {"local_service_address", Type::kString},
      {"local_service_port", Type::kInt},
      {"local_service_socket_path", Type::kString},
      {"mode", Type::kString},
      {"transparent_proxy", Type::kObject, transparent_proxy},
      {"config", Type::kAny},
      {"upstreams", Type::kObjectList, upstream},
      {"mesh_gateway", Type::kObject, mesh_gateway},
      {"expose", Type::kObject, expose},
      {"envoy_extensions", Type::kAnyList},
  };
  static const Schema schema(kKeys);
  return schema;
}

const Schema& connect() {
  static constexpr Key kKeys[] = {
      {"native", Type::kBool},
      {"sidecar_service", Type::kObject, service_definition},
  };
  static const Schema schema(kKeys);
  return schema;
}

}  // namespace

const Schema& service_definition() {
  static constexpr Key kKeys[] = {
      {"kind", Type::kString},
      {"id", Type::kString},
      {"name", Type::kString},
      {"tags", Type::kStrings},
      {"address", Type::kString},
      {"tagged_addresses", Type::kObjectMap, address},
      {"socket_path", Type::kString},
      {"meta", Type::kStringMap},
      {"port", Type::kInt},
      {"check", Type::kObject, check_definition},
      {"checks", Type::kObjectList, check_definition},
      {"token", Type::kString},
      {"weights", Type::kObject, weights},
      {"enable_tag_override", Type::kBool, nullptr, "enabletagoverride"},
      {"proxy", Type::kObject, proxy},
      {"connect", Type::kObject, connect},
      {"locality", Type::kObject, locality},
      {"namespace", Type::kString},
      {"partition", Type::kString},
  };
  static const Schema schema(kKeys);
  return schema;
}

const Schema& check_definition() {
  static constexpr Key kKeys[] = {
      {"id", Type::kString},
      {"name", Type::kString},
      {"notes", Type::kString},
      {"service_id", Type::kString, nullptr, "serviceid"},
      {"token", Type::kString},
      {"status", Type::kString},
      {"args", Type::kStrings, nullptr, "scriptargs"},
      {"http", Type::kString},
      {"header", Type::kStringsMap},
      {"method", Type::kString},
      {"body", Type::kString},
      {"disable_redirects", Type::kBool},
      {"output_max_size", Type::kInt},
      {"tcp", Type::kString},
      {"tcp_use_tls", Type::kBool},
      {"udp", Type::kString},
      {"interval", Type::kDuration},
      {"docker_container_id", Type::kString, nullptr, "dockercontainerid"},
      {"shell", Type::kString},
      {"grpc", Type::kString},
      {"grpc_use_tls", Type::kBool},
      {"h2ping", Type::kString},
      {"h2ping_use_tls", Type::kBool},
      {"os_service", Type::kString},
      {"tls_server_name", Type::kString},
      {"tls_skip_verify", Type::kBool, nullptr, "tlsskipverify"},
      {"alias_node", Type::kString},
      {"alias_service", Type::kString},
      {"timeout", Type::kDuration},
      {"ttl", Type::kDuration},
      {"success_before_passing", Type::kInt},
      {"failures_before_warning", Type::kInt},
      {"failures_before_critical", Type::kInt},
      {"deregister_critical_service_after", Type::kDuration, nullptr, "deregistercriticalserviceafter"},
      {"namespace", Type::kString},
      {"partition", Type::kString},
  };
  static const Schema schema(kKeys);
  return schema;
}

const Schema& segment_definition() {
  static constexpr Key kKeys[] = {
      {"advertise", Type::kString}, {"bind", Type::kString},       {"name", Type::kString},
      {"port", Type::kInt},         {"rpc_listener", Type::kBool},
  };
  static const Schema schema(kKeys);
  return schema;
}

}  // namespace discovery::config
