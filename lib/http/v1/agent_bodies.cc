#include "lib/http/v1/agent_bodies.h"

#include <memory>
#include <utility>

namespace discovery::http::v1 {
namespace {

void write_config(codec::JsonWriter& writer, const model::AgentSelf& self) {
  writer.begin_object();
  writer.field("Datacenter", self.datacenter);
  writer.field("PrimaryDatacenter", self.primary_datacenter);
  writer.field("NodeName", self.node_name);
  writer.field("NodeID", self.node_id);
  writer.field("Revision", std::string_view());
  writer.field("Server", self.server);
  writer.field("Version", self.version);
  writer.end_object();
}

/// The configuration, or where nothing controls the agent the part that clients are known to look at.
void write_debug_config(codec::JsonWriter& writer, const model::AgentSelf& self) {
  if (!self.runtime_config.empty()) return writer.raw(self.runtime_config);
  writer.begin_object();
  writer.field("Datacenter", self.datacenter);
  writer.field("NodeID", self.node_id);
  writer.field("NodeMeta", self.node_meta);
  writer.field("NodeName", self.node_name);
  writer.field("PrimaryDatacenter", self.primary_datacenter);
  writer.field("ServerMode", self.server);
  writer.field("Version", self.version);
  writer.end_object();
}

/// No proxy is known to work with this agent's xDS, so no version is listed.
void write_xds(codec::JsonWriter& writer) {
  writer.begin_object();
  writer.field("SupportedProxies", std::map<std::string, std::vector<std::string>>{{"envoy", {}}});
  writer.end_object();
}

}  // namespace

model::ServiceInstance to_instance(ServiceBody&& body) {
  model::ServiceInstance service;
  service.kind = body.kind;
  service.id = body.id.empty() ? body.name : std::move(body.id);
  service.name = body.name;
  service.tags = std::move(body.tags);
  service.address = body.address;
  service.tagged_addresses = std::move(body.tagged_addresses);
  service.meta = std::move(body.meta);
  service.port = body.port;
  service.socket_path = body.socket_path;
  service.enable_tag_override = body.enable_tag_override;
  if (body.weights) service.weights = *body.weights;
  if (body.proxy) {
    for (model::Upstream& upstream : body.proxy->upstreams) {
      if (upstream.destination_type.empty()) upstream.destination_type = "service";
    }
    service.proxy = std::make_shared<const model::ConnectProxy>(*std::move(body.proxy));
  }
  service.connect.native = body.connect.native;
  return service;
}

std::vector<ServiceCheckBody> take_checks(ServiceBody& body) {
  std::vector<ServiceCheckBody> checks = std::move(body.checks);
  if (!(body.check == ServiceCheckBody())) checks.insert(checks.begin(), std::move(body.check));
  return checks;
}

std::optional<model::SidecarSpec> to_sidecar(const ConnectBody& connect) {
  if (!connect.sidecar_service) return std::nullopt;
  ServiceBody body = *connect.sidecar_service;
  model::SidecarSpec sidecar;
  for (ServiceCheckBody& check : take_checks(body)) sidecar.checks.push_back(to_spec(std::move(check)));
  sidecar.weights = body.weights;
  sidecar.token = std::move(body.token);
  sidecar.has_sidecar = body.connect.sidecar_service != nullptr;
  const bool has_id = !body.id.empty();
  sidecar.service = to_instance(std::move(body));
  if (!has_id) sidecar.service.id.clear();
  return sidecar;
}

void append_self(std::string& out, const model::AgentSelf& self, bool coordinates, codec::JsonStyle style) {
  codec::JsonWriter writer(out, style);
  writer.begin_object();
  writer.key("Config");
  write_config(writer, self);
  writer.key("DebugConfig");
  write_debug_config(writer, self);
  if (coordinates) {
    writer.field("Coord", self.coordinate);
  } else {
    writer.key("Coord");
    writer.null();
  }
  writer.field("Member", self.member);
  writer.field("Stats", self.stats);
  writer.field("Meta", self.node_meta);
  if (self.grpc_open) {
    writer.key("xDS");
    write_xds(writer);
  }
  writer.end_object();
}

}  // namespace discovery::http::v1
