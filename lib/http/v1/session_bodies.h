#pragma once

/// \file
/// What PUT /v1/session/create takes
/// (https://developer.hashicorp.com/consul/api-docs/session#create-session).

#include <string_view>

#include <discovery/status.h>

#include "lib/model/session.h"

namespace discovery::http::v1 {

/// Fills `session`, which holds what counts where the body says nothing, from a JSON object or null. Members
/// that it does not have are skipped. Lists that are null or empty mean no checks as they do for Consul,
/// where the older list `Checks` and the newer ones meet. kInvalidArgument with Go's text.
Status read_session(std::string_view body, model::Session& session);

}  // namespace discovery::http::v1
