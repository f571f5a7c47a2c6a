#pragma once

/// \file
/// Measured values of one agent, gathered in intervals of ten seconds, as Consul's are
/// (https://developer.hashicorp.com/consul/docs/agent/telemetry), and how they are shown.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <discovery/env.h>
#include <discovery/types.h>

namespace discovery::metrics {

/// Names and values that tell series of one name apart.
using Labels = std::vector<std::pair<std::string, std::string>>;

enum class Kind : std::uint8_t {
  kGauge,    ///< a level: the last value counts
  kCounter,  ///< events: each adds to a sum
  kSample,   ///< measurements, such as times in milliseconds
};

/// What came together in some time.
struct Aggregate {
  std::uint64_t count = 0;
  double sum = 0, sum_of_squares = 0, min = 0, max = 0;

  void add(double value);
  double mean() const;
  double deviation() const;  ///< the standard deviation, of a sample of `count`
};

/// One series of values. Made by a Registry and owned by it; opaque to its users.
struct Series {
  Kind kind = Kind::kGauge;
  std::string name;  ///< with dots, and without a prefix
  Labels labels;
  bool allowed = true;  ///< by the filter
  bool ever_set = false;
  double level = 0;  ///< of a gauge
  Aggregate now, last, total;
  std::vector<float> recent;  ///< the last measurements, a ring of kRecent
  std::size_t next_recent = 0;
  Duration touched{};  ///< when it was set or added to last

  static constexpr std::size_t kRecent = 256;
};

/// A value as it was set or added.
struct Event {
  const Series* series = nullptr;
  double value = 0;
};

/// All series of an agent.
/// Threads: safe; a value costs an uncontended lock. Blocks: never for long. Owns: the series, which live as
/// long as it does; the clock outlives it.
class Registry {
 public:
  struct Options {
    std::string prefix = "consul";  ///< of every name
    std::string host_name{};        ///< part of gauges' names; empty: it is not
    Duration retention{};           ///< how long Prometheus is shown a series; 0: there is nothing for it
    std::vector<std::string> prefix_filter{};  ///< "+a.b" lets names with that prefix pass, "-a.b" does not
    bool filter_default = true;                ///< whether all others pass
    std::size_t max_series = 8192;             ///< more are not kept
  };
  static constexpr Duration kInterval = std::chrono::seconds(10);

  Registry(Clock& clock, Options options);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// The series of that name and those labels, made where there is none. Null when there are too many: then
  /// set() and add() do nothing. Slower than these: keep it.
  Series* series(Kind kind, std::string_view name, Labels labels = {});
  /// Sets a gauge.
  void set(Series* gauge, double level);
  /// Counts `value` events, or adds a measurement.
  void add(Series* series, double value = 1);
  /// Milliseconds since `start` of the clock's monotonic time.
  void add_since(Series* series, Duration start);

  /// Called before values are shown or an interval ends, to set gauges. May call anything but show functions.
  void on_collect(std::function<void()> collect);
  /// Another filter from now on.
  void set_filter(std::vector<std::string> prefix_filter, bool filter_default);

  /// From now on keeps what is set and added and passes the filter, for take_events().
  void keep_events();
  /// Puts what was kept since the last time in place of what `events` holds. Returns how many values were not
  /// kept because there were more than kMaxEvents.
  std::uint64_t take_events(std::vector<Event>& events);
  static constexpr std::size_t kMaxEvents = 16384;

  const std::string& prefix() const noexcept { return options_.prefix; }
  const std::string& host_name() const noexcept { return options_.host_name; }

  /// The last complete interval (in the first ten seconds, the present one) as a JSON object
  /// (https://developer.hashicorp.com/consul/api-docs/agent#view-metrics).
  std::string to_json(bool pretty);
  bool has_prometheus() const noexcept { return options_.retention > Duration::zero(); }
  /// All that was counted so far, in Prometheus' text format, version 0.0.4.
  std::string to_prometheus();
  Clock& clock() noexcept { return clock_; }

 private:
  using Key = std::pair<std::string, Labels>;

  void collect();
  /// Ends the interval if its time is over. The lock is held.
  void roll();
  void touch(Series& series);
  /// The lock is held.
  void keep(const Series& series, double value);
  bool passes(std::string_view name) const;
  std::string full_name(const Series& series) const;
  bool is_shown(const Series& series, bool current) const;

  Clock& clock_;
  Options options_;
  std::vector<std::function<void()>> collectors_;
  std::mutex mutex_;  // guards all that follows
  std::map<Key, std::unique_ptr<Series>> series_;
  std::chrono::system_clock::time_point began_{};  // the present interval
  std::chrono::system_clock::time_point last_began_{};
  bool has_last_ = false;
  bool keeps_events_ = false;
  std::vector<Event> events_;
  std::uint64_t lost_events_ = 0;
};

/// Rules of a filter that do not begin with '+' or '-', which mean nothing. Pure.
std::vector<std::string> bad_filter_rules(const std::vector<std::string>& rules);

}  // namespace discovery::metrics
