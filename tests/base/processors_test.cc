#include "lib/base/processors.h"

#include <sched.h>

#include <thread>

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

TEST_CASE("only the processors count that a thread may run on") {
  const unsigned all = usable_processors();
  CHECK(all >= 1);
  unsigned pinned = 0;
  std::thread([&] {
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<unsigned>(::sched_getcpu()), &here);
    if (::sched_setaffinity(0, sizeof here, &here) == 0) pinned = usable_processors();
  }).join();
  CHECK(pinned == 1);
  CHECK(usable_processors() == all);
}

}  // namespace
}  // namespace discovery::base
