#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/metrics/registry.h"

namespace discovery::metrics {

/// Writes values as lines in the forms of statsd
/// (https://github.com/statsd/statsd/blob/master/docs/metric_types.md), which is also statsite's, and of
/// DogStatsD (https://docs.datadoghq.com/developers/dogstatsd/datagram_shell), as Consul does:
/// "consul.box.runtime.alloc_bytes:12.000000|g", counters "|c", measurements "|ms". Where there are no tags
/// the values of labels are at the end of the name; where there are, the host's name is no part of the name.
/// Threads: one at a time. Pure.
class LineWriter {
 public:
  enum class Dialect : std::uint8_t { kStatsd, kDogstatsd };
  struct Options {
    Dialect dialect = Dialect::kStatsd;
    std::string prefix = "consul";
    std::string host_name{};          ///< part of gauges' names; empty: it is not
    std::vector<std::string> tags{};  ///< of all lines, if the dialect has any
  };

  explicit LineWriter(Options options) : options_(std::move(options)) {}

  /// Appends a line with its end; nothing for a value that is no finite number.
  void append(std::string& out, const Series& series, double value);

 private:
  /// What is the same in all lines of a series.
  struct Frame {
    std::string before, after;
  };
  const Frame& frame_of(const Series& series);
  Frame make_frame(const Series& series) const;

  Options options_;
  std::unordered_map<const Series*, Frame> frames_;  // as many as the registry has series
};

}  // namespace discovery::metrics
