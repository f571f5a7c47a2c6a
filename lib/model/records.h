#pragma once

/// \file
/// The records of the catalog, with their field lists in Consul's names
/// (https://developer.hashicorp.com/consul/api-docs). Records are values; once they are in the state they are
/// shared and immutable (`std::shared_ptr<const T>`).

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/types.h>

#include "lib/base/labels.h"
#include "lib/base/text.h"
#include "lib/codec/describe.h"

namespace discovery::model {

using base::Labels;
using base::Text;
using Tags = std::vector<Text>;

/// A check's state. The catalog takes any word; these are the ones that mean something.
inline constexpr std::string_view kPassing = "passing";
inline constexpr std::string_view kWarning = "warning";
inline constexpr std::string_view kCritical = "critical";

/// The check that says whether a member of the gossip pool is alive.
inline constexpr std::string_view kSerfHealth = "serfHealth";
/// The service under which servers are registered.
inline constexpr std::string_view kConsulService = "consul";

/// When a record was made and last changed.
struct RaftIndexes {
  Index create = 0;
  Index modify = 0;
  friend bool operator==(const RaftIndexes&, const RaftIndexes&) = default;
};

/// A machine (or a name for one) that services live on.
struct Node {
  Text id;  ///< a UUID, or empty for nodes registered by hand
  Text name;
  Text address;
  Text datacenter;
  Labels tagged_addresses;
  Labels meta;
  RaftIndexes index;

  /// Equal in everything but the indexes.
  bool same_content(const Node& other) const {
    return id == other.id && name == other.name && address == other.address &&
           datacenter == other.datacenter && tagged_addresses == other.tagged_addresses && meta == other.meta;
  }
};
using NodePtr = std::shared_ptr<const Node>;

/// An address with a port, as services tag them ("lan", "wan", ...).
struct ServiceAddress {
  std::string address;
  std::int64_t port = 0;
  friend bool operator==(const ServiceAddress&, const ServiceAddress&) = default;
};

/// How much of the traffic an instance wants, by its health.
struct Weights {
  std::int64_t passing = 1;
  std::int64_t warning = 1;
  friend bool operator==(const Weights&, const Weights&) = default;
};

struct MeshGateway {
  std::string mode;
  bool operator==(const MeshGateway&) const = default;
};

struct ExposePath {
  std::int64_t listener_port = 0;
  std::string path;
  std::int64_t local_path_port = 0;
  std::string protocol;
  bool parsed_from_check = false;
  bool operator==(const ExposePath&) const = default;
};

struct Expose {
  bool checks = false;
  std::vector<ExposePath> paths;
  bool operator==(const Expose&) const = default;
};

struct TransparentProxy {
  std::int64_t outbound_listener_port = 0;
  bool dialed_directly = false;
  bool operator==(const TransparentProxy&) const = default;
};

struct Upstream {
  std::string destination_type;
  std::string destination_namespace;
  std::string destination_name;
  std::string datacenter;
  std::string local_bind_address;
  std::int64_t local_bind_port = 0;
  std::string local_bind_socket_path;
  std::string local_bind_socket_mode;
  codec::Opaque config;
  MeshGateway mesh_gateway;
  bool operator==(const Upstream&) const = default;
};

/// What a mesh proxy or gateway stands for. Plain services have none.
struct ConnectProxy {
  std::string destination_service_name;
  std::string destination_service_id;
  std::string local_service_address;
  std::int64_t local_service_port = 0;
  std::string local_service_socket_path;
  std::string mode;
  TransparentProxy transparent_proxy;
  codec::Opaque config;
  std::vector<Upstream> upstreams;
  MeshGateway mesh_gateway;
  Expose expose;
  bool operator==(const ConnectProxy&) const = default;
};

/// Whether a service speaks the mesh's protocol itself.
struct ServiceConnect {
  bool native = false;
  bool operator==(const ServiceConnect&) const = default;
};

/// One instance of a service on one node.
struct ServiceInstance {
  Text kind;  ///< empty, "connect-proxy", "mesh-gateway", "terminating-gateway", "ingress-gateway"
  Text id;    ///< unique on its node
  Text name;
  Tags tags;
  Text address;  ///< empty: the node's
  std::map<std::string, ServiceAddress> tagged_addresses;
  Labels meta;
  std::int64_t port = 0;
  Text socket_path;
  Weights weights;
  bool enable_tag_override = false;
  std::shared_ptr<const ConnectProxy> proxy;  ///< null: none
  ServiceConnect connect;
  RaftIndexes index;

