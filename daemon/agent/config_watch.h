#pragma once

#include <functional>
#include <string>
#include <utility>

namespace discovery {

/// Notices when something has changed and then stays as it is, such as the files of a configuration: what is
/// still being written is not looked at. Threads: one at a time.
class ConfigWatch {
 public:
  /// `state` says how it is now; two equal answers mean that nothing has changed. It is asked here and in
  /// look().
  explicit ConfigWatch(std::function<std::string()> state)
      : state_(std::move(state)), taken_(state_()), seen_(taken_) {}

  /// Looks. True if it is not what it was when this was true last, or at the beginning, and has not changed
  /// since the look before.
  bool look() {
    std::string now = state_();
    const bool is_settled = now == seen_;
    seen_ = std::move(now);
    if (!is_settled || seen_ == taken_) return false;
    taken_ = seen_;
    return true;
  }
  /// What look() has found could not be made use of: it finds it again.
  void forget() { taken_.clear(); }

 private:
  std::function<std::string()> state_;
  std::string taken_, seen_;
};

}  // namespace discovery
