// Ten workers, of which at most three work at a time, wherever they run: a semaphore.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include <discovery/agent.h>
#include <discovery/lock.h>

using namespace std::chrono_literals;

int main() {
  auto agent = discovery::Agent::start();
  if (!agent.ok()) return 1;

  std::atomic<int> working{0};
  std::atomic<int> most{0};
  std::atomic<int> done{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 10; ++i) {
    workers.emplace_back([&] {
      auto session = (*agent)->open_session().get();
      if (!session.ok()) return;
      discovery::Semaphore pool(*session, "example/pool", 3);
      auto permit = pool.acquire().get();
      if (!permit.ok()) return;
      int seen = ++working;
      for (int before = most; before < seen && !most.compare_exchange_weak(before, seen);) {
      }
      std::this_thread::sleep_for(20ms);  // the work
      --working;
      if (std::move(*permit).release().get().ok()) ++done;
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::printf("%d workers are done; at most %d worked at a time\n", done.load(), most.load());
  return done == 10 && most <= 3 ? 0 : 1;
}
