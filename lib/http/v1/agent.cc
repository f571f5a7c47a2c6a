#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/codec/json_writer.h"
#include "lib/http/read.h"
#include "lib/http/v1/agent_bodies.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/write.h"
#include "lib/model/validation.h"

namespace discovery::http::v1 {
namespace {

/// Of a registration the agent finds wrong what the request says.
constexpr FailureStatus kRegistration{.invalid_argument = 400, .not_found = 500};
/// A check that is not there is Consul's fault, so to say.
constexpr FailureStatus kCheckReport{.invalid_argument = 400, .not_found = 500};

/// Answers without a body once the agent has done it.
void finish(Reply reply, Async<Unit> done, const FailureStatus& statuses = {}) {
  std::move(done).then([reply = std::move(reply), statuses](Result<Unit> result) mutable {
    if (!result.ok()) return std::move(reply).fail(result.status(), statuses);
    std::move(reply).empty();
  });
}

/// Who asks; the agent is this one whatever `?dc` says.
Call caller(const Request& request) { return {.token = request.token()}; }

/// Refuses namespaces with 400; returns whether there was one.
bool refuse_namespace(const Request& request, Reply& reply) {
  const Status status = check_namespace(request);
  if (!status.ok()) std::move(reply).refuse(status);
  return !status.ok();
}

/// Decodes the body, or answers what is wrong with it; returns whether it could.
template <class T>
bool read_body(const Request& request, Reply& reply, T& body) {
  if (refuse_large_body(request, reply, request.context.options.max_body_size)) return false;
  if (refuse_namespace(request, reply)) return false;
  const Status status = decode_body(request, body);
  if (!status.ok()) std::move(reply).refuse(status);
  return status.ok();
}

/// Answers for checks that this agent does not run; returns whether `check` is one.
bool refuse_kind(const Request& request, Reply& reply, const CheckBody& check) {
  if (check.is_script()) {
    std::move(reply).text(500,
                          "Scripts are disabled on this agent from remote calls; to enable, configure "
                          "'enable_script_checks' to true");
    return true;
  }
  if (const std::string_view kind = check.unavailable_kind(); !kind.empty()) {
    std::move(reply).text(501, std::string(request.message.method) + " " + std::string(request.path) +
                                   " is not available yet for " + std::string(kind) + " checks");
    return true;
  }
  return false;
}

void report(Request& request, Reply reply, std::string_view status) {
  finish(std::move(reply),
         request.context.agent.update_check(std::string(request.tail), std::string(status),
                                            std::string(request.params.get("note")), caller(request)),
         kCheckReport);
}

}  // namespace

void agent_services(Request& request, Reply reply) {
  if (refuse_namespace(request, reply)) return;
  request.context.agent.services(std::string(request.params.get("filter")), caller(request))
      .then([reply = std::move(reply),
             &options = request.context.options](Result<std::vector<model::AgentService>> services) mutable {
        if (!services.ok()) return std::move(reply).fail(services.status());
        std::string json;
        codec::JsonWriter writer(json, reply.style());
        writer.begin_object();
        for (const model::AgentService& item : *services) {
          writer.key(item.service->id);
          writer.value(AgentServiceView{*item.service, options.datacenter});
        }
        writer.end_object();
        std::move(reply).json(std::move(json));
      });
}

void agent_service(Request& request, Reply reply) {
  model::Read read;
  if (Status status = parse_wait(request, read); !status.ok()) return std::move(reply).refuse(status);
  if (refuse_namespace(request, reply)) return;
  Call call = caller(request);
  std::string hash(request.params.get("hash"));
  if (!hash.empty()) call.stop = stop_on_disconnect(reply);
  request.context.agent.service(std::string(request.tail), std::move(hash), read.wait, std::move(call))
      .then([reply = std::move(reply),
             &options = request.context.options](Result<model::AgentService> found) mutable {
        if (!found.ok()) return std::move(reply).fail(found.status());
        http1::Response response = reply.response();
        response.headers.add("X-Consul-Contenthash", found->content_hash);
        response.headers.add("Content-Type", kJsonType);
        std::string json;
        codec::append_json(json, AgentServiceView{*found->service, options.datacenter, found->content_hash},
                           reply.style());
        reply.end_json(json);
        response.body = std::move(json);
        std::move(reply).send(std::move(response));
      });
}

void agent_checks(Request& request, Reply reply) {
  if (refuse_namespace(request, reply)) return;
  request.context.agent.checks(std::string(request.params.get("filter")), caller(request))
      .then([reply = std::move(reply)](Result<std::vector<model::CheckPtr>> checks) mutable {
        if (!checks.ok()) return std::move(reply).fail(checks.status());
        std::string json;
        codec::JsonWriter writer(json, reply.style());
        writer.begin_object();
        for (const model::CheckPtr& check : *checks) {
          writer.key(check->check_id);
          writer.value(check);
        }
        writer.end_object();
        std::move(reply).json(std::move(json));
      });
}

void agent_service_register(Request& request, Reply reply) {
  ServiceBody body;
  if (!read_body(request, reply, body)) return;
  if (body.name.empty()) return std::move(reply).text(400, "Missing service name");
  std::vector<ServiceCheckBody> checks = std::move(body.checks);
  if (!(body.check == ServiceCheckBody())) checks.insert(checks.begin(), std::move(body.check));
  for (const ServiceCheckBody& check : checks) {
    if (Status status = validate(check); !status.ok()) {
      return std::move(reply).text(400, "Invalid check: " + std::string(status.message()));
    }
    if (!check.status.empty() && !model::is_check_status(check.status)) {
      return std::move(reply).text(400, "Status for checks must 'passing', 'warning', 'critical'");
    }
  }
  for (const ServiceCheckBody& check : checks) {
    if (refuse_kind(request, reply, check)) return;
  }
  if (!body.connect.sidecar_service.empty()) {
    return std::move(reply).text(
        501, "PUT /v1/agent/service/register is not available yet for Connect.SidecarService");
  }
  model::ServiceSpec spec;
  spec.token = std::move(body.token);
  spec.service = to_instance(std::move(body));
  for (const ServiceCheckBody& check : checks) spec.checks.push_back(to_spec(check));
  const std::string_view replace = request.params.get("replace-existing-checks");
  spec.replace_existing_checks =
      request.params.has("replace-existing-checks") && (replace.empty() || replace == "true");
  finish(std::move(reply), request.context.agent.register_service(std::move(spec), caller(request)),
         kRegistration);
}

void agent_service_deregister(Request& request, Reply reply) {
  if (refuse_namespace(request, reply)) return;
  if (request.tail.empty()) return std::move(reply).text(500, "ServiceID missing");
  finish(std::move(reply),
         request.context.agent.deregister_service(std::string(request.tail), caller(request)));
}

void agent_check_register(Request& request, Reply reply) {
  CheckDefinitionBody body;
  if (!read_body(request, reply, body)) return;
  if (body.name.empty()) return std::move(reply).text(400, "Missing check name");
  if (!body.status.empty() && !model::is_check_status(body.status)) {
    return std::move(reply).text(400, "Bad check status");
  }
  if (Status status = validate(body); !status.ok()) {
    return std::move(reply).text(400, "Invalid check: " + std::string(status.message()));
  }
  if (refuse_kind(request, reply, body)) return;
  model::CheckSpec spec = to_spec(body);
  spec.service_id = std::move(body.service_id);
  spec.token = std::move(body.token);
  finish(std::move(reply), request.context.agent.register_check(std::move(spec), caller(request)),
         kRegistration);
}

void agent_check_deregister(Request& request, Reply reply) {
  if (refuse_namespace(request, reply)) return;
  if (request.tail.empty()) return std::move(reply).text(500, "CheckID missing");
  finish(std::move(reply),
         request.context.agent.deregister_check(std::string(request.tail), caller(request)));
}

void agent_check_pass(Request& request, Reply reply) { report(request, std::move(reply), model::kPassing); }
void agent_check_warn(Request& request, Reply reply) { report(request, std::move(reply), model::kWarning); }
void agent_check_fail(Request& request, Reply reply) { report(request, std::move(reply), model::kCritical); }

void agent_check_update(Request& request, Reply reply) {
  CheckUpdateBody body;
  if (!read_body(request, reply, body)) return;
  if (!model::is_check_status(body.status)) {
    return std::move(reply).text(400, "Invalid check status: '" + body.status + "'");
  }
  finish(std::move(reply),
         request.context.agent.update_check(std::string(request.tail), std::move(body.status),
                                            std::move(body.output), caller(request)),
         kCheckReport);
}

}  // namespace discovery::http::v1
