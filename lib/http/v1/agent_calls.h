#pragma once

/// \file
/// What the agent's endpoints have in common.

#include <string>
#include <utility>

#include <discovery/async.h>

#include "lib/http/read.h"
#include "lib/http/reply.h"
#include "lib/http/request.h"
#include "lib/http/write.h"

namespace discovery::http::v1 {

/// Of a registration the agent finds wrong what the request says.
inline constexpr FailureStatus kRegistration{.invalid_argument = 400, .not_found = 500};
/// A check that is not there is Consul's fault, so to say.
inline constexpr FailureStatus kCheckReport{.invalid_argument = 400, .not_found = 500};

/// Answers without a body once the agent has done it.
inline void finish(Reply reply, Async<Unit> done, const FailureStatus& statuses = {}) {
  std::move(done).then([reply = std::move(reply), statuses](const Result<Unit>& result) mutable {
    if (!result.ok()) return std::move(reply).fail(result.status(), statuses);
    std::move(reply).empty();
  });
}

/// Who asks; the agent is this one whatever `?dc` says.
inline Call caller(const Request& request) { return {.token = request.token()}; }

/// Refuses namespaces with 400; returns whether there was one.
inline bool refuse_namespace(const Request& request, Reply& reply) {
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

}  // namespace discovery::http::v1
