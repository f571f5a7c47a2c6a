#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <discovery/env.h>
#include <discovery/status.h>

namespace discovery::env {

/// One line of a log, as it is written.
struct LogLine {
  Level level;
  std::string_view unit;
  std::string_view message;
};

/// A log that others can listen to: passes every line on to the host's own, and to each who follows it.
/// Threads: safe. Owns: a share in the host's sink.
class LogTap final : public LogSink {
 public:
  /// Called with each line, under a lock: it must be quick, and must not log.
  using Follower = std::function<void(const LogLine&)>;
  /// Ends the following when it is destroyed; after that the follower is not called any more.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(std::shared_ptr<LogTap> tap, std::uint64_t id) : tap_(std::move(tap)), id_(id) {}
    Subscription(Subscription&& other) noexcept : tap_(std::move(other.tap_)), id_(other.id_) {}
    Subscription& operator=(Subscription&& other) noexcept {
      std::swap(tap_, other.tap_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Subscription();

   private:
    std::shared_ptr<LogTap> tap_;
    std::uint64_t id_ = 0;
  };
  /// So many may follow at once.
  static constexpr std::size_t kMaxFollowers = 64;

  /// `sink` may be null.
  explicit LogTap(std::shared_ptr<LogSink> sink) : sink_(std::move(sink)) {}

  void write(Level level, std::string_view unit, std::string_view message) noexcept override;

  /// Follows `tap` from now on, with lines of `least` and above. kResourceExhausted.
  static Result<Subscription> follow(const std::shared_ptr<LogTap>& tap, Level least, Follower follower);

 private:
  struct Listener {
    Level least;
    Follower follower;
  };
  void forget(std::uint64_t id);

  const std::shared_ptr<LogSink> sink_;
  std::atomic<bool> followed_ = false;
  std::mutex mutex_;  // guards what follows
  std::map<std::uint64_t, Listener> followers_;
  std::uint64_t last_id_ = 0;
};

/// A line as Consul's logs have it, with a newline: "2026-01-02T15:04:05.000Z [INFO]  agent: message".
std::string format_log_text(const LogLine& line, std::chrono::system_clock::time_point time);
/// The same as an object of JSON, with a newline.
std::string format_log_json(const LogLine& line, std::chrono::system_clock::time_point time);

/// "TRACE", "DEBUG", "INFO", "WARN" and "ERR" or "ERROR", in any case. kInvalidArgument.
Result<Level> parse_level(std::string_view name);

}  // namespace discovery::env
