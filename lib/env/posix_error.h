#pragma once

#include <string>
#include <string_view>

#include <discovery/status.h>

namespace discovery::env {

/// The Status for an errno of a file or socket call: "<what>: <the system's text>".
Status posix_error(std::string_view what, int error);

}  // namespace discovery::env
