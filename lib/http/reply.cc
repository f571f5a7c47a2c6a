#include "lib/http/reply.h"

#include <chrono>

#include "lib/http/gzip.h"

namespace discovery::http {

std::uint32_t Reply::microseconds() const {
  const Duration now = context_->around.metrics->clock().monotonic();
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

void Reply::time_into(std::uint16_t row) {
  timing_ = row;
  began_ = microseconds();
}

void Reply::note_time() const {
  if (timing_ == kUntimed) return;
  constexpr double kMicrosPerMilli = 1000;
  context_->around.metrics->add(context_->timings[timing_], (microseconds() - began_) / kMicrosPerMilli);
}

http1::ResponseStream Reply::stream(http1::Response head) && {
  note_time();
  return std::move(responder_).start_stream(std::move(head));
}

void Reply::send(http1::Response response) && {
  if (!takes_gzip_ || response.body.size() < kMinGzipSize)
    return std::move(*this).send_as_is(std::move(response));
  if (response.body.size() > kLongGzip && context_->env.on_loop()) {
    http1::Body body = std::move(response.body);
    Renderings& renderings = *context_->renderings;
    renderings.compress(std::move(body), [reply = std::move(*this), response = std::move(response)](
                                             http1::Body made, bool compressed) mutable {
      response.body = std::move(made);
      if (compressed) response.headers.add("Content-Encoding", "gzip");
      std::move(reply).send_as_is(std::move(response));
    });
    return;
  }
  if (std::string compressed = gzip(response.body.view()); !compressed.empty()) {
    response.body = std::move(compressed);
    response.headers.add("Content-Encoding", "gzip");
  }
  std::move(*this).send_as_is(std::move(response));
}

void Reply::send_as_is(http1::Response response) && {
  note_time();
  if (context_->env.on_loop()) return std::move(responder_).send(std::move(response));
  context_->env.post([responder = std::move(responder_), response = std::move(response)]() mutable {
    std::move(responder).send(std::move(response));
  });
}

void Reply::json(std::string json) && {
  http1::Response answer = response();
  answer.headers.add("Content-Type", kJsonType);
  end_json(json);
  answer.body = std::move(json);
  std::move(*this).send(std::move(answer));
}

void Reply::text(int status, std::string text) && {
  http1::Response answer = response(status);
  set_text(answer, std::move(text));
  std::move(*this).send(std::move(answer));
}

void Reply::over_limit(int status, std::string_view limit, std::string text) && {
  if (metrics::Registry* registry = context_->around.metrics; registry != nullptr) {
    registry->add(
        registry->series(metrics::Kind::kCounter, "api.http.over_limit", {{"limit", std::string(limit)}}));
  }
  std::move(*this).text(status, std::move(text));
}

void Reply::empty(int status) && {
  http1::Response answer = response(status);
  std::move(*this).send(std::move(answer));
}

bool Reply::drop_if_gone(const Status& failure) {
  if (failure.code() != Code::kCancelled || !context_->env.on_loop() || !responder_.disconnected())
    return false;
  note_time();
  const http1::Responder dropped = std::move(responder_);
  return true;
}

void Reply::fail(const Status& failure, const FailureStatus& statuses) && {
  if (drop_if_gone(failure)) return;
  const int status = http_status(failure.code(), statuses);
  std::string text(failure.message());
  if (failure.code() == Code::kResourceExhausted)
    return std::move(*this).over_limit(status, "work", std::move(text));
  std::move(*this).text(status, std::move(text));
}

int http_status(Code code, const FailureStatus& statuses) noexcept {
  switch (code) {
    case Code::kInvalidArgument:
      return statuses.invalid_argument;
    case Code::kNotFound:
      return statuses.not_found;
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
      return 403;
    case Code::kResourceExhausted:
      return 429;
    default:
      return 500;
  }
}

void set_text(http1::Response& response, std::string text) {
  // Go finds the type by looking at the body, and so finds none where there is no body.
  if (!text.empty()) response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(text);
}

}  // namespace discovery::http
