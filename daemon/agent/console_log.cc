#include "daemon/agent/console_log.h"

#include <cerrno>
#include <chrono>
#include <exception>
#include <system_error>

#include "lib/env/log_tap.h"

namespace discovery {

Status ConsoleLog::open(const std::string& path) {
  file_ = std::fopen(path.c_str(), "ae");
  if (file_ != nullptr) return {};
  const Code code = errno == EACCES ? Code::kPermissionDenied : Code::kUnavailable;
  return {code, "cannot open the log file " + path + ": " + std::generic_category().message(errno)};
}

ConsoleLog::~ConsoleLog() {
  if (file_ != nullptr) std::fclose(file_);
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
    if (file_ != nullptr) {
      std::fwrite(line.data(), 1, line.size(), file_);
      std::fflush(file_);
    }
  } catch (const std::exception&) {  // out of memory: the line is lost, the agent goes on
  }
}

}  // namespace discovery
