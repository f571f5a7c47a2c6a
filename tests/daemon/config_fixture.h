#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "daemon/config/explain.h"
#include "daemon/config/load.h"

namespace discovery::config::testing {

/// A directory of its own for each test, gone at its end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "config_test.XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

 private:
  std::string path_;
};

/// A machine named "machine" with one private address.
inline Host machine() {
  return {[] { return Result<std::string>("machine"); },
          [] { return Result<std::vector<std::string>>({"10.1.2.3"}); },
          [] { return Result<std::vector<std::string>>({"2001:db8::1"}); },
          [] { return std::optional<std::uint64_t>(1024); },
          [] {
            return Result<std::vector<InterfaceAddress>>(
                {{.name = "lo", .address = "127.0.0.1", .prefix = 8, .up = true, .loopback = true},
                 {.name = "eth0", .address = "10.1.2.3", .prefix = 24, .up = true, .is_default = true},
                 {.name = "eth1", .address = "192.168.7.8", .prefix = 16, .up = true},
                 {.name = "eth1", .address = "2001:db9::1", .prefix = 64, .up = true},
                 {.name = "eth2", .address = "192.168.9.9", .prefix = 24}});
          }};
}

inline Result<LoadedConfig> load(const std::vector<std::string>& args, const Host& host = machine()) {
  const Result<AgentFlags> flags = parse_agent_flags(args);
  if (!flags.ok()) return flags.status();
  return load_agent_config(*flags, host);
}

/// The configuration; fails the test if there is none.
inline agent::Config must_load(const std::vector<std::string>& args, const Host& host = machine()) {
  const Result<LoadedConfig> loaded = load(args, host);
  INFO(loaded.status().to_string());
  REQUIRE(loaded.ok());
  return loaded->config;
}

inline std::vector<std::string> warnings_of(const std::vector<std::string>& args,
                                            const Host& host = machine()) {
  const Result<LoadedConfig> loaded = load(args, host);
  INFO(loaded.status().to_string());
  REQUIRE(loaded.ok());
  return loaded->warnings;
}

/// The message of what must not load, without where and what to do; empty if it does.
inline std::string error_of(const std::vector<std::string>& args, const Host& host = machine()) {
  const Status status = load(args, host).status();
  return std::string(without_explanation(status.message()));
}

}  // namespace discovery::config::testing
