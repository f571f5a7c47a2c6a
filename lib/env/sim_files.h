#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

#include "lib/env/env.h"

namespace discovery::env {

/// How a simulated disk misbehaves. Probabilities are per call.
struct FileFaults {
  std::size_t capacity =
      std::numeric_limits<std::size_t>::max();  ///< bytes of content; over it kResourceExhausted
  double fail_read = 0;                         ///< read() fails with kUnavailable
  double fail_write = 0;  ///< replace() and remove() fail with kUnavailable and change nothing
  double lose_at_crash =
      0;  ///< they change the file, report that it could not be synced, and a crash undoes it
};

/// The disk of one simulated machine: in memory, with what would survive a crash kept apart.
class SimFiles final : public Files {
 public:
  explicit SimFiles(Random& random) : random_(random) {}

  Result<std::string> read(const std::string& path, std::size_t limit) override;
  Status replace(const std::string& path, std::string_view content) override;
  Status remove(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status make_directory(const std::string& path) override;

  void set_faults(const FileFaults& faults) { faults_ = faults; }
  /// Takes back what was not synced.
  void crash() { visible_ = durable_; }

 private:
  using Contents = std::map<std::string, std::string>;

  bool happens(double probability);
  Status not_synced(const std::string& path) const;

  Random& random_;
  FileFaults faults_;
  Contents visible_;
  Contents durable_;
  std::set<std::string> directories_{"/"};
};

}  // namespace discovery::env
