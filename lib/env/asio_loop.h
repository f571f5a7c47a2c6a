#pragma once

/// \file
/// What all parts of the real world share: the Asio loop, and the rule that no callback runs inside the call
/// that asked for it.

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <discovery/async.h>

#include "lib/base/ref.h"
#include "lib/env/local_counted.h"

namespace discovery::env {

/// Work that was finished at once and whose callback waits for the end of the present turn.
class Deferred : public LocalCounted<Deferred> {
 public:
  virtual ~Deferred() = default;
  virtual void run_deferred() = 0;
};

/// Something short that is to be sent once all that has arrived by now has been looked at.
class Outgoing : public Deferred {
 public:
  virtual void flush() = 0;
};

/// Runs on one thread; only `io` may be posted to from others. Held by all that waits in the reactor, since
/// on a host's io_context some of that comes back after the world has gone.
class AsioLoop : public std::enable_shared_from_this<AsioLoop> {
 public:
  // Types without Asio's type-erased executor, whose calls cost as much as the work here.
  using Executor = asio::io_context::executor_type;
  using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, Executor>;

  /// Runs on `host`, which outlives all that is done here; null: on a context of its own.
  explicit AsioLoop(asio::io_context* host)
      : own_(host == nullptr ? std::make_unique<asio::io_context>(ASIO_CONCURRENCY_HINT_UNSAFE_IO) : nullptr),
        io(host == nullptr ? *own_ : *host) {}
  AsioLoop(const AsioLoop&) = delete;
  AsioLoop& operator=(const AsioLoop&) = delete;

  /// The world goes: nothing is run any more, and what waits on a context of its own is dropped.
  void close();
  bool closed() const noexcept { return closed_; }

  /// Runs a callback as one turn: all code of users of the world runs inside of turns.
  template <class Callback>
  void turn(Callback&& callback) {
    if (closed_) return;
    const bool outermost = !std::exchange(in_turn_, true);
    std::forward<Callback>(callback)();
    if (!outermost) return;
    if (!deferred_.empty()) run_deferred();
    in_turn_ = false;
  }

  /// Runs `work->run_deferred()` after the present turn, or soon.
  void defer(base::Ref<Deferred> work);

  /// Runs `work->flush()` when the callbacks that are ready now have run, or kMaxOutgoing of them have sent
  /// something. A peer that waits is woken by the first answer of a batch then, and awake for the others,
  /// where one by one each would cost a wake-up; on the loopback those are the larger part of a send.
  void flush_soon(base::Ref<Outgoing> work);
  static constexpr std::size_t kMaxOutgoing = 16;
  /// Does so without waiting any longer.
  void flush_now() {
    if (!outgoing_.empty()) turn([this] { flush(); });
  }

 private:
  /// Its sockets and timers are used by one thread, so that their locks are left out.
  std::unique_ptr<asio::io_context> own_;

 public:
  asio::io_context& io;  // NOLINT: who makes sockets needs it; gone after close()

 private:
  void run_deferred();
  void flush();

  std::vector<base::Ref<Deferred>> deferred_;
  std::vector<base::Ref<Deferred>> running_;  // kept for its capacity
  std::vector<base::Ref<Outgoing>> outgoing_;
  std::vector<base::Ref<Outgoing>> flushing_;  // kept for its capacity
  bool flush_posted_ = false;
  bool in_turn_ = false;
  bool closed_ = false;
};

}  // namespace discovery::env
