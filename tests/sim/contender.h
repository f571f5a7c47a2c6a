#pragma once

/// \file
/// Who fights for the locks of a LocksWorld: a program with a session that it renews, over a network that
/// loses and delays, whose process may stand still for a while without knowing.

#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "tests/sim/locks_world.h"

namespace discovery::testing {

using http1::ClientResponse;

/// The number behind the last occurrence of a member's name; 0 if there is none.
inline Index number_of(std::string_view json, std::string_view member) {
  const std::size_t at = json.rfind(member);
  return at == std::string_view::npos ? 0 : std::strtoull(json.data() + at + member.size() + 2, nullptr, 10);
}

class Contender {
 public:
  Contender(LocksWorld& world, int number, std::uint64_t seed)
      : world_(world),
        machine_(world.simulation.add_env("contender-" + std::to_string(number))),
        random_(seed * 31 + static_cast<std::uint64_t>(number)),
        pause_(machine_.make_timer()),
        step_(machine_.make_timer()),
        renewal_(machine_.make_timer()) {
    after(50ms, [this] { open(); });
  }
  virtual ~Contender() = default;

  env::SimEnv& machine() { return machine_; }
  /// It does nothing more, and leaves what it holds as it is.
  void stop() { stopped_ = true; }

 protected:
  using Then = std::function<void(const ClientResponse*)>;

  /// There is a session.
  virtual void on_session() = 0;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  Duration up_to(Duration bound) {
    return Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(bound.count()))));
  }
  void stand_still(Duration most) { stands_until_ = world_.simulation.now() + up_to(most); }

  /// Goes on at some time within `most`, once the process runs.
  void after(Duration most, std::function<void()> next) {
    step_->start(up_to(most), [this, next = std::move(next)] {
      if (!stopped_) resume(next);
    });
  }
  /// Asks the server; `then` gets the answer, or null if none came.
  void ask(std::string method, std::string target, std::string body, Then then) {
    call_ = fetch(std::move(method), std::move(target), std::move(body),
                  [this, then = std::move(then)](const ClientResponse* response) {
                    if (stopped_) return;
                    auto copy = response != nullptr ? std::make_shared<ClientResponse>(*response) : nullptr;
                    resume([then, copy] { then(copy.get()); });
                  });
  }

  /// Forgets its session, if it has one, and makes another.
  void open() {
    session_.clear();
    renewal_->cancel();
    static constexpr const char* kDelays[] = {"0s", "300ms", "2s"};
    ttl_ms_ = 1500 + static_cast<int>(below(1500));
    const std::string body = R"({"TTL":")" + std::to_string(ttl_ms_) + R"(ms","LockDelay":")" +
                             kDelays[below(3)] + R"(","Behavior":")" +
                             (below(3) == 0 ? "delete" : "release") + "\"}";
    ask("PUT", "/v1/session/create", body, [this](const ClientResponse* response) {
      if (response == nullptr || response->status != 200) return after(300ms, [this] { open(); });
      session_ = response->body.substr(7, 36);
      renew_later();
      on_session();
    });
  }

  LocksWorld& world_;
  std::string session_;

 private:
  void resume(std::function<void()> next) {
    if (world_.simulation.now() >= stands_until_) return next();
    pause_->start(stands_until_ - world_.simulation.now(), std::move(next));
  }

  std::unique_ptr<http1::Fetch> fetch(std::string method, std::string target, std::string body, Then then) {
    http1::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.host = "server";
    request.body = std::move(body);
    http1::ClientLimits limits;
    limits.timeout = 1s;
    return http1::fetch(
        machine_, world_.at(), std::move(request), limits,
        [then = std::move(then)](Result<ClientResponse> result) { then(result.ok() ? &*result : nullptr); });
  }

  void renew_later() {
    renewal_->start(std::chrono::milliseconds(ttl_ms_ / 3), [this] {
      if (stopped_) return;
      if (world_.simulation.now() < stands_until_) return renew_later();
      renewal_call_ =
          fetch("PUT", "/v1/session/renew/" + session_, "", [this](const ClientResponse* response) {
            // A holder who has lost goes on all the same until he looks at it, which is worse.
            if (response == nullptr || response->status == 200) renew_later();
          });
    });
  }

  env::SimEnv& machine_;
  std::mt19937_64 random_;
  std::unique_ptr<env::Timer> pause_;
  std::unique_ptr<env::Timer> step_;
  std::unique_ptr<env::Timer> renewal_;
  std::unique_ptr<http1::Fetch> call_;
  std::unique_ptr<http1::Fetch> renewal_call_;
  int ttl_ms_ = 0;
  Duration stands_until_{};
  bool stopped_ = false;
};

/// Lets contenders fight for twenty to sixty seconds over a bad network, then stops them and waits until
/// nothing is left of them.
template <class Kind>
void fight(LocksWorld& world, std::uint64_t seed, int count) {
  std::mt19937_64 random(seed);
  env::LinkOptions link;
  link.max_delay = std::chrono::milliseconds(1 + random() % 60);
  link.loss = static_cast<double>(random() % 8) / 100;
  world.simulation.set_link(link);
  std::vector<std::unique_ptr<Kind>> contenders;
  for (int number = 0; number < count; ++number)
    contenders.push_back(std::make_unique<Kind>(world, number, seed));
  const auto run = [&](Duration span) {
    const Duration until = world.simulation.now() + span;
    world.simulation.run_until(
        [&] {
          world.witness.look();
          return world.simulation.now() >= until;
        },
        span);
  };
  for (int round = 0; round < 10; ++round) {
    run(2s);
    env::SimEnv& one = contenders[random() % contenders.size()]->machine();
    switch (random() % 4) {
      case 0:
        world.simulation.block(world.machine, one);
        run(std::chrono::milliseconds(random() % 4000));
        world.simulation.unblock(world.machine, one);
        break;
      case 1:
        world.simulation.reset_streams(world.machine, one);
        break;
      default:
        world.machine.set_wall_skew(std::chrono::seconds(random() % 7200) - 1h);
    }
  }
  for (const auto& contender : contenders) contender->stop();
  run(10s);
  REQUIRE(world.witness.sessions() == 0);
}

/// How many seeds are played: a few, or as many as DISCOVERY_LOCK_SEEDS says.
inline std::uint64_t seeds(std::uint64_t few) {
  const char* asked = std::getenv("DISCOVERY_LOCK_SEEDS");
  return asked == nullptr ? few : std::strtoull(asked, nullptr, 10);
}

}  // namespace discovery::testing
