#include "lib/env/asio_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/generic/stream_protocol.hpp>

#include "lib/env/posix_error.h"
#include "lib/env/posix_socket.h"

namespace discovery::env {
namespace {

/// How much of one write is handed to the kernel in a turn. Copying more would keep other connections
/// waiting: this takes some tens of microseconds.
constexpr std::size_t kMaxBytesATurn = 128U << 10;

/// The socket and what is under way on it. Held by the AsioStream, by what waits in the reactor and by what
/// is deferred, so that it stays until the last of them has ended.
class Connection final : public Outgoing {
 public:
  Connection(AsioLoop& loop, AsioLoop::StreamSocket socket, Endpoint remote)
      : loop_(loop.shared_from_this()), socket_(std::move(socket)), remote_(std::move(remote)) {}

  const Endpoint& remote() const noexcept { return remote_; }

  void read_some(std::span<char> buffer, Stream::ReadDone done) {
    assert(!read_done_ && "one read at a time");
    read_done_ = std::move(done);
    if (!socket_.is_open()) {
      read_cancelled_ = true;
      defer_once();
      return;
    }
    socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), ReadHandler{self()});
  }

  void write(std::span<const std::string_view> pieces, Stream::WriteDone done) {
    assert(!write_done_ && "one write at a time");
    assert(pieces.size() <= Stream::kMaxPieces);
    write_done_ = std::move(done);
    std::copy(pieces.begin(), pieces.end(), pieces_.begin());
    piece_ = 0;
    piece_count_ = pieces.size();
    if (!socket_.is_open()) {
      finish_write(ECANCELED);
    } else if (send_small_ones_at_once(); is_short()) {
      waits_to_flush_ = true;
      loop_->flush_soon(base::Ref<Outgoing>::share(this));
    } else {
      write_on();
    }
  }

  void flush() override {
    if (!std::exchange(waits_to_flush_, false) || !write_done_) return;
    if (socket_.is_open()) {
      write_on();
    } else {
      finish_write(ECANCELED);
    }
  }

  void shutdown_send() {
    if (write_waits_ || waits_to_flush_) {
      shutdown_after_write_ = true;
    } else if (socket_.is_open()) {
      ::shutdown(socket_.native_handle(), SHUT_WR);
    }
  }

  void close() {
    flush();
    close_socket();
  }

  /// The stream is gone: nobody is called any more, and what was to be written may be gone as well.
  void abandon() {
    close_socket();
    read_done_ = nullptr;
    write_done_ = nullptr;
  }

  void run_deferred() override {
    deferred_ = false;
    loop_->turn([this] {
      // Either callback may destroy the stream; the loop holds this object meanwhile.
      if (std::exchange(write_finished_, false) && write_done_) {
        Stream::WriteDone done = std::move(write_done_);
        done(write_error_ == 0 ? Status() : failure("cannot write", write_error_));
      }
      if (std::exchange(read_cancelled_, false) && read_done_) {
        Stream::ReadDone done = std::move(read_done_);
        done(failure("cannot read", ECANCELED));
      }
    });
  }

 private:
  struct ReadHandler {
    base::Ref<Connection> connection;
    void operator()(const asio::error_code& error, std::size_t size) { connection->on_read(error, size); }
  };
  struct WritableHandler {
    base::Ref<Connection> connection;
    void operator()(const asio::error_code& error) { connection->on_writable(error); }
  };

  /// A first short text goes at once anyway, nothing being on its way before it; many connections see only
  /// that.
  void send_small_ones_at_once() {
    if (wrote_ && !no_delay_) {
      no_delay_ = true;
      set_no_delay(socket_.native_handle());
    }
    wrote_ = true;
  }

  void close_socket() {
    asio::error_code ignored;
    socket_.close(ignored);
  }

  base::Ref<Connection> self() { return base::Ref<Connection>::share(this); }

