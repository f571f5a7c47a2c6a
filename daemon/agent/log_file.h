#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery {

/// The log in files that take turns, with Consul's names and rules
/// (https://developer.hashicorp.com/consul/docs/agent/config/cli-flags#_log_file): "consul.log" is written to
/// "consul-<nanoseconds since 1970>.log", a new one when it is too long or too old, and the oldest ones go.
///
/// Threads: one at a time. Blocks: on the disk.
class LogFile {
 public:
  using Clock = std::function<std::chrono::system_clock::time_point()>;
  struct Options {
    /// Where the files go and how their names begin; a directory, or what ends with a slash, stands for
    /// "consul" in there. Without an extension ".log" is added.
    std::string path;
    std::int64_t max_bytes = 0;  ///< then the next one is begun; 0: however long it gets
    Duration max_age = std::chrono::hours(24);
    int max_files = 0;  ///< older ones go when a new one is begun; 0: none does, less: all
    Clock clock = [] { return std::chrono::system_clock::now(); };
  };

  /// Removes old files and begins a new one. kPermissionDenied, kUnavailable; the message names the file.
  static Result<LogFile> open(Options options);

  /// Writes a whole line, before it in a new file if it is time for one. A line that cannot be written is
  /// lost.
  void write(std::string_view line);
  /// The file that is being written.
  const std::string& current() const noexcept { return current_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  explicit LogFile(Options options);
  Status begin();
  void prune() const;

  Options options_;
  std::string prefix_;     // of the files' names, up to the number
  std::string extension_;  // with its dot
  std::string current_;
  std::unique_ptr<std::FILE, Close> file_;
  std::chrono::system_clock::time_point begun_{};
  std::int64_t written_ = 0;
};

}  // namespace discovery
