#include "lib/remote/connections.h"

#include <algorithm>
#include <string>
#include <utility>

namespace discovery::remote {
namespace {

/// A turn that has not ended by itself after so many times its length is ended.
constexpr int kTurnPatience = 2;

}  // namespace

class Connections::Sending final : public Ticket {
 public:
  Sending(Connections& pool, Request request, Done done)
      : pool_(pool), request_(std::move(request)), done_(std::move(done)), timer_(pool.env_.make_timer()) {
    request_.message.keep_alive = true;
  }
  ~Sending() override { leave(); }

  bool sent() const noexcept override { return sent_; }
  Duration began() const noexcept { return began_; }
  std::weak_ptr<Sending*> weak() const { return self_; }

  /// Ends it from the loop, before it has begun.
  void fail_later(Status why) {
    timer_->start(Duration::zero(), [this, why = std::move(why)] { fail(why); });
  }

  void queue() {
    Lane& lane = pool_.lane(request_.waits);
    list_ = &lane.queue;
    place_ = list_->insert(list_->end(), this);
    if (!request_.waits) start_timer();
  }

  void begin() {
    Lane& lane = pool_.lane(request_.waits);
    if (list_ != nullptr) list_->erase(place_);
    list_ = &lane.active;
    place_ = list_->insert(list_->end(), this);
    began_ = now();
    if (deadline_ == Duration::zero()) start_timer();
    if (auto kept = request_.own_connection ? nullptr : pool_.take_idle()) {
      connection_ = std::move(kept);
      url_ = pool_.current_;
      reused_ = true;
      // Never inside the call that asked: what it returns may not be kept yet.
      pool_.env_.post([weak = std::weak_ptr(self_)] {
        if (const auto self = weak.lock()) (*self)->ask_on_kept();
      });
      return;
    }
    dial_first();
  }

  void interrupt(const Status& why, bool may_ask_again) { end({why, sent_, may_ask_again}); }

 private:
  Duration now() const { return pool_.env_.clock().monotonic(); }
  Duration left() const { return std::max(deadline_ - now(), Duration(1)); }
  const ServerUrl& url() const { return pool_.urls_[url_]; }

  void start_timer() {
    deadline_ = now() + request_.timeout;
    timer_->start(request_.timeout, [this] {
      fail({Code::kDeadlineExceeded, where() + "no answer in time"});
    });
  }

  std::string where() const {
    const std::string_view target = request_.message.target;
    return request_.message.method + " " + url().text + std::string(target.substr(0, target.find('?'))) +
           ": ";
  }

  /// What is left is shared among the URLs that are left.
  Duration connect_timeout() const {
    const auto others = static_cast<std::int64_t>(pool_.urls_.size() - tried_);
    return std::min(pool_.options_.limits.connect_timeout, left() / (others + 1));
  }

  void dial_first() {
    url_ = pool_.current_;
    tried_ = 0;
    dial();
  }

  void dial() {
    ++tried_;
    const Duration timeout = connect_timeout();
    if (url().host.empty()) {
      pool_.env_.connect({url().socket, 0}, timeout,
                         [weak = std::weak_ptr(self_)](Result<std::unique_ptr<env::Stream>> stream) {
                           if (const auto self = weak.lock()) (*self)->on_dialed(std::move(stream));
                         });
      return;
    }
    attempt_ = pool_.dialer_.dial(
        url().host, url().port, timeout,
        [this](Result<std::unique_ptr<env::Stream>> stream) { on_dialed(std::move(stream)); });
  }

  void on_dialed(Result<std::unique_ptr<env::Stream>> stream) {
    if (!stream.ok()) return on_unreachable(stream.status());
    if (!url().tls) return on_connected(std::move(stream));
    if (!pool_.tls_) return on_unreachable({Code::kUnavailable, "tls: there is no TLS here"});
    const std::string& name =
        pool_.options_.tls_server_name.empty() ? url().host : pool_.options_.tls_server_name;
    handshake_ =
        tls::connect(pool_.env_, *std::move(stream), pool_.tls_, name, connect_timeout(),
                     [this](Result<std::unique_ptr<env::Stream>> safe) { on_connected(std::move(safe)); });
  }

  void on_connected(Result<std::unique_ptr<env::Stream>> stream) {
    if (!stream.ok()) return on_unreachable(stream.status());
    if (pool_.current_ != url_) {
      pool_.current_ = url_;
      pool_.idle_.clear();  // they lead elsewhere
    }
    connection_ = std::make_unique<http1::ClientConnection>(pool_.env_, *std::move(stream), &pool_.buffers_);
    reused_ = false;
    ask();
  }

  void on_unreachable(const Status& why) {
    if (failure_.ok()) failure_ = {Code::kUnavailable, url().text + ": " + std::string(why.message())};
    if (tried_ >= pool_.urls_.size()) return fail(failure_);
    url_ = (url_ + 1) % pool_.urls_.size();
    dial();
  }

  void ask_on_kept() {
    if (connection_->open()) return ask();
    connection_.reset();  // closed meanwhile
    dial_first();
  }

  void ask() {
    request_.message.host = url().authority;
    http1::ClientRequest message = request_.message;
    message.target.insert(0, url().prefix);
    Result<http1::EncodedRequest> encoded = http1::encode(message);
    if (!encoded.ok()) return fail(encoded.status());
    encoded_ = *std::move(encoded);
    sent_ = true;
    const http1::ClientLimits limits{.timeout = left(),
                                     .max_body_bytes = pool_.options_.limits.max_answer_bytes};
    connection_->exchange(encoded_, limits, [this](Result<http1::ClientResponse> response) {
      on_response(std::move(response));
    });
  }

