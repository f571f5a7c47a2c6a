#pragma once

/// \file
/// The HTTP/1.1 server (RFC 9110, RFC 9112), with the answers of Go's net/http where a request never reaches
/// a handler, as those who know Consul expect them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/http1/handler.h"

namespace discovery::http1 {

/// The limits of a server. Each has a counter in ServerCounters.
struct ServerOptions {
  /// In all. For one more the one goes that has been idle for longest; if none is, the new one.
  std::size_t max_connections = 65536;
  std::size_t max_connections_per_address =
      200;  ///< Consul's limits.http_max_conns_per_client; 0 is no limit
  std::size_t max_header_bytes = (1U << 20) + 4096;  ///< of one request's line and fields; over it 431
  /// What is read, and thrown away, of a refused body, within ServerState::kLingerTimeout in all. Beyond it
  /// the connection ends with bytes unread, which keeps the answer from a client that sends all before it
  /// reads.
  std::size_t max_drain_bytes = 16U << 20;
  /// What all requests that are coming in may take, beyond a small buffer each. Over it, the connection goes
  /// whose request began first; a single one may have all of it.
  std::size_t max_incoming_bytes = 128U << 20;
  /// What all large answers that are going out may take; those that several get count once. For one more,
  /// those go whose clients are slow (kSlowSlice); if that is not enough, it is 503 instead.
  std::size_t max_outgoing_bytes = 256U << 20;
  std::size_t max_refusals = 64;  ///< connections that hear why they are refused; the oldest of them goes
  Duration header_timeout = std::chrono::seconds(10);  ///< from a request's first byte to its last field
  Duration body_timeout = std::chrono::seconds(30);    ///< between two pieces of a request's body
  Duration idle_timeout = std::chrono::seconds(120);   ///< between two requests, and before the first
  Duration write_timeout = std::chrono::seconds(60);   ///< a client that does not take its answer
};

/// What a server has seen. Gauges go up and down, the others only up.
struct ServerCounters {
  std::uint64_t open = 0;     ///< gauge: connections
  std::uint64_t waiting = 0;  ///< gauge: requests that a handler has not yet answered
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;             ///< handed to the handler
  std::uint64_t refused_total = 0;        ///< over max_connections, and no other one was idle
  std::uint64_t pushed_out = 0;           ///< idle, to make room for another one
  std::uint64_t refused_per_address = 0;  ///< over max_connections_per_address
  std::uint64_t bad_requests = 0;         ///< answered here: malformed, too long a head, unknown coding
  std::uint64_t bodies_too_large = 0;
  std::uint64_t incoming_bytes = 0;   ///< gauge: see max_incoming_bytes
  std::uint64_t outgoing_bytes = 0;   ///< gauge: see max_outgoing_bytes
  std::uint64_t cut_incoming = 0;     ///< cut off because of max_incoming_bytes
  std::uint64_t cut_outgoing = 0;     ///< cut off because of max_outgoing_bytes
  std::uint64_t refused_answers = 0;  ///< 503 because of max_outgoing_bytes
  std::uint64_t out_of_memory = 0;    ///< requests that the system had no memory for: 503 or cut off
  std::uint64_t timed_out = 0;        ///< cut off by one of the four timeouts
  std::uint64_t disconnects = 0;      ///< clients that went before their answer
  std::uint64_t unanswered = 0;       ///< Responders destroyed before their client had gone (answered 500)
};

/// Serves requests on any number of listeners. Keep-alive, pipelining (one request at a time, answers in
/// order), chunked bodies, Expect: 100-continue, HTTP/1.0. Threads: the loop's. Blocks: never. Owns: its
/// listeners and connections, not `handler` and `env`, which outlive it. Destroying it closes all at once;
/// Responders that are still held elsewhere go on to nowhere, harmlessly.
class Server {
 public:
  Server(env::Env& env, ServerOptions options, Handler& handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves the connections of a listener as well.
  void serve(std::unique_ptr<env::Listener> listener);

  /// Changes the limits, for connections and requests to come.
  void set_options(const ServerOptions& options);

  /// Stops listening, ends idle connections at once and the others after their answer, at the latest after
  /// `grace`. Then calls `done`, from the loop; destroying the server drops it. Call it once.
  void shutdown(Duration grace, UniqueFunction<void()> done);

  const ServerCounters& counters() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace discovery::http1
