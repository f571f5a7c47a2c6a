#pragma once

#include <memory>

#include <discovery/env.h>

namespace discovery::env {

/// The system's clocks; the monotonic one goes on in suspend.
std::shared_ptr<Clock> make_system_clock();

}  // namespace discovery::env
