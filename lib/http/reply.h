#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <discovery/async.h>
#include <discovery/status.h>

#include "lib/codec/json_writer.h"
#include "lib/http/context.h"
#include "lib/http1/handler.h"

namespace discovery::http {

/// Which statuses a failed call gets beyond the common ones. Handlers refuse what is wrong with a request
/// with 400; what the backend finds wrong later is 500, as Consul's servers' validation.
struct FailureStatus {
  int invalid_argument = 500;
  int not_found = 404;
};

/// The right and the duty to answer one request: an http1::Responder that knows how this API's answers look.
/// Small and move-only; endpoints keep it as long as the answer takes. Destroying it unanswered answers 500.
/// Threads: used by one at a time, from any: the answer goes to the loop.
class Reply {
 public:
  Reply(const Context& context, http1::Responder responder, bool pretty, bool takes_gzip)
      : context_(&context), responder_(std::move(responder)), pretty_(pretty), takes_gzip_(takes_gzip) {}

  /// Measures the time from now until the answer is given, for a row of Context::timings.
  void time_into(std::uint16_t row);

  /// An answer to fill in, with the headers that all endpoints' answers have.
  http1::Response response(int status = 200) const {
    return {.status = status, .headers = context_->common_headers};
  }
  codec::JsonStyle style() const { return pretty_ ? codec::JsonStyle::kPretty : codec::JsonStyle::kCompact; }
  bool pretty() const { return pretty_; }
  bool takes_gzip() const { return takes_gzip_; }
  /// Ends a JSON text: pretty ones have a newline at their end.
  void end_json(std::string& json) const {
    if (pretty_) json += '\n';
  }

  /// Calls `callback` on the loop if the client goes before the answer. Threads: the loop's.
  void on_disconnect(UniqueFunction<void()> callback) { responder_.on_disconnect(std::move(callback)); }

  /// Tells `listener` of the connection's end, also long after the answer (http1::Responder). Threads: the
  /// loop's.
  bool on_connection_end(std::weak_ptr<http1::EndListener> listener) {
    return responder_.on_connection_end(std::move(listener));
  }

  /// Answers in pieces (http1::ResponseStream). Threads: the loop's.
  http1::ResponseStream stream(http1::Response head) &&;
  /// Answers, with a long body compressed if the client takes that.
  void send(http1::Response response) &&;
  /// Answers with a body that is compressed already, or not to be.
  void send_as_is(http1::Response response) &&;
  /// Answers with a JSON text that is not ended yet.
  void json(std::string json) &&;
  /// Answers with a text for people.
  void text(int status, std::string text) &&;
  /// The same because a limit was hit, which is counted under its name.
  void over_limit(int status, std::string_view limit, std::string text) &&;
  /// Answers without a body.
  void empty(int status = 200) &&;
  /// Answers 400 with what is wrong.
  void refuse(const Status& problem) && { std::move(*this).text(400, std::string(problem.message())); }
  /// A call that ended because its client has gone is not answered: lets go of the request, and returns true.
  bool drop_if_gone(const Status& failure);
  /// Answers with what a call failed of, unless drop_if_gone(). kResourceExhausted counts as the limit
  /// "work".
  void fail(const Status& failure, const FailureStatus& statuses = {}) &&;

 private:
  static constexpr std::uint16_t kUntimed = 0xffff;
  void note_time() const;
  /// Of a clock that begins anew after an hour, so that a Reply stays small: it is kept in callbacks.
  std::uint32_t microseconds() const;

  const Context* context_;
  http1::Responder responder_;
  bool pretty_;
  bool takes_gzip_;
  std::uint16_t timing_ = kUntimed;
  std::uint32_t began_ = 0;
};

/// The status that a failure is answered with.
int http_status(Code code, const FailureStatus& statuses = {}) noexcept;

/// Adds the headers and the body of a text for people.
void set_text(http1::Response& response, std::string text);

inline constexpr std::string_view kJsonType = "application/json";

}  // namespace discovery::http
