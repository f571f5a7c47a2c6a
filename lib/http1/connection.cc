#include "lib/http1/connection.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "lib/http1/response_head.h"

namespace discovery::http1 {
namespace {

/// Bodies up to this size are copied behind the head; larger ones are sent from where they are.
constexpr std::size_t kSmallBody = 2048;
/// How much of a body is written at once: the write timeout counts for each slice.
constexpr std::size_t kSlice = 256U << 10;
/// The room for a head's next bytes, and for a body's.
constexpr std::size_t kHeadRoom = 512;
constexpr std::size_t kBodyRoom = 16384;
/// So much of a body has its memory at once, if the client says that it comes.
constexpr std::size_t kBodyAtOnce = 64U << 10;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kChunkEnd = "\r\n";
constexpr const char* kNoRoomToSend = "Too many large answers are being sent, please try again later";
constexpr const char* kNoMemory = "There is no memory for this request";

/// Status line and text for a head that is no request, as Go's net/http has them.
struct Refusal {
  std::string_view status;
  std::string_view text;
};

Refusal refusal(HeadError error) {
  const auto same = [](std::string_view text) { return Refusal{text, text}; };
  switch (error) {
    case HeadError::kTooManyFields:
      return same("431 Request Header Fields Too Large");
    case HeadError::kUnknownVersion:
      return same("505 HTTP Version Not Supported: unsupported protocol version");
    case HeadError::kUnknownCoding:
      return {"501 Not Implemented", "Unsupported transfer encoding"};
    case HeadError::kMissingHost:
      return same("400 Bad Request: missing required Host header");
    case HeadError::kSeveralHosts:
      return same("400 Bad Request: too many Host headers");
    case HeadError::kMalformedHost:
      return same("400 Bad Request: malformed Host header");
    case HeadError::kMalformed:
    case HeadError::kNone:
      break;
  }
  return same("400 Bad Request");
}

}  // namespace

Connection::Connection(ServerState& server, std::unique_ptr<env::Stream> stream, std::string address)
    : server_(&server), stream_(std::move(stream)), address_(std::move(address)) {
  server_->joined(all_link_, address_);
}

Connection::~Connection() {
  if (self_) *self_ = nullptr;
}

void Connection::serve(ServerState& server, std::unique_ptr<env::Stream> stream, std::string address) {
  (new Connection(server, std::move(stream), std::move(address)))->await_request();
}

void Connection::refuse(ServerState& server, std::unique_ptr<env::Stream> stream, std::string_view answer) {
  auto* connection = new Connection(server, std::move(stream), {});
  connection->keep_alive_ = false;
  connection->refused_ = true;
  connection->phase_ = Phase::kAnswering;
  connection->out_ = answer;
  connection->write_out({}, {});
  server.refuses(connection->load_link_);
}

// --- reading
// ---------------------------------------------------------------------------------------------------------

void Connection::read() {
  if (reading_) return;  // the watch, whose bytes are taken for what is wanted by then
  watching_ =
      phase_ == Phase::kHandling || phase_ == Phase::kStreaming || (phase_ == Phase::kHead && in_.empty());
  if (phase_ == Phase::kHead && !in_.empty()) in_.reserve(kHeadRoom, server_->buffers);
  std::span<char> room = watching_ ? std::span<char>(watch_) : in_.space();
  if (phase_ == Phase::kLingering) room = server_->discarded;
  reading_ = true;
  stream_->read_some(room, [this](const Result<std::size_t>& result) { on_read(result); });
}

void Connection::on_read(const Result<std::size_t>& result) {
  reading_ = false;
  if (!result || *result == 0) return on_client_end(!result);
  server_->before_more_comes(*this);
  if (phase_ == Phase::kLingering) {
    drained_ += *result;
    return drained_ > server_->options.max_drain_bytes ? close() : read();
  }
  if (watching_) {
    try {
      in_.reserve(*result, server_->buffers);
    } catch (const std::bad_alloc&) {
      return run_out_of_memory();
    }
    std::memcpy(in_.space().data(), watch_.data(), *result);
  }
  in_.added(*result);
  switch (phase_) {
    case Phase::kHead:
      return read_head();
    case Phase::kBody:
      return read_body();
    case Phase::kHandling:
    case Phase::kStreaming:
      // The client has sent on. What it sends is kept for later, up to a bound.
      if (in_.size() < BufferPool::kSize) read();
      return;
    case Phase::kAnswering:
    case Phase::kLingering:
      return;
  }
}

void Connection::on_client_end(bool broken) {
  switch (phase_) {
    case Phase::kHead:
    case Phase::kBody:
    case Phase::kLingering:
      return close();
    case Phase::kAnswering:
      client_gone_ = true;
      keep_alive_ = false;
      if (broken) close();
      return;
    case Phase::kHandling:
    case Phase::kStreaming:
      // It may have ended its sending only: an answer that comes all the same is still sent.
      keep_alive_ = false;
      return broken ? cut() : report_end();
  }
}

// --- the request
// -----------------------------------------------------------------------------------------------------

void Connection::await_request() {
  phase_ = Phase::kHead;
  scanner_ = {};
  if (!in_.empty()) return read_head();
  wait_for(is_listened_to() ? Wait::kNothing : Wait::kRequest);
  in_.release(server_->buffers);
  note_memory();
  read();
}

void Connection::read_head() {
  try {
    look_for_head();
  } catch (const std::bad_alloc&) {
    run_out_of_memory();
  }
}

void Connection::look_for_head() {
  while (true) {
    const HeadScanner::Result found = scanner_.scan(in_.data());
    if (found == HeadScanner::Result::kBad) return reject(HeadError::kMalformed);
    if (found == HeadScanner::Result::kNeedMore) break;
    if (scanner_.size() > server_->options.max_header_bytes) return reject(HeadError::kTooManyFields);
    if (scanner_.size() > 2) return parse_head(scanner_.size());
    // An empty line before a request is skipped (RFC 9112, section 2.2).
    in_.consume(2);
    if (in_.empty()) return await_request();
    scanner_ = {};
  }
  if (in_.size() >= server_->options.max_header_bytes) return reject(HeadError::kTooManyFields);
  if (waits_for_ != Wait::kHead) wait_for(Wait::kHead);  // from the first byte on
  read();
  note_memory();
}

void Connection::parse_head(std::size_t size) {
  incoming_ = server_->take_incoming();
  Incoming& incoming = *incoming_;
  incoming.head_size = size;
  const HeadError error =
      parse_request_head(in_.data().substr(0, size), incoming.fields, incoming.request, incoming.head);
  if (error != HeadError::kNone) return reject(error);
  if (incoming.head.expect_other) return reject("417 Expectation Failed", {});
  const env::Endpoint& remote = stream_->remote();
  if (!remote.is_unix()) {
    incoming.request.remote_address = remote.address;
    incoming.request.remote_port = remote.port;
  }
  if (incoming.head.framing == Framing::kNone) {
    dispatch();
  } else {
    receive_body();
  }
}

void Connection::reject(HeadError error) {
  const Refusal answer = refusal(error);
  reject(answer.status, answer.text);
}

void Connection::reject(std::string_view status, std::string_view text) {
  ++server_->counters.bad_requests;
  forget_request();
  keep_alive_ = false;
  phase_ = Phase::kAnswering;
  out_ = server_->take_output();
  out_ += "HTTP/1.1 ";
  out_ += status;
  out_ += "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";
  write_out(std::string(text), {});
}

void Connection::receive_body() {
  Incoming& incoming = *incoming_;
  Request& request = incoming.request;
  const std::uint64_t limit = server_->handler.body_limit(request);
  if (request.content_length.value_or(0) > limit) {
    request.body_too_large = true;
    return dispatch();
  }
  incoming.decoder.start(incoming.head.framing, request.content_length.value_or(0), limit);
  request.body.reserve(std::min<std::uint64_t>(request.content_length.value_or(0), kBodyAtOnce));
  phase_ = Phase::kBody;
  wait_for(Wait::kBody);
  if (!incoming.head.expect_continue || request.version < 11 || in_.size() > incoming.head_size)
    return read_body();
  make_room_for_body();
  writing_ = true;
  stream_->write(std::span(&kContinue, 1), [this](const Status& status) {
    writing_ = false;
    return status.ok() ? read_body() : close();
  });
}

void Connection::read_body() {
  if (writing_) return;  // the invitation; its end comes here again
  try {
    decode_body();
  } catch (const std::bad_alloc&) {
    run_out_of_memory();
  }
}

void Connection::decode_body() {
  Incoming& incoming = *incoming_;
  std::string_view bytes = in_.data().substr(incoming.head_size);
  const std::size_t before = bytes.size();
  const BodyDecoder::Result result = incoming.decoder.decode(bytes, incoming.request.body);
  switch (result) {
    case BodyDecoder::Result::kDone:
      incoming.head_size += before - bytes.size();
      return dispatch();
    case BodyDecoder::Result::kBad:
      return reject(HeadError::kMalformed);
    case BodyDecoder::Result::kTooLarge:
      incoming.request.body = {};
      incoming.request.body_too_large = true;
      return dispatch();
    case BodyDecoder::Result::kNeedMore:
      break;
  }
  in_.truncate(incoming.head_size);
  wait_for(Wait::kBody);
  make_room_for_body();
  note_memory();
  read();
}

/// The request's views move with what they point to.
void Connection::make_room_for_body() {
  Incoming& incoming = *incoming_;
  Request& request = incoming.request;
  const std::uint64_t missing =
      request.content_length ? *request.content_length - request.body.size() : std::uint64_t{kBodyRoom};
  const std::string_view before = in_.data();
  // Room for the watch, too, whose bytes must not move anything when they come.
  in_.reserve(std::max(watch_.size(), static_cast<std::size_t>(std::min<std::uint64_t>(missing, kBodyRoom))),
              server_->buffers);
  const char* const after = in_.data().data();
  if (after == before.data()) return;
  const auto move = [&](std::string_view& view) {
    // The path "/" of an absolute target without one is not in the buffer.
    const bool inside = std::greater_equal<>{}(view.data(), before.data()) &&
                        std::less<>{}(view.data(), before.data() + before.size());
    if (inside) view = {after + (view.data() - before.data()), view.size()};
  };
  move(request.method);
  move(request.target);
  move(request.host);
  for (Header& field : incoming.fields) {
    move(field.name);
    move(field.value);
  }
}

void Connection::dispatch() {
  Request& request = incoming_->request;
  ++server_->counters.requests;
  ++server_->counters.waiting;
  if (request.body_too_large) ++server_->counters.bodies_too_large;
  phase_ = Phase::kHandling;
  wait_for(Wait::kNothing);
  responder_out_ = true;
  to_head_ = request.method == "HEAD";
  http10_ = request.version < 11;
  keep_alive_ = request.keep_alive && !request.body_too_large;
  try {
    server_->handler.handle(request, Responder(*this));
  } catch (const std::bad_alloc&) {  // its Responder has answered as it went
    ++server_->counters.out_of_memory;
    server_->free_reserve();
  }
  in_.consume(incoming_->head_size);
  forget_request();
  in_.shrink(server_->buffers);
  note_memory();
  if (phase_ != Phase::kHandling && phase_ != Phase::kStreaming) return;
  if (in_.empty()) in_.release(server_->buffers);
  if (!client_gone_) read();
}

void Connection::forget_request() {
  if (incoming_) server_->give_back(std::move(incoming_));
}

/// Tells the server when the memory that the request takes has changed; the usual small one is not counted.
void Connection::note_memory() {
  const auto beyond_small = [](std::size_t bytes) { return bytes > BufferPool::kSize ? bytes : 0; };
  std::size_t bytes = beyond_small(in_.capacity());
  if (incoming_) bytes += beyond_small(incoming_->request.body.capacity());
  if (bytes != held_) server_->holds(load_link_, held_, bytes);
}

/// While a request comes in.
void Connection::run_out_of_memory() {
  ++server_->counters.out_of_memory;
  server_->free_reserve();
  if (phase_ == Phase::kHead || phase_ == Phase::kBody) {
    try {
      return reject("503 Service Unavailable", kNoMemory);
    } catch (const std::bad_alloc&) {  // then without a word
    }
  }
  cut();
}

// --- the answer
// ------------------------------------------------------------------------------------------------------

void Connection::send(Response&& response) {
  if (!end_waiting()) return;
  phase_ = Phase::kAnswering;
  if (response.body.size() > kSlice && !server_->has_room_to_send(response.body.view())) {
    response = text_response(503, kNoRoomToSend);
  }
  begin_answer(response, false);
  write_out(with_body_ ? std::move(response.body) : Body(), {});
}

void Connection::begin_answer(const Response& response, bool streamed) {
  using BodyKind = HeadDetails::BodyKind;
  HeadDetails details;
  details.version = http10_ ? 10 : 11;
  details.body = has_no_body(response.status) ? BodyKind::kNone
                 : !streamed                  ? BodyKind::kLength
                 : http10_                    ? BodyKind::kUntilClose
                                              : BodyKind::kChunked;
  details.length = response.body.size();
  details.date = server_->date;
  with_body_ = !to_head_ && details.body != BodyKind::kNone;
  chunked_ = details.body == BodyKind::kChunked;
  keep_alive_ = keep_alive_ && !server_->closing && details.body != BodyKind::kUntilClose;
  details.keep_alive = keep_alive_;
  out_ = server_->take_output();
  append_response_head(out_, response, details);
}

void Connection::write_out(Body body, std::string_view tail) {
  body_sent_ = 0;
  if (body.size() <= kSmallBody) {
    out_ += body.view();
    out_ += tail;
    body_ = {};
    tail_ = {};
  } else {
    body_ = std::move(body);
    tail_ = tail;
    if (phase_ == Phase::kAnswering && body_.size() > kSlice) server_->sends(out_link_, body_.view());
  }
  write_slice();
}

void Connection::write_slice() {
  std::array<std::string_view, 3> pieces;
  std::size_t count = 0;
  if (!out_.empty()) pieces[count++] = out_;
  const std::string_view slice = body_.view().substr(body_sent_, kSlice);
  if (!slice.empty()) pieces[count++] = slice;
  if (body_sent_ + slice.size() == body_.size() && !tail_.empty()) pieces[count++] = tail_;
  body_sent_ += slice.size();
  if (out_link_.linked()) {
    server_->sends_on(out_link_);
    slice_begun_ = server_->now;
  }
  writing_ = true;
  wait_for(Wait::kWrite);
  stream_->write(std::span(pieces.data(), count), [this](const Status& status) { on_written(status); });
}

void Connection::on_written(const Status& status) {
  writing_ = false;
  if (!status.ok()) return cut();
  out_.clear();
  if (body_sent_ < body_.size()) return write_slice();
  forget_body();
  if (phase_ == Phase::kStreaming) {
    on_piece_written();
  } else {
    answered();
  }
}

void Connection::forget_body() {
  if (out_link_.linked()) server_->sent(out_link_, body_.view());
  body_ = {};
}

void Connection::answered() {
  server_->give_back(std::move(out_));
  out_.clear();
  if (!keep_alive_) return linger();
  if (server_->closing && in_.empty()) return close();
  await_request();
}

void Connection::start_stream(Response&& head) {
  phase_ = Phase::kStreaming;
  if (!stream_) return;
  begin_answer(head, true);
  piece_ = std::move(head.body);
  write_piece();
}

void Connection::write(Body&& piece, UniqueFunction<void(Status)> done) {
  piece_ = std::move(piece);
  piece_done_ = std::move(done);
  if (!stream_) return call_later(&Connection::report_end);
  if (writing_) {
    piece_waits_ = true;
  } else {
    write_piece();
  }
}

void Connection::write_piece() {
  Body piece = std::exchange(piece_, {});
  if (!with_body_) piece = {};
  if (out_.empty() && piece.empty()) return call_later(&Connection::on_piece_written);
  if (chunked_ && !piece.empty()) append_chunk_head(out_, piece.size());
  const std::string_view tail = chunked_ && !piece.empty() ? kChunkEnd : std::string_view();
  write_out(std::move(piece), tail);
}

void Connection::on_piece_written() {
  wait_for(Wait::kNothing);
  if (std::exchange(piece_waits_, false)) return write_piece();
  if (end_waits_) return end_stream();
  if (piece_done_) {
    UniqueFunction<void(Status)> done = std::move(piece_done_);
    done(Status());
  }
}

void Connection::finish() {
  if (!end_waiting()) return;
  if (writing_) {
    end_waits_ = true;
  } else {
    end_stream();
  }
}

void Connection::end_stream() {
  end_waits_ = false;
  phase_ = Phase::kAnswering;
  if (!chunked_ || !with_body_) return call_later(&Connection::answered);
  append_chunk_head(out_, 0);
  write_out({}, {});
}

void Connection::linger() {
  in_.release(server_->buffers);
  note_memory();
  if (client_gone_) return close();
  stream_->shutdown_send();
  phase_ = Phase::kLingering;
  wait_for(Wait::kLinger);
  read();
}

void Connection::abandon() noexcept {
  if (phase_ == Phase::kStreaming) {
    if (!end_waiting()) return;
    // Without the last chunk, the client does not take a part for the whole.
    keep_alive_ = false;
    piece_waits_ = false;
    if (!writing_) return linger();
    phase_ = Phase::kAnswering;
    return;
  }
  if (client_gone_) {
    if (end_waiting()) close();
    return;
  }
  if (server_ != nullptr) ++server_->counters.unanswered;
  try {
    const bool no_memory = std::uncaught_exceptions() > 0;
    if (no_memory && server_ != nullptr) server_->free_reserve();
    send(no_memory ? text_response(503, kNoMemory) : text_response(500, "Internal Server Error"));
  } catch (const std::bad_alloc&) {
    cut();
  }
}

}  // namespace discovery::http1
