#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <discovery/resolver.h>

#include "tests/balance/fleet.h"

using namespace discovery;
using namespace std::chrono_literals;

namespace {

class ManualClock final : public Clock {
 public:
  Duration monotonic() override { return now; }
  std::chrono::system_clock::time_point wall() override { return {}; }
  std::atomic<Duration> now{1s};
};

/// A service with some instances, some of which don't answer.
struct Service {
  explicit Service(std::size_t count) : view(fleet::view(count)) {}

  Resolver resolver(BalancerPtr balancer, ResolverOptions options = {}) {
    options.clock = clock;
    return Resolver([this] { return View<Instances>{{}, view}; }, std::move(balancer), std::move(options));
  }
  /// A call that takes a millisecond.
  Status operator()(const Instance& at) {
    tried.push_back(at.id);
    clock->now = clock->now.load() + 1ms;
    return broken.count(at.id) > 0 ? Status(failure, "no answer from " + at.id) : Status();
  }

  fleet::ViewPtr view;
  std::set<std::string> broken{};
  Code failure = Code::kUnavailable;
  std::vector<std::string> tried{};
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("a failed call is tried at the next instance, never at the same", "[resolver]") {
  Service service(3);
  Resolver resolver = service.resolver(round_robin(), {.min_retries_per_second = 100, .seed = 3});
  service.broken = {"i0", "i1"};
  for (int i = 0; i < 9; ++i) {
    service.tried.clear();
    CHECK(resolver.call(service).ok());
    CHECK(service.tried.back() == "i2");
    CHECK(std::set<std::string>(service.tried.begin(), service.tried.end()).size() == service.tried.size());
  }
  service.broken = {"i0", "i1", "i2"};
  service.tried.clear();
  const Status failed = resolver.call(service);
  CHECK(failed.code() == Code::kUnavailable);
  CHECK(failed.message() == "no answer from " + service.tried.back());
  CHECK(std::set<std::string>(service.tried.begin(), service.tried.end()).size() == 3);
  CHECK(resolver.stats().calls == 10);
  CHECK(resolver.stats().failures == 1);
}

TEST_CASE("with one instance the same is tried again, and as often as was asked for", "[resolver]") {
  Service service(1);
  service.broken = {"i0"};
  CHECK(!service.resolver(round_robin(), {.attempts = 4}).call(service).ok());
  CHECK(service.tried == Ids(4, "i0"));
  service.tried.clear();
  CHECK(!service.resolver(round_robin(), {.attempts = 0}).call(service).ok());
  CHECK(service.tried == Ids(1, "i0"));
}

TEST_CASE("only what another instance may do better is tried again", "[resolver]") {
  Service service(3);
  service.broken = {"i0", "i1", "i2"};
  Resolver resolver = service.resolver(round_robin());
  for (const Code code : {Code::kInvalidArgument, Code::kNotFound, Code::kUnknownOutcome, Code::kInternal,
                          Code::kDeadlineExceeded}) {
    service.failure = code;
    service.tried.clear();
    CHECK(resolver.call(service).code() == code);
    CHECK(service.tried.size() == 1);
  }
  CHECK(resolver.stats().failures == 3);  // the others are not the instances' fault
  service.failure = Code::kDeadlineExceeded;
  service.tried.clear();
  CHECK(!service.resolver(round_robin(), {.retry_deadline_exceeded = true}).call(service).ok());
  CHECK(service.tried.size() == 3);
}

TEST_CASE("retries keep to their budget", "[resolver]") {
  Service service(3);
  service.broken = {"i0", "i1", "i2"};
  Resolver resolver = service.resolver(round_robin(), {.attempts = 2, .min_retries_per_second = 0});
  for (int i = 0; i < 100; ++i) CHECK(!resolver.call(service).ok());
  CHECK(service.tried.size() == 120);
  CHECK(resolver.stats().retries == 20);
  CHECK(resolver.stats().refused_retries == 80);
}

TEST_CASE("a call ends with its time", "[resolver]") {
  Service service(5);
  service.broken = {"i0", "i1", "i2", "i3", "i4"};
  Resolver resolver = service.resolver(round_robin(), {.attempts = 5, .timeout = 3ms});
  std::vector<Duration> left;
  const auto call = [&](const Instance& at, Duration rest) {
    left.push_back(rest);
    return service(at);
  };
  CHECK(resolver.call(call).code() == Code::kUnavailable);
  CHECK(left == std::vector<Duration>{3ms, 2ms, 1ms});
  left.clear();
  CHECK(resolver.call(call, {.timeout = 2ms}).code() == Code::kUnavailable);
  CHECK(left == std::vector<Duration>{2ms, 1ms});
  left.clear();
  CHECK(!service.resolver(round_robin(), {.attempts = 2}).call(call).ok());
  CHECK(left == std::vector<Duration>{0ms, 0ms});
}

TEST_CASE("a call ends with its caller's patience", "[resolver]") {
  Service service(5);
  Resolver resolver = service.resolver(round_robin());
  std::stop_source source;
  const Status stopped = resolver.call(
      [&](const Instance& at) {
        source.request_stop();
        service.broken = {at.id};
        return service(at);
      },
      {.stop = source.get_token()});
  CHECK(stopped.code() == Code::kUnavailable);
  CHECK(service.tried.size() == 1);
  CHECK(resolver.call(service, {.stop = source.get_token()}).code() == Code::kCancelled);
  CHECK(service.tried.size() == 1);
}

TEST_CASE("without an instance there is no call", "[resolver]") {
  Service service(0);
  CHECK(service.resolver(round_robin()).call(service).code() == Code::kUnavailable);
  service.view = nullptr;
  CHECK(service.resolver(round_robin()).call(service).code() == Code::kUnavailable);
  CHECK(!service.resolver(nullptr).pick());
  Resolver broken([]() -> View<Instances> { throw std::runtime_error("boom"); }, round_robin());
  CHECK(broken.call(service) == Status(Code::kInternal, "exception: boom"));
}

TEST_CASE("no exception leaves a call", "[resolver]") {
  Service service(3);
  Resolver resolver = service.resolver(round_robin());
  int calls = 0;
  CHECK(resolver.call([&](const Instance&) -> Status {
    ++calls;
    throw std::runtime_error("boom");
  }) == Status(Code::kInternal, "exception: boom"));
  CHECK(resolver.call([&](const Instance&) -> Status { throw ++calls; }).code() == Code::kInternal);
  CHECK(calls == 2);
}

TEST_CASE("values come back", "[resolver]") {
  Service service(3);
  Resolver resolver = service.resolver(round_robin(), {.seed = 1});
  service.broken = {"i0", "i1"};
  const auto id = [&](const Instance& at) -> Result<std::string> {
    if (Status status = service(at); !status.ok()) return status;
    return at.id;
  };
  for (int i = 0; i < 3; ++i) CHECK(*resolver.call(id) == "i2");
  service.broken = {"i0", "i1", "i2"};
  CHECK(resolver.call(id).status().code() == Code::kUnavailable);
}

TEST_CASE("a failing fleet fails no call", "[resolver]") {
  // Three of ten are dead, and others are in turn; outliers are ejected, the rest is retried.
  Service service(10);
  Resolver resolver = service.resolver(eject_outliers(least_loaded(), {.ejection = 500ms, .max_percent = 50}),
                                       {.attempts = 4, .seed = 9});
  for (int i = 0; i < 20'000; ++i) {
    const int phase = i / 2'000;
    service.broken = {"i" + std::to_string(phase % 10), "i" + std::to_string((phase + 4) % 10),
                      "i" + std::to_string((phase + 5) % 10)};
    REQUIRE(resolver.call(service).ok());
  }
  CHECK(resolver.stats().failures == 0);
  CHECK(resolver.stats().retries < 600);
}

TEST_CASE("the balancer hears how calls ended", "[resolver]") {
  Service service(2);
  Resolver resolver =
      service.resolver(eject_outliers(round_robin(), {.consecutive_failures = 3}), {.attempts = 1});
  service.broken = {"i0"};
  for (int i = 0; i < 6; ++i) (void)resolver.call(service);
  service.tried.clear();
  for (int i = 0; i < 6; ++i) CHECK(resolver.call(service).ok());
  CHECK(service.tried == Ids(6, "i1"));
}

TEST_CASE("an instance may be leased", "[resolver]") {
  Service service(3);
  Resolver resolver = service.resolver(consistent_hash({.load_percent = 100}));
  {
    // Each takes one while the others are held, whatever the key.
    std::vector<Resolver::Lease> leases;
    std::set<std::string> ids;
    for (int i = 0; i < 3; ++i) {
      auto lease = resolver.pick({.hash = 5});
      REQUIRE(lease);
      ids.insert((*lease)->id);
      leases.push_back(*std::move(lease));
    }
    CHECK(ids.size() == 3);
    service.view = nullptr;
    CHECK((*leases.front()).port == 80);
    service.view = fleet::view(3);
    leases.front().done(true);
    leases.front().done(true);
  }
  const std::string first = (*resolver.pick({.hash = 5}))->id;
  for (int i = 0; i < 5; ++i) CHECK((*resolver.pick({.hash = 5}))->id == first);
}

TEST_CASE("asynchronous calls are tried again, too", "[resolver]") {
  Service service(3);
  Resolver resolver = service.resolver(round_robin(), {.seed = 1});
  service.broken = {"i0", "i1"};
  SECTION("done at once") {
    const auto call = [&](const Instance& at, Duration left) -> Async<std::string> {
      CHECK(left == Duration());
      if (Status status = service(at); !status.ok()) return status;
      return at.id;
    };
    for (int i = 0; i < 3; ++i) CHECK(*resolver.call_async(call).get() == "i2");
    service.broken = {"i0", "i1", "i2"};
    CHECK(resolver.call_async(call).get().status().code() == Code::kUnavailable);
    const std::size_t before = service.tried.size();
    auto never = resolver.call_async(call);  // not consumed: it does not happen
    CHECK(service.tried.size() == before);
  }
  SECTION("done later, elsewhere, when the resolver is gone") {
    std::vector<std::thread> threads;
    std::mutex mutex;
    const auto call = [&](const Instance& at) -> Async<Unit> {
      return Async<Unit>::pending([&, at = &at](Async<Unit>::Callback done) {
        const std::lock_guard lock(mutex);
        threads.emplace_back([&, at, done = std::move(done)]() mutable {
          const Status status = service(*at);  // the instance is still there
          done(status.ok() ? Result<Unit>(Unit()) : Result<Unit>(status));
        });
      });
    };
    std::future<Result<Unit>> result;
    {
      Resolver brief = service.resolver(round_robin());
      result = brief.call_async(call).future();
    }
    CHECK(result.get().ok());
    CHECK(service.tried.back() == "i2");
    for (std::thread& thread : threads) thread.join();
  }
  SECTION("what it throws is a failure") {
    const auto call = [](const Instance&) -> Async<Unit> { throw std::runtime_error("boom"); };
    CHECK(resolver.call_async(call).get().status() == Status(Code::kInternal, "exception: boom"));
  }
  SECTION("no instance, or no patience") {
    const auto call = [&](const Instance&) -> Async<Unit> { return Unit(); };
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(resolver.call_async(call, {.stop = stopped.get_token()}).get().status().code() == Code::kCancelled);
    service.view = nullptr;
    CHECK(resolver.call_async(call).get().status().code() == Code::kUnavailable);
  }
}

TEST_CASE("many threads share a resolver", "[resolver]") {
  Service service(20);
  Resolver resolver(
      [&] {
        return View<Instances>{{}, service.view};
      },
      nullptr, {.min_retries_per_second = 1e6});
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const bool fails = i % 10 == 0;
        bool first = true;
        const Status status = resolver.call([&](const Instance&) {
          return std::exchange(first, false) && fails ? Status(Code::kUnavailable, "no") : Status();
        });
        const auto later = resolver.call_async([t](const Instance&) -> Async<int> { return t; }).get();
        if (!status.ok() || !later.ok() || *later != t) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(resolver.stats().calls == 4000);
  CHECK(resolver.stats().retries == 200);
}
