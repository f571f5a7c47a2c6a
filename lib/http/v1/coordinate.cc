#include <cmath>
#include <string>
#include <utility>

#include "lib/codec/json_writer.h"
#include "lib/http/read.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/v1/reads.h"
#include "lib/http/write.h"
#include "lib/model/command.h"

namespace discovery::http::v1 {
namespace {

/// Network coordinates have as many dimensions as Serf's.
constexpr std::size_t kDimensions = 8;

/// What PUT /v1/coordinate/update takes.
struct UpdateBody {
  std::string datacenter;
  std::string node;
  std::string segment;
  model::Coordinate coordinate;
  std::string token;
};

template <class Archive, codec::Described<UpdateBody> R>
void describe(Archive& archive, R& update) {
  archive.field("Datacenter", update.datacenter);
  archive.field("Node", update.node);
  archive.field("Segment", update.segment);
  archive.field("Coord", update.coordinate);
  archive.field("Token", update.token);
}

bool is_empty(const model::Value& value) {
  const auto* found = std::get_if<model::Coordinates>(&value);
  return found == nullptr || found->empty();
}

constexpr View kNodes{.render = render_as<model::Coordinates>, .shows_consistency = false};
constexpr View kNode{.render = render_as<model::Coordinates>,
                     .is_missing = is_empty,
                     .meta_when_missing = false,
                     .shows_consistency = false,
                     .shares_bytes = false};

/// Answers for an agent that keeps no coordinates. Returns whether it has.
bool refuse_if_off(const Request& request, Reply& reply) {
  if (request.context.options.coordinates) return false;
  std::move(reply).text(401, "Coordinate support disabled");
  return true;
}

void list(Request& request, Reply reply, std::string node, const View& view) {
  if (refuse_if_off(request, reply)) return;
  ReadParams params;
  if (!parse_common_read(request, reply, params)) return;
  params.read.filter.clear();  // not known here
  model::ListCoordinates query{.node = std::move(node)};
  if (request.params.has("segment")) query.segment = request.params.get("segment");
  show(request, std::move(reply), std::move(query), std::move(params), view);
}

/// Whether the numbers of a coordinate are numbers.
bool is_finite(const model::Coordinate& coordinate) {
  for (const double component : coordinate.vec) {
    if (!std::isfinite(component)) return false;
  }
  return std::isfinite(coordinate.error) && std::isfinite(coordinate.adjustment) &&
         std::isfinite(coordinate.height);
}

}  // namespace

void coordinate_datacenters(Request& request, Reply reply) {
  if (refuse_if_off(request, reply)) return;
  const model::AgentSelf self = request.context.agent.self();
  std::string json;
  codec::JsonWriter writer(json, reply.style());
  writer.begin_array();
  writer.element();
  writer.begin_object();
  writer.field("Datacenter", self.datacenter);
  writer.field("AreaID", std::string_view("wan"));
  writer.key("Coordinates");
  writer.begin_array();
  writer.element();
  writer.value(model::NodeCoordinate{self.node_name, "", self.coordinate});
  writer.end_array();
  writer.end_object();
  writer.end_array();
  std::move(reply).json(std::move(json));
}

void coordinate_nodes(Request& request, Reply reply) { list(request, std::move(reply), "", kNodes); }

void coordinate_node(Request& request, Reply reply) {
  if (request.tail.empty() && request.context.options.coordinates) return std::move(reply).empty(404);
  list(request, std::move(reply), std::string(request.tail), kNode);
}

void coordinate_update(Request& request, Reply reply) {
  if (refuse_if_off(request, reply)) return;
  if (refuse_large_body(request, reply, request.context.options.max_body_size)) return;
  UpdateBody body;
  if (Status status = decode_body(request, body); !status.ok()) return std::move(reply).refuse(status);
  if (body.coordinate.vec.size() != kDimensions) return std::move(reply).text(500, "incompatible coordinate");
  if (!is_finite(body.coordinate)) return std::move(reply).text(500, "invalid coordinate");
  model::UpdateCoordinatesCommand command;
  command.updates.push_back({std::move(body.node), std::move(body.segment), std::move(body.coordinate)});
  request.context.backend.apply(std::move(command), request.call())
      .then([reply = std::move(reply)](const Result<model::Outcome>& outcome) mutable {
        if (!outcome.ok()) return std::move(reply).fail(outcome.status());
        std::move(reply).empty();
      });
}

}  // namespace discovery::http::v1
