#include "lib/dns/udp_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "lib/dns/message.h"
#include "lib/env/posix_socket.h"
#include "lib/env/unique_fd.h"

namespace discovery::dns {
namespace {

/// Room for the address that a datagram was sent to.
constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(in6_pktinfo));

union ClientAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

/// Whom to answer, and from which address.
struct Client {
  ClientAddress address{};
  socklen_t address_size = 0;
  std::size_t control_size = 0;
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
};

/// The room for a batch. Queries lie a cache line more than their size apart, so that their beginnings do not
/// share the few places of the cache that a power of two would give them.
class Batch {
 public:
  static constexpr std::size_t kQueryStride = UdpServer::kMaxQueryBytes + 64;
  static constexpr std::size_t kOutBytes = 4 * kMaxMessageBytes;

  Batch() {
    for (std::size_t i = 0; i < UdpServer::kBatch; ++i) {
      in_pieces_[i] = {queries_.get() + i * kQueryStride, UdpServer::kMaxQueryBytes};
      in_[i].msg_hdr.msg_name = &clients_[i].address;
      in_[i].msg_hdr.msg_iov = &in_pieces_[i];
      in_[i].msg_hdr.msg_iovlen = 1;
      out_headers_[i].msg_hdr.msg_iov = &out_pieces_[i];
      out_headers_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  /// Receives what is there, with the addresses it was sent to if need be. Returns the number of datagrams,
  /// or -1.
  int receive(int fd, bool with_control) {
    for (std::size_t i = 0; i < received_; ++i) reset(i, with_control);
    const int count = ::recvmmsg(fd, in_.data(), UdpServer::kBatch, MSG_DONTWAIT, nullptr);
    received_ = count > 0 ? static_cast<std::size_t>(count) : 0;
    return count;
  }

  Bytes query(std::size_t index) const { return {queries_.get() + index * kQueryStride, in_[index].msg_len}; }
  bool is_cut(std::size_t index) const { return (in_[index].msg_hdr.msg_flags & MSG_TRUNC) != 0; }
  const Client& client(std::size_t index) {
    clients_[index].address_size = in_[index].msg_hdr.msg_namelen;
    clients_[index].control_size = in_[index].msg_hdr.msg_controllen;
    if (clients_[index].control_size != 0) forget_interface(in_[index].msg_hdr);
    return clients_[index];
  }

  /// Where the next answer goes. If there is no room, send() first.
  std::span<std::uint8_t> room() { return {out_.get() + used_, kMaxMessageBytes}; }
  bool is_full() const { return count_ == UdpServer::kBatch || kOutBytes - used_ < kMaxMessageBytes; }

  /// Takes the first `size` bytes of room() as an answer. `client` stays where it is until send().
  void add(std::size_t size, const Client& client) {
    out_pieces_[count_] = {out_.get() + used_, size};
    msghdr& header = out_headers_[count_].msg_hdr;
    header.msg_name = const_cast<sockaddr*>(&client.address.any);  // the kernel only reads it
    header.msg_namelen = client.address_size;
    header.msg_control = client.control_size == 0 ? nullptr : const_cast<char*>(client.control.data());
    header.msg_controllen = client.control_size;
    used_ += size;
    ++count_;
  }

  /// Sends what was added. What the kernel does not take is lost, as datagrams are; returns how many.
  std::size_t send(int fd) {
    std::size_t failures = 0;
    for (std::size_t done = 0; done < count_;) {
      const int sent =
          ::sendmmsg(fd, out_headers_.data() + done, static_cast<unsigned>(count_ - done), MSG_NOSIGNAL);
      if (sent > 0) {
        done += static_cast<std::size_t>(sent);
      } else if (errno != EINTR) {
        ++failures;
        ++done;
      }
    }
    count_ = 0;
    used_ = 0;
    return failures;
  }

 private:
  /// The kernel shrank these to what it filled in.
  void reset(std::size_t index, bool with_control) {
    msghdr& header = in_[index].msg_hdr;
    header.msg_namelen = sizeof clients_[index].address;
    header.msg_control = with_control ? clients_[index].control.data() : nullptr;
    header.msg_controllen = with_control ? clients_[index].control.size() : 0;
  }

  /// An answer comes from the address that was asked, but goes out where the route leads, unless the address
  /// means something on one link only.
  static void forget_interface(msghdr& header) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
      if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
        reinterpret_cast<in_pktinfo*>(CMSG_DATA(part))->ipi_ifindex = 0;
      } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
        auto* info = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(part));
        if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) info->ipi6_ifindex = 0;
      }
    }
  }

  // Not filled with zeroes: what no batch has reached yet takes no memory.
  std::unique_ptr<std::uint8_t[]> queries_ =
      std::make_unique_for_overwrite<std::uint8_t[]>(UdpServer::kBatch * kQueryStride);
  std::unique_ptr<std::uint8_t[]> out_ = std::make_unique_for_overwrite<std::uint8_t[]>(kOutBytes);
  std::vector<Client> clients_ = std::vector<Client>(UdpServer::kBatch);
  std::array<mmsghdr, UdpServer::kBatch> in_{};
  std::array<iovec, UdpServer::kBatch> in_pieces_{};
  std::array<mmsghdr, UdpServer::kBatch> out_headers_{};
  std::array<iovec, UdpServer::kBatch> out_pieces_{};
  std::size_t received_ = UdpServer::kBatch;  // of the last time; at first, all have to be reset
  std::size_t used_ = 0;
  std::size_t count_ = 0;
};

