#include <array>
#include <map>
#include <string_view>

#include <discovery/testing/simulation.h>

#include "lib/api/running_agent.h"
#include "lib/env/sim_env.h"

namespace discovery::testing::inline v0 {
namespace {

env::LinkOptions to_options(const Link& link) {
  env::LinkOptions options;
  options.min_delay = link.min_delay;
  options.max_delay = link.max_delay;
  options.loss = link.loss;
  options.duplicate = link.duplicate;
  options.reorder = link.reorder;
  return options;
}

std::string_view name_of(Level level) {
  constexpr std::array<std::string_view, 5> kNames = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
  return kNames[static_cast<std::size_t>(level)];
}

}  // namespace

class Simulation::Impl {
 public:
  explicit Impl(std::uint64_t seed) : world(seed) {}

  env::SimEnv& machine(const std::string& name) {
    const auto found = machines.find(name);
    if (found != machines.end()) return *found->second;
    return *machines.emplace(name, &world.add_env(name)).first->second;
  }

  env::Simulation world;
  std::map<std::string, env::SimEnv*> machines;
};

Simulation::Simulation(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
Simulation::~Simulation() = default;

Result<std::unique_ptr<Agent>> Simulation::start(AgentOptions options, const std::string& machine) {
  env::SimEnv& env = impl_->machine(machine);
  if (options.node.empty()) options.node = machine;
  auto running = api::RunningAgent::start_on(env, options, nullptr);
  if (!running.ok()) return running.status();
  return std::unique_ptr<Agent>(new Agent(*std::move(running)));
}

Duration Simulation::now() const noexcept { return impl_->world.now(); }
void Simulation::run_for(Duration span) { impl_->world.run_for(span); }
bool Simulation::run_until(const std::function<bool()>& reached, Duration limit) {
  return impl_->world.run_until(reached, limit);
}
std::uint64_t Simulation::trace() const noexcept { return impl_->world.trace(); }

void Simulation::set_link(const Link& link) { impl_->world.set_link(to_options(link)); }
void Simulation::set_link(const std::string& a, const std::string& b, const Link& link) {
  impl_->world.set_link(impl_->machine(a), impl_->machine(b), to_options(link));
}
void Simulation::cut(const std::string& a, const std::string& b) {
  impl_->world.block(impl_->machine(a), impl_->machine(b));
}
void Simulation::mend(const std::string& a, const std::string& b) {
  impl_->world.unblock(impl_->machine(a), impl_->machine(b));
}

void Simulation::crash(std::unique_ptr<Agent> agent) {
  for (const auto& [name, machine] : impl_->machines) {
    if (agent->running_->env() != machine) continue;
    impl_->world.crash(*machine);
    agent.reset();
    impl_->world.restart(*machine);
    return;
  }
}

void Simulation::pause(const std::string& machine, Duration span) {
  impl_->world.pause(impl_->machine(machine), span);
}

bool Simulation::paused(const std::string& machine) const { return impl_->machine(machine).paused(); }

void Simulation::set_disk(const std::string& machine, const Disk& disk) {
  env::FileFaults faults;
  faults.capacity = disk.capacity;
  faults.fail_read = disk.fail_read;
  faults.fail_write = disk.fail_write;
  faults.lose_at_crash = disk.lose_at_crash;
  impl_->machine(machine).sim_files().set_faults(faults);
}

void Simulation::set_wall_skew(const std::string& machine, Duration skew) {
  impl_->machine(machine).set_wall_skew(skew);
}

std::vector<std::string> Simulation::log(const std::string& machine) const {
  std::vector<std::string> lines;
  for (const env::SimLogLine& line : impl_->machine(machine).log_lines()) {
    std::string text(name_of(line.level));
    lines.push_back(text.append(" ").append(line.unit).append(": ").append(line.message));
  }
  return lines;
}

}  // namespace discovery::testing::inline v0