  void on_response(Result<http1::ClientResponse> response) {
    const bool heard = connection_->heard();
    std::unique_ptr<http1::ClientConnection> connection = std::move(connection_);
    if (response.ok()) {
      if (!connection->open()) connection.reset();
      if (connection && !request_.own_connection) pool_.keep(url_, std::exchange(connection, nullptr));
      if (response->truncated) {
        return fail({Code::kResourceExhausted, where() + "the answer is longer than " +
                                                   std::to_string(pool_.options_.limits.max_answer_bytes) +
                                                   " bytes"});
      }
      Ending answered{std::move(response), true};
      answered.connection = std::move(connection);
      return end(std::move(answered));
    }
    const Code code = response.status().code();
    // A kept connection may have been closed long ago; that says nothing of the agent.
    if (code == Code::kUnavailable && std::exchange(reused_, false) && !heard && request_.repeatable) {
      return dial_first();
    }
    fail({code, where() + std::string(response.status().message())});
  }

  void fail(const Status& why) { end({why, sent_}); }

  void end(Ending ending) {
    timer_->cancel();
    Done done = std::move(done_);
    leave();
    done(std::move(ending));  // may destroy this
  }

  /// Gives up its place and its connection.
  void leave() {
    self_.reset();
    attempt_.reset();
    handshake_.reset();
    connection_.reset();
    if (list_ == nullptr) return;
    std::exchange(list_, nullptr)->erase(place_);
    pool_.begin_next(pool_.lane(request_.waits));
  }

  Connections& pool_;
  Request request_;
  Done done_;
  std::unique_ptr<env::Timer> timer_;
  std::list<Sending*>* list_ = nullptr;  // where it stands
  std::list<Sending*>::iterator place_{};
  Duration began_{};
  Duration deadline_{};
  std::size_t url_ = 0;
  std::size_t tried_ = 0;
  Status failure_;
  bool reused_ = false;
  bool sent_ = false;
  http1::EncodedRequest encoded_;
  std::unique_ptr<health::Dialer::Attempt> attempt_;
  std::unique_ptr<tls::Handshake> handshake_;
  std::unique_ptr<http1::ClientConnection> connection_;
  std::shared_ptr<Sending*> self_ = std::make_shared<Sending*>(this);  // for what comes back later
};

Connections::Connections(env::Env& env, const Options& options, std::vector<ServerUrl> urls,
                         std::shared_ptr<const tls::ClientContext> tls)
    : env_(env),
      options_(options),
      urls_(std::move(urls)),
      tls_(std::move(tls)),
      dialer_(env),
      short_{.limit = options.limits.max_connections},
      waiting_{.limit = options.limits.max_waiting},
      turns_(env.make_timer()) {}

Connections::~Connections() = default;

std::unique_ptr<Connections::Ticket> Connections::send(Request request, Done done) {
  Lane& own = lane(request.waits);
  auto sending = std::make_unique<Sending>(*this, std::move(request), std::move(done));
  if (own.active.size() < own.limit) {
    sending->begin();
  } else if (own.queue.size() < options_.limits.max_queued) {
    sending->queue();
    arm_turns();
  } else {
    sending->fail_later({Code::kResourceExhausted, "too many requests wait for a connection (limit " +
                                                       std::to_string(options_.limits.max_queued) + ")"});
  }
  return sending;
}

void Connections::begin_next(Lane& lane) {
  if (lane.queue.empty() || lane.active.size() >= lane.limit) return;
  lane.queue.front()->begin();
  arm_turns();
}

std::unique_ptr<http1::ClientConnection> Connections::take_idle() {
  if (idle_.empty()) return nullptr;
  auto connection = std::move(idle_.back().connection);
  idle_.pop_back();
  connection->on_close(nullptr);
  return connection;
}

void Connections::keep(std::size_t url, std::unique_ptr<http1::ClientConnection> connection) {
  if (url != current_) return;
  if (idle_.size() >= options_.limits.max_connections) idle_.pop_front();
  idle_.push_back({url, std::move(connection)});
  const auto at = std::prev(idle_.end());
  at->connection->on_close([this, at] {
    idle_.erase(at);
    if (idle_closed_) idle_closed_();
  });
}

void Connections::break_off(const Status& why) {
  idle_.clear();
  // Who is told may ask anew; those are not meant.
  std::vector<std::weak_ptr<Sending*>> ending;
  for (Sending* sending : waiting_.active) ending.push_back(sending->weak());
  for (const auto& weak : ending) {
    if (const auto sending = weak.lock()) (*sending)->interrupt(why, false);
  }
}

void Connections::try_next_url() {
  if (urls_.size() < 2) return;
  current_ = (current_ + 1) % urls_.size();
  idle_.clear();
}

void Connections::arm_turns() {
  if (waiting_.queue.empty() || waiting_.active.empty()) return turns_->cancel();
  const Duration until = waiting_.active.front()->began() + kTurnPatience * Limits::kTurn;
  turns_->start(std::max(until - env_.clock().monotonic(), Duration(1)), [this] { end_turns(); });
}

void Connections::end_turns() {
  const Duration past = env_.clock().monotonic() - kTurnPatience * Limits::kTurn;
  for (std::size_t turns = waiting_.queue.size(); turns > 0 && !waiting_.active.empty(); --turns) {
    Sending* longest = waiting_.active.front();
    if (longest->began() > past) break;
    longest->interrupt({Code::kCancelled, "others wait for this connection"}, true);
  }
  arm_turns();
}

}  // namespace discovery::remote
