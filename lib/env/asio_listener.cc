#include "lib/env/asio_listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include <asio/generic/stream_protocol.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>

#include "lib/env/asio_stream.h"
#include "lib/env/posix_error.h"
#include "lib/env/posix_socket.h"

namespace discovery::env {
namespace {

using Descriptor = asio::posix::basic_stream_descriptor<AsioLoop::Executor>;

/// How long to wait when the process has no descriptor or no memory left for a connection.
constexpr auto kPause = std::chrono::milliseconds(100);
/// How many connections are taken before others on the loop get their turn.
constexpr int kBatch = 64;

class Acceptor final : public LocalCounted<Acceptor> {
 public:
  Acceptor(AsioLoop& loop, UniqueFd fd, Endpoint local)
      : loop_(loop.shared_from_this()), socket_(loop.io), pause_(loop.io), local_(std::move(local)) {
    asio::error_code error;
    socket_.assign(fd.get(), error);
    if (!error) fd.release();
  }

  bool watched() const noexcept { return socket_.is_open(); }
  const Endpoint& local() const noexcept { return local_; }

  void start(Listener::Accepted accepted) {
    accepted_ = std::move(accepted);
    wait();
  }

  void stop() {
    if (local_.is_unix()) ::unlink(local_.address.c_str());
    asio::error_code ignored;
    socket_.close(ignored);
    pause_.cancel();
    accepted_ = nullptr;
  }

 private:
  void wait() {
    socket_.async_wait(Descriptor::wait_read,
                       [self = base::Ref<Acceptor>::share(this)](const asio::error_code& error) {
                         if (!error) self->accept_some();
                       });
  }

  void accept_some() {
    for (int i = 0; i < kBatch && socket_.is_open(); ++i) {
      SocketAddress peer;
      UniqueFd fd(::accept4(socket_.native_handle(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.valid()) {
        hand_over(std::move(fd), peer);
      } else if (errno == EAGAIN) {
        break;
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        pause();
        return;
      }  // all else belongs to that one connection, which is over
    }
    if (socket_.is_open()) wait();
  }

  void hand_over(UniqueFd fd, const SocketAddress& peer) {
    // The peer of a Unix socket has no name; it goes by ours.
    Endpoint remote = local_.is_unix() ? local_ : to_endpoint(peer);
    auto stream = make_asio_stream(*loop_, std::move(fd), peer.family(), std::move(remote));
    if (!stream) return;
    loop_->turn([&] {
      // Called as a copy that survives if it ends this listener.
      Listener::Accepted accepted = std::move(accepted_);
      accepted(std::move(*stream));
      if (socket_.is_open()) accepted_ = std::move(accepted);
    });
  }

  void pause() {
    pause_.expires_after(kPause);
    pause_.async_wait([self = base::Ref<Acceptor>::share(this)](const asio::error_code& error) {
      if (!error && self->socket_.is_open()) self->accept_some();
    });
  }

  const std::shared_ptr<AsioLoop> loop_;
  Descriptor socket_;
  AsioLoop::Timer pause_;
  const Endpoint local_;
  Listener::Accepted accepted_;
};

class AsioListener final : public Listener {
 public:
  explicit AsioListener(base::Ref<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}
  AsioListener(const AsioListener&) = delete;
  AsioListener& operator=(const AsioListener&) = delete;
  ~AsioListener() override { acceptor_->stop(); }

  void start(Accepted accepted) override { acceptor_->start(std::move(accepted)); }
  const Endpoint& local() const override { return acceptor_->local(); }

 private:
  base::Ref<Acceptor> acceptor_;
};

/// One connection on its way; ends with its callback.
class Connector final : public Deferred {
 public:
  using Done = UniqueFunction<void(Result<std::unique_ptr<Stream>>)>;

  Connector(AsioLoop& loop, Endpoint to, Done done)
      : loop_(loop.shared_from_this()),
        socket_(loop.io),
        timer_(loop.io),
        to_(std::move(to)),
        done_(std::move(done)) {}

  void start(Duration timeout) {
    const auto self = base::Ref<Connector>::share(this);
    if (Status begun = begin(); !begun.ok()) {
      timer_.expires_after(Duration::zero());
      timer_.async_wait([self, begun](const asio::error_code&) { self->finish(begun); });
      return;
    }
    if (connected_.valid()) {
      loop_->defer(base::Ref<Deferred>::share(this));
      return;
    }
    socket_.async_wait(Descriptor::wait_write, [self](const asio::error_code&) {
      if (self->done_) self->on_connected();
    });
    timer_.expires_after(timeout);
    timer_.async_wait([self](const asio::error_code& error) {
      if (!error)
        self->finish(
            Status(Code::kDeadlineExceeded, "cannot connect to " + self->to_.to_string() + " in time"));
    });
  }

  void run_deferred() override { finish(make_asio_stream(*loop_, std::move(connected_), family_, to_)); }

 private:
  Status begin() {
    const Result<SocketAddress> address = to_socket_address(to_);
    if (!address) return address.status();
    Result<Connecting> begun = begin_connect(*address);
    if (!begun) return connect_failure(begun.status());
    family_ = address->family();
    if (begun->there) {  // then the reactor need not hear of it twice
      connected_ = std::move(begun->fd);
      return {};
    }
    asio::error_code error;
    socket_.assign(begun->fd.get(), error);
    if (error) return posix_error("cannot watch a connection", error.value());
    begun->fd.release();
    return {};
  }

  /// Whatever the system's reason, the caller can only try again later.
  static Status connect_failure(const Status& status) {
    return {Code::kUnavailable, std::string(status.message())};
  }

  void on_connected() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      finish(connect_failure(posix_error("cannot connect to " + to_.to_string(), error)));
      return;
    }
    finish(make_asio_stream(*loop_, UniqueFd(socket_.release()), family_, to_));
  }

  void finish(Result<std::unique_ptr<Stream>> result) {
    if (!done_) return;
    Done done = std::move(done_);
    asio::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
    loop_->turn([&] { done(std::move(result)); });
  }

  const std::shared_ptr<AsioLoop> loop_;
  Descriptor socket_;   // of a connection that is awaited
  UniqueFd connected_;  // of one that is not
  AsioLoop::Timer timer_;
  const Endpoint to_;
  int family_ = 0;
  Done done_;
};

}  // namespace

Result<std::unique_ptr<Listener>> make_asio_listener(AsioLoop& loop, const Endpoint& at,
                                                     const ListenOptions& options) {
  Result<UniqueFd> fd = open_listener(at, options);
  if (!fd) return fd.status();
  Endpoint local = at.is_unix() ? at : local_endpoint(fd->get());
  auto acceptor = base::Ref<Acceptor>::share(new Acceptor(loop, std::move(*fd), std::move(local)));
  if (!acceptor->watched()) return Status(Code::kUnavailable, "cannot watch the socket of " + at.to_string());
  return std::unique_ptr<Listener>(std::make_unique<AsioListener>(std::move(acceptor)));
}

void asio_connect(AsioLoop& loop, const Endpoint& to, Duration timeout,
                  UniqueFunction<void(Result<std::unique_ptr<Stream>>)> done) {
  base::Ref<Connector>::share(new Connector(loop, to, std::move(done)))->start(timeout);
}

}  // namespace discovery::env
