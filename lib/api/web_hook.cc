#include "lib/api/web_hook.h"

#include <algorithm>

#include "lib/base/base64.h"

namespace discovery::api {
namespace {

/// Of an answer, so much is read.
constexpr std::size_t kMaxAnswer = 4096;

}  // namespace

WebHook::WebHook(const WebHookWorld& world, const WebHookTarget& target, http1::HeaderBlock headers,
                 std::string body, Done done)
    : world_(world),
      target_(target),
      deadline_(world.env.clock().monotonic() + target.timeout),
      done_(std::move(done)) {
  http1::ClientRequest request;
  request.method = target.method;
  request.target = target.url.target;
  request.host = target.url.authority;
  request.headers = std::move(headers);
  request.body = std::move(body);
  bool has_authorization = false;
  for (const auto& [name, value] : target.headers) {
    request.headers.add(name, value);
    has_authorization = has_authorization || name == "Authorization";
  }
  if (!target.url.user_info.empty() && !has_authorization) {
    request.headers.add("Authorization", "Basic " + base::encode_base64(target.url.user_info));
  }
  auto encoded = http1::encode(request);
  if (encoded.ok()) {
    request_ = *std::move(encoded);
    dial();
    return;
  }
  refused_ = world_.env.make_timer();
  refused_->start(Duration::zero(), [this, why = encoded.status()] { end(why); });
}

Duration WebHook::left() const {
  return std::max<Duration>(deadline_ - world_.env.clock().monotonic(), std::chrono::milliseconds(1));
}

void WebHook::end(Result<int> status) {
  Done done = std::move(done_);
  done(std::move(status));  // may destroy this
}

void WebHook::dial() {
  attempt_ = world_.dialer.dial(
      target_.url.host, target_.url.port, left(), [this](Result<std::unique_ptr<env::Stream>> stream) {
        if (!stream.ok()) return end(stream.status());
        target_.url.tls ? shake_hands(*std::move(stream)) : send(*std::move(stream));
      });
}

void WebHook::shake_hands(std::unique_ptr<env::Stream> stream) {
  const auto& context = target_.tls_skip_verify ? world_.tls_unverified : world_.tls;
  if (context == nullptr) return end(Status(Code::kUnavailable, "TLS is not available on this machine"));
  handshake_ = tls::connect(world_.env, std::move(stream), context, target_.url.host, left(),
                            [this](Result<std::unique_ptr<env::Stream>> secured) {
                              if (!secured.ok()) return end(secured.status());
                              send(*std::move(secured));
                            });
}

void WebHook::send(std::unique_ptr<env::Stream> stream) {
  http1::ClientLimits limits;
  limits.timeout = left();
  limits.max_body_bytes = kMaxAnswer;
  fetch_ = http1::exchange(world_.env, std::move(stream), request_, limits,
                           [this](const Result<http1::ClientResponse>& answer) {
                             if (!answer.ok()) return end(answer.status());
                             end(answer->status);
                           });
}

}  // namespace discovery::api
