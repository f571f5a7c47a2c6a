#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <discovery/async.h>

#include "lib/env/env.h"

namespace discovery::env {

/// Threads for long computations, begun one by one as there is work for them: who has none pays nothing. They
/// usually run at a lower priority than the thread that made them, so that on a full machine short answers
/// come first. Threads: any; but for the destructor, which joins them.
class WorkerPool {
 public:
  enum class Priority : std::uint8_t { kLower, kUsual };
  /// `threads` is the most that there will be; 0 stands for the machine's cores but one, or one.
  explicit WorkerPool(unsigned threads, Priority priority = Priority::kLower);
  /// Drops what has not begun. Blocks until what is running has ended.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Runs `work` on a thread, destroys it, then runs `completed` there. False if no thread could be started.
  bool submit(const void* owner, UniqueFunction<void()> work, UniqueFunction<void()> completed);
  /// Drops what an owner has waiting. Blocks until what it has running, `completed` included, has ended.
  void retire(const void* owner);

 private:
  struct Job {
    const void* owner = nullptr;
    UniqueFunction<void()> work;
    UniqueFunction<void()> completed;
  };

  bool start_thread();
  void serve();

  const std::size_t max_threads_;
  const Priority priority_;
  std::mutex mutex_;  ///< guards all below
  std::condition_variable wanted_;
  std::condition_variable ended_;
  std::deque<Job> waiting_;
  std::map<const void*, std::size_t> running_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// Workers whose computations run in a pool, and whose `done`s on the loop of `env`. Both outlive them.
std::unique_ptr<Workers> make_pool_workers(Env& env, WorkerPool& pool, std::size_t limit);

}  // namespace discovery::env
