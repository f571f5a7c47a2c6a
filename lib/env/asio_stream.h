#pragma once

#include <memory>

#include "lib/env/asio_loop.h"
#include "lib/env/env.h"
#include "lib/env/unique_fd.h"

namespace discovery::env {

/// A Stream over a connected TCP or Unix socket. `family` is the socket's, e.g. AF_INET.
/// kUnavailable if the loop cannot watch it.
Result<std::unique_ptr<Stream>> make_asio_stream(AsioLoop& loop, UniqueFd fd, int family, Endpoint remote);

}  // namespace discovery::env
