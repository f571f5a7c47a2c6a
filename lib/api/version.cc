#include <discovery/version.h>

namespace discovery {

std::string_view version() noexcept { return DISCOVERY_VERSION; }

}  // namespace discovery
