#pragma once

/// \file
/// What the agent keeps of a registration, and its form on the disk: Consul's
/// (https://developer.hashicorp.com/consul/docs/agent/config/cli-flags#_data_dir), a JSON object a file.
/// Pure.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <discovery/status.h>

#include "lib/model/check_spec.h"
#include "lib/model/records.h"

namespace discovery::agent {

/// A service as it was kept.
struct StoredService {
  model::ServiceInstance service;
  std::string token;
  bool sidecar = false;  ///< it was defined inside of its parent
};

/// A check as it was kept: how it is shown, and what it does.
struct StoredCheck {
  model::HealthCheck record;
  std::optional<model::CheckSpec> spec;  ///< nothing for those of maintenance
  std::string token;
};

/// What a TTL check last said.
struct StoredState {
  std::string check_id;
  std::string status;
  std::string output;
  std::chrono::system_clock::time_point expires;  ///< then it means nothing any more
};

/// \name Between these and the text of their files
/// Reading ignores what it does not know. kInvalidArgument: it is no JSON object of this kind, or incomplete.
/// @{
Status parse(std::string_view text, StoredService& stored);
Status parse(std::string_view text, StoredCheck& stored);
Status parse(std::string_view text, StoredState& stored);
std::string to_json(const StoredService& stored);
std::string to_json(const StoredCheck& stored);
std::string to_json(const StoredState& stored);
/// @}

}  // namespace discovery::agent
