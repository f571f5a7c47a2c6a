#include "lib/env/log_tap.h"

#include <array>
#include <cstdio>
#include <exception>

#include "lib/base/strings.h"

namespace discovery::env {
namespace {

struct LevelName {
  std::string_view bracketed;
  std::string_view json;
};

constexpr std::array<LevelName, 5> kLevels = {{{"[TRACE] ", "trace"},
                                               {"[DEBUG] ", "debug"},
                                               {"[INFO]  ", "info"},
                                               {"[WARN]  ", "warn"},
                                               {"[ERROR] ", "error"}}};

std::string timestamp(std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

/// A string of JSON. Control characters become spaces: a line stays a line.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  out += '"';
}

}  // namespace

LogTap::Subscription::~Subscription() {
  if (tap_) tap_->forget(id_);
}

void LogTap::write(Level level, std::string_view unit, std::string_view message) noexcept {
  if (sink_) sink_->write(level, unit, message);
  if (!followed_.load(std::memory_order_relaxed)) return;
  try {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, listener] : followers_) {
      if (level >= listener.least) listener.follower({level, unit, message});
    }
  } catch (const std::exception&) {  // out of memory: who follows misses a line, the agent goes on
  }
}

Result<LogTap::Subscription> LogTap::follow(const std::shared_ptr<LogTap>& tap, Level least,
                                            Follower follower) {
  const std::lock_guard lock(tap->mutex_);
  if (tap->followers_.size() >= kMaxFollowers) {
    return Status(Code::kResourceExhausted, "too many follow the log already");
  }
  const std::uint64_t id = ++tap->last_id_;
  tap->followers_.emplace(id, Listener{least, std::move(follower)});
  tap->followed_ = true;
  return Subscription(tap, id);
}

void LogTap::forget(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  followers_.erase(id);
  followed_ = !followers_.empty();
}

std::string format_log_text(const LogLine& line, std::chrono::system_clock::time_point time) {
  std::string out = timestamp(time);
  out.append(" ").append(kLevels[static_cast<std::size_t>(line.level)].bracketed);
  out.append(line.unit).append(": ").append(line.message).push_back('\n');
  return out;
}

std::string format_log_json(const LogLine& line, std::chrono::system_clock::time_point time) {
  std::string out = "{\"@level\":\"";
  out.append(kLevels[static_cast<std::size_t>(line.level)].json).append("\",\"@message\":");
  append_quoted(out, line.message);
  out += ",\"@module\":";
  append_quoted(out, line.unit);
  out.append(",\"@timestamp\":\"").append(timestamp(time)).append("\"}\n");
  return out;
}

Result<Level> parse_level(std::string_view name) {
  std::string lower = base::to_lower(name);
  if (lower == "err") lower = "error";
  for (std::size_t at = 0; at < kLevels.size(); ++at) {
    if (lower == kLevels[at].json) return static_cast<Level>(at);
  }
  return invalid_argument("Invalid log level: " + std::string(name) +
                          ". Valid log levels are: [TRACE DEBUG INFO WARN ERR]");
}

}  // namespace discovery::env
