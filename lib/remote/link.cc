#include "lib/remote/link.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace discovery::remote {
namespace {

constexpr std::uint32_t kMostDoublings = 20;

}  // namespace

struct Link::Calling {
  /// Ends the call from whatever thread asks for it.
  struct Cancel {
    env::Env* env;
    std::weak_ptr<Link*> link;
    std::uint64_t id;
    void operator()() const {
      env->post([link = link, id = id] {
        if (const auto self = link.lock()) (*self)->cancel(id);
      });
    }
  };

  explicit Calling(Done callback) : done(std::move(callback)) {}

  Done done;
  std::unique_ptr<Ticket> ticket;
  std::optional<std::stop_callback<Cancel>> on_stop;
};

Link::Link(env::Env& env, const Options& options, std::vector<ServerUrl> urls,
           std::shared_ptr<const tls::ClientContext> tls)
    : env_(env),
      options_(options),
      connections_(env, options, std::move(urls), std::move(tls)),
      pulse_timer_(env.make_timer()) {
  connections_.on_idle_closed([this] { suspect(); });  // it may have been started anew
}

Link::~Link() {
  self_.reset();
  const auto calls = std::move(calls_);
  for (const auto& [id, calling] : calls) {
    const bool sent = calling->ticket && calling->ticket->sent();
    calling->ticket.reset();
    calling->done({Status(Code::kCancelled, "the instance is stopping"), sent});
  }
}

std::unique_ptr<Link::Ticket> Link::send(Request request, const std::string& token, Done done) {
  const std::string& shown = token.empty() ? options_.token : token;
  if (!shown.empty()) request.message.headers.add("X-Consul-Token", shown);
  return connections_.send(std::move(request), [this, alive = std::weak_ptr(self_),
                                                done = std::move(done)](Ending ending) mutable {
    const Status failure = ending.response.status();
    const bool sent = ending.sent;
    const bool interrupted = ending.interrupted;
    done(std::move(ending));
    if (!interrupted && alive.lock()) note(failure, sent);
  });
}

void Link::call(Request request, const Call& call, Done done) {
  const std::uint64_t id = ++called_;
  if (request.timeout == Duration::zero()) {
    request.timeout = call.timeout > Duration::zero() ? call.timeout : options_.limits.call_timeout;
  }
  Calling& calling = *calls_.emplace(id, std::make_unique<Calling>(std::move(done))).first->second;
  calling.ticket =
      send(std::move(request), call.token, [this, id](Ending ending) { finish(id, std::move(ending)); });
  if (call.stop.stop_possible()) calling.on_stop.emplace(call.stop, Calling::Cancel{&env_, self_, id});
}

void Link::finish(std::uint64_t id, Ending ending) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const std::unique_ptr<Calling> calling = std::move(found->second);
  calls_.erase(found);
  calling->done(std::move(ending));
}

void Link::cancel(std::uint64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const bool sent = found->second->ticket->sent();
  finish(id, {Status(Code::kCancelled, "the call was stopped"), sent});
}

Duration Link::retry_delay(std::uint32_t failures) {
  const Limits& limits = options_.limits;
  const std::uint32_t doublings = std::min(failures, kMostDoublings);
  const Duration whole = std::min(limits.max_retry, limits.min_retry * (std::int64_t{1} << doublings));
  return whole / 2 + env_.random().below(whole / 2 + Duration(1));
}

void Link::observe(Observer& observer, Interest interest) {
  observers_.emplace(++observed_, Observing{&observer, interest});
  if (interest != Interest::kWatch || watchers_++ > 0) return;
  arm_pulse(up() ? options_.limits.pulse : Duration::zero());
}

void Link::forget(Observer& observer) {
  std::erase_if(observers_, [&](const auto& entry) {
    const bool found = entry.second.observer == &observer;
    if (found && entry.second.interest == Interest::kWatch) --watchers_;
    return found;
  });
  if (watched()) return;
  pulse_timer_->cancel();
  pulse_.reset();
  if (state_ == State::kSuspect) state_ = State::kUp;
}

template <class Tell>
void Link::tell(Tell tell) {
  // Who is told may come and go.
  std::vector<std::uint64_t> told;
  for (const auto& [number, observing] : observers_) told.push_back(number);
  for (const std::uint64_t number : told) {
    const auto found = observers_.find(number);
    if (found != observers_.end()) tell(*found->second.observer);
  }
}

void Link::note(const Status& failure, bool sent) {
  if (failure.ok()) {
    heard_at_ = env_.clock().monotonic();
    return come_up();
  }
  const Code code = failure.code();
  if (code != Code::kUnavailable && code != Code::kDeadlineExceeded) return;
  // A caller's impatience proves nothing, nor does one connection of several.
  if (sent || code == Code::kDeadlineExceeded || connections_.waiting() > 0) return suspect();
  go_down(failure);
}

void Link::come_up() {
  failures_ = 0;
  if (state_ == State::kUp) return;
  if (state_ == State::kDown) env_.log().write(Level::kInfo, "remote", "the agent answers again");
  state_ = State::kUp;
  pulse_.reset();
  if (watched()) arm_pulse(options_.limits.pulse);
  tell([](Observer& observer) { observer.on_up(); });
}

void Link::suspect() {
  if (state_ != State::kUp || !watched()) return;
  state_ = State::kSuspect;
  if (!pulse_) send_pulse();
}

void Link::go_down(const Status& why) {
  const bool news = state_ != State::kDown;
  state_ = State::kDown;
  why_ = why;
  if (watched() && !pulse_) arm_pulse(retry_delay(failures_++));
  if (!news) return;
  env_.log().write(Level::kWarn, "remote", "the agent cannot be reached: " + std::string(why.message()));
  connections_.break_off(why);
  tell([&why](Observer& observer) { observer.on_down(why); });
}

void Link::arm_pulse(Duration delay) {
  pulse_timer_->start(delay, [this] { on_pulse_time(); });
}

void Link::on_pulse_time() {
  if (pulse_) return;
  const Duration silent = env_.clock().monotonic() - heard_at_;
  if (state_ == State::kUp && silent < options_.limits.pulse)
    return arm_pulse(options_.limits.pulse - silent);
  send_pulse();
}

void Link::send_pulse() {
  Request request;
  request.message.target = "/v1/status/leader";
  request.timeout = options_.limits.pulse_timeout;
  pulse_ = connections_.send(std::move(request), [this](const Ending& ending) { on_pulse(ending); });
}

void Link::on_pulse(const Ending& ending) {
  pulse_.reset();
  if (!ending.response.ok()) {
    connections_.try_next_url();
    return go_down(ending.response.status());
  }
  heard_at_ = env_.clock().monotonic();
  if (state_ == State::kUp)
    return arm_pulse(options_.limits.pulse + env_.random().below(options_.limits.pulse / 4));
  come_up();
}

}  // namespace discovery::remote
