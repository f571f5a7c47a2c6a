#include "lib/env/asio_env.h"

#include <sys/random.h>

#include <cerrno>
#include <optional>
#include <utility>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include "lib/env/asio_datagram.h"
#include "lib/env/asio_listener.h"
#include "lib/env/asio_loop.h"
#include "lib/env/asio_process.h"
#include "lib/env/asio_resolver.h"
#include "lib/env/posix_error.h"
#include "lib/env/posix_files.h"
#include "lib/env/random.h"
#include "lib/env/system_clock.h"
#include "lib/env/worker_pool.h"

namespace discovery::env {
namespace {

/// For work that waits; threads are started as they are needed.
constexpr unsigned kMaxWaitingThreads = 16;

class DiscardingLog final : public LogSink {
 public:
  void write(Level, std::string_view, std::string_view) noexcept override {}
};

/// The timer and its arming; held by the AsioTimer and by what waits in the reactor.
class Arming final : public LocalCounted<Arming> {
 public:
  explicit Arming(AsioLoop& loop) : loop_(loop.shared_from_this()), timer_(loop.io) {}

  void start(Duration delay, UniqueFunction<void()> fire) {
    fire_ = std::move(fire);
    const std::uint64_t number = ++number_;
    timer_.expires_after(delay);  // cancels an earlier wait
    timer_.async_wait([self = base::Ref<Arming>::share(this), number](const asio::error_code& error) {
      // The number tells an earlier arming that had expired before it was forgotten.
      if (error || self->number_ != number) return;
      UniqueFunction<void()> due = std::move(self->fire_);
      self->loop_->turn(due);
    });
  }

  void cancel() {
    ++number_;
    fire_ = nullptr;
    timer_.cancel();
  }

 private:
  const std::shared_ptr<AsioLoop> loop_;
  AsioLoop::Timer timer_;
  std::uint64_t number_ = 0;
  UniqueFunction<void()> fire_;
};

class AsioTimer final : public Timer {
 public:
  explicit AsioTimer(AsioLoop& loop) : arming_(base::Ref<Arming>::share(new Arming(loop))) {}
  AsioTimer(const AsioTimer&) = delete;
  AsioTimer& operator=(const AsioTimer&) = delete;
  ~AsioTimer() override { arming_->cancel(); }

  void start(Duration delay, UniqueFunction<void()> fire) override { arming_->start(delay, std::move(fire)); }
  void cancel() override { arming_->cancel(); }

 private:
  base::Ref<Arming> arming_;
};

}  // namespace

struct AsioEnv::Parts {
  explicit Parts(const Environment& host) : loop(std::make_shared<AsioLoop>(host.io_context)) {
    pool.emplace(host.worker_threads);
    waiting_pool.emplace(kMaxWaitingThreads, WorkerPool::Priority::kUsual);
    if (host.io_context == nullptr) work.emplace(loop->io.get_executor());
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    pool.reset();  // the threads post to the loop
    waiting_pool.reset();
    work.reset();
    loop->close();
  }

  std::shared_ptr<Clock> clock;
  std::shared_ptr<LogSink> log;
  std::unique_ptr<Random> random;
  PosixFiles files;
  const std::shared_ptr<AsioLoop> loop;
  /// Without it the loop would end for good in a moment in which nothing is under way. A host's loop is its
  /// own business.
  std::optional<asio::executor_work_guard<AsioLoop::Executor>> work;
  std::optional<WorkerPool> pool;
  std::optional<WorkerPool> waiting_pool;
};

AsioEnv::AsioEnv(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AsioEnv::~AsioEnv() = default;

Result<std::unique_ptr<AsioEnv>> AsioEnv::create(const Environment& host) {
  auto parts = std::make_unique<Parts>(host);
  parts->clock = host.clock ? host.clock : make_system_clock();
  parts->log = host.log ? host.log : std::make_shared<DiscardingLog>();
  if (host.seed != 0) {
    parts->random = std::make_unique<SeededRandom>(host.seed);
  } else {
    std::uint64_t probe = 0;
    if (::getrandom(&probe, sizeof probe, 0) < 0)
      return posix_error("the system gives no random numbers", errno);
    parts->random = std::make_unique<SystemRandom>();
  }
  return std::unique_ptr<AsioEnv>(new AsioEnv(std::move(parts)));
}

void AsioEnv::run() { parts_->loop->io.run(); }

void AsioEnv::stop() { parts_->loop->io.stop(); }

bool AsioEnv::run_some(Duration timeout) {
  auto& io = parts_->loop->io;
  if (io.run_one_for(timeout) == 0) return false;
  io.poll();
  return true;
}

void AsioEnv::post(UniqueFunction<void()> task) {
  asio::post(parts_->loop->io, [loop = parts_->loop, task = std::move(task)]() mutable {
    loop->turn(task);
    loop->flush_now();  // such a task has let others go first: what it sends has waited long enough
  });
}

bool AsioEnv::on_loop() const noexcept { return parts_->loop->io.get_executor().running_in_this_thread(); }
Clock& AsioEnv::clock() { return *parts_->clock; }
Random& AsioEnv::random() { return *parts_->random; }
Files& AsioEnv::files() { return parts_->files; }
LogSink& AsioEnv::log() { return *parts_->log; }

std::unique_ptr<Timer> AsioEnv::make_timer() { return std::make_unique<AsioTimer>(*parts_->loop); }

std::unique_ptr<Workers> AsioEnv::make_workers(std::size_t limit) {
  return make_pool_workers(*this, *parts_->pool, limit);
}

std::unique_ptr<Workers> AsioEnv::make_waiting_workers(std::size_t limit) {
  return make_pool_workers(*this, *parts_->waiting_pool, limit);
}

Result<std::unique_ptr<Listener>> AsioEnv::listen(const Endpoint& at, const ListenOptions& options) {
  return make_asio_listener(*parts_->loop, at, options);
}

void AsioEnv::connect(const Endpoint& to, Duration timeout,
                      UniqueFunction<void(Result<std::unique_ptr<Stream>>)> done) {
  asio_connect(*parts_->loop, to, timeout, std::move(done));
}

void AsioEnv::resolve(const std::string& name, UniqueFunction<void(Result<std::vector<std::string>>)> done) {
  asio_resolve(*parts_->loop, name, std::move(done));
}

std::unique_ptr<Process> AsioEnv::spawn(ProcessOptions options,
                                        UniqueFunction<void(Result<ProcessResult>)> done) {
  return asio_spawn(*parts_->loop, std::move(options), std::move(done));
}

Result<std::unique_ptr<DatagramSocket>> AsioEnv::bind(const Endpoint& at, const ListenOptions& options) {
  return make_asio_datagram(*parts_->loop, at, options);
}

asio::io_context& AsioEnv::context() noexcept { return parts_->loop->io; }
void AsioEnv::run_turn(UniqueFunction<void()> callback) { parts_->loop->turn(callback); }

}  // namespace discovery::env
