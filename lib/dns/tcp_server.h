#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <discovery/types.h>

#include "lib/dns/responder.h"
#include "lib/env/env.h"

namespace discovery::dns {

/// Serves DNS over TCP (RFC 7766): queries and answers with a length before each, any number on a connection,
/// answers in the order in which they become ready. Threads: the loop's. Owns: its listeners and connections.
/// Blocking: never.
class TcpServer {
 public:
  struct Limits {
    /// In all; when there are more, the one that was quiet for longest goes, or the new one if all of them
    /// wait.
    std::size_t max_connections = 1024;
    Duration idle_timeout =
        std::chrono::seconds(10);  ///< without a whole query, or without an answer being taken
  };
  /// A connection with a longer query is closed.
  static constexpr std::size_t kMaxQueryBytes = 2048;
  /// Queries of one connection that wait for the Backend; further ones are not read meanwhile.
  static constexpr std::size_t kMaxWaiting = 64;
  /// Answers that a client has not taken yet; beyond it, no further query is read.
  static constexpr std::size_t kMaxUnsentBytes = 256U << 10;

  /// What `setup` points to and `env` outlive it.
  TcpServer(env::Env& env, const Limits& limits, ResponderSetup setup);
  /// Closes everything.
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  /// Serves the connections of a listener as well.
  void serve(std::unique_ptr<env::Listener> listener);
  void set_zone(std::shared_ptr<const Zone> zone);

  struct Counters {
    Responder::Counters responder;
    std::uint64_t open = 0;  ///< gauge: connections
    std::uint64_t accepted = 0;
    std::uint64_t pushed_out = 0;  ///< closed, new or quiet, because of max_connections
    std::uint64_t timed_out = 0;   ///< closed by idle_timeout
    std::uint64_t too_long = 0;    ///< closed because of kMaxQueryBytes

    Counters& operator+=(const Counters& other) noexcept {
      responder += other.responder;
      open += other.open;
      accepted += other.accepted;
      pushed_out += other.pushed_out;
      timed_out += other.timed_out;
      too_long += other.too_long;
      return *this;
    }
  };
  Counters counters() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace discovery::dns
