#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/env.h>
#include <discovery/status.h>

#include "lib/env/unique_fd.h"

namespace discovery {

/// The system's log, in the form that local programs write to it (RFC 3164, without a host): lines as
/// datagrams to its Unix socket. It may go and come back; a line that it does not take at once is lost.
/// Threads: one at a time. Blocks: never.
class Syslog {
 public:
  struct Options {
    std::string facility = "LOCAL0";  ///< a name in any case
    std::string tag = "discoveryd";
    /// Where systems have it; the first that is there counts.
    std::vector<std::string> sockets = {"/dev/log", "/var/run/syslog", "/var/run/log"};
  };

  /// The number of a facility: KERN, USER, MAIL, DAEMON, AUTH, SYSLOG, LPR, NEWS, UUCP, CRON, AUTHPRIV, FTP
  /// and LOCAL0 to LOCAL7, in any case. kInvalidArgument with Consul's text. Pure.
  static Result<int> facility_number(std::string_view name);

  /// kInvalidArgument for the facility; kUnavailable if there is no system's log.
  static Result<Syslog> open(Options options);

  /// The levels of lines are those that Consul gives them: info is a notice, debug is info.
  void write(Level level, std::string_view message) noexcept;

 private:
  Syslog(Options options, int facility) : options_(std::move(options)), facility_(facility) {}
  Status connect();
  bool send(std::string_view line) noexcept;

  Options options_;
  int facility_;
  env::UniqueFd socket_;
};

}  // namespace discovery
