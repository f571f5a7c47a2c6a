#include "lib/env/asio_datagram.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include <asio/posix/basic_stream_descriptor.hpp>

#include "lib/env/posix_socket.h"

namespace discovery::env {
namespace {

using Descriptor = asio::posix::basic_stream_descriptor<AsioLoop::Executor>;

/// How many datagrams are taken before others on the loop get their turn.
constexpr int kBatch = 64;

class Receiver final : public LocalCounted<Receiver> {
 public:
  Receiver(AsioLoop& loop, UniqueFd fd)
      : loop_(loop.shared_from_this()), socket_(loop.io), local_(local_endpoint(fd.get())) {
    asio::error_code error;
    socket_.assign(fd.get(), error);
    if (!error) fd.release();
  }

  bool watched() const noexcept { return socket_.is_open(); }
  const Endpoint& local() const noexcept { return local_; }

  void start(DatagramSocket::Received received) {
    received_ = std::move(received);
    wait();
  }

  void send(const Endpoint& to, std::string_view bytes) {
    const Result<SocketAddress> address = to_socket_address(to);
    if (!address) return;
    // A full buffer or a refusal loses the datagram, as the network might.
    (void)::sendto(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL, address->get(),
                   address->length);
  }

  void stop() {
    asio::error_code ignored;
    socket_.close(ignored);
    received_ = nullptr;
  }

 private:
  void wait() {
    socket_.async_wait(Descriptor::wait_read,
                       [self = base::Ref<Receiver>::share(this)](const asio::error_code& error) {
                         if (!error) self->receive_some();
                       });
  }

  void receive_some() {
    for (int i = 0; i < kBatch && socket_.is_open(); ++i) {
      SocketAddress peer;
      const ssize_t size =
          ::recvfrom(socket_.native_handle(), buffer_.data(), buffer_.size(), 0, peer.get(), &peer.length);
      if (size < 0 && errno == EAGAIN) break;
      if (size < 0) continue;  // e.g. an ICMP error of an earlier send
      datagram_.peer = to_endpoint(peer);
      datagram_.bytes.assign(buffer_.data(), static_cast<std::size_t>(size));
      loop_->turn([this] {
        DatagramSocket::Received received = std::move(received_);
        received(datagram_);
        if (socket_.is_open()) received_ = std::move(received);
      });
    }
    if (socket_.is_open()) wait();
  }

  const std::shared_ptr<AsioLoop> loop_;
  Descriptor socket_;
  const Endpoint local_;
  DatagramSocket::Received received_;
  Datagram datagram_;  // kept for its capacity
  std::array<char, 65536> buffer_;
};

class AsioDatagramSocket final : public DatagramSocket {
 public:
  explicit AsioDatagramSocket(base::Ref<Receiver> receiver) : receiver_(std::move(receiver)) {}
  AsioDatagramSocket(const AsioDatagramSocket&) = delete;
  AsioDatagramSocket& operator=(const AsioDatagramSocket&) = delete;
  ~AsioDatagramSocket() override { receiver_->stop(); }

  void start(Received received) override { receiver_->start(std::move(received)); }
  void send(const Endpoint& to, std::string_view bytes) override { receiver_->send(to, bytes); }
  const Endpoint& local() const override { return receiver_->local(); }

 private:
  base::Ref<Receiver> receiver_;
};

}  // namespace

Result<std::unique_ptr<DatagramSocket>> make_asio_datagram(AsioLoop& loop, const Endpoint& at,
                                                           const ListenOptions& options) {
  Result<UniqueFd> fd = open_datagram(at, options);
  if (!fd) return fd.status();
  auto receiver = base::Ref<Receiver>::share(new Receiver(loop, std::move(*fd)));
  if (!receiver->watched()) return Status(Code::kUnavailable, "cannot watch the socket of " + at.to_string());
  return std::unique_ptr<DatagramSocket>(std::make_unique<AsioDatagramSocket>(std::move(receiver)));
}

}  // namespace discovery::env
