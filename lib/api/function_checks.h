#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <discovery/check.h>

#include "lib/api/check_runner.h"
#include "lib/env/env.h"
#include "lib/model/local_agent.h"

namespace discovery::api {

/// Runs the checks of registered services that are functions of this program, and reports on their TTL checks
/// what the functions say: at each change, and often enough that the TTL does not run out.
/// Threads: the loop's. Blocks: the destructor, until functions that are running have ended.
class FunctionChecks {
 public:
  /// Both outlive it.
  FunctionChecks(env::Env& env, model::LocalAgent& local);

  /// Begins to run a function for the agent's TTL check `check_id`; returns a number for remove().
  std::uint64_t add(const std::string& check_id, const CheckSpec& check, const std::string& token);
  void remove(std::uint64_t number);

 private:
  struct Target {
    std::string check_id;
    std::string token;
    Health health;
  };
  void report(const CheckRunner::Seen& seen);

  model::LocalAgent& local_;
  std::map<std::uint64_t, Target> targets_;
  std::uint64_t last_ = 0;
  CheckRunner runner_;
};

}  // namespace discovery::api
