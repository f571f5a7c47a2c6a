#include "lib/metrics/line_writer.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace discovery::metrics {
namespace {

/// Appends a text with '_' in place of what means something in a line.
void append_clean(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool has_meaning = c == ':' || c == ' ' || c == '|' || c == '#' || c == '@' || c == ',' ||
                             static_cast<unsigned char>(c) < 0x20;
    out += has_meaning ? '_' : c;
  }
}

std::string_view type_of(Kind kind) {
  switch (kind) {
    case Kind::kGauge:
      return "|g";
    case Kind::kCounter:
      return "|c";
    case Kind::kSample:
      return "|ms";
  }
  return "";
}

}  // namespace

LineWriter::Frame LineWriter::make_frame(const Series& series) const {
  const bool has_tags = options_.dialect == Dialect::kDogstatsd;
  Frame frame;
  append_clean(frame.before, options_.prefix);
  if (series.kind == Kind::kGauge && !options_.host_name.empty() && !has_tags) {
    frame.before += '.';
    append_clean(frame.before, options_.host_name);
  }
  frame.before += '.';
  append_clean(frame.before, series.name);
  frame.after = type_of(series.kind);
  std::string tags;
  for (const std::string& tag : options_.tags) tags += (tags.empty() ? "" : ",") + tag;
  for (const auto& [name, value] : series.labels) {
    if (has_tags) {
      if (!tags.empty()) tags += ',';
      append_clean(tags, name);
      if (!value.empty()) tags += ':';
      append_clean(tags, value);
    } else {
      frame.before += '.';
      append_clean(frame.before, value);
    }
  }
  frame.before += ':';
  if (has_tags && !tags.empty()) frame.after += "|#" + tags;
  frame.after += '\n';
  return frame;
}

const LineWriter::Frame& LineWriter::frame_of(const Series& series) {
  const auto found = frames_.find(&series);
  if (found != frames_.end()) return found->second;
  return frames_.emplace(&series, make_frame(series)).first->second;
}

void LineWriter::append(std::string& out, const Series& series, double value) {
  if (!std::isfinite(value)) return;
  const Frame& frame = frame_of(series);
  out += frame.before;
  if (options_.dialect == Dialect::kDogstatsd && series.kind == Kind::kCounter) {
    out += std::to_string(static_cast<std::int64_t>(value));
  } else {
    // Consul's values are of single precision.
    std::array<char, 64> digits{};
    const int size =
        std::snprintf(digits.data(), digits.size(), "%f", static_cast<double>(static_cast<float>(value)));
    out.append(digits.data(), static_cast<std::size_t>(size));
  }
  out += frame.after;
}

}  // namespace discovery::metrics
