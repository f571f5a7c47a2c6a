#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <discovery/async.h>
#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/http1/client.h"
#include "lib/http1/parser.h"
#include "lib/http1/read_buffer.h"

namespace discovery::http1 {

/// The client's end of one connection: it carries one exchange after another, as long as the server keeps it
/// open (RFC 9112, section 9.3).
///
/// Threads: the loop's. Blocks: never. Owns: the stream. It may be destroyed at any time, also by its own
/// callbacks: then nothing more is called.
class ClientConnection {
 public:
  using Done = UniqueFunction<void(Result<ClientResponse>)>;

  /// `buffers` must outlive it; null: memory of its own.
  ClientConnection(env::Env& env, std::unique_ptr<env::Stream> stream, BufferPool* buffers = nullptr);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  /// Sends `request`, which must stay until the end of the exchange, and calls `done` from the loop with the
  /// answer, whatever its status. limits.timeout counts from here; limits.buffers means nothing here. Errors:
  /// as fetch(); the connection is closed then. REQUIRES: open(), and no exchange is under way.
  void exchange(const EncodedRequest& request, const ClientLimits& limits, Done done);

  /// From now on hands over the body of answers with status 200 in pieces, as it comes, instead of gathering
  /// it, however long it is. `take` returns whether more is wanted, and leaves the connection alone; without,
  /// the exchange ends well and the connection is closed.
  void on_body(UniqueFunction<bool(std::string_view)> take) { take_ = std::move(take); }

  /// Whether it may carry another exchange once this one is over.
  bool open() const noexcept { return stream_ != nullptr; }
  /// Whether any byte has come of the answer to the latest request.
  bool heard() const noexcept { return heard_; }
  /// Says what to do when the server closes the connection while nothing is under way.
  void on_close(UniqueFunction<void()> closed) { closed_ = std::move(closed); }

 private:
  void read();
  void on_read(const Result<std::size_t>& size);
  void on_end();
  /// Takes the head out of what has come, after those of interim answers; then the body can be taken.
  void take_head();
  void keep(const ResponseHead& head);
  void take_body();
  void end(Result<ClientResponse> result, bool keeps_open);

  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<env::Stream> stream_;  // null: closed
  BufferPool own_pool_;
  BufferPool& pool_;
  UniqueFunction<void()> closed_;
  UniqueFunction<bool(std::string_view)> take_;
  bool reading_ = false;
  bool writing_ = false;

  // Of the present exchange, or the latest one.
  ClientLimits limits_;
  Done done_;  // empty: none is under way
  bool to_head_ = false;
  bool heard_ = false;
  Status write_failure_;
  ReadBuffer in_;
  HeadScanner scanner_;
  bool has_head_ = false;
  bool keep_alive_ = false;
  BodyDecoder decoder_;
  ClientResponse response_;
};

}  // namespace discovery::http1