/// Whether a socket is bound to all addresses, so that an answer has to say which one it comes from; then
/// asks the kernel to tell.
bool ask_for_destination(int fd, const env::Endpoint& at) {
  const int on = 1;
  if (at.address == "0.0.0.0") return ::setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0;
  if (at.address == "::") return ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) == 0;
  return false;
}

/// Signals are the host program's, and on its own threads.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

/// One thread with its socket.
class UdpServer::Worker {
 public:
  Worker(env::UniqueFd socket, env::UniqueFd event, bool wildcard, ResponderSetup setup, LogSink* log)
      : socket_(std::move(socket)),
        event_(std::move(event)),
        wildcard_(wildcard),
        log_(log),
        responder_(std::move(setup), [this] { wake(); }) {}
  ~Worker() {
    stopping_.store(true, std::memory_order_release);
    wake();
    if (thread_.joinable()) thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Status start() {
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& error) {
      return {Code::kResourceExhausted, std::string("cannot start a DNS thread: ") + error.what()};
    }
    return {};
  }

  void set_zone(std::shared_ptr<const Zone> zone) {
    {
      const std::lock_guard lock(mutex_);
      next_zone_ = std::move(zone);
    }
    wake();
  }

  Counters counters() const {
    return {responder_.counters(), send_failures_.load(std::memory_order_relaxed)};
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then the thread wakes anyway.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  }

  void run();
  void serve_batch();
  void collect();
  void flush() {
    const std::size_t failures = batch_.send(socket_.get());
    if (failures > 0) send_failures_.fetch_add(failures, std::memory_order_relaxed);
  }
  void take_zone();
  void wait_after_error();

  env::UniqueFd socket_;
  env::UniqueFd event_;
  bool wildcard_;
  LogSink* log_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> send_failures_{0};
  std::mutex mutex_;
  std::shared_ptr<const Zone> next_zone_;  // guarded by mutex_
  Responder responder_;
  Batch batch_;
  absl::flat_hash_map<Responder::Ticket, Client> waiting_;
  std::thread thread_;
};

void UdpServer::Worker::run() {
  block_signals();
  pthread_setname_np(pthread_self(), "discovery-dns");
  std::array<pollfd, 2> watched{{{socket_.get(), POLLIN, 0}, {event_.get(), POLLIN, 0}}};
  while (true) {
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) wait_after_error();
    if ((watched[1].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
      if (stopping_.load(std::memory_order_acquire)) return;
      take_zone();
      collect();
    }
    if (watched[0].revents != 0) serve_batch();
  }
}

