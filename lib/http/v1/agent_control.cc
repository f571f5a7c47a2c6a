#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/codec/json_writer.h"
#include "lib/http/read.h"
#include "lib/http/v1/agent_bodies.h"
#include "lib/http/v1/endpoints.h"

namespace discovery::http::v1 {
namespace {

/// What controls the agent; or answers that there is nothing and returns null.
model::AgentControl* control_of(const Request& request, Reply& reply) {
  model::AgentControl* control = request.context.around.control;
  if (control == nullptr) {
    std::move(reply).text(501, std::string(request.path) + " is not available: nothing controls this agent");
  }
  return control;
}

/// Answers without a body once it is done.
void finish(Reply reply, Async<Unit> done) {
  std::move(done).then([reply = std::move(reply)](const Result<Unit>& result) mutable {
    if (!result.ok()) return std::move(reply).text(500, std::string(result.status().message()));
    std::move(reply).empty();
  });
}

Call caller(const Request& request) { return {.token = request.token()}; }

}  // namespace

void agent_self(Request& request, Reply reply) {
  model::AgentSelf self = request.context.agent.self();
  if (model::AgentControl* control = request.context.around.control; control != nullptr) {
    self.stats = control->stats();
    self.runtime_config = control->runtime_config();
  }
  std::string json;
  append_self(json, self, request.context.options.coordinates, reply.style());
  std::move(reply).json(std::move(json));
}

void agent_members(Request& request, Reply reply) {
  const bool wan = !request.params.get("wan").empty();
  const std::string_view segment = request.params.get("segment");
  if (wan && !segment.empty()) return std::move(reply).text(400, "Cannot provide a segment with wan=true");
  if (!segment.empty() && segment != "_all") {
    return std::move(reply).text(500, "Network segments are not supported in this version of Consul");
  }
  request.context.agent.members(wan, caller(request))
      .then([reply = std::move(reply)](Result<std::vector<model::Member>> members) mutable {
        if (!members.ok()) return std::move(reply).fail(members.status());
        std::string json;
        codec::JsonWriter writer(json, reply.style());
        writer.begin_array();
        for (const model::Member& member : *members) {
          writer.element();
          writer.value(member);
        }
        writer.end_array();
        std::move(reply).json(std::move(json));
      });
}

void agent_reload(Request& request, Reply reply) {
  if (model::AgentControl* control = control_of(request, reply)) {
    finish(std::move(reply), control->reload(caller(request)));
  }
}

void agent_leave(Request& request, Reply reply) {
  if (model::AgentControl* control = control_of(request, reply)) {
    finish(std::move(reply), control->leave(caller(request)));
  }
}

void agent_join(Request& request, Reply reply) {
  model::AgentControl* control = control_of(request, reply);
  if (control == nullptr) return;
  const bool wan = !request.params.get("wan").empty();
  finish(std::move(reply), control->join(std::string(request.tail), wan, caller(request)));
}

void agent_force_leave(Request& request, Reply reply) {
  model::AgentControl* control = control_of(request, reply);
  if (control == nullptr) return;
  finish(std::move(reply), control->force_leave(std::string(request.tail), request.params.has("prune"),
                                                request.params.has("wan"), caller(request)));
}

void agent_host(Request& request, Reply reply) {
  model::AgentControl* control = control_of(request, reply);
  if (control == nullptr) return;
  std::string facts = control->host();
  if (reply.pretty()) {
    std::string indented;
    codec::JsonWriter(indented, reply.style()).raw(facts);
    facts = std::move(indented);
  }
  std::move(reply).json(std::move(facts));
}

void agent_version(Request& request, Reply reply) {
  std::string json;
  codec::JsonWriter writer(json, reply.style());
  writer.begin_object();
  writer.field("SHA", std::string_view());
  writer.field("BuildDate", std::string_view("1970-01-01T00:00:00Z"));
  writer.field("HumanVersion", request.context.agent.self().version);
  writer.field("FIPS", std::string_view());
  writer.end_object();
  std::move(reply).json(std::move(json));
}

}  // namespace discovery::http::v1
