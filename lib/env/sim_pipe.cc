#include "lib/env/sim_pipe.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace discovery::env {
namespace {

Status cancelled() { return {Code::kCancelled, "the stream was closed"}; }
Status timed_out() { return {Code::kUnavailable, "connection timed out"}; }
Status reset_by_peer() { return {Code::kUnavailable, "connection reset by peer"}; }

class SimStream final : public Stream {
 public:
  SimStream(std::shared_ptr<SimPipe> pipe, std::size_t side) : pipe_(std::move(pipe)), side_(side) {}
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;
  ~SimStream() override { pipe_->abandon(side_); }

  void read_some(std::span<char> buffer, ReadDone done) override {
    pipe_->read_some(side_, buffer, std::move(done));
  }
  void write(std::span<const std::string_view> pieces, WriteDone done) override {
    pipe_->write(side_, pieces, std::move(done));
  }
  void shutdown_send() override { pipe_->shutdown_send(side_); }
  void close() override { pipe_->close(side_); }
  const Endpoint& remote() const override { return pipe_->remote(side_); }

 private:
  const std::shared_ptr<SimPipe> pipe_;
  const std::size_t side_;
};

}  // namespace

std::shared_ptr<SimPipe> SimPipe::make(Simulation& world, Place first, Place second) {
  auto pipe = std::make_shared<SimPipe>(world, std::move(first), std::move(second));
  std::erase_if(world.pipes_, [](const auto& known) { return known.expired(); });
  world.pipes_.push_back(pipe);
  return pipe;
}

SimPipe::SimPipe(Simulation& world, Place first, Place second) : world_(world) {
  sides_[0].machine = first.machine;
  sides_[0].life = first.machine->life_;
  sides_[0].remote = std::move(first.remote);
  sides_[1].machine = second.machine;
  sides_[1].life = second.machine->life_;
  sides_[1].remote = std::move(second.remote);
}

std::unique_ptr<Stream> SimPipe::stream(std::size_t side) {
  return std::make_unique<SimStream>(shared_from_this(), side);
}

void SimPipe::read_some(std::size_t side, std::span<char> buffer, Stream::ReadDone done) {
  Side& self = sides_[side];
  assert(!self.read_done && "one read at a time");
  self.buffer = buffer;
  self.read_done = std::move(done);
  if (self.closed || !self.broken.ok() || !self.inbox.empty() || self.ended) wake_read(side);
}

void SimPipe::write(std::size_t side, std::span<const std::string_view> pieces, Stream::WriteDone done) {
  Side& self = sides_[side];
  assert(!self.write_done && "one write at a time");
  assert(pieces.size() <= Stream::kMaxPieces);
  std::copy(pieces.begin(), pieces.end(), self.pieces.begin());
  self.piece = 0;
  self.piece_count = pieces.size();
  self.write_done = std::move(done);
  if (self.closed || !self.broken.ok()) {
    wake_write(side);
  } else {
    push(side);
  }
}

void SimPipe::shutdown_send(std::size_t side) {
  sides_[side].end_asked = true;
  push(side);
}

void SimPipe::close(std::size_t side) {
  Side& self = sides_[side];
  if (std::exchange(self.closed, true)) return;
  self.piece = self.piece_count;  // what the window had no room for is not sent any more
  if (self.inbox.empty()) {
    shutdown_send(side);
  } else {
    self.under_way.clear();
    send_reset(1 - side);  // bytes that nobody will read, as in TCP
  }
  wake_read(side);
  wake_write(side);
}

void SimPipe::abandon(std::size_t side) {
  close(side);
  sides_[side].read_done = nullptr;
  sides_[side].write_done = nullptr;
}

bool SimPipe::connects(const SimEnv& a, const SimEnv& b) const {
  return (sides_[0].machine == &a && sides_[1].machine == &b) ||
         (sides_[0].machine == &b && sides_[1].machine == &a);
}

void SimPipe::reset() {
  for (std::size_t side : {0U, 1U}) break_off(side, reset_by_peer());
}

void SimPipe::crash(const SimEnv& machine) {
  for (std::size_t side : {0U, 1U}) {
    Side& self = sides_[side];
    if (self.machine != &machine) continue;
    self.closed = true;
    self.end_sent = true;  // nothing more comes from here
    self.under_way.clear();
    self.read_done = nullptr;
    self.write_done = nullptr;
    begin_probing(1 - side);
  }
}

const LinkOptions& SimPipe::link() const { return world_.link(*sides_[0].machine, *sides_[1].machine); }

void SimPipe::push(std::size_t side) {
  Side& self = sides_[side];
  if (!self.broken.ok()) return;
  const std::size_t window = link().window_bytes;
  while (self.piece < self.piece_count) {
    std::string_view& piece = self.pieces[self.piece];
    if (piece.empty()) {
      ++self.piece;
      continue;
    }
    if (self.unread >= window) return;  // goes on when the reader has read
    const std::size_t size =
        std::min({piece.size(), window - self.unread, std::max<std::size_t>(link().segment_bytes, 1)});
    self.unread += size;
    send_segment(side, std::string(piece.substr(0, size)), false);
    piece.remove_prefix(size);
  }
  wake_write(side);
  if (self.end_asked && !std::exchange(self.end_sent, true)) send_segment(side, {}, true);
}

