#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>

#include <discovery/health_checker.h>

#include "lib/api/check_runner.h"
#include "lib/api/service_form.h"
#include "lib/env/asio_env.h"
#include "lib/env/sim_env.h"

using namespace discovery;
using namespace std::chrono_literals;

namespace {

/// Changes as they are told, for a test to wait for.
class Told {
 public:
  void operator()(const CheckChange& change) {
    const std::lock_guard lock(mutex_);
    all_.push_back(change);
    more_.notify_all();
  }
  /// Waits until a check has changed to a health; false after too long.
  bool wait(std::uint64_t id, Health to) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, 20s, [&] {
      return std::any_of(all_.begin(), all_.end(),
                         [&](const CheckChange& one) { return one.id == id && one.to == to; });
    });
  }
  std::vector<CheckChange> of(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    std::vector<CheckChange> found;
    for (const CheckChange& one : all_) {
      if (one.id == id) found.push_back(one);
    }
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<CheckChange> all_;
};

struct Checking {
  explicit Checking(Environment environment = {})
      : checker(std::move(*HealthChecker::start(std::move(environment)))) {
    checker->on_change([this](const CheckChange& change) { told(change); });
  }
  Told told;
  std::unique_ptr<HealthChecker> checker;
};

CheckSpec call(std::function<Status(std::stop_token)> probe, Duration timeout = 10s) {
  return {.name = "call", .probe = CallCheck{std::move(probe), 5ms, timeout}};
}

/// A host's executor: one thread, tasks in their order.
class HostThread final : public Executor {
 public:
  ~HostThread() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    more_.notify_all();
    thread_.join();
  }
  void post(std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    more_.notify_all();
  }
  bool running_in_this_thread() const noexcept override {
    return std::this_thread::get_id() == thread_.get_id();
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      more_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      auto task = std::move(tasks_.front());
      tasks_.erase(tasks_.begin());
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_{[this] { serve(); }};
};

}  // namespace

TEST_CASE("functions are checked, and changes told in their order", "[checker]") {
  Checking f;
  std::atomic<bool> fine = true;
  const auto id = f.checker->add(
      call([&](const std::stop_token&) { return fine ? Status() : Status(Code::kUnavailable, "no disk"); }));
  REQUIRE(id.ok());
  REQUIRE(f.told.wait(*id, Health::kPassing));
  fine = false;
  const auto begin = std::chrono::steady_clock::now();
  while (f.told.of(*id).size() < 3 && std::chrono::steady_clock::now() - begin < 20s)
    std::this_thread::yield();
  const auto told = f.told.of(*id);
  REQUIRE(told.size() >= 3);
  CHECK(told[0].from == std::nullopt);
  CHECK(told[0].to == Health::kCritical);
  CHECK(told[0].name == "call");
  CHECK(told[1].from == Health::kCritical);
  CHECK(told[1].to == Health::kPassing);
  CHECK(told[2].from == Health::kPassing);
  CHECK(told[2].to == Health::kCritical);
  CHECK(told[2].output == "no disk");
  CHECK(told[2].at >= told[1].at);
  const auto state = f.checker->status(*id);
  REQUIRE(state.ok());
  CHECK(state->health == Health::kCritical);
  CHECK(state->output == "no disk");
  CHECK(state->since == told[2].at);
  const auto history = f.checker->history(*id);
  REQUIRE(history.ok());
  REQUIRE(history->size() == 3);
  CHECK(history->back().output == "no disk");
  f.checker->remove(*id);
  CHECK(f.checker->status(*id).status().code() == Code::kNotFound);
  CHECK(f.checker->history(*id).status().code() == Code::kNotFound);
  f.checker->remove(*id);
}

TEST_CASE("TCP and HTTP targets are checked", "[checker]") {
  const auto env = std::move(*env::AsioEnv::create({}));
  auto listener = std::move(*env->listen({"127.0.0.1", 0}, {}));
  const std::string open = listener->local().to_string();
  Checking f;
  const auto tcp = f.checker->add({.name = "tcp", .probe = TcpCheck{.address = open, .interval = 5ms}});
  REQUIRE(tcp.ok());
  REQUIRE(f.told.wait(*tcp, Health::kPassing));
  listener.reset();
  const auto gone = f.checker->add(
      {.probe = HttpCheck{.url = "http://" + open + "/", .interval = 5ms}, .initial = Health::kPassing});
  REQUIRE(gone.ok());
  REQUIRE(f.told.wait(*gone, Health::kCritical));
  CHECK(f.checker->status(*gone)->output.find("connection refused") != std::string::npos);
}

