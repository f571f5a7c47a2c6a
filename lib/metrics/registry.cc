#include "lib/metrics/registry.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace discovery::metrics {

void Aggregate::add(double value) {
  min = count == 0 ? value : std::min(min, value);
  max = count == 0 ? value : std::max(max, value);
  ++count;
  sum += value;
  sum_of_squares += value * value;
}

double Aggregate::mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }

double Aggregate::deviation() const {
  if (count < 2) return 0;
  const double n = static_cast<double>(count);
  const double scaled = n * sum_of_squares - sum * sum;
  return scaled <= 0 ? 0 : std::sqrt(scaled / (n * (n - 1)));
}

Registry::Registry(Clock& clock, Options options) : clock_(clock), options_(std::move(options)) {
  began_ = std::chrono::floor<std::chrono::seconds>(clock_.wall());
  began_ -= (began_.time_since_epoch() % kInterval);
}

Series* Registry::series(Kind kind, std::string_view name, Labels labels) {
  const std::lock_guard lock(mutex_);
  Key key(name, std::move(labels));
  const auto found = series_.find(key);
  if (found != series_.end()) return found->second.get();
  if (series_.size() >= options_.max_series) return nullptr;
  auto made = std::make_unique<Series>();
  made->kind = kind;
  made->name = key.first;
  made->labels = key.second;
  made->allowed = passes(key.first);
  return series_.emplace(std::move(key), std::move(made)).first->second.get();
}

void Registry::set(Series* gauge, double level) {
  if (gauge == nullptr) return;
  const std::lock_guard lock(mutex_);
  touch(*gauge);
  gauge->level = level;
  keep(*gauge, level);
}

void Registry::add(Series* series, double value) {
  if (series == nullptr) return;
  const std::lock_guard lock(mutex_);
  touch(*series);
  series->now.add(value);
  series->total.add(value);
  keep(*series, value);
  if (series->kind != Kind::kSample || !has_prometheus()) return;
  if (series->recent.size() < Series::kRecent) {
    series->recent.push_back(static_cast<float>(value));
  } else {
    series->recent[series->next_recent] = static_cast<float>(value);
    series->next_recent = (series->next_recent + 1) % Series::kRecent;
  }
}

void Registry::add_since(Series* series, Duration start) {
  if (series == nullptr) return;
  add(series, std::chrono::duration<double, std::milli>(clock_.monotonic() - start).count());
}

void Registry::keep(const Series& series, double value) {
  if (!keeps_events_ || !series.allowed) return;
  if (events_.size() < kMaxEvents) {
    events_.push_back({&series, value});
  } else {
    ++lost_events_;
  }
}

void Registry::keep_events() {
  const std::lock_guard lock(mutex_);
  keeps_events_ = true;
}

std::uint64_t Registry::take_events(std::vector<Event>& events) {
  events.clear();
  const std::lock_guard lock(mutex_);
  events.swap(events_);
  return std::exchange(lost_events_, 0);
}

void Registry::on_collect(std::function<void()> collect) { collectors_.push_back(std::move(collect)); }

void Registry::collect() {
  for (const auto& collector : collectors_) collector();
}

void Registry::set_filter(std::vector<std::string> prefix_filter, bool filter_default) {
  const std::lock_guard lock(mutex_);
  options_.prefix_filter = std::move(prefix_filter);
  options_.filter_default = filter_default;
  for (const auto& [key, series] : series_) series->allowed = passes(series->name);
}

void Registry::touch(Series& series) {
  roll();
  series.ever_set = true;
  series.touched = clock_.monotonic();
}

void Registry::roll() {
  const auto now = clock_.wall();
  if (now >= began_ && now < began_ + kInterval) return;
  const auto begins = std::chrono::floor<std::chrono::seconds>(now) -
                      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch() % kInterval;
  // If more than one interval went by without anything, the last one was empty.
  const bool follows = begins == began_ + kInterval;
  for (const auto& [key, series] : series_) {
    series->last = follows ? series->now : Aggregate();
    series->now = {};
  }
  last_began_ = begins - kInterval;
  began_ = begins;
  has_last_ = true;
}

/// The longest rule that fits counts; names in rules have the prefix.
bool Registry::passes(std::string_view name) const {
  const std::string full = options_.prefix + "." + std::string(name);
  bool result = options_.filter_default;
  std::size_t longest = 0;
  for (const std::string& rule : options_.prefix_filter) {
    if (rule.empty() || (rule[0] != '+' && rule[0] != '-')) continue;
    if (rule.size() <= longest || !full.starts_with(std::string_view(rule).substr(1))) continue;
    longest = rule.size();
    result = rule[0] == '+';
  }
  return result;
}

std::string Registry::full_name(const Series& series) const {
  std::string name = options_.prefix;
  if (series.kind == Kind::kGauge && !options_.host_name.empty()) name += "." + options_.host_name;
  return name + "." + series.name;
}

bool Registry::is_shown(const Series& series, bool current) const {
  if (!series.allowed || !series.ever_set) return false;
  return series.kind == Kind::kGauge || (current ? series.now : series.last).count > 0;
}

std::vector<std::string> bad_filter_rules(const std::vector<std::string>& rules) {
  std::vector<std::string> bad;
  for (const std::string& rule : rules) {
    if (rule.empty() || (rule[0] != '+' && rule[0] != '-')) bad.push_back(rule);
  }
  return bad;
}

}  // namespace discovery::metrics
