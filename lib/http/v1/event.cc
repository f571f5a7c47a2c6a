#include "lib/model/event.h"

#include <string>
#include <utility>

#include "lib/codec/json_writer.h"
#include "lib/http/read.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/write.h"

namespace discovery::http::v1 {
namespace {

/// The bus; or answers that there is none and returns null.
model::EventBus* bus_of(const Request& request, Reply& reply) {
  model::EventBus* bus = request.context.around.events;
  if (bus == nullptr) std::move(reply).text(501, "no events reach this agent");
  return bus;
}

}  // namespace

void event_fire(Request& request, Reply reply) {
  model::EventBus* bus = bus_of(request, reply);
  if (bus == nullptr) return;
  if (request.tail.empty()) return std::move(reply).text(400, "Missing name");
  if (refuse_large_body(request, reply, request.context.options.max_body_size)) return;
  model::UserEvent event;
  event.name = request.tail;
  event.payload = std::move(request.message.body);
  event.node_filter = request.params.get("node");
  event.service_filter = request.params.get("service");
  event.tag_filter = request.params.get("tag");
  bus->fire(std::move(event), request.call())
      .then([reply = std::move(reply)](const Result<model::UserEvent>& fired) mutable {
        if (!fired.ok()) return std::move(reply).fail(fired.status());
        std::string json;
        codec::append_json(json, *fired, reply.style());
        std::move(reply).json(std::move(json));
      });
}

void event_list(Request& request, Reply reply) {
  model::EventBus* bus = bus_of(request, reply);
  if (bus == nullptr) return;
  model::Read read;
  if (Status status = parse_wait(request, read); !status.ok()) return std::move(reply).refuse(status);
  Call call = request.call();
  if (read.min_index > 0) call.stop = stop_on_disconnect(reply);
  bus->list({.name = std::string(request.params.get("name")), .index = read.min_index, .wait = read.wait},
            std::move(call))
      .then([reply = std::move(reply)](const Result<model::UserEvents>& list) mutable {
        if (!list.ok()) return std::move(reply).fail(list.status());
        http1::Response response = reply.response();
        response.headers.add("X-Consul-Index", list->index);
        response.headers.add("Content-Type", kJsonType);
        std::string json;
        codec::JsonWriter writer(json, reply.style());
        writer.begin_array();
        for (const model::UserEventPtr& event : list->events) {
          writer.element();
          writer.value(*event);
        }
        writer.end_array();
        reply.end_json(json);
        response.body = std::move(json);
        std::move(reply).send(std::move(response));
      });
}

}  // namespace discovery::http::v1
