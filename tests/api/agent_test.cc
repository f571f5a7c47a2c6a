#include <atomic>
#include <chrono>
#include <coroutine>
#include <deque>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <discovery/agent.h>

namespace discovery {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Agent> start(AgentOptions options = {}, Environment environment = {}) {
  if (options.node.empty()) options.node = "one";
  auto agent = Agent::start(std::move(options), std::move(environment));
  INFO(agent.status().to_string());
  REQUIRE(agent.ok());
  return *std::move(agent);
}

template <class T>
T take(Async<T> operation) {
  Result<T> result = std::move(operation).get();
  INFO(result.status().to_string());
  REQUIRE(result.ok());
  return *std::move(result);
}

ServiceSpec web(std::string id = "web-1", std::uint16_t port = 8080) {
  ServiceSpec spec;
  spec.name = "web";
  spec.id = std::move(id);
  spec.port = port;
  spec.tags = {"blue"};
  spec.meta = {{"version", "2"}};
  return spec;
}

ServiceSpec with_ttl(ServiceSpec spec, Health initial) {
  CheckSpec check;
  check.probe = TtlCheck{1min};
  check.initial = initial;
  spec.checks.push_back(check);
  return spec;
}

TEST_CASE("a registered service is found, and gone when its registration goes", "[agent]") {
  const auto agent = start();
  REQUIRE(take(agent->node()) == "one");
  Registry registry = agent->registry();
  {
    const Registration registration = take(registry.add(web()));
    REQUIRE(registration.id() == "web-1");
    const View<Instances> found = take(registry.find("web"));
    REQUIRE(found.meta.live);
    REQUIRE(found.meta.index > 0);
    REQUIRE(found.value->size() == 1);
    const Instance& instance = *found.value->front();
    REQUIRE(instance.node == "one");
    REQUIRE(instance.name == "web");
    REQUIRE(instance.address == "127.0.0.1");
    REQUIRE(instance.port == 8080);
    REQUIRE(instance.health == Health::kPassing);
    REQUIRE(instance.weight == 1);
    REQUIRE(instance.tags == std::vector<std::string>{"blue"});
    REQUIRE(instance.meta.at("version") == "2");
    REQUIRE(take(registry.services()).value->at("web") == std::vector<std::string>{"blue"});
  }
  REQUIRE(take(registry.find("web")).value->empty());
}

TEST_CASE("a released registration stays", "[agent]") {
  const auto agent = start();
  take(agent->registry().add(web())).release();
  REQUIRE(take(agent->registry().find("web")).value->size() == 1);
}

TEST_CASE("lookups select by tag, filter and health", "[agent]") {
  const auto agent = start();
  Registry registry = agent->registry();
  Registration good = take(registry.add(web("a")));
  Registration bad = take(registry.add(with_ttl(web("b"), Health::kCritical)));
  REQUIRE(take(registry.find("web")).value->size() == 1);
  REQUIRE(take(registry.find("web", {.passing_only = false})).value->size() == 2);
  REQUIRE(take(registry.find("web", {.passing_only = false})).value->back()->health == Health::kCritical);
  REQUIRE(take(registry.find("web", {.tags = {"red"}})).value->empty());
  REQUIRE(take(registry.find("web", {.tags = {"blue"}})).value->size() == 1);
  Lookup filtered;
  filtered.read.filter = "Service.ID == \"b\"";
  REQUIRE(take(registry.find("web", filtered)).value->empty());
  filtered.passing_only = false;
  REQUIRE(take(registry.find("web", filtered)).value->size() == 1);
  filtered.read.filter = "Service.ID ==";
  REQUIRE(registry.find("web", filtered).get().status().code() == Code::kInvalidArgument);
}

TEST_CASE("a definition that makes no sense is refused, and changes nothing", "[agent]") {
  const auto agent = start();
  Registry registry = agent->registry();
  REQUIRE(registry.add({}).get().status().code() == Code::kInvalidArgument);
  ServiceSpec broken = web();
  broken.checks.push_back({.probe = TtlCheck{}});
  REQUIRE(registry.add(broken).get().status().code() == Code::kInvalidArgument);
  REQUIRE(registry.add_all({web("a"), broken, web("c")}).get().status().code() == Code::kInvalidArgument);
  REQUIRE(take(registry.find("web")).value->empty());
}

TEST_CASE("several services are added by one change", "[agent]") {
  const auto agent = start();
  Registry registry = agent->registry();
  const Index before = take(registry.find("web")).meta.index;
  std::vector<ServiceSpec> specs;
  for (int i = 0; i < 100; ++i) specs.push_back(with_ttl(web("web-" + std::to_string(i)), Health::kPassing));
  auto watch = registry.watch("web");
  REQUIRE(take(watch.next()).view.value->empty());
  auto registrations = take(registry.add_all(std::move(specs)));
  REQUIRE(registrations.size() == 100);
  const Update<Instances> update = take(watch.next());
  REQUIRE(update.view.value->size() == 100);
  REQUIRE(update.changes().added.size() == 100);
  REQUIRE(update.view.meta.index > before);
  REQUIRE(registrations[7].report(Health::kWarning, "slow").ok());
  REQUIRE(take(watch.next()).changes().removed.size() == 1);
}

TEST_CASE("TTL checks are reported on", "[agent]") {
  const auto agent = start();
  Registry registry = agent->registry();
  Registration registration = take(registry.add(with_ttl(web(), Health::kCritical)));
  auto watch = registry.watch("web");
  REQUIRE(take(watch.next()).view.value->empty());
  REQUIRE(registration.report(Health::kPassing, "fine").ok());
  REQUIRE(take(watch.next()).view.value->size() == 1);
  REQUIRE(registration.report(Health::kPassing, "", "service:web-1").ok());
  REQUIRE(registration.report(Health::kPassing, "", "other").code() == Code::kInvalidArgument);
  Registration plain = take(registry.add(web("plain")));
  REQUIRE(plain.report(Health::kPassing).code() == Code::kInvalidArgument);
  plain.release();
  REQUIRE(plain.report(Health::kPassing).code() == Code::kFailedPrecondition);
}

TEST_CASE("a watch shows what there is, then each change against the view before", "[agent]") {
  const auto agent = start();
  Registry registry = agent->registry();
  const Registration first = take(registry.add(web("a")));
  auto watch = registry.watch("web", {.passing_only = false});
  const Update<Instances> initial = take(watch.next());
  REQUIRE(initial.previous == nullptr);
  REQUIRE(initial.changes().added.size() == 1);

  const Registration second = take(registry.add(web("b")));
  const Update<Instances> added = take(watch.next());
  REQUIRE(added.view.meta.index > initial.view.meta.index);
  REQUIRE(added.changes().added.size() == 1);
  REQUIRE(added.changes().added.front()->id == "b");
  REQUIRE(added.changes().updated.empty());
  REQUIRE(added.view.value->front() == initial.view.value->front());  // the same object
  REQUIRE(watch.latest().value == added.view.value);

  const Registration moved = take(registry.add(web("a", 9090)));
  const auto changes = take(watch.next()).changes();
  REQUIRE(changes.updated.size() == 1);
  REQUIRE(changes.updated.front()->port == 9090);
  REQUIRE(changes.added.empty());
  REQUIRE(changes.removed.empty());
}

TEST_CASE("the latest view is there without asking, for any thread", "[agent]") {
  const auto agent = start();
  Registry registry = agent->registry();
  auto watch = registry.watch("web");
  REQUIRE(watch.latest().value != nullptr);
  const Registration registration = take(registry.add(web()));
  std::vector<std::thread> threads;
  std::atomic<int> seen{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, reader = watch.reader()]() mutable {
      while (reader.latest().value->empty()) std::this_thread::yield();
      ++seen;
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(seen == 4);
  REQUIRE(watch.latest().meta.live);
}

TEST_CASE("callbacks come one after another, and may end their watch", "[agent]") {
  const auto agent = start();
  Registry registry = agent->registry();
  std::optional<Watch<Instances>> watch(registry.watch("web"));
  std::promise<void> began;
  std::promise<std::size_t> ended;
  watch->on_change([&, calls = 0](const Result<Update<Instances>>& update) mutable {
    if (++calls == 1) return began.set_value();
    const std::size_t size = update->view.value->size();
    watch.reset();
    ended.set_value(size);
  });
  REQUIRE(watch->next().get().status().code() == Code::kFailedPrecondition);
  began.get_future().get();
  const Registration registration = take(registry.add(web()));
  REQUIRE(ended.get_future().get() == 1);
}

TEST_CASE("keys are put, read, compared, listed and erased", "[agent]") {
  const auto agent = start();
  KVStore kv = agent->kv();
  REQUIRE_FALSE(take(kv.get("a")).value->has_value());
  const Index index = take(kv.put({"a", "1", 7}));
  const auto pair = *take(kv.get("a")).value;
  REQUIRE(pair.has_value());
  REQUIRE(pair->value == "1");
  REQUIRE(pair->flags == 7);
  REQUIRE(pair->modified == index);
  REQUIRE(kv.put({.key = "a", .value = "2", .if_modified = 0}).get().status().code() == Code::kConflict);
  const Index next = take(kv.put({.key = "a", .value = "2", .if_modified = index}));
  REQUIRE(next > index);
  take(kv.put({"dir/b", "3"}));
  take(kv.put({"dir/c/d", "4"}));
  REQUIRE(take(kv.list("dir/")).value->size() == 2);
  REQUIRE(*take(kv.keys("dir/", "/")).value == std::vector<std::string>{"dir/b", "dir/c/"});
  REQUIRE(kv.erase({.key = "a", .if_modified = index}).get().status().code() == Code::kConflict);
  take(kv.erase({.key = "a", .if_modified = next}));
  take(kv.erase({.key = "dir/", .prefix = true}));
  REQUIRE(take(kv.list("")).value->empty());
  REQUIRE(kv.put({"", "x"}).get().status().code() == Code::kInvalidArgument);
}

TEST_CASE("a commit does all or nothing, and names what failed", "[agent]") {
  const auto agent = start();
  KVStore kv = agent->kv();
  const Index index = take(kv.commit({Put{"a", "1"}, Put{"b", "2"}}));
  REQUIRE(take(kv.get("b")).value->value().modified == index);
  const Status failed =
      kv.commit({Put{"a", "9"}, Put{.key = "b", .value = "9", .if_modified = 1}}).get().status();
  REQUIRE(failed.code() == Code::kConflict);
  REQUIRE(std::string(failed.message()).find("operation 1") == 0);
  REQUIRE(take(kv.get("a")).value->value().value == "1");
  take(kv.commit({Require{"a", index}, Require{"absent", Index{0}}, Erase{"a"}}));
  REQUIRE_FALSE(take(kv.get("a")).value->has_value());
  REQUIRE(kv.commit({Require{"a", index}, Put{"c", ""}}).get().status().code() == Code::kConflict);
}

TEST_CASE("keys are watched", "[agent]") {
  const auto agent = start();
  KVStore kv = agent->kv();
  auto one = kv.watch_key("config/color");
  auto all = kv.watch("config/");
  REQUIRE_FALSE(take(one.next()).view.value->has_value());
  REQUIRE(take(all.next()).view.value->empty());
  take(kv.put({"config/color", "blue"}));
  REQUIRE(take(one.next()).view.value->value().value == "blue");
  REQUIRE(take(all.next()).changes().added.front().key == "config/color");
  take(kv.put({"config/color", "red"}));
  REQUIRE(take(all.next()).changes().updated.front().value == "red");
  take(kv.erase({"config/color"}));
  REQUIRE(take(all.next()).changes().removed.front().value == "red");
}

TEST_CASE("handles outlive their agent, and say that it has stopped", "[agent]") {
  auto agent = start();
  Registry registry = agent->registry();
  KVStore kv = agent->kv();
  Registration registration = take(registry.add(web()));
  auto watch = registry.watch("web");
  REQUIRE(take(watch.next()).view.value->size() == 1);
  auto waiting = watch.next().future();
  agent.reset();
  REQUIRE(waiting.get().status().code() == Code::kCancelled);
  REQUIRE(watch.next().get().status().code() == Code::kCancelled);
  REQUIRE(watch.latest().value->size() == 1);
  REQUIRE(registry.find("web").get().status().code() == Code::kCancelled);
  REQUIRE(kv.put({"a", "b"}).get().status().code() == Code::kCancelled);
  REQUIRE(registration.report(Health::kPassing).code() != Code::kOk);
  auto late = registry.watch("web");
  REQUIRE(late.next().get().status().code() == Code::kCancelled);
}

TEST_CASE("an agent may be destroyed by one of its own callbacks", "[agent]") {
  auto agent = start();
  std::promise<void> done;
  Registry registry = agent->registry();
  registry.find("web").then([&](const Result<View<Instances>>&) {
    agent.reset();
    done.set_value();
  });
  done.get_future().get();
  REQUIRE(agent == nullptr);
}

TEST_CASE("get() on the agent's own thread says so instead of waiting for itself", "[agent]") {
  const auto agent = start();
  KVStore kv = agent->kv();
  std::promise<Code> code;
  kv.get("a").then(
      [&](const Result<View<std::optional<KvPair>>>&) { code.set_value(kv.get("b").get().status().code()); });
  REQUIRE(code.get_future().get() == Code::kFailedPrecondition);
}

TEST_CASE("calls that are given up say so", "[agent]") {
  const auto agent = start();
  std::stop_source stop;
  stop.request_stop();
  REQUIRE(agent->kv().get("a", {.call = {.stop = stop.get_token()}}).get().status().code() ==
          Code::kCancelled);
}

struct Task {
  struct promise_type {
    std::promise<void> done;
    Task get_return_object() { return {done.get_future()}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() { done.set_value(); }
    void unhandled_exception() { done.set_exception(std::current_exception()); }
  };
  std::future<void> done;
};

Task count(KVStore kv, int& counted) {
  for (int i = 0; i < 3; ++i) {
    // Outside of co_await: g++ 12 destroys some temporaries of such an expression twice.
    Async<Index> put = kv.put({"counter", std::to_string(i)});
    const Result<Index> index = co_await std::move(put);
    if (index.ok()) ++counted;
  }
}

TEST_CASE("operations are awaited by coroutines", "[agent]") {
  const auto agent = start();
  int counted = 0;
  count(agent->kv(), counted).done.get();
  REQUIRE(counted == 3);
}

/// A host's thread that runs what is posted to it.
class HostExecutor final : public Executor {
 public:
  HostExecutor() : thread_([this] { run(); }) {}
  ~HostExecutor() override {
    post(nullptr);
    thread_.join();
  }
  void post(std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    wake_.notify_one();
  }
  bool running_in_this_thread() const noexcept override {
    return std::this_thread::get_id() == thread_.get_id();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return !tasks_.empty(); });
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      if (!task) return;
      lock.unlock();
      task();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::thread thread_;
};

TEST_CASE("completions and callbacks run on the host's executor", "[agent]") {
  const auto executor = std::make_shared<HostExecutor>();
  auto agent = start({}, {.executor = executor});
  std::promise<bool> completed;
  agent->kv().put({"a", "b"}).then([&](const Result<Index>&) {
    completed.set_value(executor->running_in_this_thread());
  });
  REQUIRE(completed.get_future().get());
  std::promise<bool> called;
  auto watch = agent->kv().watch_key("a");
  watch.on_change([&, first = true](const Result<Update<std::optional<KvPair>>>&) mutable {
    if (std::exchange(first, false)) called.set_value(executor->running_in_this_thread());
  });
  REQUIRE(called.get_future().get());
  watch.cancel();
}

/// Keeps what is logged.
class KeptLog final : public LogSink {
 public:
  void write(Level, std::string_view, std::string_view message) noexcept override {
    const std::lock_guard lock(mutex_);
    text_ += std::string(message) + "\n";
  }
  bool has(std::string_view text) {
    const std::lock_guard lock(mutex_);
    return text_.find(text) != std::string::npos;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

TEST_CASE("callbacks that throw are logged, and do no harm", "[agent]") {
  const auto log = std::make_shared<KeptLog>();
  const auto agent = start({}, {.log = log});
  KVStore kv = agent->kv();
  kv.get("a").then([](const Result<View<std::optional<KvPair>>>&) { throw std::runtime_error("first"); });
  auto watch = kv.watch_key("a");
  std::promise<void> called;
  watch.on_change([&, calls = 0](const Result<Update<std::optional<KvPair>>>&) mutable {
    if (++calls == 1) throw std::runtime_error("second");
    called.set_value();
  });
  while (!log->has("second")) std::this_thread::yield();
  take(kv.put({"a", "b"}));
  called.get_future().get();
  REQUIRE(log->has("first"));
}

TEST_CASE("two agents share nothing", "[agent]") {
  const auto one = start({.node = "one"});
  const auto two = start({.node = "two"});
  const Registration registration = take(one->registry().add(web()));
  REQUIRE(take(one->registry().find("web")).value->size() == 1);
  REQUIRE(take(two->registry().find("web")).value->empty());
}

TEST_CASE("options that make no sense are refused with their name", "[agent]") {
  const auto refused = [](AgentOptions options) { return Agent::start(std::move(options)).status(); };
  REQUIRE(refused({.http_listen = "localhost:8500"}).message().find("http_listen") != std::string_view::npos);
  REQUIRE(refused({.datacenter = "DC 1"}).code() == Code::kInvalidArgument);
  const auto agent = start({.http_listen = "127.0.0.1:0"});
  REQUIRE(agent->http_address().starts_with("127.0.0.1:"));
  REQUIRE(refused({.http_listen = agent->http_address()}).code() == Code::kUnavailable);
}

}  // namespace
}  // namespace discovery
