#include <memory>
#include <string>
#include <utility>

#include "lib/codec/json_writer.h"
#include "lib/http/bound_sessions.h"
#include "lib/http/read.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/v1/reads.h"
#include "lib/http/v1/session_bodies.h"
#include "lib/http/write.h"

namespace discovery::http::v1 {
namespace {

constexpr const char* kMissingSession = "Missing session";
constexpr std::string_view kRefused = "apply failed: ";

constexpr View kSessions{.render = render_as<model::Sessions>, .shows_consistency = false};

/// Refuses a path without an id with 400; returns whether it did.
bool refuse_missing_session(const Request& request, Reply& reply) {
  if (!request.tail.empty()) return false;
  std::move(reply).text(400, kMissingSession);
  return true;
}

bool refuse_namespace(const Request& request, Reply& reply) {
  const Status status = check_namespace(request);
  if (!status.ok()) std::move(reply).refuse(status);
  return !status.ok();
}

/// Answers with the id of a session that was made.
void show_id(Reply reply, const std::string& id, bool bound) {
  std::string json;
  codec::JsonWriter writer(json, reply.style());
  writer.begin_object();
  writer.field("ID", id);
  writer.end_object();
  http1::Response response = reply.response();
  response.headers.add("Content-Type", kJsonType);
  if (bound) response.headers.add(kSessionBoundHeader, "true");
  reply.end_json(json);
  response.body = std::move(json);
  std::move(reply).send(std::move(response));
}

/// What a session that is being made waits with.
struct Making {
  Context& context;
  Reply reply;
  std::shared_ptr<BoundSession> bound;  ///< null if it is not bound to its connection

  /// On the loop.
  void finish(const Result<model::Outcome>& outcome) && {
    if (!outcome.ok()) return fail_applied(std::move(reply), outcome.status(), kRefused);
    const std::string id = outcome->session.str();
    if (bound) context.bound_sessions.made(bound, id);
    show_id(std::move(reply), id, bound != nullptr);
  }
};

void list(Request& request, Reply reply, model::Query query, ReadParams params) {
  // Sessions are not filtered, nor are they near to anything.
  params.read.filter.clear();
  params.read.near.clear();
  show(request, std::move(reply), std::move(query), std::move(params), kSessions);
}

}  // namespace

void session_create(Request& request, Reply reply) {
  Context& context = request.context;
  if (refuse_large_body(request, reply, context.options.max_body_size)) return;
  if (refuse_namespace(request, reply)) return;
  model::SessionCommand command;
  command.session.node = context.options.node_name;
  // As Consul does it, a body of no declared length is not looked at.
  const std::string_view body =
      request.message.content_length ? std::string_view(request.message.body) : std::string_view();
  if (Status status = read_session(body, command.session); !status.ok()) {
    return std::move(reply).refuse(decode_failure(status));
  }
  std::shared_ptr<BoundSession> bound;
  if (request.params.has("while-connected")) {
    bound = context.bound_sessions.tie(reply, request.call());
    if (!bound) {
      return std::move(reply).over_limit(429, "bound_sessions",
                                         "Too many sessions are bound to this connection");
    }
  }
  context.backend.apply(std::move(command), request.call())
      .then([making = Making{context, std::move(reply), std::move(bound)}](
                Result<model::Outcome> outcome) mutable {
        env::Env& env = making.context.env;
        if (!making.bound || env.on_loop()) return std::move(making).finish(outcome);
        env.post([making = std::move(making), outcome = std::move(outcome)]() mutable {
          std::move(making).finish(outcome);
        });
      });
}

void session_destroy(Request& request, Reply reply) {
  if (refuse_namespace(request, reply) || refuse_missing_session(request, reply)) return;
  model::SessionCommand command;
  command.verb = model::SessionVerb::kDestroy;
  command.session.id = request.tail;
  request.context.bound_sessions.forget(request.tail);
  request.context.backend.apply(std::move(command), request.call())
      .then([reply = std::move(reply)](const Result<model::Outcome>& outcome) mutable {
        if (!outcome.ok()) return fail_applied(std::move(reply), outcome.status(), kRefused);
        std::move(reply).json("true");
      });
}

void session_renew(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_named_read(request, reply, params, kMissingSession)) return;
  request.context.backend.renew_session(std::string(request.tail), request.call())
      .then([reply = std::move(reply)](Result<model::SessionPtr> session) mutable {
        if (!session.ok()) return std::move(reply).fail(session.status());
        std::string json;
        codec::append_json(json, model::Sessions{*std::move(session)}, reply.style());
        std::move(reply).json(std::move(json));
      });
}

void session_info(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_named_read(request, reply, params, kMissingSession)) return;
  list(request, std::move(reply), model::GetSession{std::string(request.tail)}, std::move(params));
}

void session_list(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_common_read(request, reply, params)) return;
  list(request, std::move(reply), model::ListSessions{}, std::move(params));
}

void session_node(Request& request, Reply reply) {
  ReadParams params;
  if (!parse_named_read(request, reply, params, "Missing node name")) return;
  list(request, std::move(reply), model::ListNodeSessions{std::string(request.tail)}, std::move(params));
}

}  // namespace discovery::http::v1
