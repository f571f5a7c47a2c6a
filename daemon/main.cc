/// \file
/// The program `discoveryd`: the agent, and the commands that talk to one.

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/agent/run_agent.h"
#include "daemon/cli/cli.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace {

/// By default glibc gives back what is free at the end of the heap from 128 KiB on, only to fetch it again
/// for the next request: each page costs a fault. And it raises both thresholds to the largest block that was
/// ever freed, so that what a flood of large bodies took would stay with the process as holes.
void tune_malloc() {
#if defined(__GLIBC__)
  // NOLINTBEGIN(concurrency-mt-unsafe): there is no other thread yet
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  // NOLINTEND(concurrency-mt-unsafe)
#endif
}

}  // namespace

int main(int argc, char** argv) {
  tune_malloc();
  // A peer that goes away is an error of the write to it, in TLS as well, not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);

  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  const auto env = [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets any
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  discovery::cli::Context context{std::cin, std::cout, std::cerr, env};
  const int code = discovery::cli::run(args, context, [](std::span<const std::string> agent_args) {
    return discovery::run_agent(agent_args);
  });
  std::cout.flush();
  // Output that could not be written is a failure that nothing else would tell of.
  return std::cout.good() ? code : (code != 0 ? code : discovery::cli::kExitFailure);
}
