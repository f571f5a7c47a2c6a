#pragma once

#include <string>
#include <vector>

#include "lib/env/asio_loop.h"
#include "lib/env/env.h"

namespace discovery::env {

/// Env::resolve() of the real world. The system's resolver blocks, so it runs on a thread that Asio keeps for
/// it, one name after another.
void asio_resolve(AsioLoop& loop, const std::string& name,
                  UniqueFunction<void(Result<std::vector<std::string>>)> done);

}  // namespace discovery::env
