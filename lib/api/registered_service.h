#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/registry.h>

#include "lib/api/agent_core.h"

namespace discovery::api {

/// What is behind a Registration. Threads: one at a time.
class RegisteredService {
 public:
  /// `ttl_checks` are those that the holder may report on.
  RegisteredService(std::shared_ptr<AgentCore> core, std::string id, std::vector<std::string> ttl_checks,
                    std::string token);

  const std::string& id() const noexcept { return id_; }
  Status report(Health health, std::string text, std::string_view check_id);
  Async<Unit> deregister();

 private:
  const std::shared_ptr<AgentCore> core_;
  const std::string id_;
  const std::vector<std::string> ttl_checks_;
  const std::string token_;
};

}  // namespace discovery::api
