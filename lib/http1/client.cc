#include "lib/http1/client.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "lib/base/strings.h"
#include "lib/http1/parser.h"
#include "lib/http1/read_buffer.h"

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
  using Done = UniqueFunction<void(Result<ClientResponse>)>;

  Exchanging(env::Env& env, const ClientLimits& limits, Done done)
      : limits_(limits),
        done_(std::move(done)),
        timer_(env.make_timer()),
        pool_(limits.buffers != nullptr ? *limits.buffers : own_pool_) {}
  Exchanging(const Exchanging&) = delete;
  Exchanging& operator=(const Exchanging&) = delete;
  ~Exchanging() override { in_.release(pool_); }

  void start(env::Env& env, const env::Endpoint& endpoint, Result<EncodedRequest> request) {
    if (!request) {
      timer_->start(Duration::zero(), [this, why = request.status()] { end(why); });
      return;
    }
    own_request_ = *std::move(request);
    request_ = &own_request_;
    begin();
    // The attempt may outlive this object.
    self_ = std::make_shared<Exchanging*>(this);
    env.connect(endpoint, limits_.timeout,
                [alive = std::weak_ptr<Exchanging*>(self_)](Result<std::unique_ptr<env::Stream>> result) {
                  if (const auto self = alive.lock()) (*self)->on_connected(std::move(result));
                });
  }

  void start(std::unique_ptr<env::Stream> stream, const EncodedRequest& request) {
    stream_ = std::move(stream);
    request_ = &request;
    begin();
    send();
  }

 private:
  void begin() {
    timer_->start(limits_.timeout, [this] { end(Status(Code::kDeadlineExceeded, "no answer in time")); });
  }

  void on_connected(Result<std::unique_ptr<env::Stream>> result) {
    if (!result) return end(result.status());
    stream_ = std::move(*result);
    send();
  }

  void send() {
    const std::array<std::string_view, 1> pieces = {request_->bytes};
    // An answer may come before all is written; only when none comes does the failed write count.
    stream_->write(pieces, [this](Status status) { write_failure_ = std::move(status); });
    read();
  }

  void read() {
    in_.reserve(BufferPool::kSize / 2, pool_);
    stream_->read_some(in_.space(), [this](const Result<std::size_t>& size) { on_read(size); });
  }

  void on_read(const Result<std::size_t>& size) {
    if (!size) return end(write_failure_.ok() ? size.status() : write_failure_);
    if (*size == 0) return on_end();
    in_.added(*size);
    return has_head_ ? take_body() : take_head();
  }

  /// Takes the head out of what has come, after those of interim answers; then the body can be taken.
  void take_head() {
    while (!has_head_) {
      const HeadScanner::Result found = scanner_.scan(in_.data());
      if (found == HeadScanner::Result::kBad) return end(not_http());
      const std::size_t size = found == HeadScanner::Result::kFound ? scanner_.size() : in_.size();
      if (size > limits_.max_header_bytes) return end(head_too_large());
      if (found == HeadScanner::Result::kNeedMore) return read();
      ResponseHead head;
      if (parse_response_head(in_.data().substr(0, scanner_.size()), request_->to_head, head) !=
          HeadError::kNone) {
        return end(not_http());
      }
      if (head.status / 100 != 1) keep(head);
      in_.consume(scanner_.size());
      scanner_ = {};
    }
    take_body();
  }

  void keep(const ResponseHead& head) {
    has_head_ = true;
    response_.status = head.status;
    response_.reason = head.reason;
    const bool keep_fields = limits_.keep_fields || head.status / 100 == 3;
    for (const Header& field : head.fields) {
      if (keep_fields) response_.headers.emplace_back(field.name, field.value);
    }
    decoder_.start(head.framing, head.content_length, std::numeric_limits<std::uint64_t>::max());
  }

  void take_body() {
    std::string_view bytes = in_.data();
    const BodyDecoder::Result result = decoder_.decode(bytes, response_.body);
    in_.consume(in_.size());
    if (result == BodyDecoder::Result::kBad) return end(not_http());
    const bool done = result == BodyDecoder::Result::kDone;
    if (response_.body.size() > limits_.max_body_bytes) {
      response_.truncated = true;
      if (!limits_.keep_end) {
        response_.body.resize(limits_.max_body_bytes);
        return end(std::move(response_));
      }
      // Now and then while it comes, so that a byte is moved about once.
      const std::size_t excess = response_.body.size() - limits_.max_body_bytes;
      if (done || excess > limits_.max_body_bytes) response_.body.erase(0, excess);
    }
    if (done) return end(std::move(response_));
    read();
  }

  void on_end() {
    if (has_head_ && decoder_.end() == BodyDecoder::Result::kDone) {
      if (response_.body.size() > limits_.max_body_bytes) {
        response_.body.erase(0, response_.body.size() - limits_.max_body_bytes);
      }
      return end(std::move(response_));
    }
    end(Status(Code::kUnavailable, "the connection ended before the answer"));
  }

  Status head_too_large() const {
    return {Code::kResourceExhausted,
            "the answer's header is larger than " + std::to_string(limits_.max_header_bytes) + " bytes"};
  }
  static Status not_http() { return {Code::kUnavailable, "the answer is not HTTP"}; }

  void end(Result<ClientResponse> result) {
    timer_->cancel();
    stream_.reset();
    Done done = std::move(done_);
    done(std::move(result));  // may destroy this
  }

  const ClientLimits limits_;
  EncodedRequest own_request_;
  const EncodedRequest* request_ = nullptr;
  Done done_;
  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<env::Stream> stream_;
  std::shared_ptr<Exchanging*> self_;
  Status write_failure_;
  BufferPool own_pool_;
  BufferPool& pool_;
  ReadBuffer in_;
  HeadScanner scanner_;
  bool has_head_ = false;
  BodyDecoder decoder_;
  ClientResponse response_;
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
  own.add("Connection", "close");
  EncodedRequest encoded{{}, request.method == "HEAD"};
  std::string& bytes = encoded.bytes;
  bytes.reserve(request.method.size() + request.target.size() + own.lines().size() +
                request.headers.lines().size() + request.body.size() + 16);
  bytes = request.method;
  bytes.append(1, ' ').append(request.target).append(" HTTP/1.1\r\n");
  bytes.append(own.lines()).append(request.headers.lines()).append("\r\n").append(request.body);
  return encoded;
}

std::unique_ptr<Fetch> fetch(env::Env& env, const env::Endpoint& endpoint, ClientRequest request,
                             const ClientLimits& limits, UniqueFunction<void(Result<ClientResponse>)> done) {
  auto exchanging = std::make_unique<Exchanging>(env, limits, std::move(done));
  exchanging->start(env, endpoint, encode(request));
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
