// The health of the agent's own services, maintenance, and what has become of a check.

#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/go_number.h"
#include "lib/base/strings.h"
#include "lib/codec/json_writer.h"
#include "lib/http/v1/agent_calls.h"
#include "lib/http/v1/agent_health_bodies.h"
#include "lib/http/v1/endpoints.h"

namespace discovery::http::v1 {

std::string format_moment(std::chrono::system_clock::time_point time) {
  const auto moment = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

void append_history(std::string& out, const model::CheckHistory& history, codec::JsonStyle style) {
  codec::JsonWriter writer(out, style);
  writer.begin_object();
  writer.field("CheckID", history.check_id);
  writer.field("ServiceID", history.service_id);
  writer.field("Status", history.status);
  writer.field("ConsecutiveSuccesses", history.consecutive_successes);
  writer.field("ConsecutiveFailures", history.consecutive_failures);
  writer.field("Forgotten", history.forgotten);
  writer.key("Transitions");
  writer.begin_array();
  for (const model::CheckTransition& transition : history.transitions) {
    writer.element();
    writer.value(TransitionView{transition});
  }
  writer.end_array();
  writer.field("Next", history.next);
  writer.end_object();
}

namespace {

using Healths = std::vector<model::ServiceHealth>;

/// 200, 429 or 503: load balancers look at nothing else.
int status_of(std::string_view health) {
  if (health == model::kPassing) return 200;
  return health == model::kWarning ? 429 : 503;
}

/// The order of the words, from best to worst.
int badness(std::string_view health) {
  if (health == model::kPassing) return 0;
  if (health == model::kWarning) return 1;
  return health == model::kCritical ? 2 : 3;
}

bool wants_text(const Request& request) {
  const std::string_view format = request.params.get("format");
  return format == "text" || (format.empty() && request.headers.accept.starts_with("text/plain"));
}

void write_health(codec::JsonWriter& writer, const model::ServiceHealth& health,
                  std::string_view datacenter) {
  writer.begin_object();
  writer.field("AggregatedStatus", health.status);
  writer.field("Service", AgentServiceView{*health.service, datacenter});
  writer.key("Checks");
  writer.begin_array();
  for (const auto& check : health.checks) {
    writer.element();
    writer.value(HealthCheckView{*check});
  }
  writer.end_array();
  writer.end_object();
}

/// Sends a body with the word that says why the status is as it is.
void send(Reply reply, int status, std::string_view reason, std::string_view type, std::string body) {
  http1::Response response = reply.response(status);
  response.headers.add("X-Consul-Reason", reason);
  response.headers.add("Content-Type", type);
  if (type == kJsonType) reply.end_json(body);
  response.body = std::move(body);
  std::move(reply).send(std::move(response));
}

void send_by_id(Reply reply, const Healths& found, const std::string& id, bool text,
                std::string_view datacenter) {
  std::string json;
  if (found.empty()) {
    const std::string reason = "ServiceId " + id + " not found";
    codec::JsonWriter writer(json, reply.style());
    if (text) {  // a text in JSON, as Consul has it
      writer.value(reason);
    } else {
      writer.begin_object();
      writer.field("AggregatedStatus", model::kCritical);
      writer.field("Service", std::optional<bool>());
      writer.field("Checks", std::optional<bool>());
      writer.end_object();
    }
    return send(std::move(reply), 404, reason, kJsonType, std::move(json));
  }
  const model::ServiceHealth& health = found.front();
  const int status = status_of(health.status);
  if (text) return send(std::move(reply), status, health.status, "text/plain", health.status);
  codec::JsonWriter writer(json, reply.style());
  write_health(writer, health, datacenter);
  send(std::move(reply), status, health.status, kJsonType, std::move(json));
}

void send_by_name(Reply reply, const Healths& found, const std::string& name, bool text,
                  std::string_view datacenter) {
  int status = 404;
  std::string reason = "ServiceName " + name + " Not Found";
  if (!found.empty()) {
    std::string_view worst = found.front().status;
    for (const auto& health : found) {
      if (badness(health.status) > badness(worst)) worst = health.status;
    }
    reason = worst;
    status = status_of(worst);
  }
  if (text) {
    std::string body = reason;
    return send(std::move(reply), status, reason, "text/plain", std::move(body));
  }
  std::string json;
  codec::JsonWriter writer(json, reply.style());
  writer.begin_array();
  for (const auto& health : found) {
    writer.element();
    write_health(writer, health, datacenter);
  }
  writer.end_array();
  send(std::move(reply), status, reason, kJsonType, std::move(json));
}

/// Reads `?enable`, or answers what is wrong with it.
std::optional<bool> read_enable(const Request& request, Reply& reply) {
  if (!request.params.has("enable")) {
    std::move(reply).text(400, "Missing value for enable");
    return std::nullopt;
  }
  const std::string_view text = request.params.get("enable");
  const Result<bool> enable = base::parse_go_bool(text);
  if (!enable.ok()) {
    std::move(reply).text(400, "Invalid value for enable: " + base::go_quote(text));
    return std::nullopt;
  }
  return *enable;
}

}  // namespace

void agent_health_by_id(Request& request, Reply reply) {
  if (request.tail.empty()) return std::move(reply).text(500, "Bad request: Missing serviceID");
  if (refuse_namespace(request, reply)) return;
  const std::string id(request.tail);
  request.context.agent.service_health_by_id(id, caller(request))
      .then([reply = std::move(reply), id, text = wants_text(request),
             &options = request.context.options](Result<Healths> found) mutable {
        if (!found.ok()) return std::move(reply).fail(found.status());
        send_by_id(std::move(reply), *found, id, text, options.datacenter);
      });
}

void agent_health_by_name(Request& request, Reply reply) {
  if (request.tail.empty()) return std::move(reply).text(500, "Bad request: Missing service Name");
  if (refuse_namespace(request, reply)) return;
  const std::string name(request.tail);
  request.context.agent.service_health_by_name(name, caller(request))
      .then([reply = std::move(reply), name, text = wants_text(request),
             &options = request.context.options](Result<Healths> found) mutable {
        if (!found.ok()) return std::move(reply).fail(found.status());
        send_by_name(std::move(reply), *found, name, text, options.datacenter);
      });
}

void agent_service_maintenance(Request& request, Reply reply) {
  if (request.tail.empty()) return std::move(reply).text(400, "Missing service ID");
  const auto enable = read_enable(request, reply);
  if (!enable) return;
  if (refuse_namespace(request, reply)) return;
  finish(std::move(reply),
         request.context.agent.set_service_maintenance(
             std::string(request.tail), *enable, std::string(request.params.get("reason")), caller(request)));
}

void agent_maintenance(Request& request, Reply reply) {
  const auto enable = read_enable(request, reply);
  if (!enable) return;
  finish(std::move(reply), request.context.agent.set_node_maintenance(
                               *enable, std::string(request.params.get("reason")), caller(request)));
}

void agent_check_history(Request& request, Reply reply) {
  constexpr std::string_view kEnd = "/history";
  std::string_view id = request.tail;
  const bool asked = id.size() > kEnd.size() && id.ends_with(kEnd);
  if (!asked || request.method != Method::kGet) {  // as where there is no endpoint
    http1::Response nowhere{.status = 404};
    for (const auto& [name, value] : request.context.options.response_headers)
      nowhere.headers.add(name, value);
    return std::move(reply).send(std::move(nowhere));
  }
  id.remove_suffix(kEnd.size());
  request.context.agent.check_history(std::string(id), caller(request))
      .then([reply = std::move(reply)](Result<model::CheckHistory> history) mutable {
        if (!history.ok()) return std::move(reply).fail(history.status());
        std::string json;
        append_history(json, *history, reply.style());
        std::move(reply).json(std::move(json));
      });
}

}  // namespace discovery::http::v1
