// Several keys that belong together change together, by who holds the lock: readers see the old
// configuration or the new one, never a mixture.
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include <discovery/agent.h>
#include <discovery/lock.h>

int main() {
  auto agent = discovery::Agent::start();
  if (!agent.ok()) return 1;
  discovery::KVStore kv = (*agent)->kv();
  if (!kv.commit({discovery::Put{"db/host", "host-0"}, discovery::Put{"db/port", "0"}}).get().ok()) return 1;

  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::atomic<int> mixtures{0};
  std::thread reader([&] {
    while (!stop) {
      const auto pairs = kv.list("db/").get();
      if (!pairs.ok() || pairs->value->size() != 2) continue;
      ++reads;
      if ((*pairs->value)[0].value != "host-" + (*pairs->value)[1].value) ++mixtures;
    }
  });

  auto session = (*agent)->open_session().get();
  if (!session.ok()) return 1;
  const auto held = discovery::Lock(*session, "db-lock").acquire().get();
  if (!held.ok()) return 1;
  int swapped = 0;
  for (int i = 1; i <= 200; ++i) {
    // Only as long as this session holds the lock: the store itself checks it.
    std::vector<discovery::KvOperation> swap = {discovery::Require{"db-lock", session->id()},
                                                discovery::Put{"db/host", "host-" + std::to_string(i)},
                                                discovery::Put{"db/port", std::to_string(i)}};
    swapped += kv.commit(std::move(swap)).get().ok() ? 1 : 0;
  }
  stop = true;
  reader.join();
  std::printf("%d swaps, %d reads, %d mixtures\n", swapped, reads.load(), mixtures.load());
  return swapped == 200 && mixtures == 0 ? 0 : 1;
}
