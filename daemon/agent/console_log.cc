#include "daemon/agent/console_log.h"

#include <cerrno>
#include <chrono>
#include <exception>
#include <system_error>

#include "lib/env/log_tap.h"

namespace discovery {

Status ConsoleLog::open(LogFile::Options options) {
  Result<LogFile> file = LogFile::open(std::move(options));
  if (!file.ok()) return file.status();
  const std::lock_guard lock(mutex_);
  file_.emplace(*std::move(file));
  return {};
}

Status ConsoleLog::open(Syslog::Options options) {
  Result<Syslog> syslog = Syslog::open(std::move(options));
  if (!syslog.ok()) return syslog.status();
  const std::lock_guard lock(mutex_);
  syslog_.emplace(*std::move(syslog));
  return {};
}

void ConsoleLog::write(Level level, std::string_view unit, std::string_view message) noexcept {
  if (level < least_.load(std::memory_order_relaxed)) return;
  try {
    const env::LogLine parts{level, unit, message};
    const auto now = std::chrono::system_clock::now();
    const std::string line = json_ ? env::format_log_json(parts, now) : env::format_log_text(parts, now);
    const std::lock_guard lock(mutex_);
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
    if (file_) file_->write(line);
    if (!syslog_) return;
    // It has time and level of its own.
    syslog_->write(level, json_ ? line : std::string(unit) + ": " + std::string(message));
  } catch (const std::exception&) {  // out of memory: the line is lost, the agent goes on
  }
}

}  // namespace discovery
