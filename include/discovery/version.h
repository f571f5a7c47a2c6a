#pragma once

#include <string_view>

#include <discovery/export.h>

namespace discovery::inline v0 {

/// The version of the library that is linked, as "MAJOR.MINOR.PATCH" (https://semver.org).
/// Threads: safe. Blocks: never.
DISCOVERY_EXPORT std::string_view version() noexcept;

}  // namespace discovery::inline v0
