#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "lib/dns/recursor.h"
#include "lib/env/env.h"

namespace discovery::dns {

/// Forwards queries to other name servers over UDP and TCP, by the rules of RFC 5452: each attempt has an id
/// and, over UDP, a port of its own, and only the answer of the server that was asked, to the question that
/// was asked, counts. One that is neither NOERROR nor NXDOMAIN sends the query on to the next server, and so
/// does silence.
///
/// Threads: any may ask; the work is done on the env's loop. Destroying it drops what is under way: no `done`
/// is called after that. Blocking: never.
class Forwarder final : public Recursor {
 public:
  /// Queries under way; more are refused.
  static constexpr std::size_t kMaxUnderWay = 4096;

  /// `env` outlives it.
  explicit Forwarder(env::Env& env);
  ~Forwarder() override;
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  void ask(std::string query, Transport transport, std::shared_ptr<const Zone> zone, Done done) override;

  struct Counters {
    std::uint64_t asked = 0;     ///< queries that were forwarded
    std::uint64_t attempts = 0;  ///< the servers that they were sent to
    std::uint64_t failed = 0;    ///< queries that nobody answered
    std::uint64_t refused = 0;   ///< by kMaxUnderWay
  };
  /// Threads: safe; the numbers are each right, if not of one instant.
  Counters counters() const noexcept;

 private:
  class Exchange;
  using Exchanges = std::list<std::unique_ptr<Exchange>>;

  struct Tally {
    std::atomic<std::uint64_t> asked{0}, attempts{0}, failed{0}, refused{0};
  };

  void begin(std::string query, Transport transport, const std::shared_ptr<const Zone>& zone, Done done);

  env::Env& env_;
  /// Points here as long as this is here: posted tasks ask it.
  std::shared_ptr<Forwarder*> self_ = std::make_shared<Forwarder*>(this);
  Tally tally_;
  Exchanges under_way_;
};

}  // namespace discovery::dns
