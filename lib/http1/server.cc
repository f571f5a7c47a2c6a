#include "lib/http1/server.h"

#include <string>
#include <utility>
#include <vector>

#include "lib/http1/connection.h"
#include "lib/http1/server_state.h"

namespace discovery::http1 {
namespace {

/// What Consul answers to a client with too many connections.
constexpr std::string_view kTooManyConnections =
    "HTTP/1.1 429 Too Many Requests\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 80\r\n"
    "Connection: close\r\n"
    "\r\n"
    "Your IP is issuing too many concurrent connections, please rate limit your calls";

}  // namespace

class Server::Impl {
 public:
  Impl(env::Env& env, const ServerOptions& options, Handler& handler)
      : state_(env, options, handler), ticker_(env.make_timer()), ender_(env.make_timer()) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    while (Connection* connection = state_.connections.front()) connection->detach();
    while (Connection* connection = state_.orphans.front()) connection->detach();
  }

  ServerState& state() noexcept { return state_; }

  void serve(std::unique_ptr<env::Listener> listener) {
    listeners_.push_back(std::move(listener));
    listeners_.back()->start([this](std::unique_ptr<env::Stream> stream) { accept(std::move(stream)); });
  }

  void shutdown(Duration grace, UniqueFunction<void()> done) {
    state_.closing = true;
    listeners_.clear();
    state_.on_empty = [this, done = std::move(done)]() mutable {
      ender_->start(Duration::zero(), std::move(done));
    };
    ender_->start(grace, [this] { cut_all(); });
    for (Connection* next = state_.connections.front(); next != nullptr;) {
      Connection* connection = std::exchange(next, state_.connections.next(next->all_link()));
      connection->end_if_idle();
    }
    if (state_.counters.open == 0) state_.report_empty();
  }

 private:
  void accept(std::unique_ptr<env::Stream> stream) {
    ServerCounters& counters = state_.counters;
    ++counters.accepted;
    if (counters.open >= state_.options.max_connections && !state_.push_out_idle()) {
      ++counters.refused_total;
      return;
    }
    if (counters.open == 0) {
      state_.refresh();
      tick_later();
    }
    const env::Endpoint& remote = stream->remote();
    std::string address = remote.is_unix() ? std::string() : remote.address;
    if (!state_.has_room_for(address)) {
      ++counters.refused_per_address;
      Connection::refuse(state_, std::move(stream), kTooManyConnections);
      return;
    }
    Connection::serve(state_, std::move(stream), std::move(address));
  }

  void tick_later() {
    ticker_->start(ServerState::kTick, [this] { tick(); });
  }

  void tick() {
    state_.refresh();
    for (auto& waiting : state_.waits) {
      while (waiting.front() != nullptr && waiting.front()->deadline() <= state_.now)
        waiting.front()->time_out();
    }
    if (state_.counters.open > 0) tick_later();
  }

  void cut_all() {
    while (Connection* connection = state_.connections.front()) connection->cut();
  }

  ServerState state_;
  std::unique_ptr<env::Timer> ticker_;
  std::unique_ptr<env::Timer> ender_;
  std::vector<std::unique_ptr<env::Listener>> listeners_;
};

Server::Server(env::Env& env, ServerOptions options, Handler& handler)
    : impl_(std::make_unique<Impl>(env, options, handler)) {}
Server::~Server() = default;

void Server::serve(std::unique_ptr<env::Listener> listener) { impl_->serve(std::move(listener)); }
void Server::set_options(const ServerOptions& options) { impl_->state().options = options; }
void Server::shutdown(Duration grace, UniqueFunction<void()> done) {
  impl_->shutdown(grace, std::move(done));
}
const ServerCounters& Server::counters() const noexcept { return impl_->state().counters; }

}  // namespace discovery::http1
