#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "lib/codec/json_writer.h"
#include "lib/metrics/registry.h"

namespace discovery::metrics {
namespace {

/// "2006-01-02 15:04:05 +0000 UTC".
std::string format_time(std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d +0000 UTC",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return text.data();
}

void write_labels(codec::JsonWriter& writer, const Labels& labels) {
  writer.key("Labels");
  writer.begin_object();
  for (const auto& [name, value] : labels) writer.field(name, value);
  writer.end_object();
}

void write_aggregate(codec::JsonWriter& writer, const std::string& name, const Series& series,
                     const Aggregate& aggregate) {
  writer.element();
  writer.begin_object();
  writer.field("Name", name);
  writer.field("Count", aggregate.count);
  writer.field("Rate", aggregate.sum / std::chrono::duration<double>(Registry::kInterval).count());
  writer.field("Sum", aggregate.sum);
  writer.field("Min", aggregate.min);
  writer.field("Max", aggregate.max);
  writer.field("Mean", aggregate.mean());
  writer.field("Stddev", aggregate.deviation());
  write_labels(writer, series.labels);
  writer.end_object();
}

/// A name as Prometheus wants it: letters, digits, '_' and ':'.
std::string prometheus_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':';
    out += allowed ? c : '_';
  }
  if (!out.empty() && out[0] >= '0' && out[0] <= '9') out.insert(out.begin(), '_');
  return out;
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  std::array<char, 40> digits{};
  out.append(digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr);
}

/// `{a="b",quantile="0.5"}`, or nothing.
std::string label_text(const Labels& labels, std::string_view quantile = {}) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out += out.empty() ? "{" : ",";
    out.append(name).append("=\"");
    for (const char c : value) {
      if (c == '\\' || c == '"') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else {
        out += c;
      }
    }
    out += '"';
  };
  for (const auto& [name, value] : labels) add(prometheus_name(name), value);
  if (!quantile.empty()) add("quantile", quantile);
  return out.empty() ? out : out + "}";
}

void append_line(std::string& out, const std::string& name, const std::string& labels, double value) {
  out.append(name).append(labels).append(" ");
  append_number(out, value);
  out += '\n';
}

void append_summary(std::string& out, const std::string& name, const Series& series) {
  std::vector<float> sorted = series.recent;
  std::sort(sorted.begin(), sorted.end());
  constexpr std::array<std::pair<std::size_t, std::string_view>, 3> kQuantiles = {
      {{50, "0.5"}, {90, "0.9"}, {99, "0.99"}}};
  for (const auto& [percent, text] : kQuantiles) {
    double value = std::nan("");
    if (!sorted.empty()) {
      const std::size_t at = (percent * sorted.size() + 99) / 100;
      value = static_cast<double>(sorted[std::max<std::size_t>(at, 1) - 1]);
    }
    append_line(out, name, label_text(series.labels, text), value);
  }
  append_line(out, name + "_sum", label_text(series.labels), series.total.sum);
  append_line(out, name + "_count", label_text(series.labels), static_cast<double>(series.total.count));
}

constexpr std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::kGauge:
      return "gauge";
    case Kind::kCounter:
      return "counter";
    case Kind::kSample:
      return "summary";
  }
  return "";
}

}  // namespace

std::string Registry::to_json(bool pretty) {
  collect();
  const std::lock_guard lock(mutex_);
  roll();
  std::string out;
  codec::JsonWriter writer(out, pretty ? codec::JsonStyle::kPretty : codec::JsonStyle::kCompact);
  const bool current = !has_last_;
  writer.begin_object();
  writer.field("Timestamp", format_time(current ? began_ : last_began_));
  writer.key("Gauges");
  writer.begin_array();
  for (const auto& [key, series] : series_) {
    if (series->kind != Kind::kGauge || !is_shown(*series, current)) continue;
    writer.element();
    writer.begin_object();
    writer.field("Name", full_name(*series));
    writer.field("Value", series->level);
    write_labels(writer, series->labels);
    writer.end_object();
  }
  writer.end_array();
  writer.key("Points");
  writer.begin_array();
  writer.end_array();
  for (const auto& [kind, title] :
       {std::pair(Kind::kCounter, "Counters"), std::pair(Kind::kSample, "Samples")}) {
    writer.key(title);
    writer.begin_array();
    for (const auto& [key, series] : series_) {
      if (series->kind != kind || !is_shown(*series, current)) continue;
      write_aggregate(writer, full_name(*series), *series, current ? series->now : series->last);
    }
    writer.end_array();
  }
  writer.end_object();
  return out;
}

std::string Registry::to_prometheus() {
  collect();
  const std::lock_guard lock(mutex_);
  const Duration now = clock_.monotonic();
  std::string out;
  std::string previous;
  for (const auto& [key, series] : series_) {
    const bool is_old = series->ever_set && now - series->touched > options_.retention;
    if (!series->allowed || is_old) continue;
    const std::string name = prometheus_name(full_name(*series));
    if (name != previous) {
      out.append("# HELP ").append(name).append(" ").append(name).append("\n# TYPE ").append(name);
      out.append(" ").append(type_name(series->kind)).append("\n");
      previous = name;
    }
    switch (series->kind) {
      case Kind::kGauge:
        append_line(out, name, label_text(series->labels), series->level);
        break;
      case Kind::kCounter:
        append_line(out, name, label_text(series->labels), series->total.sum);
        break;
      case Kind::kSample:
        append_summary(out, name, *series);
        break;
    }
  }
  return out;
}

}  // namespace discovery::metrics
