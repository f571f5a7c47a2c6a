#pragma once

#include <memory>

#include "lib/env/asio_loop.h"
#include "lib/env/env.h"

namespace discovery::env {

/// Env::spawn() of the real world. Children are awaited by descriptors of their processes (Linux 5.3), so
/// that no signal handler is needed.
std::unique_ptr<Process> asio_spawn(AsioLoop& loop, ProcessOptions options,
                                    UniqueFunction<void(Result<ProcessResult>)> done);

}  // namespace discovery::env
