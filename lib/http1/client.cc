#include "lib/http1/client.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "lib/base/strings.h"
#include "lib/http1/client_connection.h"

namespace discovery::http1 {
namespace {

/// Whether a text may stand between the spaces of a request line.
bool fits_request_line(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7f;
  });
}

class Exchanging final : public Fetch {
 public:
  using Done = ClientConnection::Done;

  Exchanging(env::Env& env, const ClientLimits& limits, Done done)
      : env_(env),
        limits_(limits),
        deadline_(env.clock().monotonic() + limits.timeout),
        done_(std::move(done)) {}

  void start(const env::Endpoint& endpoint, Result<EncodedRequest> request) {
    if (!request) {
      timer_ = env_.make_timer();
      timer_->start(Duration::zero(), [this, why = request.status()] { end(why); });
      return;
    }
    own_request_ = *std::move(request);
    // The attempt may outlive this object.
    self_ = std::make_shared<Exchanging*>(this);
    env_.connect(endpoint, limits_.timeout,
                 [alive = std::weak_ptr<Exchanging*>(self_)](Result<std::unique_ptr<env::Stream>> result) {
                   if (const auto self = alive.lock()) (*self)->on_connected(std::move(result));
                 });
  }

  void start(std::unique_ptr<env::Stream> stream, const EncodedRequest& request) {
    ClientLimits limits = limits_;
    limits.timeout = std::max(deadline_ - env_.clock().monotonic(), Duration(1));
    connection_.emplace(env_, std::move(stream), limits_.buffers);
    connection_->exchange(request, limits,
                          [this](Result<ClientResponse> response) { end(std::move(response)); });
  }

 private:
  void on_connected(Result<std::unique_ptr<env::Stream>> result) {
    if (!result) return end(result.status());
    start(std::move(*result), own_request_);
  }

  void end(Result<ClientResponse> result) {
    Done done = std::move(done_);
    connection_.reset();
    done(std::move(result));  // may destroy this
  }

  env::Env& env_;
  const ClientLimits limits_;
  const Duration deadline_;
  EncodedRequest own_request_;
  Done done_;
  std::unique_ptr<env::Timer> timer_;
  std::optional<ClientConnection> connection_;
  std::shared_ptr<Exchanging*> self_;
};

}  // namespace

std::string_view ClientResponse::header(std::string_view name) const noexcept {
  for (const auto& [field, value] : headers) {
    if (base::equal_ignoring_case(field, name)) return value;
  }
  return {};
}

Result<EncodedRequest> encode(const ClientRequest& request) {
  if (!fits_request_line(request.method) || !fits_request_line(request.target)) {
    return invalid_argument("not a method and a target of HTTP: " + request.method + ' ' + request.target);
  }
  HeaderBlock own;
  own.add("Host", request.host);
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    own.add("Content-Length", std::uint64_t{request.body.size()});
  }
  if (!request.keep_alive) own.add("Connection", "close");
  EncodedRequest encoded{{}, request.method == "HEAD", request.keep_alive};
  std::string& bytes = encoded.bytes;
  bytes.reserve(request.method.size() + request.target.size() + own.lines().size() +
                request.headers.lines().size() + request.body.size() + 16);
  bytes = request.method;
  bytes.append(1, ' ').append(request.target).append(" HTTP/1.1\r\n");
  bytes.append(own.lines()).append(request.headers.lines()).append("\r\n").append(request.body);
  return encoded;
}

std::unique_ptr<Fetch> fetch(env::Env& env, const env::Endpoint& endpoint, const ClientRequest& request,
                             const ClientLimits& limits, UniqueFunction<void(Result<ClientResponse>)> done) {
  auto exchanging = std::make_unique<Exchanging>(env, limits, std::move(done));
  exchanging->start(endpoint, encode(request));
  return exchanging;
}

std::unique_ptr<Fetch> exchange(env::Env& env, std::unique_ptr<env::Stream> stream,
                                const EncodedRequest& request, const ClientLimits& limits,
                                UniqueFunction<void(Result<ClientResponse>)> done) {
  auto exchanging = std::make_unique<Exchanging>(env, limits, std::move(done));
  exchanging->start(std::move(stream), request);
  return exchanging;
}

}  // namespace discovery::http1
