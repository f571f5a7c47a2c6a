#pragma once

/// \file
/// The words that every part of the interface shares: indexes, durations, and how a read or a write is asked
/// for.

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

namespace discovery::inline v0 {

/// A span of time. Never negative where it is a timeout.
using Duration = std::chrono::nanoseconds;

/// A point in the history of the replicated state; it grows with every write. 0 means "none yet".
using Index = std::uint64_t;

/// How fresh a read must be (https://developer.hashicorp.com/consul/api-docs/features/consistency).
enum class Consistency : std::uint8_t {
  kDefault,     ///< the leader answers from its own state
  kConsistent,  ///< the leader asks a quorum first whether it still leads
  kStale,       ///< any server answers, also without a leader
};

/// What goes with any call.
struct Call {
  std::string token{};       ///< who asks; empty is the anonymous token
  std::string datacenter{};  ///< where to ask; empty is the instance's own
  Duration timeout{};        ///< give up after this; 0 is the instance's default
  std::stop_token stop{};    ///< give up when it is requested
};

/// How a read is to be done.
struct Read {
  Consistency consistency = Consistency::kDefault;
  /// An expression that each row must fulfil, e.g. `Service.Meta.version == "2"`
  /// (https://developer.hashicorp.com/consul/api-docs/features/filtering); not for keys.
  std::string filter{};
  Call call{};
};

/// How an answer came about.
struct Meta {
  Index index = 0;  ///< the index that the answer is true at; what a blocking query waits beyond
  std::uint64_t epoch =
      0;  ///< changes when the state was replaced by a restore; indexes compare within one only
  Duration last_contact{};    ///< how long ago the answering server heard from its leader
  bool known_leader = false;  ///< whether the answering server knows a leader
  /// Whether the source still vouches for it. False: the source cannot be reached, and this is the last that
  /// was seen of it, at `as_of`.
  bool live = true;
  std::chrono::system_clock::time_point
      as_of{};  ///< of what is not live: when the source last vouched for it
};

/// A value as it was at one moment, with how it came about. Threads: a value; what it points to never
/// changes.
template <class T>
struct View {
  Meta meta{};
  std::shared_ptr<const T> value{};
};

}  // namespace discovery::inline v0
