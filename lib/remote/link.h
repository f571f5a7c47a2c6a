#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/remote/connections.h"
#include "lib/remote/options.h"

namespace discovery::remote {

/// The way to the remote agent, and whether it answers. While somebody watches, a silent agent is asked for
/// a sign of life; one that does not give it is down, and tried again at growing, jittered intervals until it
/// does. So an outage is noticed once for all watches, and one probe at a time looks for its end.
///
/// Threads: the loop's. Blocks: never.
class Link {
 public:
  /// Who must know how it stands. Calls come from the loop.
  class Observer {
   public:
    virtual ~Observer() = default;
    /// The agent answers, after there was reason to doubt it.
    virtual void on_up() = 0;
    /// The agent cannot be reached, or has fallen silent.
    virtual void on_down(const Status& why) = 0;
  };
  using Done = Connections::Done;
  using Ticket = Connections::Ticket;

  Link(env::Env& env, const Options& options, std::vector<ServerUrl> urls,
       std::shared_ptr<const tls::ClientContext> tls);
  /// Ends all calls with kCancelled.
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// As Connections::send(). `token` is who asks; empty: Options::token.
  [[nodiscard]] std::unique_ptr<Ticket> send(Request request, const std::string& token, Done done);
  /// The same as part of a call: its timeout counts unless the request has one, and its stop ends it with
  /// kCancelled. `done` is called exactly once, perhaps when the link ends.
  void call(Request request, const Call& call, Done done);

  bool up() const noexcept { return state_ != State::kDown; }
  /// Why it is not up.
  const Status& why_down() const noexcept { return why_; }
  /// There is reason to doubt that the agent answers: finds out, and tells the observers.
  void suspect();

  /// What an observer needs.
  enum class Interest : std::uint8_t {
    kWatch,   ///< to know soon: the agent is asked for signs of life
    kNotice,  ///< to be told what others find out
  };
  void observe(Observer& observer, Interest interest = Interest::kWatch);
  void forget(Observer& observer);

  Connections& connections() noexcept { return connections_; }
  env::Env& env() noexcept { return env_; }
  const Options& options() const noexcept { return options_; }
  /// How long to wait before the next attempt after so many failures: jittered, growing, bounded.
  Duration retry_delay(std::uint32_t failures);

 private:
  enum class State : std::uint8_t { kUp, kSuspect, kDown };
  struct Calling;

  void note(const Status& failure, bool sent);
  void come_up();
  void go_down(const Status& why);
  void arm_pulse(Duration delay);
  void on_pulse_time();
  void send_pulse();
  void on_pulse(const Ending& ending);
  void finish(std::uint64_t id, Ending ending);
  void cancel(std::uint64_t id);
  template <class Tell>
  void tell(Tell tell);

  env::Env& env_;
  const Options& options_;
  Connections connections_;
  State state_ = State::kUp;
  Status why_;
  std::uint32_t failures_ = 0;  // pulses in a row
  Duration heard_at_{};
  bool watched() const noexcept { return watchers_ > 0; }

  struct Observing {
    Observer* observer;
    Interest interest;
  };
  std::map<std::uint64_t, Observing> observers_;  // by the order of their coming
  std::size_t watchers_ = 0;                      // those that need to know soon
  std::uint64_t observed_ = 0;
  std::unique_ptr<env::Timer> pulse_timer_;
  std::unique_ptr<Ticket> pulse_;  // under way
  std::map<std::uint64_t, std::unique_ptr<Calling>> calls_;
  std::uint64_t called_ = 0;
  std::shared_ptr<Link*> self_ = std::make_shared<Link*>(this);  // for what comes back later
};

}  // namespace discovery::remote
