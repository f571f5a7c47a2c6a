#pragma once

/// \file
/// The programs that fight for something in contention_test.cc, and those that only look who leads.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <discovery/agent.h>
#include <discovery/lock.h>
#include <discovery/testing/simulation.h>

namespace discovery::testing {

using namespace std::chrono_literals;

inline constexpr const char* kContended = "contended";
inline constexpr unsigned kPermits = 2;

enum class Kind { kLock, kSemaphore, kElection };

/// Who has ever led, by fence: as the server says, those who lead, and those who watch.
class Ledger {
 public:
  /// Somebody who has it from the source says so.
  void note(const Leader& leader) {
    check(leader);
    doubtful_.erase(leader.fence);
  }
  /// Somebody says so who may have it late, and before the source has come to tell.
  void saw(const Leader& leader) {
    if (check(leader)) doubtful_.insert(leader.fence);
  }
  void object(const Leader& leader, const std::string& what) {
    objections_ += leader.value + " with fence " + std::to_string(leader.fence) + " " + what + "\n";
  }
  /// What was wrong: what a callback throws goes nowhere.
  const std::string& objections() const { return objections_; }
  /// Fences of leaders whom only watches know.
  const std::set<std::uint64_t>& doubtful() const { return doubtful_; }

 private:
  /// Whether nobody knew.
  bool check(const Leader& leader) {
    const auto [known, is_new] = led_.emplace(leader.fence, leader);
    if (known->second != leader) object(leader, "has another's fence");
    return is_new;
  }

  std::map<std::uint64_t, Leader> led_;
  std::set<std::uint64_t> doubtful_;
  std::string objections_;
};

/// What one watch has shown of who leads, and when.
class Sightings {
 public:
  Sightings(Simulation& world, Ledger& ledger) : world_(world), ledger_(ledger) {}

  /// The watch at the source is the server's own.
  void follow(Watch<std::optional<Leader>> watch, bool is_source) {
    watch_.emplace(std::move(watch));
    watch_->on_change([this, is_source](const Result<Update<std::optional<Leader>>>& update) {
      if (!update.ok() || !update->view.meta.live) return;
      const std::optional<Leader>& leader = *update->view.value;
      if (leader) {
        is_source ? ledger_.note(*leader) : ledger_.saw(*leader);
        if (leader->fence < highest_) ledger_.object(*leader, "comes after " + std::to_string(highest_));
        highest_ = leader->fence;
      }
      seen_.emplace_back(world_.now(), leader);
    });
  }
  void end() { watch_.reset(); }

  /// What was shown at a moment; also when a watch began anew meanwhile.
  const std::optional<Leader>& at(Duration when) const {
    static const std::optional<Leader> kNobody;
    const std::optional<Leader>* shown = &kNobody;
    for (const auto& [since, leader] : seen_) {
      if (since > when) break;
      shown = &leader;
    }
    return *shown;
  }
  /// Whether it shows what is true now, by its own word.
  bool live() { return watch_ && watch_->latest().meta.live; }
  const std::vector<std::pair<Duration, std::optional<Leader>>>& all() const { return seen_; }

 private:
  Simulation& world_;
  Ledger& ledger_;
  std::optional<Watch<std::optional<Leader>>> watch_;
  std::uint64_t highest_ = 0;
  std::vector<std::pair<Duration, std::optional<Leader>>> seen_;
};

/// A program with a machine of its own, which can crash and be stopped.
class Program {
 public:
  Program(Simulation& world, std::string machine) : world_(world), machine_(std::move(machine)) {}
  virtual ~Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  const std::string& machine() const { return machine_; }
  bool up() const { return agent_ != nullptr; }
  /// Whether it can act, read and be asked.
  bool runs() const { return up() && !world_.paused(machine_); }
  /// Whether it runs on after a pause, for the first time that this is asked.
  bool goes_on() { return std::exchange(was_paused_, world_.paused(machine_)) && runs(); }

