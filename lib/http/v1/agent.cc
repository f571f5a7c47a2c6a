#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/codec/json_writer.h"
#include "lib/http/json_size.h"
#include "lib/http/read.h"
#include "lib/http/v1/agent_bodies.h"
#include "lib/http/v1/agent_calls.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/write.h"
#include "lib/model/validation.h"

namespace discovery::http::v1 {
namespace {

/// Answers what is wrong with a check; returns whether something is.
bool refuse_check(Reply& reply, const model::CheckSpec& spec, const char* bad_status,
                  const std::string& what = "Invalid check: ") {
  const bool known = spec.status.empty() || model::is_check_status(spec.status);
  const Status status = model::validate(spec);
  if (status.ok() && known) return false;
  std::move(reply).text(400, status.ok() ? bad_status : what + std::string(status.message()));
  return true;
}

bool refuse_check(Reply& reply, const CheckBody& body, const char* bad_status) {
  return refuse_check(reply, to_spec(CheckBody(body)), bad_status);
}

constexpr const char* kBadServiceStatus = "Status for checks must 'passing', 'warning', 'critical'";

void report(Request& request, Reply reply, std::string_view status) {
  finish(std::move(reply),
         request.context.agent.update_check(std::string(request.tail), std::string(status),
                                            std::string(request.params.get("note")), caller(request)),
         kCheckReport);
}

/// Answers with an object of the items, each written by `write`; off the loop if that takes long, so that it
/// may use nothing but what it holds.
template <class Item, class Write>
void send_object(Context& context, Reply reply, std::vector<Item> items, Write write) {
  struct List {
    std::vector<Item> items;
    std::string json{};
  };
  const bool is_short = json_size(std::span<const Item>(items), kLongJson) <= kLongJson;
  auto list = std::make_shared<List>(List{std::move(items)});
  auto render = [list, style = reply.style(), write = std::move(write)] {
    codec::JsonWriter writer(list->json, style);
    writer.begin_object();
    for (const Item& item : list->items) write(writer, item);
    writer.end_object();
    list->items = std::vector<Item>();  // freeing them is part of the work
  };
  auto send = [list, reply = std::move(reply)](const Status& done) mutable {
    if (!done.ok()) return std::move(reply).fail(done);
    std::move(reply).json(std::move(list->json));
  };
  if (is_short || !context.env.on_loop()) {
    render();
    return send({});
  }
  context.renderings->run(std::move(render), std::move(send));
}

}  // namespace

void agent_services(Request& request, Reply reply) {
  if (refuse_namespace(request, reply)) return;
  request.context.agent.services(std::string(request.params.get("filter")), caller(request))
      .then([reply = std::move(reply),
             &context = request.context](Result<std::vector<model::AgentService>> services) mutable {
        if (!services.ok()) return std::move(reply).fail(services.status());
        send_object(context, std::move(reply), *std::move(services),
                    [datacenter = context.options.datacenter](codec::JsonWriter& writer,
                                                              const model::AgentService& item) {
                      writer.key(item.service->id);
                      writer.value(AgentServiceView{*item.service, datacenter});
                    });
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
      .then([reply = std::move(reply),
             &context = request.context](Result<std::vector<model::CheckPtr>> checks) mutable {
        if (!checks.ok()) return std::move(reply).fail(checks.status());
        send_object(context, std::move(reply), *std::move(checks),
                    [](codec::JsonWriter& writer, const model::CheckPtr& check) {
                      writer.key(check->check_id);
                      writer.value(check);
                    });
      });
}

void agent_service_register(Request& request, Reply reply) {
  ServiceBody body;
  if (!read_body(request, reply, body)) return;
  if (body.name.empty()) return std::move(reply).text(400, "Missing service name");
  std::vector<ServiceCheckBody> checks = take_checks(body);
  for (const ServiceCheckBody& check : checks) {
    if (refuse_check(reply, check, kBadServiceStatus)) return;
  }
  model::ServiceSpec spec;
  spec.sidecar = to_sidecar(body.connect);
  if (spec.sidecar) {
    for (const model::CheckSpec& check : spec.sidecar->checks) {
      if (refuse_check(reply, check, kBadServiceStatus, "Invalid check in sidecar_service: ")) return;
    }
  }
  spec.token = std::move(body.token);
  spec.service = to_instance(std::move(body));
  for (ServiceCheckBody& check : checks) spec.checks.push_back(to_spec(std::move(check)));
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
  if (body.spec.name.empty()) return std::move(reply).text(400, "Missing check name");
  if (refuse_check(reply, body, "Bad check status")) return;
  model::CheckSpec spec = to_spec(std::move(body));
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
