#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/registry.h>

#include "lib/api/agent_core.h"

namespace discovery::api {

/// What is behind a Registration. Threads: one at a time, but for what is said to be the loop's.
class RegisteredService {
 public:
  /// A check of it that is a function of this program, with the id that it has on the agent.
  struct Function {
    std::string check_id;
    CheckSpec check;
  };

  /// `ttl_checks` are those that the holder may report on.
  RegisteredService(std::shared_ptr<AgentCore> core, std::string id, std::vector<std::string> ttl_checks,
                    std::vector<Function> functions, std::string token);
  ~RegisteredService();
  RegisteredService(const RegisteredService&) = delete;
  RegisteredService& operator=(const RegisteredService&) = delete;

  /// The agent has it: its functions begin to run. Threads: the loop's.
  void begin();

  const std::string& id() const noexcept { return id_; }
  Status report(Health health, std::string text, std::string_view check_id);
  Async<Unit> deregister();

 private:
  const std::shared_ptr<AgentCore> core_;
  const std::string id_;
  const std::vector<std::string> ttl_checks_;
  const std::vector<Function> functions_;
  const std::string token_;
  std::vector<std::uint64_t> running_;  // functions, by their numbers
};

}  // namespace discovery::api
