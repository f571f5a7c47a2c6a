#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <discovery/env.h>
#include <discovery/status.h>

#include "lib/dns/options.h"
#include "lib/dns/responder.h"
#include "lib/env/env.h"
#include "lib/model/backend.h"

namespace discovery::dns {

/// Serves DNS over UDP on threads of its own, each with a socket and a Responder: the kernel spreads clients
/// over them. Datagrams are received and sent in batches (recvmmsg, sendmmsg). Answers come from the address
/// that was asked, also where the socket is bound to all addresses.
///
/// Threads: any. Owns: sockets and threads; `backend`, `clock`, `recursor` and `log` outlive it. Blocking:
/// the destructor waits for the threads, which are never held up by anybody.
class UdpServer {
 public:
  /// Queries that are longer are answered with an error (FORMERR).
  static constexpr std::size_t kMaxQueryBytes = 2048;
  /// Datagrams that are received or sent by one call of the kernel.
  static constexpr std::size_t kBatch = 64;
  /// What the kernel is asked to hold of queries that are not read yet; it may allow less
  /// (net.core.rmem_max).
  static constexpr int kReceiveBuffer = 4 << 20;

  struct Setup {
    env::Endpoint at;
    std::size_t threads = 1;
    std::shared_ptr<const Zone> zone;
    model::Backend* backend = nullptr;
    Clock* clock = nullptr;
    Recursor* recursor = nullptr;
    LogSink* log = nullptr;
    std::uint64_t seed = 0;
  };

  /// Serves as soon as it returns. Errors: those of Env::bind(); kResourceExhausted: no more descriptors or
  /// threads.
  static Result<std::unique_ptr<UdpServer>> start(const Setup& setup);
  ~UdpServer();
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;

  /// With the port that was found.
  const env::Endpoint& local() const noexcept { return local_; }

  /// Other options, from the next query on.
  void set_zone(const std::shared_ptr<const Zone>& zone);

  struct Counters {
    Responder::Counters responder;
    std::uint64_t send_failures = 0;  ///< answers that the kernel did not take

    Counters& operator+=(const Counters& other) noexcept {
      responder += other.responder;
      send_failures += other.send_failures;
      return *this;
    }
  };
  /// Of all threads together.
  Counters counters() const;

 private:
  class Worker;
  UdpServer();

  env::Endpoint local_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace discovery::dns
