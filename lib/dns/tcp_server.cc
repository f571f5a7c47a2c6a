#include "lib/dns/tcp_server.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "lib/dns/message.h"

namespace discovery::dns {
namespace {

constexpr std::size_t kLengthBytes = 2;

}  // namespace

class TcpServer::Impl {
 public:
  Impl(env::Env& env, const Limits& limits, ResponderSetup setup)
      : env_(env), limits_(limits), responder_(std::move(setup), [&env, weak = std::weak_ptr(self_)] {
          env.post([weak] {
            if (const auto self = weak.lock()) (*self)->collect();
          });
        }) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void serve(std::unique_ptr<env::Listener> listener) {
    listeners_.push_back(std::move(listener));
    listeners_.back()->start([this](std::unique_ptr<env::Stream> stream) { accept(std::move(stream)); });
  }
  void set_zone(std::shared_ptr<const Zone> zone) { responder_.set_zone(std::move(zone)); }
  Counters counters() const noexcept {
    Counters counters = counters_;
    counters.responder = responder_.counters();
    counters.open = connections_.size();
    return counters;
  }

 private:
  class Connection;
  using Connections = std::list<std::unique_ptr<Connection>>;

  void accept(std::unique_ptr<env::Stream> stream);
  void collect();
  /// Destroys the connection.
  void drop(Connection& connection);
  void mark_active(Connections::iterator place) {
    connections_.splice(connections_.end(), connections_, place);
  }