  bool same_content(const ServiceInstance& other) const {
    return kind == other.kind && id == other.id && name == other.name && tags == other.tags &&
           address == other.address && tagged_addresses == other.tagged_addresses && meta == other.meta &&
           port == other.port && socket_path == other.socket_path && weights == other.weights &&
           enable_tag_override == other.enable_tag_override && connect == other.connect &&
           (proxy == other.proxy || (proxy && other.proxy && *proxy == *other.proxy));
  }
};
using ServicePtr = std::shared_ptr<const ServiceInstance>;

/// How a check is carried out; only kept and shown by the catalog.
struct CheckDefinition {
  std::string http;
  std::map<std::string, std::vector<std::string>> header;
  std::string method;
  std::string body;
  bool disable_redirects = false;
  std::string tls_server_name;
  bool tls_skip_verify = false;
  std::string tcp;
  std::string h2ping;
  bool h2ping_use_tls = false;
  std::string grpc;
  bool grpc_use_tls = false;
  std::vector<std::string> script_args;
  std::string docker_container_id;
  std::string shell;
  std::string alias_node;
  std::string alias_service;
  std::int64_t output_max_size = 0;
  Duration ttl{};
  Duration interval{};
  Duration timeout{};
  Duration deregister_critical_service_after{};
  bool operator==(const CheckDefinition&) const = default;
};

/// The health of a node (service_id empty) or of one instance, as one check saw it.
struct HealthCheck {
  Text node;
  Text check_id;
  Text name;
  Text status;
  Text notes;
  Text output;
  Text service_id;
  Text service_name;
  Tags service_tags;
  Text type;
  Text interval;
  Text timeout;
  std::int64_t exposed_port = 0;
  std::shared_ptr<const CheckDefinition> definition;  ///< null: empty
  RaftIndexes index;

  bool same_content(const HealthCheck& other) const {
    return node == other.node && check_id == other.check_id && name == other.name && status == other.status &&
           notes == other.notes && output == other.output && service_id == other.service_id &&
           service_name == other.service_name && service_tags == other.service_tags && type == other.type &&
           interval == other.interval && timeout == other.timeout && exposed_port == other.exposed_port &&
           (definition == other.definition ||
            (definition && other.definition && *definition == *other.definition));
  }
};
using CheckPtr = std::shared_ptr<const HealthCheck>;

/// An instance together with its node: what /v1/catalog/service lists.
struct ServiceNode {
  NodePtr node;
  ServicePtr service;
};

/// An instance with its node and the checks that count for it: what /v1/health/service lists.
struct CheckServiceNode {
  NodePtr node;
  ServicePtr service;
  std::vector<CheckPtr> checks;  ///< the node's first, then the instance's
};

/// A node's position in Vivaldi's network coordinates
/// (https://developer.hashicorp.com/consul/docs/architecture/coordinates).
struct Coordinate {
  std::vector<double> vec;
  double error = 1.5;
  double adjustment = 0;
  double height = 1e-5;
  bool operator==(const Coordinate&) const = default;
};

/// A node's coordinate in one segment.
struct NodeCoordinate {
  std::string node;
  std::string segment;
  Coordinate coordinate;
};
using CoordinatePtr = std::shared_ptr<const NodeCoordinate>;

/// The estimated round trip between two coordinates; infinity where they do not fit.
Duration estimate_rtt(const Coordinate& a, const Coordinate& b);

}  // namespace discovery::model
