#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <discovery/types.h>

#include "lib/agent/local_state.h"
#include "lib/env/env.h"
#include "lib/model/backend.h"

namespace discovery::agent {

/// Makes the catalog follow the agent's services and checks: tells it of each change at once, and compares
/// everything now and then (https://developer.hashicorp.com/consul/docs/architecture/anti-entropy).
///
/// Pushes of one unit go one after another and show what is true when they start, so a slow backend sees only
/// the latest; those of different units go side by side, at most kMaxPushes.
///
/// Threads: one, the loop of `env`, where the backend's results must come as well. Blocks: never. Nothing is
/// called after destruction.
class AntiEntropy {
 public:
  /// Each pause is lengthened at random by up to as much again, so that agents don't act in step.
  struct Options {
    Duration sync_interval = std::chrono::seconds(60);
    Duration retry_interval = std::chrono::seconds(15);
  };
  static constexpr std::size_t kMaxPushes = 256;

  /// All three must outlive this.
  AntiEntropy(env::Env& env, model::Backend& backend, LocalState& state, std::string node_name,
              const Options& options);
  ~AntiEntropy();
  AntiEntropy(const AntiEntropy&) = delete;
  AntiEntropy& operator=(const AntiEntropy&) = delete;

  /// Tells the catalog what it has yet to hear of this unit: now, or when what is under way is over. What
  /// fails is tried again with the unit's next change, or by the next comparison, which then comes soon.
  void push(SyncUnit& unit);
  /// Tells the catalog of several units by one command, so that others see all of them or none. What does not
  /// fit in (another token, a push under way) is told by itself; what fails as well, later.
  void push_together(const std::vector<SyncUnit*>& units);
  /// Compares everything now; a comparison that is under way will do.
  void compare();

 private:
  struct Life {};

  void start_pushes();
  void start_push(SyncUnit& unit, Push push);
  void finish_push(SyncUnit& unit, Push& push, const Status& status);
  /// The push is over: notes how it ended, and lets the unit go on.
  void settle(SyncUnit& unit, Push& push, const Status& status);
  void compare_checks(const model::Answer& services, std::uint64_t since);
  void finish_compare(const model::Answer& services, const model::Answer& checks, std::uint64_t since);
  void fail_compare(const Status& status);
  void note_success();
  void note_failure(const Status& status);
  void schedule(Duration pause);
  /// `result` is called only while this lives.
  template <class T, class F>
  void await(Async<T> operation, F result);

  env::Env& env_;
  model::Backend& backend_;
  LocalState& state_;
  const std::string node_name_;
  const Options options_;
  std::unique_ptr<env::Timer> timer_;
  std::optional<Duration> scheduled_;  // when the timer fires
  std::deque<SyncUnit*> queue_;
  std::size_t pushes_ = 0;
  bool starting_pushes_ = false;
  bool comparing_ = false;
  bool failing_ = false;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
};

}  // namespace discovery::agent
