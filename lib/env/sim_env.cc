#include "lib/env/sim_env.h"

#include <algorithm>
#include <utility>

#include "lib/env/sim_pipe.h"

namespace discovery::env {

class SimTimer final : public Timer {
 public:
  explicit SimTimer(SimEnv& machine) : machine_(machine) {}
  SimTimer(const SimTimer&) = delete;
  SimTimer& operator=(const SimTimer&) = delete;
  ~SimTimer() override { cancel(); }

  void start(Duration delay, UniqueFunction<void()> fire) override {
    cancel();
    event_ = machine_.world_.schedule(machine_, std::max(delay, Duration::zero()), std::move(fire));
  }
  void cancel() override { machine_.world_.events_.cancel(std::exchange(event_, {})); }

 private:
  SimEnv& machine_;
  SimEvents::Id event_;
};

/// What runs later on a machine, in virtual time. It holds what is under way; the events name it only.
class SimWorkers final : public Workers {
 public:
  SimWorkers(SimEnv& machine, std::size_t limit) : machine_(machine), limit_(limit) {}
  SimWorkers(const SimWorkers&) = delete;
  SimWorkers& operator=(const SimWorkers&) = delete;
  ~SimWorkers() override {
    for (const auto& [number, job] : jobs_) machine_.world_.events_.cancel(job.event);
  }

  Status run(UniqueFunction<void()> work, UniqueFunction<void()> done) override {
    if (jobs_.size() >= limit_) return {Code::kResourceExhausted, "too much work is under way"};
    Simulation& world = machine_.world_;
    const Duration begin =
        std::max(world.now(), machine_.workers_busy_until_) + world.random_.below(kLongestDelay);
    const Duration end = begin + world.random_.below(kLongestWork);
    machine_.workers_busy_until_ = end;
    const std::uint64_t number = ++last_number_;
    Job& job = jobs_[number];
    job.work = std::move(work);
    job.done = std::move(done);
    job.event =
        world.schedule(machine_, begin - world.now(), [this, number, end] { begin_job(number, end); });
    return {};
  }

 private:
  static constexpr Duration kLongestDelay = std::chrono::microseconds(200);
  static constexpr Duration kLongestWork = std::chrono::milliseconds(2);

  struct Job {
    UniqueFunction<void()> work;
    UniqueFunction<void()> done;
    SimEvents::Id event;
  };

  void begin_job(std::uint64_t number, Duration end) {
    Job& job = jobs_[number];
    job.work();
    job.work = nullptr;
    Simulation& world = machine_.world_;
    job.event = world.schedule(machine_, end - world.now(), [this, number] {
      UniqueFunction<void()> done = take(number);
      if (done) done();
    });
  }
  UniqueFunction<void()> take(std::uint64_t number) {
    const auto found = jobs_.find(number);
    UniqueFunction<void()> done = std::move(found->second.done);
    jobs_.erase(found);
    return done;
  }

