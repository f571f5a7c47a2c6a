// Programs on machines of their own fight for a lock, a semaphore and the lead over a network that fails, by
// the public interface: who believes to hold is never more than may, and fences only grow. DISCOVERY_SEEDS
// says how many histories are played (100), DISCOVERY_FIRST_SEED from which one on (1).

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <discovery/agent.h>
#include <discovery/lock.h>
#include <discovery/testing/simulation.h>

namespace discovery::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kContenders = 3;
constexpr unsigned kPermits = 2;

enum class Kind { kLock, kSemaphore, kElection };

std::uint64_t number(const char* variable, std::uint64_t usual) {
  const char* const wanted = std::getenv(variable);
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

/// What all of them want to write to: it refuses who is older than somebody that it has seen.
struct Resource {
  std::uint64_t highest = 0;
  std::uint64_t writes = 0;
  bool write(std::uint64_t fence) {
    if (fence < highest) return false;
    highest = fence;
    ++writes;
    return true;
  }
};

/// A program that wants to hold again and again.
class Contender {
 public:
  Contender(Simulation& world, Kind kind, std::string machine)
      : world_(world), kind_(kind), machine_(std::move(machine)) {
    boot();
  }

  const std::string& machine() const { return machine_; }
  bool believes() const { return held_ && held_->alive(); }
  std::uint64_t fence() const { return held_->fence(); }
  bool up() const { return agent_ != nullptr; }
  std::uint64_t acquired() const { return acquired_; }

  /// Takes the next step that is open to it, if any.
  void act() {
    if (!agent_ || state_->busy) return;
    if (held_ && !held_->alive()) held_.reset();
    if (held_ || !session_) return open();
    if (!session_->alive()) return session_.reset();
    acquire();
  }
  void let_go() { held_.reset(); }
  void take_results() {
    if (state_->session) session_ = *std::exchange(state_->session, std::nullopt);
    if (!state_->held) return;
    held_.emplace(*std::exchange(state_->held, std::nullopt));
    ++acquired_;
  }
  void crash() {
    forget();
    world_.crash(std::move(agent_));
  }
  void boot() {
    auto agent = world_.start({.mode = Mode::kRemote, .remote_urls = {"http://server:8500"}}, machine_);
    REQUIRE(agent.ok());
    agent_ = *std::move(agent);
    state_ = std::make_shared<State>();
  }

 private:
  /// Where results come to, also late ones.
  struct State {
    bool busy = false;
    std::optional<Session> session;
    std::optional<Held> held;
  };

  void forget() {
    held_.reset();
    session_.reset();
    state_ = std::make_shared<State>();
  }

  void open() {
    if (session_) return;
    state_->busy = true;
    agent_->open_session({.ttl = 10s}, {.timeout = 20s}).then([state = state_](Result<Session> session) {
      state->busy = false;
      if (session.ok()) state->session.emplace(*std::move(session));
    });
  }

  void acquire() {
    state_->busy = true;
    const auto done = [state = state_](Result<Held> held) {
      state->busy = false;
      if (held.ok()) state->held.emplace(*std::move(held));
    };
    const Call call{.timeout = 30s};
    switch (kind_) {
      case Kind::kLock:
        return Lock(*session_, "contended", machine_).acquire(call).then(done);
      case Kind::kSemaphore:
        return Semaphore(*session_, "contended", kPermits).acquire(call).then(done);
      case Kind::kElection:
        return LeaderElection(*session_, "contended", machine_).campaign(call).then(done);
    }
  }

  Simulation& world_;
  const Kind kind_;
  const std::string machine_;
  std::unique_ptr<Agent> agent_;
  std::shared_ptr<State> state_;
  std::optional<Session> session_;
  std::optional<Held> held_;
  std::uint64_t acquired_ = 0;
};

class History {
 public:
  History(std::uint64_t seed, Kind kind) : kind_(kind), random_(seed), world_(seed) {
    auto server = world_.start({.http_listen = "10.0.0.1:8500", .advertise = "10.0.0.1"}, "server");
    REQUIRE(server.ok());
    server_ = *std::move(server);
    for (int i = 0; i < kContenders; ++i)
      contenders_.push_back(std::make_unique<Contender>(world_, kind, "client-" + std::to_string(i)));
  }

  /// Some minutes of trouble, then peace; returns how often somebody held.
  std::uint64_t play() {
    for (int step = 0; step < 300; ++step) {
      trouble();
      turn();
    }
    for (const auto& contender : contenders_) {
      world_.mend("server", contender->machine());
      if (!contender->up()) contender->boot();
    }
    world_.set_link(Link());
    peace();
    std::uint64_t acquired = 0;
    for (const auto& contender : contenders_) acquired += contender->acquired();
    return acquired;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  Contender& any() { return *contenders_[below(contenders_.size())]; }

  void turn() {
    world_.run_for(std::chrono::milliseconds(below(1000)));
    for (const auto& contender : contenders_) {
      contender->take_results();
      contender->act();
    }
    check();
    if (below(4) == 0) any().let_go();
  }

  void trouble() {
    Contender& one = any();
    switch (below(40)) {
      case 0:
        return world_.cut("server", one.machine());
      case 1:
      case 2:
      case 3:
        return world_.mend("server", one.machine());
      case 4:
        if (one.up()) one.crash();
        return;
      case 5:
      case 6:
        if (!one.up()) one.boot();
        return;
      case 7:
        return world_.set_link({.max_delay = 800ms, .loss = 0.2});
      case 8:
        return world_.set_link(Link());
      case 9:
        return world_.set_wall_skew(one.machine(), std::chrono::seconds(below(100'000)));
      default:
        return;
    }
  }

  void check() {
    std::size_t holders = 0;
    for (const auto& contender : contenders_) {
      if (!contender->believes()) continue;
      ++holders;
      // A permit's fence is older than those of the others who came later, and as good.
      const bool written = resource_.write(contender->fence());
      if (kind_ != Kind::kSemaphore) REQUIRE(written);
    }
    REQUIRE(holders <= (kind_ == Kind::kSemaphore ? kPermits : 1));
  }

  /// Everybody gets it in turn once the trouble is over.
  void peace() {
    for (const auto& contender : contenders_) {
      contender->let_go();  // it may have it already
      const std::uint64_t before = contender->acquired();
      for (int step = 0; step < 400 && contender->acquired() == before; ++step) {
        world_.run_for(500ms);
        for (const auto& other : contenders_) {
          other->take_results();
          if (other != contender) other->let_go();
          other->act();
        }
        check();
      }
      REQUIRE(contender->acquired() > before);
      contender->let_go();
    }
  }

  const Kind kind_;
  std::mt19937_64 random_;
  Simulation world_;
  std::unique_ptr<Agent> server_;
  std::vector<std::unique_ptr<Contender>> contenders_;
  Resource resource_;
};

void play(Kind kind) {
  const std::uint64_t first = number("DISCOVERY_FIRST_SEED", 1);
  const std::uint64_t count = number("DISCOVERY_SEEDS", 100);
  std::uint64_t acquired = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    acquired += History(seed, kind).play();
  }
  REQUIRE(acquired > count * kContenders);
}

TEST_CASE("a lock is fought for over a bad network", "[contention]") { play(Kind::kLock); }
TEST_CASE("a semaphore is fought for over a bad network", "[contention]") { play(Kind::kSemaphore); }
TEST_CASE("the lead is fought for over a bad network", "[contention]") { play(Kind::kElection); }

}  // namespace
}  // namespace discovery::testing
