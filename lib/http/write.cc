#include "lib/http/write.h"

namespace discovery::http {

void apply(Request& request, Reply reply, model::Command command, Call call, Outcomes outcomes) {
  request.context.backend.apply(std::move(command), std::move(call))
      .then([reply = std::move(reply), outcomes](Result<model::Outcome> outcome) mutable {
        if (!outcome.ok()) return std::move(reply).fail(outcome.status());
        std::move(reply).json(outcomes == Outcomes::kDone || outcome->result ? "true" : "false");
      });
}

void fail_applied(Reply reply, const Status& failure, std::string_view prefix) {
  if (failure.code() != Code::kFailedPrecondition) return std::move(reply).fail(failure);
  std::move(reply).text(500, std::string(prefix) + std::string(failure.message()));
}

Status decode_failure(const Status& failure) {
  std::string message = "Request decode failed: " + std::string(failure.message());
  if (failure.message() == "json: unknown field \"Namespace\"") {
    message += " - Namespaces are a Consul Enterprise feature";
  }
  return invalid_argument(std::move(message));
}

bool refuse_large_body(const Request& request, Reply& reply, std::uint64_t limit, std::string_view hint) {
  if (!request.message.body_too_large && request.message.body.size() <= limit) return false;
  std::string text = "Request body";
  if (const auto length = request.message.content_length) text += "(" + std::to_string(*length) + " bytes)";
  text += " too large, max size: " + std::to_string(limit) + " bytes.";
  text += hint;
  std::move(reply).over_limit(413, "body", std::move(text));
  return true;
}

}  // namespace discovery::http