void SimPipe::send_segment(std::size_t side, std::string bytes, bool end) {
  Side& self = sides_[side];
  Duration at = world_.now() + world_.random_delay(link());
  if (world_.happens(link().loss)) at += Simulation::kRetransmission;
  self.last_arrival = std::max(at, self.last_arrival + std::chrono::microseconds(1));
  self.under_way.push_back({self.last_arrival, std::move(bytes), end});
  if (!self.delivery_due) schedule_delivery(side, self.under_way.front().at);
}

void SimPipe::schedule_delivery(std::size_t side, Duration at) {
  sides_[side].delivery_due = true;
  world_.schedule_at(at, [self = shared_from_this(), side] { self->deliver(side); });
}

void SimPipe::deliver(std::size_t side) {
  Side& self = sides_[side];
  Side& peer = sides_[1 - side];
  self.delivery_due = false;
  if (self.under_way.empty()) return;
  if (!peer.machine->running() || world_.blocked(*self.machine, *peer.machine)) {
    if (wait_for_network(side)) schedule_delivery(side, world_.now() + Simulation::kRetransmission);
    return;
  }
  self.stalled_since = {};
  if (peer.closed) {
    const bool only_end = self.under_way.size() == 1 && self.under_way.front().end;
    self.under_way.clear();
    if (!only_end || peer.life != peer.machine->life_) send_reset(side);
    return;
  }
  while (!self.under_way.empty() && self.under_way.front().at <= world_.now()) {
    const Segment& segment = self.under_way.front();
    world_.note(std::hash<std::string_view>{}(segment.bytes));
    peer.inbox += segment.bytes;
    peer.ended |= segment.end;
    self.under_way.pop_front();
  }
  wake_read(1 - side);
  if (!self.under_way.empty()) schedule_delivery(side, self.under_way.front().at);
}

bool SimPipe::wait_for_network(std::size_t side) {
  Side& self = sides_[side];
  if (self.stalled_since == Duration::zero()) self.stalled_since = world_.now();
  if (world_.now() - self.stalled_since < Simulation::kStreamPatience) return true;
  self.under_way.clear();
  break_off(side, timed_out());
  begin_probing(1 - side);
  return false;
}

void SimPipe::break_off(std::size_t side, const Status& why) {
  Side& self = sides_[side];
  if (self.closed || !self.broken.ok()) return;
  self.broken = why;
  self.inbox.clear();
  self.under_way.clear();
  wake_read(side);
  wake_write(side);
}

void SimPipe::send_reset(std::size_t to) {
  world_.schedule_at(world_.now() + world_.random_delay(link()), [self = shared_from_this(), to] {
    if (self->world_.blocked(*self->sides_[0].machine, *self->sides_[1].machine))
      return self->begin_probing(to);
    self->break_off(to, reset_by_peer());
  });
}

void SimPipe::begin_probing(std::size_t side) {
  if (!std::exchange(sides_[side].probing, true)) probe_later(side, Simulation::kProbes);
}

void SimPipe::probe_later(std::size_t side, int probes_left) {
  world_.schedule_at(
      world_.now() + Simulation::kProbeInterval, [self = shared_from_this(), side, probes_left] {
        const Side& own = self->sides_[side];
        if (own.closed || !own.broken.ok()) return;
        const SimEnv& peer = *self->sides_[1 - side].machine;
        const bool arrives = peer.running() && !self->world_.blocked(*own.machine, peer);
        if (arrives) return self->break_off(side, reset_by_peer());
        probes_left > 1 ? self->probe_later(side, probes_left - 1) : self->break_off(side, timed_out());
      });
}

void SimPipe::wake_read(std::size_t side) {
  Side& self = sides_[side];
  if (!self.read_done || std::exchange(self.read_due, true)) return;
  world_.schedule(*self.machine, Duration::zero(),
                  [pipe = shared_from_this(), side] { pipe->finish_read(side); });
}

void SimPipe::wake_write(std::size_t side) {
  Side& self = sides_[side];
  if (!self.write_done || std::exchange(self.write_due, true)) return;
  world_.schedule(*self.machine, Duration::zero(),
                  [pipe = shared_from_this(), side] { pipe->finish_write(side); });
}

void SimPipe::finish_read(std::size_t side) {
  Side& self = sides_[side];
  self.read_due = false;
  if (!self.read_done) return;
  if (!self.closed && self.broken.ok() && self.inbox.empty() && !self.ended) return;
  Stream::ReadDone done = std::move(self.read_done);
  if (self.closed) return done(cancelled());
  if (!self.broken.ok()) return done(self.broken);
  const std::size_t size = std::min(self.buffer.size(), self.inbox.size());
  std::copy_n(self.inbox.begin(), size, self.buffer.begin());
  self.inbox.erase(0, size);
  Side& peer = sides_[1 - side];
  peer.unread -= size;
  if (size > 0 && (peer.piece < peer.piece_count)) {
    world_.schedule(*peer.machine, world_.random_delay(link()),
                    [pipe = shared_from_this(), side] { pipe->push(1 - side); });
  }
  done(size);
}

void SimPipe::finish_write(std::size_t side) {
  Side& self = sides_[side];
  self.write_due = false;
  if (!self.write_done) return;
  Stream::WriteDone done = std::move(self.write_done);
  const bool sent = self.piece == self.piece_count;
  if (!self.broken.ok()) return done(self.broken);
  if (self.closed || !sent) return done(cancelled());
  done(Status());
}

}  // namespace discovery::env
