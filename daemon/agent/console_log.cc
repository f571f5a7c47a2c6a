#include "daemon/agent/console_log.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include "lib/codec/json_writer.h"

namespace discovery {
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

std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(millis));
  return text.data();
}

}  // namespace

Status ConsoleLog::open(const std::string& path) {
  file_ = std::fopen(path.c_str(), "ae");
  if (file_ != nullptr) return {};
  const Code code = errno == EACCES ? Code::kPermissionDenied : Code::kUnavailable;
  return {code, "cannot open the log file " + path + ": " + std::strerror(errno)};
}

ConsoleLog::~ConsoleLog() {
  if (file_ != nullptr) std::fclose(file_);
}

std::string ConsoleLog::format(Level level, std::string_view unit, std::string_view message) const {
  const LevelName& name = kLevels[static_cast<std::size_t>(level)];
  std::string line;
  if (!json_) {
    line = timestamp();
    line.append(" ").append(name.bracketed).append(unit).append(": ").append(message).push_back('\n');
    return line;
  }
  line = "{\"@level\":\"";
  line.append(name.json).append("\",\"@message\":");
  codec::append_json(line, std::string(message));
  line.append(",\"@module\":");
  codec::append_json(line, std::string(unit));
  line.append(",\"@timestamp\":\"").append(timestamp()).append("\"}\n");
  return line;
}

void ConsoleLog::write(Level level, std::string_view unit, std::string_view message) noexcept {
  if (level < least_) return;
  try {
    const std::string line = format(level, unit, message);
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

Result<Level> parse_level(std::string_view name) {
  std::string lower;
  for (const char c : name) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  if (lower == "err") lower = "error";
  for (std::size_t at = 0; at < kLevels.size(); ++at) {
    if (lower == kLevels[at].json) return static_cast<Level>(at);
  }
  return invalid_argument("Invalid log level: " + std::string(name) +
                          ". Valid log levels are: [TRACE DEBUG INFO WARN ERR]");
}

}  // namespace discovery
