#pragma once

/// \file
/// Between the HTTP connection and those who answer requests: `Handler` is called with each request and a
/// `Responder`, through which it answers at once, later, or in pieces. Neither knows a socket: tests make a
/// Responder over an Exchange of their own.
///
/// Threads: the loop's only, all of it.

#include <cstdint>
#include <memory>
#include <utility>

#include <discovery/async.h>
#include <discovery/status.h>

#include "lib/http1/message.h"

namespace discovery::http1 {

/// Somebody who wants to know when a connection ends, whatever it did meanwhile.
class EndListener {
 public:
  virtual ~EndListener() = default;
  /// The client has gone: it has closed the connection, it has ended its sending, or it was too slow. Called
  /// once, from the loop.
  virtual void on_connection_end() = 0;
};

/// Where the answer to one request goes: the server's connection, or a test. Not called by handlers, who hold
/// a Responder. Its user ends it by exactly one of send(), finish(), abandon(), and does not touch it after
/// that.
class Exchange {
 public:
  virtual void send(Response&& response) = 0;
  /// Sends the head and says that the body comes by write(); `response.body` is the first piece.
  virtual void start_stream(Response&& head) = 0;
  virtual void write(Body&& piece, UniqueFunction<void(Status)> done) = 0;
  virtual void finish() = 0;
  /// Nobody will answer.
  virtual void abandon() noexcept = 0;
  virtual void on_disconnect(UniqueFunction<void()> callback) = 0;
  virtual bool disconnected() const noexcept = 0;
  virtual bool on_connection_end(std::weak_ptr<EndListener> listener) = 0;

 protected:
  ~Exchange() = default;
};

/// An answer that is sent in pieces, each as one chunk (RFC 9112, section 7.1; for HTTP/1.0 the connection's
/// end ends it). Destroying it before finish() breaks the connection off, so that the client sees that
/// something is missing.
class ResponseStream {
 public:
  explicit ResponseStream(Exchange& exchange) noexcept : exchange_(&exchange) {}
  ResponseStream(ResponseStream&& other) noexcept : exchange_(std::exchange(other.exchange_, nullptr)) {}
  ResponseStream& operator=(ResponseStream&& other) noexcept {
    std::swap(exchange_, other.exchange_);
    return *this;
  }
  ~ResponseStream() {
    if (exchange_ != nullptr) exchange_->abandon();
  }

  /// Sends one piece; the next may be given after `done`, which comes from the loop and says kUnavailable
  /// when the client has gone. An empty piece sends nothing. Destroying the stream drops `done`.
  void write(Body piece, UniqueFunction<void(Status)> done) {
    exchange_->write(std::move(piece), std::move(done));
  }
  /// The answer is complete. Not while a write is under way.
  void finish() && { std::exchange(exchange_, nullptr)->finish(); }
  /// As Responder::on_disconnect().
  void on_disconnect(UniqueFunction<void()> callback) { exchange_->on_disconnect(std::move(callback)); }

 private:
  Exchange* exchange_;
};

/// The right and the duty to answer one request: small, move-only, to be kept as long as the answer takes; a
/// request that waits costs no thread and little memory. Destroying it unanswered answers 500; if the client
/// has gone, it ends the connection without a word.
class Responder {
 public:
  explicit Responder(Exchange& exchange) noexcept : exchange_(&exchange) {}
  Responder(Responder&& other) noexcept : exchange_(std::exchange(other.exchange_, nullptr)) {}
  Responder& operator=(Responder&& other) noexcept {
    std::swap(exchange_, other.exchange_);
    return *this;
  }
  ~Responder() {
    if (exchange_ != nullptr) exchange_->abandon();
  }

  /// Answers. To a client that has gone this does nothing.
  void send(Response response) && { std::exchange(exchange_, nullptr)->send(std::move(response)); }

  /// Answers in pieces: sends the head now, and `head.body` as the first piece.
  ResponseStream start_stream(Response head) && {
    Exchange* exchange = std::exchange(exchange_, nullptr);
    exchange->start_stream(std::move(head));
    return ResponseStream(*exchange);
  }

  /// Calls `callback` once, from the loop, when the client goes before the answer; never after it. Use it to
  /// free what waits. Asked after the client went, it is called soon. A later callback replaces an earlier
  /// one.
  void on_disconnect(UniqueFunction<void()> callback) { exchange_->on_disconnect(std::move(callback)); }

  /// Tells `listener`, as long as somebody else holds it, when the client ends the connection, which may be
  /// long after the answer; soon, if it has gone already. A connection with a listener may be idle as long as
  /// it likes. When the server itself ends, nobody is told. False if there are too many for one connection,
  /// or there is no connection.
  bool on_connection_end(std::weak_ptr<EndListener> listener) {
    return exchange_->on_connection_end(std::move(listener));
  }

  /// Whether the client has gone.
  bool disconnected() const noexcept { return exchange_->disconnected(); }

 private:
  Exchange* exchange_;
};

/// Who answers requests. It outlives the servers that call it.
class Handler {
 public:
  virtual ~Handler() = default;

  /// How many bytes of body this request may have, asked when its head is there (its body is empty then) and
  /// only if a body follows. A request with more comes to handle() with `body_too_large` and without its
  /// body; its connection ends after the answer.
  virtual std::uint64_t body_limit(const Request& head) = 0;

  /// Answers through `responder`, now or later. The request's views end with this call.
  virtual void handle(Request& request, Responder responder) = 0;
};

}  // namespace discovery::http1
