#include <discovery/version.h>

namespace discovery::inline v0 {

std::string_view version() noexcept { return DISCOVERY_VERSION; }

}  // namespace discovery::inline v0
