// Programs on machines of their own fight for a lock, a semaphore and the lead over a network that fails, by
// the public interface: who believes to hold is never more than may, and fences only grow; others who watch
// the election see those who lead, in order. DISCOVERY_SEEDS says how many histories are played (100),
// DISCOVERY_FIRST_SEED from which one on (1).

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/api/contention_programs.h"

namespace discovery::testing {
namespace {

constexpr unsigned kContenders = 3;
constexpr int kObservers = 2;
/// How soon a watch shows what is true once the network is well again: the next sign of life is asked for
/// within 12.5 s and has 5 s to come; then there are at most 10 s between two tries to connect.
constexpr Duration kRecovery = 30s;
/// How soon a change is seen when all is well.
constexpr Duration kPromptly = 10ms;

std::uint64_t number(const char* variable, std::uint64_t usual) {
  const char* const wanted = std::getenv(variable);
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

/// What all of them want to write to: it refuses who is older than somebody that it has seen.
struct Resource {
  std::uint64_t highest = 0;
  bool write(std::uint64_t fence) {
    if (fence < highest) return false;
    highest = fence;
    return true;
  }
};

class History {
 public:
  History(std::uint64_t seed, Kind kind) : kind_(kind), random_(seed), world_(seed), truth_(world_, ledger_) {
    auto server = world_.start({.http_listen = "10.0.0.1:8500", .advertise = "10.0.0.1"}, "server");
    REQUIRE(server.ok());
    server_ = *std::move(server);
    for (unsigned i = 0; i < kContenders; ++i) {
      contenders_.push_back(
          std::make_unique<Contender>(world_, ledger_, kind, "client-" + std::to_string(i)));
      programs_.push_back(contenders_.back().get());
    }
    if (kind != Kind::kElection) return;
    truth_.follow(LeaderElection::observe(server_->kv(), kContended), true);
    for (int i = 0; i < kObservers; ++i) {
      observers_.push_back(std::make_unique<Observer>(world_, ledger_, "observer-" + std::to_string(i)));
      programs_.push_back(observers_.back().get());
    }
  }

  /// Some minutes of trouble, then peace; returns how often somebody held.
  std::uint64_t play() {
    for (int step = 0; step < 300; ++step) {
      trouble();
      turn();
    }
    for (Program* program : programs_) {
      world_.mend("server", program->machine());
      if (!program->up()) program->boot();
    }
    world_.set_link(Link());
    do pass(2s);  // at least until the last late packet has come
    while (!all_run());
    const Duration calm_since = observers_agree();
    peace();
    check_observers(calm_since);
    std::uint64_t acquired = 0;
    for (const auto& contender : contenders_) acquired += contender->acquired();
    return acquired;
  }
  /// How many changes of the lead all who watch were seen to see in time.
  std::uint64_t seen_promptly() const { return seen_promptly_; }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  Program& any() { return *programs_[below(programs_.size())]; }
  Contender& any_contender() { return *contenders_[below(contenders_.size())]; }
  /// From a millisecond to a minute, each power of two as often.
  Duration some_time() {
    return std::chrono::milliseconds(1 + below(std::uint64_t{1} << below(17)) % 60'000);
  }
  bool all_run() {
    return !world_.paused("server") &&
           std::all_of(programs_.begin(), programs_.end(), [](const Program* one) { return one->runs(); });
  }

  /// Lets time pass. Whoever goes on after a pause is asked at once what it believes, before it hears of
  /// anything that has happened meanwhile.
  void pass(Duration span) {
    const Duration end = world_.now() + span;
    const auto somebody_goes_on = [this] {
      bool goes_on = false;
      for (Program* program : programs_) goes_on |= program->goes_on();
      return goes_on;
    };
    while (world_.run_until(somebody_goes_on, end - world_.now())) check();
  }

  void turn() {
    pass(std::chrono::milliseconds(below(1000)));
    for (const auto& contender : contenders_) {
      contender->take_results();
      contender->act();
    }
    check();
    if (below(4) == 0) any_contender().let_go();
  }

  void trouble() {
    Program& one = any();
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
      case 10:
      case 11:
        if (one.up()) world_.pause(one.machine(), some_time());
        return;
      case 12:
        return world_.pause("server", some_time() / 30);
      default:
        return;
    }
  }

  void check() {
    std::size_t holders = 0;
    for (const auto& contender : contenders_) {
      if (!contender->runs() || !contender->believes()) continue;
      ++holders;
      // A permit's fence is older than those of the others who came later, and as good.
      const bool written = resource_.write(contender->fence());
      if (kind_ != Kind::kSemaphore) REQUIRE(written);
    }
    REQUIRE(holders <= (kind_ == Kind::kSemaphore ? kPermits : 1));
    REQUIRE(ledger_.objections() == "");
  }

  /// Everybody gets it in turn once the trouble is over.
  void peace() {
    for (const auto& contender : contenders_) {
      contender->let_go();  // it may have it already
      const std::uint64_t before = contender->acquired();
      for (int step = 0; step < 400 && contender->acquired() == before; ++step) {
        pass(500ms);
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

  /// Who watches sees what is true some time after the trouble; returns since when all do.
  Duration observers_agree() {
    REQUIRE(world_.run_until(
        [this] {
          return std::all_of(observers_.begin(), observers_.end(), [this](const auto& one) {
            return one->sightings().live() && one->sightings().at(world_.now()) == truth_.at(world_.now());
          });
        },
        kRecovery));
    return world_.now();
  }

  /// Since then each change that lasts was seen by all at once.
  void check_observers(Duration since) {
    world_.run_for(kPromptly);
    REQUIRE(ledger_.doubtful().empty());
    const auto& changes = truth_.all();
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const Duration due = changes[i].first + kPromptly;
      const Duration until = i + 1 < changes.size() ? changes[i + 1].first : world_.now() + Duration(1);
      if (changes[i].first < since || due >= until) continue;
      CAPTURE(changes[i].first.count(), i);
      for (const auto& one : observers_) REQUIRE(one->sightings().at(due) == changes[i].second);
      ++seen_promptly_;
    }
  }

  const Kind kind_;
  std::mt19937_64 random_;
  Simulation world_;
  Ledger ledger_;
  Sightings truth_;
  std::unique_ptr<Agent> server_;
  std::vector<std::unique_ptr<Contender>> contenders_;
  std::vector<std::unique_ptr<Observer>> observers_;
  std::vector<Program*> programs_;
  Resource resource_;
  std::uint64_t seen_promptly_ = 0;
};

void play(Kind kind) {
  const std::uint64_t first = number("DISCOVERY_FIRST_SEED", 1);
  const std::uint64_t count = number("DISCOVERY_SEEDS", 100);
  std::uint64_t acquired = 0;
  std::uint64_t seen_promptly = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    History history(seed, kind);
    acquired += history.play();
    seen_promptly += history.seen_promptly();
  }
  REQUIRE(acquired > count * kContenders);
  if (kind == Kind::kElection) REQUIRE(seen_promptly > count * kContenders);
}

TEST_CASE("a lock is fought for over a bad network", "[contention]") { play(Kind::kLock); }
TEST_CASE("a semaphore is fought for over a bad network", "[contention]") { play(Kind::kSemaphore); }
TEST_CASE("the lead is fought for over a bad network", "[contention]") { play(Kind::kElection); }

}  // namespace
}  // namespace discovery::testing
