#pragma once

/// \file
/// Definitions from configuration files on their way to the agent. In its API form a definition is the body
/// of PUT /v1/agent/service/register or .../check/register
/// (https://developer.hashicorp.com/consul/api-docs/agent/service#register-service): an object with the names
/// of the API that holds only what is set. All functions are pure.

#include <string>

#include "lib/hcl/value.h"

namespace discovery::api {

/// The API form of a definition as agent::Config has it: "enable_tag_override" becomes "EnableTagOverride".
/// Keys that users choose (metadata, headers, proxy configuration) stay as they are.
hcl::Value to_api_form(const hcl::Value& definition);

/// Compact JSON.
std::string to_json(const hcl::Value& value);

}  // namespace discovery::api
