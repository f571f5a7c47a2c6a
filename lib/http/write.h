#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/codec/json_reader.h"
#include "lib/http/reply.h"
#include "lib/http/request.h"
#include "lib/model/command.h"

namespace discovery::http {

/// What the answer to a write says.
enum class Outcomes {
  kDone,   ///< "true" once it was applied
  kResult  ///< whether it won its comparison
};

/// Has a command applied and answers "true" or "false".
void apply(Request& request, Reply reply, model::Command command, Call call,
           Outcomes outcomes = Outcomes::kDone);

/// Answers with what a command failed of; before what the state refused stands `prefix`.
void fail_applied(Reply reply, const Status& failure, std::string_view prefix);

/// The message for a body that could not be decoded. kInvalidArgument.
Status decode_failure(const Status& failure);

/// Fills `out` from the JSON object in a request's body; unknown fields are refused. kInvalidArgument.
template <class T>
Status decode_body(const Request& request, T& out) {
  const Status status = codec::from_json(request.message.body, out);
  return status.ok() ? status : decode_failure(status);
}

/// Answers 413 if the body is over `limit`, read or not; returns whether it is. `hint` ends the message.
bool refuse_large_body(const Request& request, Reply& reply, std::uint64_t limit, std::string_view hint = {});

}  // namespace discovery::http