  void crash() {
    forget();
    world_.crash(std::move(agent_));
  }
  void boot() {
    auto agent = world_.start({.mode = Mode::kRemote, .remote_urls = {"http://server:8500"}}, machine_);
    REQUIRE(agent.ok());
    agent_ = *std::move(agent);
    begin();
  }

 protected:
  virtual void begin() = 0;
  virtual void forget() = 0;
  Simulation& world() { return world_; }
  Agent& agent() { return *agent_; }

 private:
  Simulation& world_;
  const std::string machine_;
  std::unique_ptr<Agent> agent_;
  bool was_paused_ = false;
};

/// A program that wants to know who leads.
class Observer final : public Program {
 public:
  Observer(Simulation& world, Ledger& ledger, std::string machine)
      : Program(world, std::move(machine)), sightings_(world, ledger) {
    boot();
  }
  Sightings& sightings() { return sightings_; }

 private:
  void begin() override { sightings_.follow(LeaderElection::observe(agent().kv(), kContended), false); }
  void forget() override { sightings_.end(); }

  Sightings sightings_;
};

/// A program that wants to hold again and again.
class Contender final : public Program {
 public:
  Contender(Simulation& world, Ledger& ledger, Kind kind, std::string machine)
      : Program(world, std::move(machine)), ledger_(ledger), kind_(kind), sightings_(world, ledger) {
    boot();
  }

  bool believes() const { return held_ && held_->alive(); }
  std::uint64_t fence() const { return held_->fence(); }
  std::uint64_t acquired() const { return acquired_; }
  Sightings& sightings() { return sightings_; }

  /// Takes the next step that is open to it, if any.
  void act() {
    if (!runs() || state_->busy) return;
    if (held_ && !held_->alive()) held_.reset();
    if (held_ || !session_) return open();
    if (!session_->alive()) return lose_session();
    acquire();
  }
  void let_go() {
    if (runs()) held_.reset();
  }
  void take_results() {
    if (!runs()) return;
    if (state_->session) {
      session_ = *std::exchange(state_->session, std::nullopt);
      if (kind_ == Kind::kElection)
        sightings_.follow(LeaderElection(*session_, kContended, machine()).leader(), false);
    }
    if (!state_->held) return;
    held_.emplace(*std::exchange(state_->held, std::nullopt));
    ++acquired_;
  }

 private:
  /// Where results come to, also late ones.
  struct State {
    bool busy = false;
    std::optional<Session> session;
    std::optional<Held> held;
  };

  void begin() override { state_ = std::make_shared<State>(); }
  void forget() override {
    held_.reset();
    lose_session();
    state_ = std::make_shared<State>();
  }
  void lose_session() {
    sightings_.end();
    session_.reset();
  }

  void open() {
    if (session_) return;
    state_->busy = true;
    agent().open_session({.ttl = 10s}, {.timeout = 20s}).then([state = state_](Result<Session> session) {
      state->busy = false;
      if (session.ok()) state->session.emplace(*std::move(session));
    });
  }

  void acquire() {
    state_->busy = true;
    const auto done = [state = state_, &ledger = ledger_, me = Leader{machine(), session_->id()},
                       leads = kind_ == Kind::kElection](Result<Held> held) mutable {
      state->busy = false;
      if (!held.ok()) return;
      me.fence = held->fence();
      if (leads) ledger.note(me);
      state->held.emplace(*std::move(held));
    };
    const Call call{.timeout = 30s};
    switch (kind_) {
      case Kind::kLock:
        return Lock(*session_, kContended, machine()).acquire(call).then(done);
      case Kind::kSemaphore:
        return Semaphore(*session_, kContended, kPermits).acquire(call).then(done);
      case Kind::kElection:
        return LeaderElection(*session_, kContended, machine()).campaign(call).then(done);
    }
  }

  Ledger& ledger_;
  const Kind kind_;
  std::shared_ptr<State> state_;
  std::optional<Session> session_;
  std::optional<Held> held_;
  std::uint64_t acquired_ = 0;
  Sightings sightings_;
};

}  // namespace discovery::testing
