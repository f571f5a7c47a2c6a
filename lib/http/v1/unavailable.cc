#include <string>
#include <utility>

#include "lib/http/v1/endpoints.h"

namespace discovery::http::v1 {

void acl_disabled(Request&, Reply reply) { std::move(reply).text(401, "ACL support disabled"); }

void query_specific(Request& request, Reply reply) {
  const bool runs = request.tail.ends_with("/execute") || request.tail.ends_with("/explain");
  const std::string allow = runs ? "GET" : "GET,PUT,DELETE";
  const bool known = request.method == Method::kGet ||
                     (!runs && (request.method == Method::kPut || request.method == Method::kDelete));
  if (known) {
    return std::move(reply).text(501,
                                 std::string(request.message.method) + " /v1/query/ is not available yet");
  }
  http1::Response response = reply.response(405);
  if (request.method == Method::kOptions) {
    response.status = 200;
    response.headers.add("Allow", "OPTIONS," + allow);
    response.headers.add("Content-Type", kJsonType);
    response.body = reply.pretty() ? "{}\n" : "{}";
  } else {
    response.headers.add("Allow", allow);
    set_text(response, "method " + std::string(request.message.method) + " not allowed");
  }
  std::move(reply).send(std::move(response));
}

void debug_pprof(Request&, Reply reply) {
  http1::Response response = http1::text_response(401, "ACL support disabled");
  response.headers.add("Vary", "Accept-Encoding");
  std::move(reply).send(std::move(response));
}

}  // namespace discovery::http::v1
