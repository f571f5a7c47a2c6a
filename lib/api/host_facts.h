#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace discovery::api {

/// What the machine is and how busy, as the JSON object of GET /v1/agent/host
/// (https://developer.hashicorp.com/consul/api-docs/agent#retrieve-host-information). What the system does
/// not tell is empty or 0. Blocks for the moment that reading some files of /proc takes.
std::string host_facts_json(std::chrono::system_clock::time_point now);

/// What the process uses of it.
struct ProcessFacts {
  std::uint64_t resident_bytes = 0;
  std::uint64_t heap_bytes = 0;  ///< allocated and in use
  std::uint64_t threads = 0;
  std::uint64_t open_files = 0;
  std::uint64_t max_files = 0;  ///< it may have open
};
ProcessFacts process_facts();

/// "amd64", "arm64", or what the system calls it.
std::string architecture();

}  // namespace discovery::api
