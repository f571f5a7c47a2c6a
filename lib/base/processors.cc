#include "lib/base/processors.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace discovery::base {

unsigned usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails on machines with more processors than a set has room for; those are not scarce then.
  const int count = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
  return count > 0 ? static_cast<unsigned>(count) : std::max(std::thread::hardware_concurrency(), 1U);
}

}  // namespace discovery::base
