#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lib/env/env.h"
#include "lib/env/sim_env.h"

namespace discovery::env {

/// A stream connection of the simulated world, with both its sides. Its streams and the events about it hold
/// it.
class SimPipe final : public std::enable_shared_from_this<SimPipe> {
 public:
  /// Where one side is, and what it calls the other.
  struct Place {
    SimEnv* machine;
    Endpoint remote;
  };

  static std::shared_ptr<SimPipe> make(Simulation& world, Place first, Place second);
  SimPipe(Simulation& world, Place first, Place second);

  /// The stream of side 0 or 1. Call it once for each.
  std::unique_ptr<Stream> stream(std::size_t side);

  void read_some(std::size_t side, std::span<char> buffer, Stream::ReadDone done);
  void write(std::size_t side, std::span<const std::string_view> pieces, Stream::WriteDone done);
  void shutdown_send(std::size_t side);
  void close(std::size_t side);
  /// The stream is gone: its side is closed and calls nobody.
  void abandon(std::size_t side);
  const Endpoint& remote(std::size_t side) const { return sides_[side].remote; }

  bool connects(const SimEnv& a, const SimEnv& b) const;
  /// Both sides find the connection broken.
  void reset();
  /// The sides on this machine are no more; the other learns of it when it sends.
  void crash(const SimEnv& machine);

 private:
  struct Segment {
    Duration at;
    std::string bytes;
    bool end;
  };
  struct Side {
    SimEnv* machine;
    std::uint64_t life;
    Endpoint remote;
    bool closed = false;
    Status broken;
    // Receiving.
    std::string inbox;
    bool ended = false;
    std::span<char> buffer;
    Stream::ReadDone read_done;
    bool read_due = false;
    // Sending.
    std::array<std::string_view, Stream::kMaxPieces> pieces;
    std::size_t piece = 0;
    std::size_t piece_count = 0;
    Stream::WriteDone write_done;
    bool write_due = false;
    bool end_asked = false;
    bool end_sent = false;
    std::size_t unread = 0;  // bytes that were sent and not yet read
    std::deque<Segment> under_way;
    Duration last_arrival{};
    Duration stalled_since{};  // 0: it is not
    bool delivery_due = false;
    bool probing = false;
  };

  const LinkOptions& link() const;
  /// Sends what the window has room for, and then the end if it was asked for.
  void push(std::size_t side);
  void send_segment(std::size_t side, std::string bytes, bool end);
  void schedule_delivery(std::size_t side, Duration at);
  void deliver(std::size_t side);
  /// The network does not get through; false when the sender's patience is at its end.
  bool wait_for_network(std::size_t side);
  void break_off(std::size_t side, const Status& why);
  void send_reset(std::size_t to);
  /// The peer of this side is gone and could not say so: the side finds out after a while.
  void begin_probing(std::size_t side);
  void probe_later(std::size_t side, int probes_left);
  void wake_read(std::size_t side);
  void wake_write(std::size_t side);
  void finish_read(std::size_t side);
  void finish_write(std::size_t side);

  Simulation& world_;
  std::array<Side, 2> sides_;
};

}  // namespace discovery::env
