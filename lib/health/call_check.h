#pragma once

/// \file
/// Checks that are functions of this program.

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/health/probe.h"
#include "lib/health/thresholds.h"

namespace discovery::health {

/// Passing if it returns ok, warning for kResourceExhausted, else critical; the message is the output. What
/// it throws counts as critical. It runs on a thread of its own and may wait; it should end soon once `stop`
/// is requested.
using CallFunction = std::function<Status(std::stop_token stop)>;

/// A function that is a check, and how it is run.
struct CallSpec {
  std::string id;
  CallFunction probe;
  Duration interval{};
  Duration timeout{};  ///< then it is asked to stop, and the run counts as critical
  Thresholds counts{};
};

/// A probe that calls a function, by the world's `callers`, which it makes if there are none. While a
/// function goes on after its timeout, further runs end at once and are critical: there is never more than
/// one of it.
std::unique_ptr<Probe> make_call_probe(ProbeWorld& world, CallFunction function, Duration timeout,
                                       std::size_t max_output);

}  // namespace discovery::health
