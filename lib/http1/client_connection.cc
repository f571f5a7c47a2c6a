#include "lib/http1/client_connection.h"

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace discovery::http1 {
namespace {

constexpr int kOk = 200;

Status head_too_large(std::size_t limit) {
  return {Code::kResourceExhausted, "the answer's header is larger than " + std::to_string(limit) + " bytes"};
}

Status not_http() { return {Code::kUnavailable, "the answer is not HTTP"}; }

}  // namespace

ClientConnection::ClientConnection(env::Env& env, std::unique_ptr<env::Stream> stream, BufferPool* buffers)
    : timer_(env.make_timer()),
      stream_(std::move(stream)),
      pool_(buffers != nullptr ? *buffers : own_pool_) {}

ClientConnection::~ClientConnection() { in_.release(pool_); }

void ClientConnection::exchange(const EncodedRequest& request, const ClientLimits& limits, Done done) {
  limits_ = limits;
  done_ = std::move(done);
  to_head_ = request.to_head;
  heard_ = false;
  write_failure_ = {};
  scanner_ = {};
  has_head_ = false;
  keep_alive_ = request.keep_alive;
  response_ = {};
  timer_->start(limits_.timeout,
                [this] { end(Status(Code::kDeadlineExceeded, "no answer in time"), false); });
  const std::array<std::string_view, 1> pieces = {request.bytes};
  writing_ = true;
  // An answer may come before all is written; only when none comes does the failed write count.
  stream_->write(pieces, [this](Status status) {
    writing_ = false;
    write_failure_ = std::move(status);
  });
  read();
}

void ClientConnection::read() {
  if (std::exchange(reading_, true)) return;
  in_.reserve(BufferPool::kSize / 2, pool_);
  stream_->read_some(in_.space(), [this](const Result<std::size_t>& size) {
    reading_ = false;
    on_read(size);
  });
}

void ClientConnection::on_read(const Result<std::size_t>& size) {
  if (!done_) {  // the server has closed it, or says what nobody has asked for
    stream_.reset();
    UniqueFunction<void()> closed = std::move(closed_);
    if (closed) closed();  // may destroy this
    return;
  }
  if (!size) return end(write_failure_.ok() ? size.status() : write_failure_, false);
  if (*size == 0) return on_end();
  heard_ = true;
  in_.added(*size);
  return has_head_ ? take_body() : take_head();
}

void ClientConnection::take_head() {
  while (!has_head_) {
    const HeadScanner::Result found = scanner_.scan(in_.data());
    if (found == HeadScanner::Result::kBad) return end(not_http(), false);
    const std::size_t size = found == HeadScanner::Result::kFound ? scanner_.size() : in_.size();
    if (size > limits_.max_header_bytes) return end(head_too_large(limits_.max_header_bytes), false);
    if (found == HeadScanner::Result::kNeedMore) return read();
    ResponseHead head;
    if (parse_response_head(in_.data().substr(0, scanner_.size()), to_head_, head) != HeadError::kNone) {
      return end(not_http(), false);
    }
    if (head.status / 100 != 1) keep(head);
    in_.consume(scanner_.size());
    scanner_ = {};
  }
  take_body();
}

void ClientConnection::keep(const ResponseHead& head) {
  has_head_ = true;
  keep_alive_ = keep_alive_ && head.keep_alive;
  response_.status = head.status;
  response_.reason = head.reason;
  const bool keep_fields = limits_.keep_fields || head.status / 100 == 3;
  for (const Header& field : head.fields) {
    if (keep_fields) response_.headers.emplace_back(field.name, field.value);
  }
  decoder_.start(head.framing, head.content_length, std::numeric_limits<std::uint64_t>::max());
}

void ClientConnection::take_body() {
  std::string_view bytes = in_.data();
  const BodyDecoder::Result result = decoder_.decode(bytes, response_.body);
  in_.consume(in_.size() - bytes.size());
  if (result == BodyDecoder::Result::kBad) return end(not_http(), false);
  const bool done = result == BodyDecoder::Result::kDone;
  if (take_ && response_.status == kOk && !response_.body.empty()) {
    const std::string piece = std::exchange(response_.body, {});
    if (!take_(piece)) return end(std::move(response_), false);
  }
  if (response_.body.size() > limits_.max_body_bytes) {
    response_.truncated = true;
    if (!limits_.keep_end) {
      response_.body.resize(limits_.max_body_bytes);
      return end(std::move(response_), false);
    }
    // Now and then while it comes, so that a byte is moved about once.
    const std::size_t excess = response_.body.size() - limits_.max_body_bytes;
    if (done || excess > limits_.max_body_bytes) response_.body.erase(0, excess);
  }
  if (done) return end(std::move(response_), keep_alive_);
  read();
}

void ClientConnection::on_end() {
  if (has_head_ && decoder_.end() == BodyDecoder::Result::kDone) {
    if (response_.body.size() > limits_.max_body_bytes) {
      response_.body.erase(0, response_.body.size() - limits_.max_body_bytes);
    }
    return end(std::move(response_), false);
  }
  end(Status(Code::kUnavailable, "the connection ended before the answer"), false);
}

void ClientConnection::end(Result<ClientResponse> result, bool keeps_open) {
  timer_->cancel();
  // Bytes behind the answer belong to none, and a request that is not all sent would become the next one's
  // beginning.
  if (keeps_open && !writing_ && in_.empty()) {
    read();  // so that the server's closing is seen
  } else {
    stream_.reset();
  }
  Done done = std::move(done_);
  done_ = nullptr;
  done(std::move(result));  // may destroy this
}

}  // namespace discovery::http1