TEST_CASE("reports keep a TTL check well, their absence does not", "[checker]") {
  Checking f;
  const auto id = f.checker->add({.name = "ttl", .probe = TtlCheck{1h}, .initial = Health::kWarning});
  REQUIRE(id.ok());
  CHECK(f.checker->status(*id)->health == Health::kWarning);
  REQUIRE(f.checker->report(*id, Health::kPassing, "fine").ok());
  REQUIRE(f.told.wait(*id, Health::kPassing));
  CHECK(f.checker->status(*id)->output == "fine");
  CHECK(f.checker->report(*id, Health::kMaintenance).code() == Code::kInvalidArgument);
  CHECK(f.checker->report(99, Health::kPassing).code() == Code::kNotFound);
  const auto other = f.checker->add(call([](const std::stop_token&) { return Status(); }));
  CHECK(f.checker->report(*other, Health::kPassing).code() == Code::kFailedPrecondition);
  const auto brief = f.checker->add({.probe = TtlCheck{1ms}, .initial = Health::kPassing});
  REQUIRE(f.told.wait(*brief, Health::kCritical));
  CHECK(f.checker->status(*brief)->output == "TTL expired");
}

TEST_CASE("what makes no sense is refused", "[checker]") {
  Checking f;
  const auto refused = [&](CheckSpec check) {
    const auto id = f.checker->add(std::move(check));
    return id.status().code() == Code::kInvalidArgument && !id.status().message().empty();
  };
  CHECK(refused({}));
  CHECK(refused({.probe = TtlCheck{999us}}));
  CHECK(refused({.probe = TcpCheck{.address = "here"}}));
  CHECK(refused({.probe = TcpCheck{.address = "127.0.0.1:80", .interval = 0ms}}));
  CHECK(refused({.probe = TcpCheck{.address = "127.0.0.1:80", .timeout = -1s}}));
  CHECK(refused({.probe = HttpCheck{.url = "ftp://127.0.0.1/"}}));
  CHECK(refused({.probe = CallCheck{}}));
  CHECK(refused({.probe = TtlCheck{1s}, .initial = Health::kMaintenance}));
  CHECK(refused({.probe = TtlCheck{1s}, .passes_to_recover = 0}));
  CHECK(refused({.probe = TtlCheck{1s}, .failures_to_trip = -1}));
}

TEST_CASE("stopping takes no longer than the functions that are asked to stop", "[checker]") {
  std::atomic<bool> stopped = false;
  {
    Checking f;
    std::latch called(1);
    std::atomic<bool> first = true;
    const auto id = f.checker->add(call(
        [&](const std::stop_token& stop) {
          if (first.exchange(false)) called.count_down();
          std::latch asked(1);
          const std::stop_callback told(stop, [&] { asked.count_down(); });
          asked.wait();
          stopped = true;
          return Status();
        },
        1h));
    REQUIRE(id.ok());
    called.wait();
  }
  CHECK(stopped);
}

TEST_CASE("changes come on the host's executor, and none after the end", "[checker]") {
  const auto host = std::make_shared<HostThread>();
  std::atomic<bool> elsewhere = false;
  std::atomic<int> calls = 0;
  auto checker = std::move(*HealthChecker::start({.executor = host}));
  std::latch told(1);
  checker->on_change([&](const CheckChange& change) {
    if (!host->running_in_this_thread()) elsewhere = true;
    ++calls;
    if (change.to == Health::kPassing) told.count_down();
    throw std::runtime_error("a host's mistake");  // is told to the log only
  });
  REQUIRE(checker->add(call([](const std::stop_token&) { return Status(); })).ok());
  told.wait();
  checker.reset();
  const int before = calls;
  std::latch drained(1);
  host->post([&] { drained.count_down(); });
  drained.wait();
  CHECK(calls == before);
  CHECK(!elsewhere);
}

