// What is written to the system's log, and what becomes of it when that goes.

#include "daemon/agent/syslog.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>

#include "tests/daemon/config_fixture.h"

namespace discovery {
namespace {

using config::testing::TemporaryDirectory;

/// A system's log of one's own.
class Daemon {
 public:
  explicit Daemon(const std::string& path)
      : path_(path), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, path.c_str(), sizeof at.sun_path - 1);
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  }
  ~Daemon() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// The next line; nothing if there is none.
  std::optional<std::string> next() {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (size < 0) return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(size));
  }

 private:
  std::string path_;
  int fd_;
};

/// A line without its time.
std::string without_time(const std::string& line) {
  const std::size_t end = line.find('>') + 1;
  constexpr std::size_t kStamp = sizeof "Jan  2 15:04:05 " - 1;
  return line.substr(0, end) + line.substr(end + kStamp);
}

TEST_CASE("lines have facility, severity, time, program and process") {
  const TemporaryDirectory directory;
  Daemon daemon(directory.path() + "/log");
  Syslog::Options options;
  options.facility = "local3";
  options.sockets = {directory.path() + "/nothing", directory.path() + "/log"};
  Result<Syslog> log = Syslog::open(options);
  REQUIRE(log.ok());
  const std::string after = "discoveryd[" + std::to_string(::getpid()) + "]: ";
  const std::pair<Level, int> severities[] = {
      {Level::kTrace, 7}, {Level::kDebug, 6}, {Level::kInfo, 5}, {Level::kWarn, 4}, {Level::kError, 3}};
  for (const auto& [level, severity] : severities) {
    log->write(level, "agent: hello\n");
    const auto line = daemon.next();
    REQUIRE(line.has_value());
    CHECK(without_time(*line) == "<" + std::to_string(19 * 8 + severity) + ">" + after + "agent: hello");
  }
}

TEST_CASE("a system's log may go and come back") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  auto daemon = std::make_optional<Daemon>(path);
  Syslog::Options options;
  options.sockets = {path};
  Result<Syslog> log = Syslog::open(options);
  REQUIRE(log.ok());
  daemon.reset();
  log->write(Level::kInfo, "lost");
  daemon.emplace(path);
  log->write(Level::kInfo, "kept");
  const auto line = daemon->next();
  REQUIRE(line.has_value());
  CHECK(line->ends_with(": kept"));
  // One that reads nothing delays nobody.
  for (int i = 0; i < 10000; ++i) log->write(Level::kInfo, "much");
}

TEST_CASE("what the system's log cannot be opened for is told") {
  Syslog::Options options;
  options.sockets = {"/nonexistent/log", "/nonexistent/other"};
  const Status missing = Syslog::open(options).status();
  CHECK(missing.code() == Code::kUnavailable);
  CHECK(missing.message() ==
        "Syslog setup did not succeed: /nonexistent/log: No such file or directory; /nonexistent/other: No "
        "such "
        "file or directory");
  CHECK(Syslog::facility_number("LOCAL9").status().message() == "invalid syslog facility: LOCAL9");
  CHECK(*Syslog::facility_number("AuthPriv") == 10 << 3);
  CHECK(*Syslog::facility_number("DAEMON") == 3 << 3);
}

}  // namespace
}  // namespace discovery
