#include "daemon/agent/syslog.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <exception>
#include <utility>

#include "lib/base/strings.h"
#include "lib/env/posix_error.h"

namespace discovery {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 20> kFacilities = {{
    {"kern", LOG_KERN},     {"user", LOG_USER},     {"mail", LOG_MAIL},         {"daemon", LOG_DAEMON},
    {"auth", LOG_AUTH},     {"syslog", LOG_SYSLOG}, {"lpr", LOG_LPR},           {"news", LOG_NEWS},
    {"uucp", LOG_UUCP},     {"cron", LOG_CRON},     {"authpriv", LOG_AUTHPRIV}, {"ftp", LOG_FTP},
    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},     {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},     {"local7", LOG_LOCAL7},
}};

int severity(Level level) {
  switch (level) {
    case Level::kTrace:
      return LOG_DEBUG;
    case Level::kDebug:
      return LOG_INFO;
    case Level::kInfo:
      return LOG_NOTICE;
    case Level::kWarn:
      return LOG_WARNING;
    case Level::kError:
      return LOG_ERR;
  }
  return LOG_NOTICE;
}

/// "Jan  2 15:04:05", of the machine's zone.
std::string stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%b %e %H:%M:%S", &parts);
  return text.data();
}

Result<env::UniqueFd> connect_to(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path) return invalid_argument("the path is too long: " + path);
  std::memcpy(at.sun_path, path.data(), path.size());
  env::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    return env::posix_error(path, errno);
  }
  return fd;
}

}  // namespace

Result<int> Syslog::facility_number(std::string_view name) {
  const std::string wanted = base::to_lower(name);
  const auto* const at = std::find_if(kFacilities.begin(), kFacilities.end(),
                                      [&](const auto& facility) { return facility.first == wanted; });
  if (at == kFacilities.end()) return invalid_argument("invalid syslog facility: " + std::string(name));
  return at->second;
}

Result<Syslog> Syslog::open(Options options) {
  const Result<int> facility = facility_number(options.facility);
  if (!facility.ok()) return facility.status();
  Syslog log(std::move(options), *facility);
  if (Status connected = log.connect(); !connected.ok()) return connected;
  return log;
}

Status Syslog::connect() {
  std::string tried;
  for (const std::string& path : options_.sockets) {
    Result<env::UniqueFd> fd = connect_to(path);
    if (fd.ok()) {
      socket_ = *std::move(fd);
      return {};
    }
    tried += (tried.empty() ? "" : "; ") + std::string(fd.status().message());
  }
  return {Code::kUnavailable, "Syslog setup did not succeed: " + tried};
}

bool Syslog::send(std::string_view line) noexcept {
  return socket_.valid() &&
         (::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
          errno == EAGAIN || errno == EMSGSIZE);
}

void Syslog::write(Level level, std::string_view message) noexcept {
  try {
    std::string line = "<" + std::to_string(facility_ | severity(level)) + ">" + stamp() + " " +
                       options_.tag + "[" + std::to_string(::getpid()) + "]: ";
    line += message;
    while (line.ends_with('\n')) line.pop_back();
    if (send(line)) return;
    if (connect().ok()) send(line);  // it was started anew
  } catch (const std::exception&) {  // out of memory: the line is lost
  }
}

}  // namespace discovery
