#include <string>
#include <utility>

#include "lib/http/read.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/v1/reads.h"
#include "lib/http/write.h"

namespace discovery::http::v1 {
namespace {

/// An object: service names, each with its tags.
void render_services(std::string& out, const model::Value& value, codec::JsonStyle style) {
  codec::JsonWriter writer(out, style);
  const auto* services = std::get_if<model::ServiceTags>(&value);
  if (services == nullptr) return writer.null();
  writer.begin_object();
  for (const auto& [name, tags] : *services) writer.field(name, tags);
  writer.end_object();
}

/// A node with its instances as an object, by id; null for an unknown node.
void render_node(std::string& out, const model::Value& value, codec::JsonStyle style) {
  codec::JsonWriter writer(out, style);
  const auto* found = std::get_if<model::NodeServices>(&value);
  if (found == nullptr || !found->node) return writer.null();
  writer.begin_object();
  writer.field("Node", found->node);
  writer.key("Services");
  writer.begin_object();
  for (const auto& service : found->services) {
    writer.key(service->id);
    writer.value(service);
  }
  writer.end_object();
  writer.end_object();
}

/// A node with its instances as a list; both null for an unknown node.
void render_node_services(std::string& out, const model::Value& value, codec::JsonStyle style) {
  codec::JsonWriter writer(out, style);
  const auto* found = std::get_if<model::NodeServices>(&value);
  writer.begin_object();
  if (found == nullptr || !found->node) {
    writer.field("Node", model::NodePtr());
    writer.field("Services", model::ServicePtr());
  } else {
    writer.field("Node", found->node);
    writer.field("Services", found->services);
  }
  writer.end_object();
}

void render_null(std::string& out, const model::Value&, codec::JsonStyle) { out += "null"; }

constexpr View kDatacenters{.render = render_as<model::Names>,
                            .shows_meta = false,
                            .meta_with_errors = false,
                            .caching = Caching::kSimple};
constexpr View kNodes{.render = render_as<model::Nodes>};
constexpr View kServices{.render = render_services, .caching = Caching::kBackground};
constexpr View kServiceNodes{.render = render_as<model::ServiceNodes>, .caching = Caching::kBackground};
constexpr View kNode{.render = render_node};
constexpr View kNodeServices{.render = render_node_services, .shares_bytes = false};
constexpr View kGatewayServices{.render = render_null, .shares_bytes = false};

void show_instances(Request& request, Reply reply, model::ServiceRole role) {
  ReadParams params;
  if (!parse_service_read(request, reply, params)) return;
  model::ListServiceInstances query{.service = std::string(request.tail),
                                    .tags = parse_tags(request),
                                    .node_meta = parse_node_meta(request),
                                    .role = role};
  show(request, std::move(reply), std::move(query), std::move(params), kServiceNodes);
}

/// Decodes a registration or its undoing and has it applied in the datacenter that it names.
template <class Command>
void apply_body(Request& request, Reply reply) {
  if (refuse_large_body(request, reply, request.context.options.max_body_size)) return;
  Command command;
  if (Status status = check_namespace(request); !status.ok()) return std::move(reply).refuse(status);
  if (Status status = decode_body(request, command); !status.ok()) return std::move(reply).refuse(status);
  if (command.datacenter.empty()) command.datacenter = request.context.options.datacenter;
  Call call{.token = request.token(), .datacenter = command.datacenter};
  apply(request, std::move(reply), std::move(command), std::move(call));
}

}  // namespace

void catalog_register(Request& request, Reply reply) {
  apply_body<model::RegisterCommand>(request, std::move(reply));
}

void catalog_deregister(Request& request, Reply reply) {
  apply_body<model::DeregisterCommand>(request, std::move(reply));
}

void catalog_datacenters(Request& request, Reply reply) {
  ReadParams params;
  if (Status status = parse_consistency(request, params); !status.ok())
    return std::move(reply).refuse(status);
  params.read.call.token = request.token();
  show(request, std::move(reply), model::ListDatacenters{}, std::move(params), kDatacenters);
}

void catalog_nodes(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_common_read(request, reply, params)) return;
  show(request, std::move(reply), model::ListNodes{parse_node_meta(request)}, std::move(params), kNodes);
}

void catalog_services(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_common_read(request, reply, params)) return;
  params.read.filter.clear();  // not known here
  show(request, std::move(reply), model::ListServices{parse_node_meta(request)}, std::move(params),
       kServices);
}

void catalog_service(Request& request, Reply reply) {
  show_instances(request, std::move(reply), model::ServiceRole::kPlain);
}

void catalog_connect(Request& request, Reply reply) {
  show_instances(request, std::move(reply), model::ServiceRole::kConnect);
}

void catalog_node(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_named_read(request, reply, params, "Missing node name")) return;
  show(request, std::move(reply), model::GetNodeServices{std::string(request.tail)}, std::move(params),
       kNode);
}

void catalog_node_services(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_named_read(request, reply, params, "Missing node name")) return;
  show(request, std::move(reply), model::GetNodeServices{std::string(request.tail)}, std::move(params),
       kNodeServices);
}

void catalog_gateway_services(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_named_read(request, reply, params, "Missing gateway name")) return;
  params.read.filter.clear();  // not known here
  // No gateway is bound to any service before there is a mesh; its table is what the ingress lookup watches
  // too.
  model::ListServiceInstances query;
  query.service = request.tail;
  query.role = model::ServiceRole::kIngress;
  show(request, std::move(reply), std::move(query), std::move(params), kGatewayServices);
}

}  // namespace discovery::http::v1
