#include "lib/env/worker_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "lib/base/processors.h"

namespace discovery::env {
namespace {

/// How much less a worker matters to the scheduler than the loop (see nice(2)).
constexpr int kNiceness = 10;

std::size_t usual_threads() { return std::max(base::usable_processors(), 2U) - 1; }

/// On Linux the priority is each thread's own. Where it can't be lowered, work goes on as it is.
void yield_to_others() { (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness); }

class PoolWorkers final : public Workers {
 public:
  PoolWorkers(Env& env, WorkerPool& pool, std::size_t limit)
      : env_(env), pool_(pool), limit_(limit), alive_(std::make_shared<PoolWorkers*>(this)) {}
  PoolWorkers(const PoolWorkers&) = delete;
  PoolWorkers& operator=(const PoolWorkers&) = delete;
  ~PoolWorkers() override {
    *alive_ = nullptr;
    pool_.retire(this);
    // What goes now may end other things of its owner, but finds nothing of this any more.
    const auto dropped = std::exchange(pending_, {});
  }

  Status run(UniqueFunction<void()> work, UniqueFunction<void()> done) override {
    if (pending_.size() >= limit_) return {Code::kResourceExhausted, "too much work is under way"};
    // `done` stays here: it belongs to the loop, and must not be destroyed elsewhere.
    const std::uint64_t number = ++last_number_;
    pending_.emplace(number, std::move(done));
    auto completed = [&env = env_, alive = alive_, number] {
      env.post([alive, number] {
        if (*alive != nullptr) (*alive)->finish(number);
      });
    };
    if (pool_.submit(this, std::move(work), std::move(completed))) return {};
    pending_.erase(number);
    return {Code::kResourceExhausted, "the system gives no thread for a long computation"};
  }

 private:
  void finish(std::uint64_t number) {
    const auto found = pending_.find(number);
    UniqueFunction<void()> done = std::move(found->second);
    pending_.erase(found);
    if (done) done();
  }

  Env& env_;
  WorkerPool& pool_;
  const std::size_t limit_;
  std::shared_ptr<PoolWorkers*> alive_;  ///< what it points at is read and written on the loop only
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, UniqueFunction<void()>> pending_;
};

}  // namespace

WorkerPool::WorkerPool(unsigned threads, Priority priority)
    : max_threads_(threads == 0 ? usual_threads() : threads), priority_(priority) {}

WorkerPool::~WorkerPool() {
  std::deque<Job> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::submit(const void* owner, UniqueFunction<void()> work, UniqueFunction<void()> completed) {
  {
    const std::lock_guard lock(mutex_);
    if (idle_ <= waiting_.size() && threads_.size() < max_threads_ && !start_thread() && threads_.empty())
      return false;
    waiting_.push_back({owner, std::move(work), std::move(completed)});
  }
  wanted_.notify_one();
  return true;
}

bool WorkerPool::start_thread() {
  try {
    threads_.emplace_back([this] { serve(); });
    return true;
  } catch (const std::system_error&) {  // no more threads for this process or user
    return false;
  }
}

void WorkerPool::retire(const void* owner) {
  std::vector<Job> dropped;  // destroyed when the lock is not held
  std::unique_lock lock(mutex_);
  for (Job& job : waiting_) {
    if (job.owner == owner) dropped.push_back(std::move(job));
  }
  std::erase_if(waiting_, [&](const Job& job) { return job.owner == owner; });
  ended_.wait(lock, [&] { return !running_.contains(owner); });
}

void WorkerPool::serve() {
  if (priority_ == Priority::kLower) yield_to_others();
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wanted_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (stopping_) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_[job.owner];
    lock.unlock();
    job.work();
    job.work = nullptr;
    job.completed();
    job.completed = nullptr;
    lock.lock();
    if (--running_[job.owner] == 0) running_.erase(job.owner);
    ended_.notify_all();
  }
}

std::unique_ptr<Workers> make_pool_workers(Env& env, WorkerPool& pool, std::size_t limit) {
  return std::make_unique<PoolWorkers>(env, pool, limit);
}

}  // namespace discovery::env
