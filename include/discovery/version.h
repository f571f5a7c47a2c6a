#pragma once

#include <discovery/export.h>

#include <string_view>

namespace discovery {

/// The version of the library that is linked, as "MAJOR.MINOR.PATCH" (https://semver.org).
/// Threads: safe. Blocks: never.
DISCOVERY_EXPORT std::string_view version() noexcept;

}  // namespace discovery
