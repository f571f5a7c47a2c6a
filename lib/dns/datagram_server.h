#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "lib/dns/responder.h"
#include "lib/env/env.h"

namespace discovery::dns {

/// Serves DNS over UDP on a loop: the way for simulations, and for hosts that want no further threads.
/// UdpServer is the fast one. Threads: the loop's. Owns: its socket. Blocking: never.
class DatagramServer {
 public:
  /// What `setup` points to and `env` outlive it.
  DatagramServer(env::Env& env, std::unique_ptr<env::DatagramSocket> socket, ResponderSetup setup);
  ~DatagramServer();
  DatagramServer(const DatagramServer&) = delete;
  DatagramServer& operator=(const DatagramServer&) = delete;

  const env::Endpoint& local() const noexcept { return socket_->local(); }
  void set_zone(std::shared_ptr<const Zone> zone) { responder_.set_zone(std::move(zone)); }
  Responder::Counters counters() const noexcept { return responder_.counters(); }

 private:
  void on_datagram(env::Datagram& datagram);
  void collect();

  std::unique_ptr<env::DatagramSocket> socket_;
  /// Points here as long as this is here: posted tasks ask it.
  std::shared_ptr<DatagramServer*> self_ = std::make_shared<DatagramServer*>(this);
  Responder responder_;
  std::vector<std::uint8_t> buffer_;
  absl::flat_hash_map<Responder::Ticket, env::Endpoint> waiting_;
};

}  // namespace discovery::dns
