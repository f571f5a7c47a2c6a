// Health checks without agent, cluster or port: a function that is called every 50 ms.
#include <atomic>
#include <cstdio>
#include <future>

#include <discovery/health_checker.h>

using namespace std::chrono_literals;

int main() {
  auto checker = discovery::HealthChecker::start();
  if (!checker.ok()) return 1;

  std::promise<void> recovered;
  (*checker)->on_change([&, trips = 0](const discovery::CheckChange& change) mutable {
    const bool passing = change.to == discovery::Health::kPassing;
    std::printf("%s is %s: %s\n", change.name.c_str(), passing ? "passing" : "critical",
                change.output.c_str());
    if (!passing) ++trips;
    if (passing && trips == 2) recovered.set_value();  // it began as critical, and was ill once
  });

  std::atomic<int> runs{0};
  discovery::CheckSpec queue{.name = "queue"};
  queue.probe =
      discovery::CallCheck{[&](std::stop_token) {
                             const int run = ++runs;
                             if (run >= 3 && run < 6)
                               return discovery::Status(discovery::Code::kUnavailable, "the queue is full");
                             return discovery::Status();
                           },
                           50ms};
  if (!(*checker)->add(queue).ok()) return 1;
  return recovered.get_future().wait_for(30s) == std::future_status::ready ? 0 : 1;
}
