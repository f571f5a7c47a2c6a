#pragma once

/// \file
/// Service definitions on their way from configuration files and flags to the agent. In its API form a
/// definition is the body of PUT /v1/agent/service/register
/// (https://developer.hashicorp.com/consul/api-docs/agent/service#register-service): an object with the names
/// of the API that holds only what is set.

#include <span>
#include <string>
#include <vector>

#include <discovery/status.h>

#include "lib/hcl/value.h"

namespace discovery::cli {

/// The API form of a definition as agent::Config has it: "enable_tag_override" becomes "EnableTagOverride".
/// Keys that users choose (metadata, headers, proxy configuration) stay as they are. Pure.
hcl::Value to_api_form(const hcl::Value& definition);

/// Completes a definition in API form with what was given beside its file: a plain value where the definition
/// has none, list elements behind its own, map entries over its own. Both must be objects. Pure.
void fill_in(hcl::Value& definition, const hcl::Value& given);

/// A member's text; empty if it is absent or no text. Pure.
std::string text_member(const hcl::Value& object, std::string_view key);

/// Compact JSON. Pure.
std::string to_json(const hcl::Value& value);

/// The services that configuration files, or directories of them, define, in API form. They are read as the
/// agent reads them, so they may hold any of its keys. Blocks on the disk. Errors: those of
/// config::load_agent_config; kInvalidArgument if there is no service in them.
Result<std::vector<hcl::Value>> load_services(std::span<const std::string> paths);

}  // namespace discovery::cli