  env::Env& env_;
  Limits limits_;
  Counters counters_;
  /// Points here as long as this is here: posted tasks ask it.
  std::shared_ptr<Impl*> self_ = std::make_shared<Impl*>(this);
  Responder responder_;
  // Not filled with zeroes: what no answer has reached yet takes no memory.
  const std::unique_ptr<std::uint8_t[]> memory_ =
      std::make_unique_for_overwrite<std::uint8_t[]>(kMaxMessageBytes);
  const std::span<std::uint8_t> buffer_{memory_.get(), kMaxMessageBytes};
  absl::flat_hash_map<Responder::Ticket, Connection*> waiting_;
  std::vector<std::unique_ptr<env::Listener>> listeners_;
  Connections connections_;  // the quietest first
};

/// One client. Every callback of its stream and its timer ends with go_on() or with its own destruction.
class TcpServer::Impl::Connection {
 public:
  Connection(Impl& server, std::unique_ptr<env::Stream> stream)
      : server_(server), stream_(std::move(stream)), idle_(server.env_.make_timer()) {}
  ~Connection() {
    for (const Responder::Ticket ticket : tickets_) server_.waiting_.erase(ticket);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start(Connections::iterator place) {
    place_ = place;
    restart_timer();
    go_on();
  }
  Connections::iterator place() const noexcept { return place_; }
  bool is_waiting() const noexcept { return !tickets_.empty() || !unsent_.empty() || writing_; }

  /// An answer that came later.
  void take_answer(Responder::Ticket ticket, Bytes answer) {
    std::erase(tickets_, ticket);
    append(answer);
  }
  /// Does all that can be done now: answers, sends, reads, or ends the connection, which then is destroyed.
  void go_on() {
    if (!answer_queries()) return server_.drop(*this);
    send();
    if (ended_ && !is_waiting()) return server_.drop(*this);
    if (!ended_ && !reading_ && may_answer()) read();
  }

 private:
  bool may_answer() const noexcept {
    return tickets_.size() < kMaxWaiting && unsent_.size() + sending_.size() < kMaxUnsentBytes;
  }

  /// Answers what has been read as far as the limits allow. False: a query is too long.
  bool answer_queries() {
    std::size_t at = 0;
    while (may_answer() && filled_ - at >= kLengthBytes) {
      const std::size_t size = static_cast<std::size_t>(in_[at]) << 8 | in_[at + 1];
      if (size > kMaxQueryBytes) {
        ++server_.counters_.too_long;
        return false;
      }
      if (filled_ - at < kLengthBytes + size) break;
      answer({in_.data() + at + kLengthBytes, size});
      at += kLengthBytes + size;
    }
    if (at > 0) {
      std::memmove(in_.data(), in_.data() + at, filled_ - at);
      filled_ -= at;
      mark_active();
    }
    return true;
  }

  void answer(Bytes query) {
    const auto outcome = server_.responder_.respond(query, Transport::kTcp, server_.buffer_);
    if (outcome.size > 0) append(Bytes(server_.buffer_).first(outcome.size));
    if (outcome.ticket != 0) {
      tickets_.push_back(outcome.ticket);
      server_.waiting_.emplace(outcome.ticket, this);
    }
  }

  void append(Bytes answer) {
    unsent_ += static_cast<char>(answer.size() >> 8);
    unsent_ += static_cast<char>(answer.size());
    unsent_.append(reinterpret_cast<const char*>(answer.data()), answer.size());
  }

  void send() {
    if (writing_ || unsent_.empty()) return;
    writing_ = true;
    sending_.swap(unsent_);
    const std::string_view piece = sending_;
    stream_->write({&piece, 1}, [this](const Status& status) {
      writing_ = false;
      sending_.clear();
      if (!status.ok()) return server_.drop(*this);
      mark_active();
      go_on();
    });
  }

  void read() {
    reading_ = true;
    const std::span<std::uint8_t> room = std::span(in_).subspan(filled_);
    stream_->read_some({reinterpret_cast<char*>(room.data()), room.size()},
                       [this](const Result<std::size_t>& size) {
                         reading_ = false;
                         if (!size.ok()) return server_.drop(*this);
                         ended_ = *size == 0;  // the client may still wait for answers
                         filled_ += *size;
                         go_on();
                       });
  }

  void mark_active() {
    server_.mark_active(place_);
    restart_timer();
  }
  void restart_timer() {
    idle_->start(server_.limits_.idle_timeout, [this] {
      if (!tickets_.empty()) return restart_timer();  // it is not the client who is slow
      ++server_.counters_.timed_out;
      server_.drop(*this);
    });
  }

  Impl& server_;
  std::unique_ptr<env::Stream> stream_;
  std::unique_ptr<env::Timer> idle_;
  Connections::iterator place_;
  std::array<std::uint8_t, kLengthBytes + kMaxQueryBytes> in_;
  std::size_t filled_ = 0;
  std::string unsent_;
  std::string sending_;  // what stream_ is writing
  std::vector<Responder::Ticket> tickets_;
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;  // the client sends no more
};

void TcpServer::Impl::accept(std::unique_ptr<env::Stream> stream) {
  ++counters_.accepted;
  if (connections_.size() >= limits_.max_connections) {
    ++counters_.pushed_out;
    if (connections_.empty() || connections_.front()->is_waiting()) return;
    connections_.pop_front();
  }
  connections_.push_back(std::make_unique<Connection>(*this, std::move(stream)));
  connections_.back()->start(std::prev(connections_.end()));
}

void TcpServer::Impl::drop(Connection& connection) { connections_.erase(connection.place()); }

void TcpServer::Impl::collect() {
  std::vector<Connection*> served;
  responder_.collect(buffer_, [&](Responder::Ticket ticket, Bytes answer) {
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) return;
    Connection* connection = found->second;
    waiting_.erase(found);
    connection->take_answer(ticket, answer);
    served.push_back(connection);
  });
  // Each may end its own connection, but no other one.
  std::sort(served.begin(), served.end());
  served.erase(std::unique(served.begin(), served.end()), served.end());
  for (Connection* connection : served) connection->go_on();
}

TcpServer::TcpServer(env::Env& env, const Limits& limits, ResponderSetup setup)
    : impl_(std::make_unique<Impl>(env, limits, std::move(setup))) {}
TcpServer::~TcpServer() = default;

void TcpServer::serve(std::unique_ptr<env::Listener> listener) { impl_->serve(std::move(listener)); }

void TcpServer::set_zone(std::shared_ptr<const Zone> zone) { impl_->set_zone(std::move(zone)); }

TcpServer::Counters TcpServer::counters() const noexcept { return impl_->counters(); }

}  // namespace discovery::dns
