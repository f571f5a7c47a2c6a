#pragma once

/// \file
/// The client side of HTTP/1.1: one request on one connection. HTTP checks stand on it.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <discovery/async.h>
#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/http1/message.h"
#include "lib/http1/read_buffer.h"

namespace discovery::http1 {

/// What a client asks. The client adds what belongs to the connection: Host, Content-Length, Connection.
struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  ///< origin form, percent-encoded
  std::string host{};        ///< the Host field
  HeaderBlock headers{};
  std::string body{};
  bool keep_alive = false;  ///< the connection is to carry further requests
};

/// What a client takes, and how long it waits.
struct ClientLimits {
  Duration timeout = std::chrono::seconds(10);  ///< for all of it, connecting included
  std::size_t max_header_bytes = 64U << 10;     ///< over it kResourceExhausted
  std::size_t max_body_bytes = 4U << 20;        ///< over it the body is cut and `truncated`
  bool keep_end = false;    ///< of such a body all is read and the end is kept; else it is read no further
  bool keep_fields = true;  ///< of all answers; else of redirections (3xx) only
  BufferPool* buffers = nullptr;  ///< where its memory comes from; must outlive it. Null: its own
};

/// A request as it goes over the wire.
struct EncodedRequest {
  std::string bytes;        ///< head and body
  bool to_head = false;     ///< a HEAD, whose answer has no body
  bool keep_alive = false;  ///< the connection is to carry further requests
};

/// kInvalidArgument: a method or target that would break the request line. Pure.
Result<EncodedRequest> encode(const ClientRequest& request);

/// What a server answered.
struct ClientResponse {
  int status = 0;
  std::string reason{};  ///< the words after the status, as the server gave them
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  bool truncated = false;

  /// The value of the first field of that name; empty if there is none.
  std::string_view header(std::string_view name) const noexcept;
};

/// A request under way. Destroying it cancels it: its callback then never runs.
class Fetch {
 public:
  virtual ~Fetch() = default;
};

/// Sends `request` to `endpoint` over a connection of its own and calls `done` from the loop with the answer,
/// whatever its status. Errors: kUnavailable (no connection, or it broke), kDeadlineExceeded,
/// kResourceExhausted (head); an answer that is no HTTP is kUnavailable, too, as it is not the service that
/// was asked for. kInvalidArgument: a method or target that would break the request line. Threads: the
/// loop's.
[[nodiscard]] std::unique_ptr<Fetch> fetch(env::Env& env, const env::Endpoint& endpoint,
                                           const ClientRequest& request, const ClientLimits& limits,
                                           UniqueFunction<void(Result<ClientResponse>)> done);

/// The same over a stream that is connected already, TLS or not; limits.timeout counts from here. `request`
/// must outlive the Fetch.
[[nodiscard]] std::unique_ptr<Fetch> exchange(env::Env& env, std::unique_ptr<env::Stream> stream,
                                              const EncodedRequest& request, const ClientLimits& limits,
                                              UniqueFunction<void(Result<ClientResponse>)> done);

}  // namespace discovery::http1
