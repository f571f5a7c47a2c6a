#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/env/env.h"
#include "lib/metrics/registry.h"
#include "lib/metrics/sink.h"

namespace discovery::metrics {

/// Sends the values of a registry to other programs as they come
/// (https://developer.hashicorp.com/consul/docs/agent/telemetry).
/// Threads: the loop's. Blocks: never. Env and registry outlive it; there is at most one for a registry.
class Pusher {
 public:
  struct Target {
    std::string host;  ///< a name or an IP address
    std::uint16_t port = 0;
  };
  struct Options {
    std::optional<Target> statsd{};          ///< over UDP
    std::optional<Target> statsite{};        ///< over TCP
    std::optional<Target> dogstatsd{};       ///< over UDP, with tags
    std::vector<std::string> global_tags{};  ///< of all that goes to `dogstatsd`
    bool wanted() const { return statsd || statsite || dogstatsd; }
  };

  Pusher(env::Env& env, Registry& registry, const Options& options);
  /// What has come since the last time still goes out where that needs no waiting.
  ~Pusher();
  Pusher(const Pusher&) = delete;
  Pusher& operator=(const Pusher&) = delete;

  /// Begins. Values that were set before are not sent.
  void start();

  static constexpr Duration kInterval = std::chrono::milliseconds(100);

 private:
  void arm();
  void flush();

  Registry& registry_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<Event> events_;
  Series* const overrun_;  // values that came too fast to be kept for anybody
  const std::unique_ptr<env::Timer> timer_;
};

}  // namespace discovery::metrics
