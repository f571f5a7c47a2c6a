#pragma once

#include <memory>
#include <string>

#include <discovery/async.h>
#include <discovery/env.h>
#include <discovery/status.h>

#include "lib/api/agent_core.h"
#include "lib/env/env.h"

namespace discovery::api {

/// One agent's objects on one env, whatever its mode: what a handle's calls come to. Threads: the loop's.
class AgentStack {
 public:
  virtual ~AgentStack() = default;
  /// Takes up its duties. The message of a failure says what to do.
  virtual Status start() = 0;
  /// Lets what is being answered be answered for at most `grace`, then calls `done`.
  virtual void shutdown(Duration grace, UniqueFunction<void()> done) = 0;
  virtual AgentCore::Parts parts() = 0;
  /// Where HTTP and DNS are served, after start(); empty: they are not.
  virtual std::string http_address() const = 0;
  virtual std::string dns_address() const = 0;
};

/// Makes a stack on an env. Threads: the loop's.
using MakeStack = UniqueFunction<Result<std::unique_ptr<AgentStack>>(env::Env& env)>;

}  // namespace discovery::api