TEST_CASE("a checker may end itself in its callback", "[checker]") {
  for (const bool on_host : {false, true}) {
    const auto host = on_host ? std::make_shared<HostThread>() : nullptr;
    std::unique_ptr<HealthChecker> checker = std::move(*HealthChecker::start({.executor = host}));
    // Shared with the callback, which may go on for a moment after this test's last line.
    const auto ended = std::make_shared<std::latch>(1);
    const auto added = std::make_shared<std::latch>(1);
    checker->on_change([ended, added, &checker](const CheckChange&) {
      const auto mine = ended;
      added->wait();
      checker.reset();
      mine->count_down();
    });
    REQUIRE(checker->add({.probe = TtlCheck{1h}}).ok());
    added->count_down();
    ended->wait();
    CHECK(checker == nullptr);
  }
}

TEST_CASE("many threads add, remove, report and look", "[checker]") {
  Checking f;
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto ttl = f.checker->add({.probe = TtlCheck{1h}});
        const auto function = f.checker->add(call([](const std::stop_token&) { return Status(); }));
        if (!ttl.ok() || !function.ok() || !f.checker->report(*ttl, Health::kPassing).ok()) ++wrong;
        if (!f.told.wait(*ttl, Health::kPassing)) ++wrong;
        if (!f.checker->history(*ttl).ok() || f.checker->status(*ttl)->health != Health::kPassing) ++wrong;
        f.checker->remove(*ttl);
        f.checker->remove(*function);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("thresholds are the same for an agent's checks", "[checker]") {
  CheckSpec check{.probe = TcpCheck{.address = "127.0.0.1:80"}};
  check.passes_to_recover = 2;
  check.failures_to_trip = 3;
  const auto spec = api::to_model(check);
  REQUIRE(spec.ok());
  health::Thresholds counts(*spec);
  CHECK(counts.count(health::Health::kCritical) == health::Health::kCritical);
  CHECK(counts.count(health::Health::kPassing) == std::nullopt);
  CHECK(counts.count(health::Health::kPassing) == health::Health::kPassing);
  CHECK(counts.count(health::Health::kCritical) == std::nullopt);
  CHECK(counts.count(health::Health::kCritical) == std::nullopt);
  CHECK(counts.count(health::Health::kCritical) == health::Health::kCritical);
}

TEST_CASE("under virtual time checks run when they are due", "[checker]") {
  env::Simulation world{2};
  env::SimEnv& env = world.add_env("one");
  std::vector<std::pair<Duration, Health>> seen;
  api::CheckRunner runner(env, [&](const api::CheckRunner::Seen& one) {
    if (one.health) seen.emplace_back(world.now(), *one.health);
  });
  SECTION("a TTL check") {
    runner.add(7, {.probe = TtlCheck{10s}});
    world.run_for(9s);
    CHECK(seen.empty());
    runner.report(7, Health::kPassing, "fine");
    CHECK(seen.back() == std::pair<Duration, Health>{9s, Health::kPassing});
    world.run_for(10s - 1ms);
    CHECK(seen.size() == 1);
    world.run_for(2ms);
    CHECK(seen.back() == std::pair<Duration, Health>{19s, Health::kCritical});
    world.run_for(1min);
    CHECK(seen.size() == 2);
    runner.report(7, Health::kPassing, "");
    runner.remove(7);
    world.run_for(1min);
    CHECK(seen.size() == 3);
    runner.report(7, Health::kPassing, "");  // nobody's any more
    CHECK(seen.size() == 3);
  }
  SECTION("a function, three times in a row until it counts") {
    bool fine = true;
    CheckSpec check{.probe = CallCheck{[&](const std::stop_token&) {
                      return fine ? Status() : Status(Code::kUnavailable, "down");
                    }}};
    check.passes_to_recover = 2;
    check.failures_to_trip = 3;
    runner.add(1, check);
    world.run_for(10s);
    REQUIRE(seen.size() == 1);
    CHECK(seen.back().second == Health::kPassing);
    fine = false;
    const Duration down = world.now();
    world.run_for(40s);
    REQUIRE(seen.size() >= 2);
    const auto tripped = std::find_if(seen.begin(), seen.end(),
                                      [](const auto& one) { return one.second == Health::kCritical; });
    REQUIRE(tripped != seen.end());
    CHECK(tripped->first - down > 20s);
    CHECK(tripped->first - down < 30s + 10ms);
  }
}