  SimEnv& machine_;
  const std::size_t limit_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Job> jobs_;
};

namespace {

/// The wall clock of the world at its beginning: 2024-01-01 00:00:00 UTC.
constexpr auto kBeginning = std::chrono::system_clock::time_point(std::chrono::seconds(1704067200));
/// How long a machine had been up when the world began, so that no code takes a small number for granted.
constexpr Duration kUptime = std::chrono::hours(1);

}  // namespace

Simulation::Simulation(std::uint64_t seed) : random_(seed), seed_(seed) {
  loopback_.min_delay = std::chrono::microseconds(5);
  loopback_.max_delay = std::chrono::microseconds(20);
}

Simulation::~Simulation() { events_.clear(); }

SimEnv& Simulation::add_env(const std::string& name, std::string address) {
  const std::size_t number = machines_.size() + 1;
  if (address.empty()) {
    address = "10.0." + std::to_string(number / 250) + "." + std::to_string(number % 250);
  }
  const std::uint64_t seed = SeededRandom(seed_ ^ (0x9e3779b97f4a7c15U * number)).next();
  machines_.push_back(std::make_unique<SimEnv>(*this, number, name, std::move(address), seed));
  return *machines_.back();
}

bool Simulation::step() {
  if (events_.next_time() == Duration::max()) return false;
  if (const auto [machine, life] = events_.next_owner();
      machine != nullptr && machine->paused_ && machine->life_ == life) {
    now_ = events_.next_time();
    events_.put_off(machine->pause_end_);
    return true;
  }
  SimEvents::Due due = events_.pop();
  now_ = due.at;
  if (due.machine != nullptr) {
    if (!due.machine->running_ || due.machine->life_ != due.life) return true;
    note(due.machine->number_);
  }
  note(static_cast<std::uint64_t>(now_.count()));
  due.run();
  return true;
}

void Simulation::run_for(Duration span) {
  const Duration end = now_ + span;
  while (events_.next_time() <= end) step();
  now_ = end;
}

bool Simulation::run_until(const std::function<bool()>& reached, Duration limit) {
  const Duration end = now_ + limit;
  while (!reached()) {
    if (events_.next_time() > end) {
      now_ = end;
      return false;
    }
    step();
  }
  return true;
}

void Simulation::set_link(const SimEnv& a, const SimEnv& b, const LinkOptions& options) {
  links_[pair_of(a, b)] = options;
}

void Simulation::block(const SimEnv& a, const SimEnv& b) { blocked_.insert(pair_of(a, b)); }
void Simulation::unblock(const SimEnv& a, const SimEnv& b) { blocked_.erase(pair_of(a, b)); }

void Simulation::reset_streams(const SimEnv& a, const SimEnv& b) {
  const auto pipes = pipes_;  // a callback may open more
  for (const auto& weak : pipes) {
    if (const auto pipe = weak.lock(); pipe && pipe->connects(a, b)) pipe->reset();
  }
}

void Simulation::crash(SimEnv& machine) {
  machine.running_ = false;
  machine.paused_ = false;
  ++machine.life_;
  machine.listeners_.clear();
  machine.datagram_sockets_.clear();
  machine.files_.crash();
  for (const auto& weak : pipes_) {
    if (const auto pipe = weak.lock()) pipe->crash(machine);
  }
}

void Simulation::restart(SimEnv& machine) {
  machine.running_ = true;
  machine.files_.restart();
}

void Simulation::pause(SimEnv& machine, Duration span) {
  if (span <= Duration::zero() || !machine.running_) return;
  machine.pause_end_ = std::max(machine.paused_ ? machine.pause_end_ : Duration::zero(), now_ + span);
  machine.paused_ = true;
  events_.schedule_first(machine.pause_end_, [this, &machine] {
    if (now_ >= machine.pause_end_) machine.paused_ = false;
  });
}

SimEvents::Id Simulation::schedule(SimEnv& on, Duration delay, UniqueFunction<void()> run) {
  return events_.schedule(now_ + delay, &on, on.life_, std::move(run));
}

SimEvents::Id Simulation::schedule_at(Duration at, UniqueFunction<void()> run) {
  return events_.schedule(at, nullptr, 0, std::move(run));
}

SimEnv* Simulation::find(SimEnv& from, const std::string& address) {
  if (is_loopback(address)) return &from;
  const auto found = std::find_if(machines_.begin(), machines_.end(),
                                  [&](const auto& machine) { return machine->address() == address; });
  return found == machines_.end() ? nullptr : found->get();
}

bool Simulation::is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with('/');
}

const LinkOptions& Simulation::link(const SimEnv& a, const SimEnv& b) const {
  if (const auto found = links_.find(pair_of(a, b)); found != links_.end()) return found->second;
  return &a == &b ? loopback_ : link_;
}

bool Simulation::blocked(const SimEnv& a, const SimEnv& b) const { return blocked_.contains(pair_of(a, b)); }

Duration Simulation::random_delay(const LinkOptions& options) {
  return options.min_delay + random_.below(options.max_delay - options.min_delay + Duration(1));
}

bool Simulation::happens(double probability) {
  return probability > 0 && static_cast<double>(random_.next() >> 11) * 0x1p-53 < probability;
}

void Simulation::note(std::uint64_t value) noexcept {
  // One round of the mixer of SplitMix64: each bit of the past goes on to touch all bits of the digest.
  trace_ = (trace_ ^ value) + 0x9e3779b97f4a7c15U;
  trace_ = (trace_ ^ (trace_ >> 30)) * 0xbf58476d1ce4e5b9U;
  trace_ ^= trace_ >> 27;
}

Simulation::Pair Simulation::pair_of(const SimEnv& a, const SimEnv& b) {
  return std::minmax({a.number_, b.number_});
}

SimEnv::SimEnv(Simulation& world, std::size_t number, std::string name, std::string address,
               std::uint64_t seed)
    : world_(world),
      number_(number),
      name_(std::move(name)),
      address_(std::move(address)),
      random_(seed),
      files_(random_) {}

void SimEnv::post(UniqueFunction<void()> task) { world_.schedule(*this, Duration::zero(), std::move(task)); }

std::unique_ptr<Timer> SimEnv::make_timer() { return std::make_unique<SimTimer>(*this); }

std::unique_ptr<Workers> SimEnv::make_workers(std::size_t limit) {
  return std::make_unique<SimWorkers>(*this, limit);
}

Duration SimEnv::monotonic() { return kUptime + world_.now(); }

std::chrono::system_clock::time_point SimEnv::wall() {
  return kBeginning +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(world_.now() + wall_skew_);
}

void SimEnv::write(Level level, std::string_view unit, std::string_view message) noexcept {
  if (log_lines_.size() == kLogLines) log_lines_.pop_front();
  log_lines_.push_back({world_.now(), level, std::string(unit), std::string(message)});
}

}  // namespace discovery::env
