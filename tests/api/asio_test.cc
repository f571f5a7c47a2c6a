#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/bind_executor.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch.hpp>

#include <discovery/agent.h>
#include <discovery/asio.h>

namespace discovery {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Agent> start_on(asio::io_context& io, AgentOptions options = {}) {
  Environment environment;
  run_on(io, environment);
  options.node = "one";
  auto agent = Agent::start(std::move(options), environment);
  INFO(agent.status().to_string());
  REQUIRE(agent.ok());
  return *std::move(agent);
}

asio::awaitable<int> use(Agent& agent) {
  ServiceSpec spec;
  spec.name = "web";
  auto adding = agent.registry().add(spec);
  const Result<Registration> registration = co_await start(std::move(adding), asio::use_awaitable);
  if (!registration.ok()) co_return -1;
  auto finding = agent.registry().find("web");
  const Result<View<Instances>> found = co_await start(std::move(finding), asio::use_awaitable);
  co_return found.ok() ? static_cast<int>(found->value->size()) : -2;
}

TEST_CASE("an agent lives on the host's io_context", "[asio]") {
  asio::io_context io;
  auto agent = start_on(io, {.http_listen = "127.0.0.1:0"});
  int found = 0;
  asio::co_spawn(io, use(*agent), [&](const std::exception_ptr& thrown, int count) {
    if (!thrown) found = count;
    agent.reset();  // on the loop's thread, as it must be
  });
  io.run();  // ends, since nothing of the agent is left
  REQUIRE(found == 1);
}

TEST_CASE("watches on the host's loop are answered when their agent goes", "[asio]") {
  asio::io_context io;
  auto agent = start_on(io);
  auto watch = agent->kv().watch_key("a");
  std::vector<Code> seen;
  watch.on_change([&](const Result<Update<std::optional<KvPair>>>& update) {
    seen.push_back(update.status().code());
    agent.reset();
  });
  io.run();
  REQUIRE(seen == std::vector<Code>{Code::kOk, Code::kCancelled});
}

TEST_CASE("completions run on any executor of Asio", "[asio]") {
  asio::io_context io;
  const auto strand = asio::make_strand(io);
  const auto executor = make_executor(strand);
  auto agent = Agent::start({.node = "one"}, {.executor = executor});
  REQUIRE(agent.ok());
  bool completed = false;
  auto work = asio::make_work_guard(io);
  (*agent)->kv().put({"a", "b"}).then([&](const Result<Index>& index) {
    completed = index.ok() && executor->running_in_this_thread();
    work.reset();
  });
  REQUIRE_FALSE(executor->running_in_this_thread());
  io.run();
  REQUIRE(completed);
}

TEST_CASE("operations are started with a completion token", "[asio]") {
  asio::io_context io;
  auto agent = Agent::start({.node = "one"});
  REQUIRE(agent.ok());
  std::future<Result<Index>> put = start((*agent)->kv().put({"a", "b"}), asio::use_future);
  REQUIRE(put.get().ok());
  std::optional<bool> there;
  start((*agent)->kv().get("a"),
        asio::bind_executor(io, [&](const Result<View<std::optional<KvPair>>>& view) {
          there = view.ok() && view->value->has_value();
        }));
  io.run();
  REQUIRE(there == true);
}

TEST_CASE("another Asio than the library's is refused", "[asio]") {
  asio::io_context io;
  Environment environment;
  run_on(io, environment);
  environment.asio_version += 1;
  REQUIRE(Agent::start({}, environment).status().code() == Code::kFailedPrecondition);
}

}  // namespace
}  // namespace discovery
