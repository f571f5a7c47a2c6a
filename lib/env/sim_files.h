#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
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
      0;               ///< they change the file, report that it could not be synced, and a crash undoes it
  std::string only{};  ///< calls for paths without this in them are fine
};

/// The disk of one simulated machine: in memory, with what would survive a crash kept apart. It promises no
/// more than POSIX does: what was not synced may be there after a crash, in part, or not at all.
class SimFiles final : public Files {
 public:
  explicit SimFiles(Random& random) : random_(random) {}

  Result<std::string> read(const std::string& path, std::size_t limit) override;
  Status replace(const std::string& path, std::string_view content) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove_leftovers(const std::string& directory) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status make_directory(const std::string& path) override;
  Result<std::shared_ptr<void>> lock_directory(const std::string& path) override;

  void set_faults(const FileFaults& faults) { faults_ = faults; }
  /// Lets the power go after so many more steps of writing (a replace() takes five, a remove() or rename()
  /// two): the call that it meets stops there, and it and all that follow fail until the machine has crashed
  /// and is back.
  void lose_power_after(std::uint64_t steps) { steps_left_ = steps; }
  bool has_power() const noexcept { return powered_; }
  /// Takes back what was not synced. Until restart() nothing can be read or written: the program that the
  /// machine ran can do nothing more, even while it is being destroyed.
  void crash();
  void restart();

 private:
  using Contents = std::map<std::string, std::string>;

  bool happens(double probability, const std::string& path);
  bool happens(double probability);
  Status not_synced(const std::string& path) const;
  Status powerless(const std::string& path) const;
  /// How many of a call's `steps` are done; all, unless the power goes.
  std::uint64_t take_steps(std::uint64_t steps);
  void lose_power_in_replace(std::uint64_t done, const std::string& path, std::string_view content);

  Random& random_;
  FileFaults faults_;
  Contents visible_;
  Contents durable_;
  std::set<std::string> directories_{"/"};
  std::map<std::string, std::weak_ptr<void>> locks_;
  std::optional<std::uint64_t> steps_left_;
  bool powered_ = true;
};

}  // namespace discovery::env
