#pragma once

/// \file
/// Where the values of a registry are sent to as they come. A sink that cannot be reached delays nobody: what
/// comes meanwhile is dropped, and counted in the registry as `telemetry.dropped`.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "lib/env/env.h"
#include "lib/metrics/line_writer.h"
#include "lib/metrics/registry.h"

namespace discovery::metrics {

/// One receiver of values. Threads: the loop's. Blocks: never.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Begins to look for the receiver.
  virtual void start() = 0;
  /// Sends values, or drops them.
  virtual void push(std::span<const Event> events) = 0;

  /// Until a receiver that cannot be reached is tried again.
  static constexpr Duration kRetryAfter = std::chrono::seconds(5);
};

/// The counter of values that did not reach the sink `name`.
Series* dropped_series(Registry& registry, const std::string& name);

/// What all kinds of sinks are made of; all that is referred to outlives them.
struct SinkParts {
  env::Env& env;
  Registry& registry;
  std::string name;  ///< "statsd": for the log, and the label of what is dropped
  std::string host;  ///< a name or an IP address
  std::uint16_t port = 0;
  LineWriter writer;
};

/// One that takes datagrams: lines are gathered into packets of at most kMaxPacket bytes.
std::unique_ptr<Sink> make_datagram_sink(SinkParts parts);
/// One that takes a stream of TCP.
std::unique_ptr<Sink> make_stream_sink(SinkParts parts);

inline constexpr std::size_t kMaxPacket = 1400;
/// So many bytes wait for a receiver that reads too slowly; what comes then is dropped.
inline constexpr std::size_t kMaxWaiting = 256U << 10;
/// How long an address of a name counts.
inline constexpr Duration kNameLifetime = std::chrono::minutes(1);

/// What both kinds do alike: find the receiver's address, complain once, count what is dropped.
class SinkBase : public Sink {
 public:
  explicit SinkBase(SinkParts parts);
  ~SinkBase() override { *self_ = nullptr; }
  SinkBase(const SinkBase&) = delete;
  SinkBase& operator=(const SinkBase&) = delete;

  void start() override { look_up(); }

 protected:
  /// Finds the address and calls found(), at once where the host is an address; else tries again later.
  void look_up();
  virtual void found(const env::Endpoint& at) = 0;
  /// Something failed: says so unless it has been said, and calls start() again after kRetryAfter.
  void fail(const Status& why);
  /// It works again.
  void recover();
  void drop(std::uint64_t count);
  /// Drops values; those that say how many were dropped do not count, or there would be no end of it.
  void drop(std::span<const Event> events);

  SinkParts parts_;

 private:
  Series* const dropped_;
  const std::unique_ptr<env::Timer> retry_;
  bool complained_ = false;

 protected:
  /// For callbacks that may come when this is gone.
  const std::shared_ptr<SinkBase*> self_ = std::make_shared<SinkBase*>(this);
};

}  // namespace discovery::metrics
