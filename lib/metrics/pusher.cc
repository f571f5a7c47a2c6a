#include "lib/metrics/pusher.h"

#include <utility>

namespace discovery::metrics {

Pusher::Pusher(env::Env& env, Registry& registry, const Options& options)
    : registry_(registry), overrun_(dropped_series(registry, "all")), timer_(env.make_timer()) {
  const auto parts = [&](const char* name, const Target& target, LineWriter::Dialect dialect) {
    LineWriter::Options lines;
    lines.dialect = dialect;
    lines.prefix = registry.prefix();
    lines.host_name = registry.host_name();
    lines.tags =
        dialect == LineWriter::Dialect::kDogstatsd ? options.global_tags : std::vector<std::string>();
    return SinkParts{env, registry, name, target.host, target.port, LineWriter(std::move(lines))};
  };
  using Dialect = LineWriter::Dialect;
  if (options.statsd)
    sinks_.push_back(make_datagram_sink(parts("statsd", *options.statsd, Dialect::kStatsd)));
  if (options.statsite)
    sinks_.push_back(make_stream_sink(parts("statsite", *options.statsite, Dialect::kStatsd)));
  if (options.dogstatsd) {
    sinks_.push_back(make_datagram_sink(parts("dogstatsd", *options.dogstatsd, Dialect::kDogstatsd)));
  }
}

Pusher::~Pusher() { flush(); }

void Pusher::start() {
  registry_.keep_events();
  for (const auto& sink : sinks_) sink->start();
  arm();
}

void Pusher::arm() {
  timer_->start(kInterval, [this] {
    flush();
    arm();
  });
}

void Pusher::flush() {
  if (const std::uint64_t lost = registry_.take_events(events_); lost > 0) {
    registry_.add(overrun_, static_cast<double>(lost));
  }
  if (events_.empty()) return;
  for (const auto& sink : sinks_) sink->push(events_);
}

}  // namespace discovery::metrics
