#pragma once

#include <memory>

#include "lib/env/asio_loop.h"
#include "lib/env/env.h"

namespace discovery::env {

/// Env::bind() of the real world.
Result<std::unique_ptr<DatagramSocket>> make_asio_datagram(AsioLoop& loop, const Endpoint& at,
                                                           const ListenOptions& options);

}  // namespace discovery::env
