// Three recipes on sessions and keys: a latch, a barrier, and a lock for many readers or one writer.
#include <atomic>
#include <cstdio>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <discovery/agent.h>
#include <discovery/lock.h>

namespace {

using discovery::KVStore;

/// Waits until what is watched fulfils `reached`.
template <class T, class Reached>
bool wait_for(discovery::Watch<T> watch, Reached reached) {
  while (true) {
    const auto update = watch.next().get();
    if (!update.ok()) return false;
    if (reached(*update->view.value)) return true;
  }
}

/// Opens once, for all who wait.
struct Latch {
  KVStore kv;
  std::string key;
  bool open() { return kv.put({key, "open"}).get().ok(); }
  bool wait() {
    return wait_for(kv.watch_key(key),
                    [](const std::optional<discovery::KvPair>& pair) { return pair.has_value(); });
  }
};

/// Lets `count` participants go on when all of them are there.
struct Barrier {
  KVStore kv;
  std::string prefix;
  std::size_t count;
  bool wait(const std::string& participant) {
    if (!kv.put({prefix + participant, ""}).get().ok()) return false;
    return wait_for(kv.watch(prefix), [&](const discovery::KvPairs& there) { return there.size() >= count; });
  }
};

/// Many readers or one writer: a semaphore of so many permits, of which a writer takes all, one session each.
/// Writers take turns by a lock, so that two of them never wait for each other's permits.
struct ReadWriteLock {
  discovery::Agent& agent;
  std::string prefix;
  unsigned readers = 8;

  std::optional<discovery::Held> permit() {
    auto session = agent.open_session().get();
    if (!session.ok()) return std::nullopt;
    auto held = discovery::Semaphore(*session, prefix + "/permits", readers).acquire().get();
    if (!held.ok()) return std::nullopt;
    return *std::move(held);
  }
  std::vector<discovery::Held> read() {
    std::vector<discovery::Held> held;
    if (auto one = permit()) held.push_back(*std::move(one));
    return held;
  }
  std::vector<discovery::Held> write() {
    std::vector<discovery::Held> held;
    auto session = agent.open_session().get();
    if (!session.ok()) return held;
    auto turn = discovery::Lock(*session, prefix + "/writer").acquire().get();
    if (!turn.ok()) return held;
    held.push_back(*std::move(turn));
    for (unsigned i = 0; i < readers; ++i) {
      auto one = permit();
      if (!one) return {};
      held.push_back(*std::move(one));
    }
    return held;
  }
};

bool try_latch(KVStore kv) {
  Latch latch{kv, "recipes/latch"};
  auto waiting = std::async(std::launch::async, [&] { return latch.wait(); });
  return latch.open() && waiting.get();
}

bool try_barrier(KVStore kv) {
  std::vector<std::future<bool>> participants;
  for (int i = 0; i < 4; ++i) {
    participants.push_back(std::async(std::launch::async, [&, i] {
      return Barrier{kv, "recipes/barrier/", 4}.wait(std::to_string(i));
    }));
  }
  bool all = true;
  for (auto& participant : participants) all = participant.get() && all;
  return all;
}

bool try_read_write_lock(discovery::Agent& agent) {
  std::atomic<int> reading{0};
  std::atomic<int> writing{0};
  std::atomic<bool> broken{false};
  const auto reader = [&] {
    ReadWriteLock lock{agent, "recipes/rw"};
    for (int i = 0; i < 5; ++i) {
      const auto held = lock.read();
      ++reading;
      if (held.size() != 1 || writing > 0) broken = true;
      --reading;
    }
  };
  const auto writer = [&] {
    ReadWriteLock lock{agent, "recipes/rw"};
    for (int i = 0; i < 5; ++i) {
      const auto held = lock.write();
      if (held.size() != 9 || ++writing > 1 || reading > 0) broken = true;
      --writing;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(reader);
  for (int i = 0; i < 2; ++i) threads.emplace_back(writer);
  for (std::thread& thread : threads) thread.join();
  return !broken;
}

}  // namespace

int main() {
  auto agent = discovery::Agent::start();
  if (!agent.ok()) return 1;
  if (!try_latch((*agent)->kv()) || !try_barrier((*agent)->kv()) || !try_read_write_lock(**agent)) return 1;
  std::printf("all recipes are done\n");
  return 0;
}
