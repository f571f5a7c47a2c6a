#include "lib/env/system_clock.h"

#include <chrono>
#include <ctime>

namespace discovery::env {
namespace {

class SystemClock final : public Clock {
 public:
  Duration monotonic() override {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }
  std::chrono::system_clock::time_point wall() override { return std::chrono::system_clock::now(); }
};

}  // namespace

std::shared_ptr<Clock> make_system_clock() { return std::make_shared<SystemClock>(); }

}  // namespace discovery::env
