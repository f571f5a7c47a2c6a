#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/env/env.h"

namespace discovery::health {

/// The failure of a connection to `to` in the words of Go: "dial tcp <where>: connect: <the system's text>",
/// "dial unix ..." for a Unix socket.
/// Pure.
Status dial_failure(const env::Endpoint& to, const Status& status);

/// Connects to hosts by name or address, for all checks of one agent. The addresses of a name are kept for
/// kNameLifetime, so that many checks of one host cost one lookup.
///
/// Threads: one, the loop's. Blocks: never.
class Dialer {
 public:
  using Done = UniqueFunction<void(Result<std::unique_ptr<env::Stream>>)>;
  /// An attempt under way. Destroying it cancels it: its callback then never runs.
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };

  static constexpr Duration kNameLifetime = std::chrono::seconds(1);
  static constexpr std::size_t kMaxNames = 4096;

  explicit Dialer(env::Env& env) : env_(env) {}
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// Tries the addresses of `host` one after another, all within `timeout`. Errors are kUnavailable and
  /// kDeadlineExceeded, with the text that Go has for them ("dial tcp 127.0.0.1:1: connect: connection
  /// refused").
  [[nodiscard]] std::unique_ptr<Attempt> dial(const std::string& host, std::uint16_t port, Duration timeout,
                                              Done done);

 private:
  class Dialing;
  using Addresses = std::vector<std::string>;
  struct Name {
    Result<Addresses> addresses = Addresses{};
    Duration until{};  // when the addresses are too old; zero while they are looked up
    std::vector<std::weak_ptr<Dialing*>> waiting;
  };

  void look_up(const std::string& host);

  env::Env& env_;
  std::map<std::string, Name, std::less<>> names_;
  std::shared_ptr<Dialer*> self_ = std::make_shared<Dialer*>(this);
};

}  // namespace discovery::health
