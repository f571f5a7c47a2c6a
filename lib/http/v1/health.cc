#include <string>
#include <utility>

#include "lib/base/go_number.h"
#include "lib/http/read.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/v1/reads.h"

namespace discovery::http::v1 {
namespace {

constexpr View kChecks{.render = render_as<model::Checks>};
/// Of a service's health Consul shows no index when the query has failed.
constexpr View kServiceHealth{.render = render_as<model::CheckServiceNodes>,
                              .meta_with_errors = false,
                              .caching = Caching::kBackground,
                              .streams = true};
constexpr View kIngressHealth{.render = render_as<model::CheckServiceNodes>,
                              .meta_with_errors = false,
                              .caching = Caching::kBackground};

/// Whether only passing instances are wanted: the parameter is there without a value, or its value says so.
Result<bool> parse_passing(const Request& request) {
  if (!request.params.has("passing")) return false;
  const std::string_view value = request.params.get("passing");
  if (value.empty()) return true;
  return base::parse_go_bool(value);
}

void show_health(Request& request, Reply reply, model::ServiceRole role, const View& view) {
  ReadParams params;
  if (!parse_service_read(request, reply, params)) return;
  const Result<bool> passing = parse_passing(request);
  model::ListServiceHealth query{.service = std::string(request.tail),
                                 .tags = parse_tags(request),
                                 .node_meta = parse_node_meta(request),
                                 .passing_only = passing.ok() && *passing,
                                 .role = role};
  show(request, std::move(reply), std::move(query), std::move(params), view,
       passing.ok() ? "" : "Invalid value for ?passing");
}

}  // namespace

void health_node(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_named_read(request, reply, params, "Missing node name")) return;
  show(request, std::move(reply), model::ListNodeChecks{std::string(request.tail)}, std::move(params),
       kChecks);
}

void health_checks(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_service_read(request, reply, params)) return;
  model::ListServiceChecks query{.service = std::string(request.tail), .node_meta = parse_node_meta(request)};
  show(request, std::move(reply), std::move(query), std::move(params), kChecks);
}

void health_state(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_named_read(request, reply, params, "Missing check state")) return;
  model::ListChecksInState query{.state = std::string(request.tail), .node_meta = parse_node_meta(request)};
  show(request, std::move(reply), std::move(query), std::move(params), kChecks);
}

void health_service(Request& request, Reply reply) {
  show_health(request, std::move(reply), model::ServiceRole::kPlain, kServiceHealth);
}

void health_connect(Request& request, Reply reply) {
  show_health(request, std::move(reply), model::ServiceRole::kConnect, kServiceHealth);
}

void health_ingress(Request& request, Reply reply) {
  show_health(request, std::move(reply), model::ServiceRole::kIngress, kIngressHealth);
}

}  // namespace discovery::http::v1
