#pragma once

#include <map>
#include <string>
#include <string_view>

#include <discovery/env.h>
#include <discovery/types.h>

namespace discovery::server {

/// For how long keys may not be locked whose holder's session has ended
/// (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions#lock-delay). Kept in memory by
/// the leader's own clock, as Consul does: it is lost with the process. Holds nothing longer than its delay,
/// or until it is used next. Threads: the loop's.
class LockDelays {
 public:
  explicit LockDelays(Clock& clock) : clock_(clock) {}

  /// Nobody gets a key from now on for `delay`; a delay that ends later stays.
  void set(std::string key, Duration delay);
  /// Whether a key may not be locked now.
  bool holds(std::string_view key);

  std::size_t size() const noexcept { return until_.size(); }

 private:
  void forget_past();

  Clock& clock_;
  std::map<std::string, Duration, std::less<>> until_;
  std::multimap<Duration, std::string> order_;  ///< may name what was set anew since
};

}  // namespace discovery::server
