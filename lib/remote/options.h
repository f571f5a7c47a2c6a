#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <discovery/types.h>

#include "lib/tls/client.h"

namespace discovery::remote {

/// What bounds the traffic with a remote agent; a call over a limit gets kResourceExhausted.
struct Limits {
  std::size_t max_connections = 8;  ///< for what is answered at once
  /// Blocking queries that wait at a time, each on a connection of its own. If there are more, they take
  /// turns of kTurn, the longest waiting first.
  std::size_t max_waiting = 64;
  std::size_t max_queued = 16384;                        ///< requests that wait for a connection
  std::size_t max_answer_bytes = std::size_t{64} << 20;  ///< of one answer's body
  std::size_t max_cached_answers = 256;                  ///< files below cache_dir
  std::size_t max_cached_bytes = std::size_t{4} << 20;   ///< of one of them; a longer answer is not kept
  std::size_t max_txn_operations = 64;                   ///< as Consul's servers have it
  Duration connect_timeout = std::chrono::seconds(5);    ///< for one address, TLS included
  Duration call_timeout = std::chrono::seconds(30);      ///< where Call::timeout is 0
  Duration wait = std::chrono::minutes(5);               ///< of the blocking query behind a watch
  Duration poll = std::chrono::seconds(10);  ///< what cannot be waited for is asked again after this
  /// When nothing was heard for so long while something is watched, the agent is asked for a sign of life. It
  /// has pulse_timeout to give it.
  Duration pulse = std::chrono::seconds(10);
  Duration pulse_timeout = std::chrono::seconds(5);
  Duration min_retry = std::chrono::milliseconds(100);  ///< after a failure; doubled with each further one
  Duration max_retry = std::chrono::seconds(10);
  Duration grace =
      std::chrono::seconds(1);  ///< so long a first answer is waited for before an old one is shown

  static constexpr Duration kTurn = std::chrono::seconds(2);
};

/// Which agent is asked, and how.
struct Options {
  /// "http://host:port", "https://host:port" or "unix:///path", perhaps with a path below which the API lies.
  /// The first that can be reached is asked until it cannot be.
  std::vector<std::string> urls{"http://127.0.0.1:8500"};
  std::string token{};       ///< where Call::token is empty
  std::string datacenter{};  ///< where Call::datacenter is empty; empty: the agent's own
  tls::ClientContext::Options tls{};
  std::string tls_server_name{};  ///< whose certificate an https server must show; empty: that of its host
  /// Where the latest answers are kept for the time after a restart; empty: nowhere. One process at a time
  /// may use a directory.
  std::string cache_dir{};
  Limits limits{};
};

}  // namespace discovery::remote