  void on_read(const asio::error_code& error, std::size_t size) {
    if (!read_done_) return;  // abandoned
    Stream::ReadDone done = std::move(read_done_);
    loop_->turn([&] {
      if (!error) {
        done(size);
      } else if (error == asio::error::eof) {
        done(std::size_t{0});
      } else if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
        done(failure("cannot read", ECANCELED));
      } else {
        done(failure("cannot read", error.value()));
      }
    });
  }

  void on_writable(const asio::error_code& error) {
    write_waits_ = false;
    if (!write_done_) return;  // abandoned
    loop_->turn([&] {
      if (error) {
        finish_write(error == asio::error::operation_aborted ? ECANCELED : error.value());
      } else {
        write_on();
      }
    });
  }

  /// A long text is worth a wake-up of its own, and should not wait for others.
  bool is_short() const {
    constexpr std::size_t kShort = 4096;
    std::size_t size = 0;
    for (std::size_t i = 0; i < piece_count_; ++i) size += pieces_[i].size();
    return size <= kShort;
  }

  /// Hands the kernel what it takes. The usual answer goes in one call, and without a trip through the
  /// reactor; a long one takes several turns.
  void write_on() {
    std::size_t left = kMaxBytesATurn;
    while (piece_ < piece_count_) {
      if (left == 0) return wait_writable();
      const ssize_t sent = send_pieces(left);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return wait_writable();
      if (sent < 0) {
        finish_write(errno);
        return;
      }
      left -= static_cast<std::size_t>(sent);
      skip(static_cast<std::size_t>(sent));
    }
    finish_write(0);
  }

  void wait_writable() {
    write_waits_ = true;
    socket_.async_wait(AsioLoop::StreamSocket::wait_write, WritableHandler{self()});
  }

  /// Offers the kernel up to `room` bytes.
  ssize_t send_pieces(std::size_t room) {
    const int socket = socket_.native_handle();
    if (piece_ + 1 == piece_count_) {  // costs the kernel less than a list of one
      return ::send(socket, pieces_[piece_].data(), std::min(pieces_[piece_].size(), room), MSG_NOSIGNAL);
    }
    std::array<iovec, Stream::kMaxPieces> parts{};
    msghdr message{};
    message.msg_iov = parts.data();
    for (std::size_t i = piece_; i < piece_count_ && room > 0; ++i) {
      const std::size_t size = std::min(pieces_[i].size(), room);
      parts[message.msg_iovlen++] = {const_cast<char*>(pieces_[i].data()), size};
      room -= size;
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL);
  }

  void skip(std::size_t sent) {
    while (piece_ < piece_count_ && sent >= pieces_[piece_].size()) sent -= pieces_[piece_++].size();
    if (sent > 0) pieces_[piece_].remove_prefix(sent);
  }

  void finish_write(int error) {
    write_error_ = error;
    write_finished_ = true;
    if (std::exchange(shutdown_after_write_, false)) shutdown_send();
    defer_once();
  }

  void defer_once() {
    if (!std::exchange(deferred_, true)) loop_->defer(base::Ref<Deferred>::share(this));
  }

  Status failure(std::string_view what, int error) const {
    return posix_error(std::string(what) + (remote_.address.empty() ? "" : " (" + remote_.to_string() + ")"),
                       error);
  }

  const std::shared_ptr<AsioLoop> loop_;
  AsioLoop::StreamSocket socket_;
  const Endpoint remote_;
  Stream::ReadDone read_done_;
  Stream::WriteDone write_done_;
  std::array<std::string_view, Stream::kMaxPieces> pieces_;
  std::size_t piece_ = 0;  // the first that has not been sent whole
  std::size_t piece_count_ = 0;
  int write_error_ = 0;
  bool waits_to_flush_ = false;
  bool write_waits_ = false;     // for the socket to take more
  bool write_finished_ = false;  // but its callback has not run
  bool read_cancelled_ = false;
  bool shutdown_after_write_ = false;
  bool deferred_ = false;
  bool wrote_ = false;
  bool no_delay_ = false;
};

class AsioStream final : public Stream {
 public:
  explicit AsioStream(base::Ref<Connection> connection) : connection_(std::move(connection)) {}
  AsioStream(const AsioStream&) = delete;
  AsioStream& operator=(const AsioStream&) = delete;
  ~AsioStream() override { connection_->abandon(); }

  void read_some(std::span<char> buffer, ReadDone done) override {
    connection_->read_some(buffer, std::move(done));
  }
  void write(std::span<const std::string_view> pieces, WriteDone done) override {
    connection_->write(pieces, std::move(done));
  }
  void shutdown_send() override { connection_->shutdown_send(); }
  void close() override { connection_->close(); }
  const Endpoint& remote() const override { return connection_->remote(); }

 private:
  base::Ref<Connection> connection_;
};

}  // namespace

Result<std::unique_ptr<Stream>> make_asio_stream(AsioLoop& loop, UniqueFd fd, int family, Endpoint remote) {
  AsioLoop::StreamSocket socket(loop.io);
  asio::error_code error;
  socket.assign(asio::generic::stream_protocol(family, 0), fd.get(), error);
  if (error) return posix_error("cannot watch a connection", error.value());
  fd.release();
  socket.non_blocking(true, error);  // it is; now Asio knows and does not ask the kernel again
  return std::unique_ptr<Stream>(std::make_unique<AsioStream>(
      base::Ref<Connection>::share(new Connection(loop, std::move(socket), std::move(remote)))));
}

}  // namespace discovery::env
