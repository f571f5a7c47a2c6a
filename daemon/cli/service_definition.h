#pragma once

/// \file
/// Service definitions on their way from configuration files and flags to the agent, in their API form
/// (lib/api/definition_form.h).

#include <span>
#include <string>
#include <vector>

#include <discovery/status.h>

#include "lib/hcl/value.h"

namespace discovery::cli {

/// Completes a definition in API form with what was given beside its file: a plain value where the definition
/// has none, list elements behind its own, map entries over its own. Both must be objects. Pure.
void fill_in(hcl::Value& definition, const hcl::Value& given);

/// A member's text; empty if it is absent or no text. Pure.
std::string text_member(const hcl::Value& object, std::string_view key);

/// The services that configuration files, or directories of them, define, in API form. They are read as the
/// agent reads them, so they may hold any of its keys. Blocks on the disk. Errors: those of
/// config::load_agent_config; kInvalidArgument if there is no service in them.
Result<std::vector<hcl::Value>> load_services(std::span<const std::string> paths);

}  // namespace discovery::cli
