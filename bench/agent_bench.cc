// What an embedded agent costs: `agent_bench [SECONDS]` says how long it takes to start and to stop, how much
// resident memory a further idle one takes, and how often its threads wake up (10 s).

#include <dirent.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <discovery/agent.h>
#include <discovery/testing/simulation.h>

namespace {

using namespace discovery;
using Steady = std::chrono::steady_clock;

double resident_mb() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

/// Voluntary context switches of all threads but this one.
std::uint64_t wake_ups() {
  std::uint64_t sum = 0;
  DIR* const threads = ::opendir("/proc/self/task");
  while (const dirent* entry = ::readdir(threads)) {
    const std::string id = entry->d_name;
    if (id[0] == '.' || id == std::to_string(::getpid())) continue;
    std::ifstream status("/proc/self/task/" + id + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches:")) sum += std::strtoull(line.c_str() + 24, nullptr, 10);
    }
  }
  ::closedir(threads);
  return sum;
}

std::unique_ptr<Agent> start() {
  auto agent = Agent::start({.node = "bench"});
  if (!agent.ok()) {
    std::fprintf(stderr, "%s\n", agent.status().to_string().c_str());
    std::exit(1);
  }
  return *std::move(agent);
}

double ms_since(Steady::time_point from) {
  return std::chrono::duration<double, std::milli>(Steady::now() - from).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::chrono::seconds span(argc > 1 ? std::atoi(argv[1]) : 10);
  std::vector<double> starts;
  std::vector<double> stops;
  std::vector<double> simulated;
  for (int i = 0; i < 50; ++i) {
    auto from = Steady::now();
    auto agent = start();
    starts.push_back(ms_since(from));
    from = Steady::now();
    agent.reset();
    stops.push_back(ms_since(from));
    from = Steady::now();
    testing::Simulation world;
    const auto simulated_agent = world.start();
    simulated.push_back(ms_since(from));
  }
  std::printf("medians of 50: start %.2f ms, stop %.2f ms; in a simulated world, ready in %.2f ms\n",
              median(starts), median(stops), median(simulated));

  ::malloc_trim(0);
  const double before = resident_mb();
  const auto first = start();
  const double one = resident_mb();
  std::vector<std::unique_ptr<Agent>> more;
  for (int i = 0; i < 10; ++i) more.push_back(start());
  const double eleven = resident_mb();
  more.clear();
  std::printf("resident memory of an idle agent: the first %.2f MB, each of ten more %.2f MB\n", one - before,
              (eleven - one) / 10);
  const std::uint64_t woken = wake_ups();
  std::this_thread::sleep_for(span);
  std::printf("wake-ups of its threads in %lld s: %llu\n", static_cast<long long>(span.count()),
              static_cast<unsigned long long>(wake_ups() - woken));
  return 0;
}