void UdpServer::Worker::serve_batch() {
  const int count = batch_.receive(socket_.get(), wildcard_);
  if (count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) wait_after_error();
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    // A query that was cut off is no longer well formed: its header says so when only that is looked at.
    const Bytes query = batch_.is_cut(i) ? batch_.query(i).first(kHeaderBytes) : batch_.query(i);
    if (batch_.is_full()) flush();
    const auto outcome = responder_.respond(query, Transport::kUdp, batch_.room());
    const Client& client = batch_.client(i);
    if (outcome.size > 0) batch_.add(outcome.size, client);
    if (outcome.ticket != 0) waiting_.emplace(outcome.ticket, client);
  }
  flush();
}

void UdpServer::Worker::collect() {
  std::vector<Client> clients;  // keeps them until they are sent to
  clients.reserve(kBatch);
  const auto send = [&] {
    flush();
    clients.clear();
  };
  // The responder writes each answer to where the first one goes: it is moved to its place.
  std::vector<std::uint8_t> buffer(kMaxMessageBytes);
  responder_.collect(buffer, [&](Responder::Ticket ticket, Bytes answer) {
    const auto client = waiting_.find(ticket);
    if (client == waiting_.end()) return;
    if (batch_.is_full()) send();
    clients.push_back(client->second);
    waiting_.erase(client);
    std::memcpy(batch_.room().data(), answer.data(), answer.size());
    batch_.add(answer.size(), clients.back());
  });
  send();
}

void UdpServer::Worker::take_zone() {
  std::shared_ptr<const Zone> zone;
  {
    const std::lock_guard lock(mutex_);
    zone = std::exchange(next_zone_, nullptr);
  }
  if (zone != nullptr) responder_.set_zone(std::move(zone));
}

/// An error of the socket that may last must not keep a CPU busy.
void UdpServer::Worker::wait_after_error() {
  if (log_ != nullptr) {
    log_->write(Level::kWarn, "dns", "receiving failed: " + std::system_category().message(errno));
  }
  static constexpr int kPauseMs = 100;
  pollfd event{event_.get(), POLLIN, 0};
  ::poll(&event, 1, kPauseMs);
}

UdpServer::UdpServer() = default;
UdpServer::~UdpServer() = default;

Result<std::unique_ptr<UdpServer>> UdpServer::start(const Setup& setup) {
  std::unique_ptr<UdpServer> server(new UdpServer);
  server->local_ = setup.at;
  const std::size_t threads = std::max<std::size_t>(setup.threads, 1);
  for (std::size_t i = 0; i < threads; ++i) {
    env::ListenOptions options;
    options.reuse_port = threads > 1;
    auto socket = env::open_datagram(server->local_, options);
    if (!socket.ok()) return socket.status();
    ::setsockopt(socket->get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    server->local_ = env::local_endpoint(socket->get());
    const bool wildcard = ask_for_destination(socket->get(), server->local_);
    env::UniqueFd event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!event.valid()) return Status(Code::kResourceExhausted, "cannot make an event descriptor");
    ResponderSetup responder{setup.zone, setup.backend, setup.clock, setup.recursor, setup.seed + i};
    server->workers_.push_back(std::make_unique<Worker>(std::move(*socket), std::move(event), wildcard,
                                                        std::move(responder), setup.log));
  }
  for (const auto& worker : server->workers_) {
    if (Status started = worker->start(); !started.ok()) return started;
  }
  return server;
}

void UdpServer::set_zone(const std::shared_ptr<const Zone>& zone) {
  for (const auto& worker : workers_) worker->set_zone(zone);
}

UdpServer::Counters UdpServer::counters() const {
  Counters sum;
  for (const auto& worker : workers_) sum += worker->counters();
  return sum;
}

}  // namespace discovery::dns
