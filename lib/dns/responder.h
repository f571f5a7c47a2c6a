#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include <discovery/env.h>

#include "lib/dns/encoded_answer.h"
#include "lib/dns/options.h"
#include "lib/dns/recursor.h"
#include "lib/model/backend.h"

namespace discovery::dns {

/// What a responder works with. `backend`, `clock` and `recursor` outlive it.
struct ResponderSetup {
  std::shared_ptr<const Zone> zone;
  model::Backend* backend = nullptr;
  Clock* clock = nullptr;
  Recursor* recursor = nullptr;  ///< asked where the zone has recursors; null: those are not asked
  std::uint64_t seed = 0;        ///< of the order of records; each responder has its own
};

/// Answers DNS queries from a Backend: bytes in, bytes out. Answers are kept encoded for as long as what they
/// were made from has not changed; one of those costs no allocation.
///
/// Threads: one at a time. Blocking: never. Where the Backend or the recursor answers later, so does the
/// responder: respond() returns a ticket, `wake` is called on whatever thread they complete on, and collect()
/// hands out the answer.
class Responder {
 public:
  using Ticket = std::uint64_t;
  using Wake = std::function<void()>;
  using Deliver = std::function<void(Ticket, std::span<const std::uint8_t>)>;

  struct Outcome {
    std::size_t size = 0;  ///< bytes of the answer
    Ticket ticket = 0;     ///< not 0: the answer comes later. Both 0: there is none
  };

  /// Queries that wait for the Backend; more are answered with an error (SERVFAIL).
  static constexpr std::size_t kMaxWaiting = 4096;
  /// Queries that wait for recursors; more are answered with SERVFAIL as well.
  static constexpr std::size_t kMaxRelayed = 4096;

  /// `wake` may be called from any thread until the destructor returns; it must not call the responder.
  Responder(ResponderSetup setup, Wake wake);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  /// Answers one query into `out`, which should have kMaxMessageBytes.
  Outcome respond(std::span<const std::uint8_t> query, Transport transport, std::span<std::uint8_t> out);

  /// Hands out the answers that have become ready, through `out` as a buffer.
  void collect(std::span<std::uint8_t> out, const Deliver& deliver);

  /// From the next query on. What was kept is forgotten.
  void set_zone(std::shared_ptr<const Zone> zone);

  struct Counters {
    std::uint64_t queries = 0;     ///< answered at once or later
    std::uint64_t kept = 0;        ///< of these, from kept answers
    std::uint64_t malformed = 0;   ///< dropped, or answered with an error
    std::uint64_t overloaded = 0;  ///< refused by kMaxWaiting or kMaxRelayed
    std::uint64_t waiting = 0;     ///< gauge: of kMaxWaiting
    std::uint64_t relayed = 0;     ///< for other zones, sent on to recursors

    Counters& operator+=(const Counters& other) noexcept {
      queries += other.queries;
      kept += other.kept;
      malformed += other.malformed;
      overloaded += other.overloaded;
      waiting += other.waiting;
      relayed += other.relayed;
      return *this;
    }
  };
  /// Threads: safe; the numbers are each right, if not of one instant.
  Counters counters() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace discovery::dns
