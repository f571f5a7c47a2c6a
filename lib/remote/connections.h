#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <vector>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/health/dial.h"
#include "lib/http1/client_connection.h"
#include "lib/remote/options.h"
#include "lib/remote/server_url.h"
#include "lib/tls/client.h"

namespace discovery::remote {

/// One request to the agent.
struct Request {
  http1::ClientRequest message{};  ///< its target begins with "/v1"; the host is filled in
  bool repeatable = true;          ///< doing it twice is as good as doing it once
  bool waits = false;              ///< a blocking query, which may be answered much later
  bool own_connection = false;     ///< goes over a new connection, which its caller gets with the answer
  Duration timeout{};              ///< for all of it; of one that waits, from when it has a connection
};

/// How a request ended.
struct Ending {
  Result<http1::ClientResponse> response;
  bool sent = false;         ///< the agent may have got it
  bool interrupted = false;  ///< others wait for its connection; it may be asked again
  /// Of a request with a connection of its own that was answered, if it is still open.
  std::unique_ptr<http1::ClientConnection> connection{};
};

/// Keep-alive connections to one agent, or to the first of several that can be reached. A kept connection
/// that turns out to be closed is replaced, and the request repeated, where that does no harm.
///
/// Threads: the loop's. Blocks: never. What it hands out must be gone before it.
class Connections {
 public:
  using Done = UniqueFunction<void(Ending)>;

  /// A request on its way. Destroying it cancels it: its callback then never runs.
  class Ticket {
   public:
    virtual ~Ticket() = default;
    /// Whether the agent may have got it.
    virtual bool sent() const noexcept = 0;
  };

  /// `urls` has at least one; `tls` may be null if none is https. All of it outlives this.
  Connections(env::Env& env, const Options& options, std::vector<ServerUrl> urls,
              std::shared_ptr<const tls::ClientContext> tls);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  /// Sends a request as soon as there is a connection for it. `done` is called from the loop, never inside
  /// this call. Failures: kUnavailable (no connection, or it broke), kDeadlineExceeded, kResourceExhausted
  /// (Limits), kInvalidArgument (no HTTP request can be made of it).
  [[nodiscard]] std::unique_ptr<Ticket> send(Request request, Done done);

  /// Whether blocking queries have to take turns.
  bool crowded() const noexcept { return !waiting_.queue.empty(); }
  /// How many blocking queries are with the agent.
  std::size_t waiting() const noexcept { return waiting_.active.size(); }
  /// Ends all blocking queries with `why`, and forgets the connections that nobody uses: the agent does not
  /// answer.
  void break_off(const Status& why);
  /// The next URL's turn, if there are several.
  void try_next_url();
  /// Says what to do when the agent closes a connection that nobody uses.
  void on_idle_closed(UniqueFunction<void()> closed) { idle_closed_ = std::move(closed); }
  /// How many connections are open and used by nobody.
  std::size_t idle() const noexcept { return idle_.size(); }

 private:
  class Sending;
  /// Requests of one sort.
  struct Lane {
    std::size_t limit = 0;
    std::list<Sending*> active{};  ///< in the order of their beginning
    std::list<Sending*> queue{};
  };
  struct Idle {
    std::size_t url = 0;
    std::unique_ptr<http1::ClientConnection> connection;
  };

  Lane& lane(bool waits) noexcept { return waits ? waiting_ : short_; }
  void begin_next(Lane& lane);
  std::unique_ptr<http1::ClientConnection> take_idle();
  void keep(std::size_t url, std::unique_ptr<http1::ClientConnection> connection);
  void arm_turns();
  void end_turns();

  env::Env& env_;
  const Options& options_;
  const std::vector<ServerUrl> urls_;
  const std::shared_ptr<const tls::ClientContext> tls_;
  health::Dialer dialer_;
  http1::BufferPool buffers_;
  std::size_t current_ = 0;  // the URL that was reached last
  Lane short_;
  Lane waiting_;
  std::list<Idle> idle_;  // the latest used last
  UniqueFunction<void()> idle_closed_;
  std::unique_ptr<env::Timer> turns_;
};

}  // namespace discovery::remote
