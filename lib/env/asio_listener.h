#pragma once

#include <memory>

#include "lib/env/asio_loop.h"
#include "lib/env/env.h"

namespace discovery::env {

/// Env::listen() of the real world.
Result<std::unique_ptr<Listener>> make_asio_listener(AsioLoop& loop, const Endpoint& at,
                                                     const ListenOptions& options);

/// Env::connect() of the real world.
void asio_connect(AsioLoop& loop, const Endpoint& to, Duration timeout,
                  UniqueFunction<void(Result<std::unique_ptr<Stream>>)> done);

}  // namespace discovery::env
