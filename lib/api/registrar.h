#pragma once

#include <set>
#include <string>

#include "lib/api/definitions.h"
#include "lib/env/env.h"
#include "lib/model/local_agent.h"

namespace discovery::api {

/// Keeps an agent's services and checks as its configuration defines them, from one reload to the next.
/// Threads: the loop's. Blocks: never. The env and the agent outlive it.
class Registrar {
 public:
  Registrar(env::Env& env, model::LocalAgent& agent) : env_(env), agent_(agent) {}

  /// Registers what is defined, and takes off the agent what was defined before and is no more. A check that
  /// was there keeps its state. With `drop_others`, what was registered over the API goes too.
  /// REQUIRES: read_definitions() has made them; so nothing can fail, and what does is logged.
  void apply(Definitions definitions, bool drop_others);

 private:
  void register_all(Definitions definitions);
  void remove_missing(const std::set<std::string>& services, const std::set<std::string>& checks);

  env::Env& env_;
  model::LocalAgent& agent_;
  // Ids of what the configuration has defined.
  std::set<std::string> services_;
  std::set<std::string> checks_;
};

}  // namespace discovery::api
