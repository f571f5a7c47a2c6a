#pragma once

/// \file
/// What the agent's endpoints take and show (https://developer.hashicorp.com/consul/api-docs/agent/service).

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/codec/describe.h"
#include "lib/codec/json_writer.h"
#include "lib/http/v1/check_bodies.h"
#include "lib/model/describe_member.h"
#include "lib/model/describe_records.h"
#include "lib/model/local_agent.h"

namespace discovery::http::v1 {

struct ServiceBody;

/// How a service takes part in the mesh.
struct ConnectBody {
  bool native = false;
  std::shared_ptr<const ServiceBody> sidecar_service;  ///< null: none
};

template <class Archive, codec::Described<ConnectBody> R>
void describe(Archive& archive, R& connect) {
  archive.field("Native", connect.native);
  archive.field("SidecarService", connect.sidecar_service, {.alias = "sidecar_service"});
}

/// What PUT /v1/agent/service/register takes.
struct ServiceBody {
  std::string id;
  std::string name;
  std::string kind;
  model::Tags tags;
  std::string address;
  std::map<std::string, model::ServiceAddress> tagged_addresses;
  model::Labels meta;
  std::int64_t port = 0;
  std::string socket_path;
  ServiceCheckBody check;
  std::vector<ServiceCheckBody> checks;
  std::optional<model::Weights> weights;
  std::string token;
  bool enable_tag_override = false;
  std::optional<model::ConnectProxy> proxy;
  ConnectBody connect;
};

template <class Archive, codec::Described<ServiceBody> R>
void describe(Archive& archive, R& service) {
  archive.field("ID", service.id);
  archive.field("Name", service.name);
  archive.field("Kind", service.kind);
  archive.field("Tags", service.tags);
  archive.field("Address", service.address);
  archive.field("TaggedAddresses", service.tagged_addresses, {.alias = "tagged_addresses"});
  archive.field("Meta", service.meta);
  archive.field("Port", service.port);
  archive.field("SocketPath", service.socket_path);
  archive.field("Check", service.check);
  archive.field("Checks", service.checks);
  archive.field("Weights", service.weights);
  archive.field("Token", service.token);
  archive.field("EnableTagOverride", service.enable_tag_override, {.alias = "enable_tag_override"});
  archive.field("Proxy", service.proxy);
  archive.field("Connect", service.connect);
}

/// The service that the agent is to have, without its checks.
model::ServiceInstance to_instance(ServiceBody&& body);
/// The checks of a definition, the single one first if it is there.
std::vector<ServiceCheckBody> take_checks(ServiceBody& body);
/// The sidecar that is defined inside of a service; nothing if none is.
std::optional<model::SidecarSpec> to_sidecar(const ConnectBody& connect);

/// A proxy as the agent shows it. Only written.
struct AgentProxyView {
  const model::ConnectProxy& proxy;
};

template <class Archive>
void describe(Archive& archive, const AgentProxyView& view) {
  const model::ConnectProxy& proxy = view.proxy;
  archive.field("DestinationServiceName", proxy.destination_service_name, {.omit_empty = true});
  archive.field("DestinationServiceID", proxy.destination_service_id, {.omit_empty = true});
  archive.field("LocalServiceAddress", proxy.local_service_address, {.omit_empty = true});
  archive.field("LocalServicePort", proxy.local_service_port, {.omit_empty = true});
  archive.field("LocalServiceSocketPath", proxy.local_service_socket_path, {.omit_empty = true});
  archive.field("Mode", proxy.mode, {.omit_empty = true});
  archive.field("TransparentProxy", proxy.transparent_proxy, {.omit_empty = true});
  archive.field("Config", proxy.config, {.omit_empty = true});
  archive.field("Upstreams", proxy.upstreams, {.omit_empty = true});
  archive.field("MeshGateway", proxy.mesh_gateway);
  archive.field("Expose", proxy.expose);
}

/// One of the agent's services as it shows it. Only written.
struct AgentServiceView {
  const model::ServiceInstance& service;
  std::string_view datacenter;
  std::string_view content_hash{};  ///< left out where it is empty
};

template <class Archive>
void describe(Archive& archive, const AgentServiceView& view) {
  const model::ServiceInstance& service = view.service;
  archive.field("Kind", service.kind, {.omit_empty = true});
  archive.field("ID", service.id);
  archive.field("Service", service.name);
  archive.field("Tags", service.tags);
  archive.field("Meta", service.meta);
  archive.field("Port", service.port);
  archive.field("Address", service.address);
  archive.field("SocketPath", service.socket_path, {.omit_empty = true});
  archive.field("TaggedAddresses", service.tagged_addresses, {.omit_empty = true});
  archive.field("Weights", service.weights);
  archive.field("EnableTagOverride", service.enable_tag_override);
  archive.field("ContentHash", view.content_hash, {.omit_empty = true});
  // A plain service may have been given a proxy's fields; they mean nothing, and are not shown.
  if (service.proxy && !service.kind.empty()) archive.field("Proxy", AgentProxyView{*service.proxy});
  if (service.connect.native) archive.field("Connect", service.connect);
  archive.field("Datacenter", view.datacenter);
}

/// Appends what the agent says of itself, as GET /v1/agent/self shows it; without `coordinates` it has none.
void append_self(std::string& out, const model::AgentSelf& self, bool coordinates, codec::JsonStyle style);

}  // namespace discovery::http::v1
