#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string_view>

#include <discovery/env.h>

#include "daemon/agent/log_file.h"
#include "daemon/agent/syslog.h"

namespace discovery {

/// Log lines on standard output, in the form of Consul's:
/// "2026-01-02T15:04:05.000Z [INFO]  agent: message", or a JSON object a line.
/// Threads: safe; a line is written as a whole.
class ConsoleLog final : public LogSink {
 public:
  /// Lines below `least` are left out.
  ConsoleLog(Level least, bool json) : least_(least), json_(json) {}
  /// From now on.
  void set_level(Level least) noexcept { least_ = least; }
  /// Also writes to files; kUnavailable or kPermissionDenied if the first cannot be opened.
  Status open(LogFile::Options options);
  /// Also writes to the system's log; errors as Syslog::open().
  Status open(Syslog::Options options);

  void write(Level level, std::string_view unit, std::string_view message) noexcept override;

 private:
  std::atomic<Level> least_;
  const bool json_;
  std::mutex mutex_;
  std::optional<LogFile> file_;
  std::optional<Syslog> syslog_;
};

}  // namespace discovery
