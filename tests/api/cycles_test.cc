// Agents that start and stop again and again leave nothing behind. DISCOVERY_CYCLES says how often (200).

#include <dirent.h>
#include <malloc.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include <discovery/agent.h>

namespace discovery {
namespace {

int cycles() {
  const char* const wanted = std::getenv("DISCOVERY_CYCLES");
  return wanted == nullptr ? 200 : std::atoi(wanted);
}

std::size_t entries(const char* directory) {
  std::size_t count = 0;
  DIR* const open = ::opendir(directory);
  while (::readdir(open) != nullptr) ++count;
  ::closedir(open);
  return count;
}

void cycle(const AgentOptions& options) {
  auto agent = Agent::start(options);
  REQUIRE(agent.ok());
  auto watch = (*agent)->registry().watch("web");
  ServiceSpec spec;
  spec.name = "web";
  const auto registration = (*agent)->registry().add(spec).get();
  REQUIRE(registration.ok());
  REQUIRE((*agent)->kv().put({"a", "b"}).get().ok());
}

void run_cycles(int count, const AgentOptions& options) {
  for (int i = 0; i < 20; ++i) cycle(options);
  const std::size_t descriptors = entries("/proc/self/fd");
  const std::size_t threads = entries("/proc/self/task");
  const std::size_t heap = ::mallinfo2().uordblks;
  for (int i = 0; i < count; ++i) cycle(options);
  REQUIRE(entries("/proc/self/fd") == descriptors);
  REQUIRE(entries("/proc/self/task") == threads);
  const std::size_t grown = ::mallinfo2().uordblks - heap;
  INFO("the heap grew from " << heap << " by " << static_cast<std::ptrdiff_t>(grown) << " bytes");
  // What the C library keeps for itself moves by some kilobytes; a byte lost in each cycle of ten thousand
  // would be more.
  REQUIRE(static_cast<std::ptrdiff_t>(grown) < 8192);
}

TEST_CASE("embedded agents that come and go leave nothing behind", "[cycles]") {
  run_cycles(cycles(), {.node = "one"});
}

TEST_CASE("agents that serve HTTP and DNS leave nothing behind", "[cycles]") {
  run_cycles(cycles() / 10, {.node = "one", .http_listen = "127.0.0.1:0", .dns_listen = "127.0.0.1:0"});
}

}  // namespace
}  // namespace discovery
