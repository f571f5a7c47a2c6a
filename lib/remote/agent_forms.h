#pragma once

/// \file
/// What /v1/agent takes and shows, for who asks (https://developer.hashicorp.com/consul/api-docs/agent).

#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

#include "lib/model/local_agent.h"

namespace discovery::remote {

/// \name Bodies
/// What says nothing is left out, since older agents refuse what they do not know. Pure.
/// @{
std::string service_body(const model::ServiceSpec& spec);
std::string check_body(const model::CheckSpec& spec);
std::string check_update_body(std::string_view status, std::string_view output);
/// @}

/// \name Answers
/// kUnavailable: it is no such answer. Pure.
/// @{
Result<std::vector<model::AgentService>> read_services(std::string_view body);
/// `hash` is what the answer's fields say.
Result<model::AgentService> read_service(std::string_view body, std::string_view hash);
Result<std::vector<model::CheckPtr>> read_checks(std::string_view body);
Result<model::AgentSelf> read_self(std::string_view body);
Result<std::vector<model::Member>> read_members(std::string_view body);
Result<model::CheckHistory> read_history(std::string_view body);
/// That of one service.
Result<std::vector<model::ServiceHealth>> read_health(std::string_view body);
Result<std::vector<model::ServiceHealth>> read_health_list(std::string_view body);
/// @}

}  // namespace discovery::remote
