#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/asio_env.h"
#include "lib/server/evaluation.h"
#include "lib/state/catalog.h"
#include "tests/server/server_world.h"

namespace discovery::server {
namespace {

constexpr int kMany = 5'000;

/// A server with so many keys below "big/" that to list them takes long.
struct BigWorld : World {
  explicit BigWorld(QueryLimits limits = {}) : World(limits) {
    for (int n = 0; n < kMany; ++n) {
      server->apply(model::KvCommand{KvVerb::kSet, "big/" + std::to_string(n), "v", 0, 0}, {})
          .then([](const Result<model::Outcome>&) {});
    }
  }
  QueryStatistics statistics() const { return server->query_statistics(); }
};

const model::Query kRecurse = model::ListKeysWithValues{"big/"};

std::size_t rows(const Result<Answer>& answer) { return model::value_rows(answer->value()); }

bool has_value(const Answer& answer, const std::string& value) {
  const auto& entries = std::get<model::KvEntries>(answer.value());
  return std::any_of(entries.begin(), entries.end(),
                     [&](const auto& entry) { return entry->value() == value; });
}

TEST_CASE("a long query is answered by a worker, while the loop goes on", "[server][long]") {
  BigWorld world;
  Waiting big(world, kRecurse, 0);
  REQUIRE_FALSE(big.result.has_value());
  REQUIRE(world.ask(model::GetKey{"big/1"}).ok());
  REQUIRE_FALSE(big.result.has_value());
  world.simulation.run_for(1s);
  REQUIRE(rows(*big.result) == kMany);
  REQUIRE(world.statistics().long_evaluations == 1);
  // It is kept, and shared at once.
  Waiting again(world, kRecurse, 0);
  REQUIRE(again.result.has_value());
  REQUIRE((*again.result)->shared == (*big.result)->shared);
  REQUIRE((*again.result)->meta.index == (*big.result)->meta.index);
}

TEST_CASE("the names of few keys are long to list if they are long", "[server][long]") {
  World world;
  const bool is_long = GENERATE(false, true);
  for (char c = 'a'; c < 'k'; ++c) REQUIRE(world.put(std::string(is_long ? 1U << 20 : 100, c)).ok());
  Waiting names(world, model::ListKeys{}, 0);
  CHECK(names.result.has_value() != is_long);
  world.simulation.run_for(1s);
  CHECK(rows(*names.result) == 10);
}

TEST_CASE("who asks meanwhile shares a long evaluation, if nothing has changed", "[server][long]") {
  BigWorld world;
  Waiting first(world, kRecurse, 0);
  REQUIRE(world.put("elsewhere").ok());
  Waiting second(world, kRecurse, 0);
  world.simulation.run_for(1s);
  REQUIRE((*first.result)->shared == (*second.result)->shared);
  REQUIRE_FALSE((*first.result)->shared->superseded());
  REQUIRE(world.statistics().long_evaluations == 1);
}

TEST_CASE("nobody is shown a state older than the one in which it asked", "[server][long]") {
  // Once for each moment in which the change may come, relative to the worker's snapshot.
  const auto after = GENERATE(range(0, 24));
  BigWorld world;
  Waiting first(world, kRecurse, 0);
  for (int step = 0; step < after && !first.result; ++step) world.simulation.run_for(100us);
  const Index index = world.put("big/1", "new")->index;
  Waiting second(world, kRecurse, 0);
  world.simulation.run_for(1s);
  REQUIRE(rows(*first.result) == kMany);
  REQUIRE(has_value(**second.result, "new"));
  REQUIRE((*second.result)->meta.index == index);
  const Answer last = *world.ask(kRecurse);
  REQUIRE(has_value(last, "new"));
  if (!has_value(**first.result, "new")) {
    REQUIRE((*first.result)->meta.index < index);
    REQUIRE((*first.result)->shared->superseded());
  }
}

TEST_CASE("a long blocking query misses no change", "[server][long][blocking]") {
  const auto after = GENERATE(range(0, 24));
  BigWorld world;
  const Index before = world.ask(kRecurse)->meta.index;
  REQUIRE(world.put("big/1", "one")->index == before + 1);
  Waiting waiting(world, kRecurse, before + 1);  // evaluated by a worker before it can wait
  world.simulation.run_for(Duration(100us) * after);
  REQUIRE_FALSE(waiting.result.has_value());
  REQUIRE(world.put("big/2", "two").ok());
  world.simulation.run_for(1s);
  REQUIRE(waiting.result.has_value());
  REQUIRE((*waiting.result)->meta.index == before + 2);
  REQUIRE(has_value(**waiting.result, "two"));
}

TEST_CASE("a long blocking query whose time is over gets an answer", "[server][long][blocking]") {
  BigWorld world;
  const Index before = world.ask(kRecurse)->meta.index;
  Waiting waiting(world, kRecurse, before + 1000, 1s);
  world.simulation.run_for(999ms);
  std::vector<std::unique_ptr<Waiting>> others;
  for (int step = 0; step < 100; ++step) {
    REQUIRE(world.put("big/1", std::to_string(step)).ok());  // there never is an answer that stands
    world.simulation.run_for(1ms);
  }
  world.simulation.run_for(10ms);
  REQUIRE(waiting.result.has_value());
  REQUIRE((*waiting.result)->meta.index > before);
  REQUIRE(waiting.answered_at >= 1s);
}

TEST_CASE("many watchers of something long share each evaluation", "[server][long][blocking]") {
  BigWorld world;
  const Index index = world.ask(kRecurse)->meta.index;
  std::vector<std::unique_ptr<Waiting>> crowd;
  for (int n = 0; n < 1000; ++n) crowd.push_back(std::make_unique<Waiting>(world, kRecurse, index));
  const auto before = world.statistics().long_evaluations;
  REQUIRE(world.put("big/1", "new").ok());
  world.simulation.run_for(1s);
  for (const auto& one : crowd) REQUIRE((*one->result)->shared == (*crowd.front()->result)->shared);
  REQUIRE(world.statistics().long_evaluations == before + 1);
  REQUIRE(world.statistics().waiting == 0);
}

TEST_CASE("too many long queries are refused, but not those who wait already", "[server][long]") {
  QueryLimits limits;
  limits.max_long_queries = 2;
  BigWorld world(limits);
  const model::Query other = model::ListKeys{"big/", ""};
  Waiting watcher(world, kRecurse, world.ask(kRecurse)->meta.index);
  Waiting one(world, model::ListKeysWithValues{"b"}, 0);
  Waiting two(world, model::ListKeysWithValues{"bi"}, 0);
  Waiting three(world, other, 0);
  REQUIRE(three.result->status().code() == Code::kResourceExhausted);
  REQUIRE(world.statistics().refused == 1);
  REQUIRE(world.put("big/1", "new").ok());  // the watcher's turn comes when there is room
  world.simulation.run_for(1s);
  REQUIRE(one.result->ok());
  REQUIRE(two.result->ok());
  REQUIRE(watcher.result->ok());
  REQUIRE(has_value(**watcher.result, "new"));
  REQUIRE(rows(world.ask(other)) == kMany);
}

TEST_CASE("a long query that is given up leaves nothing behind", "[server][long]") {
  BigWorld world;
  std::stop_source stop;
  Waiting gone(world, kRecurse, 0, {}, stop);
  stop.request_stop();
  world.simulation.run_for(1us);
  REQUIRE(gone.result->status().code() == Code::kCancelled);
  REQUIRE(world.statistics().waiting == 0);
  Waiting next(world, kRecurse, 0);  // is not given what was given up
  world.simulation.run_for(1s);
  REQUIRE(rows(*next.result) == kMany);
}

TEST_CASE("errors of long queries reach those who asked", "[server][long]") {
  World world;
  for (int n = 0; n < 400; ++n) REQUIRE(world.add("n" + std::to_string(n), "web").ok());
  model::Read read;
  read.filter = "Nope == 1";
  REQUIRE(world.ask(health("web"), read).status().code() == Code::kInvalidArgument);
  read.filter = "Node.Node == n7";
  REQUIRE(rows(world.ask(health("web"), read)) == 1);
  REQUIRE(world.server->query_statistics().long_evaluations == 2);
}

TEST_CASE("a query whose filter takes too long is ended", "[server][long]") {
  QueryLimits limits;
  limits.max_evaluation = 1us;  // workers never begin that soon here
  World world(limits);
  for (int n = 0; n < 20; ++n) REQUIRE(world.add("n" + std::to_string(n), "web").ok());
  model::Read read;
  read.filter = "Node.Node matches `^n1$`";  // on a worker, however few rows there are
  const auto ended = world.ask(health("web"), read);
  REQUIRE(ended.status().code() == Code::kResourceExhausted);
  REQUIRE(ended.status().message() == "the query takes longer than 1µs");
  REQUIRE(world.server->query_statistics().ended == 1);
  REQUIRE(world.ask(health("web")).ok());

  World patient;
  REQUIRE(patient.add("n1", "web").ok());
  REQUIRE(rows(patient.ask(health("web"), read)) == 1);
  REQUIRE(patient.server->query_statistics().long_evaluations == 1);
  patient.simulation.run_for(60s);
  REQUIRE(patient.server->query_statistics().ended == 0);
}

TEST_CASE("a server that ends answers those who wait for workers", "[server][long]") {
  BigWorld world;
  Waiting begun(world, kRecurse, 0);
  world.simulation.run_for(100us);
  Waiting other(world, model::ListKeys{"big/", ""}, 0);
  world.server.reset();
  REQUIRE(begun.result->status().code() == Code::kCancelled);
  REQUIRE(other.result->status().code() == Code::kCancelled);
  world.simulation.run_for(1s);
}

TEST_CASE("what an answer may depend on is known before it is evaluated", "[server][long]") {
  World world;
  REQUIRE(world.add("n1", "web", {"v1"}).ok());
  REQUIRE(world.put("a/b").ok());
  model::RegisterCommand proxy;
  proxy.node = "n1";
  proxy.address = "10.0.0.9";
  proxy.service.emplace();
  proxy.service->name = "web-proxy";
  proxy.service->kind = "connect-proxy";
  proxy.service->port = 1;
  auto upstream = std::make_shared<model::ConnectProxy>();
  upstream->destination_service_name = "web";
  proxy.service->proxy = std::move(upstream);
  state::Store store;
  {
    state::Transaction tx = store.begin(1);
    REQUIRE(state::register_entity(tx, proxy).ok());
    tx.commit();
  }
  const std::vector<model::Query> queries = {
      model::GetKey{"a/b"},
      model::ListKeysWithValues{"a/"},
      model::ListKeys{"a/", "/"},
      model::ListNodes{},
      model::ListServices{},
      model::ListServices{{{"a", "b"}}},
      model::ListServiceInstances{"Web", {}, {}, model::ServiceRole::kPlain},
      model::ListServiceHealth{"Web", {}, {}, false, model::ServiceRole::kConnect},
      model::ListServiceHealth{"Web", {}, {}, false, model::ServiceRole::kIngress},
      model::GetNodeServices{"N1"},
      model::FindNodeByAddress{"10.0.0.9"},
      model::FindServiceByAddress{"10.0.0.9"},
      model::ListNodeChecks{"N1"},
      model::ListServiceChecks{"Web", {}},
      model::ListChecksInState{"any", {}},
      model::ListChecksInState{"Critical", {}},
      model::ListCoordinates{}};
  for (const model::Query& query : queries) {
    CAPTURE(query.index());
    const Question question{query, "n1", ""};
    const auto evaluated = evaluate(question, store.snapshot(), std::atomic<bool>(false));
    REQUIRE(evaluated.ok());
    const state::Touched known = interests(question);
    for (const state::Subject& subject : evaluated->touched) {
      const bool covered = std::find(known.begin(), known.end(), subject) != known.end();
      // The names of the services that speak for another in the mesh are not known; all services are.
      const bool by_all = subject.topic == state::Topic::kService && subject.name == "web-proxy";
      CHECK((covered || by_all));
    }
  }
}

/// A server on the real world's loop, on a thread of its own.
struct RealServer {
  std::unique_ptr<env::AsioEnv> env;
  std::unique_ptr<Server> server;
  std::thread loop;

  RealServer() {
    Environment host;
    host.worker_threads = 3;
    env = *env::AsioEnv::create(host);
    ServerOptions options;
    options.node.name = "one";
    options.node.address = "10.0.0.1";
    options.rpc_address = "10.0.0.1:8300";
    server = std::make_unique<Server>(*env, std::move(options));
    loop = std::thread([this] {
      env->run();
      server.reset();
    });
  }
  ~RealServer() {
    if (!loop.joinable()) return;
    env->stop();
    loop.join();
  }
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

  void put(int key, int value) {
    auto outcome = server->apply(
        model::KvCommand{KvVerb::kSet, "big/" + std::to_string(key), std::to_string(value), 0, 0}, {});
    REQUIRE(std::move(outcome).get().ok());
  }
};

TEST_CASE("long queries and writes on real threads", "[server][long][threads]") {
  RealServer world;
  for (int n = 0; n < kMany; ++n) world.put(n, 0);
  std::atomic<bool> writing = true;
  std::atomic<int> written = 0;  // all keys below 10 have at least this value, but for the one in the making
  std::vector<std::thread> readers;
  std::atomic<int> wrong = 0;
  for (int reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&, reader] {
      Index last = 0;
      for (int turn = 0; turn < 40 && writing; ++turn) {
        model::Read read;
        if (reader == 0 && last > 0) {
          read.min_index = last;
          read.wait = 50ms;
        }
        const int at_least = written;
        auto answer = world.server->query(kRecurse, read).get();
        if (!answer.ok() || rows(answer) != kMany || answer->meta.index < last) ++wrong;
        if (!answer.ok()) continue;
        last = answer->meta.index;
        for (const auto& entry : std::get<model::KvEntries>(answer->value())) {
          if (entry->key() == "big/7" && std::stoi(std::string(entry->value())) < at_least) ++wrong;
        }
      }
    });
  }
  for (int value = 1; value <= 300; ++value) {
    world.put(7, value);
    written = value;
  }
  writing = false;
  for (std::thread& reader : readers) reader.join();
  REQUIRE(wrong == 0);
}

TEST_CASE("a server ends while workers are at work", "[server][long][threads]") {
  const auto busy_for = GENERATE(0, 1, 5);
  std::vector<std::future<Result<Answer>>> futures;
  {
    RealServer world;
    for (int n = 0; n < kMany; ++n) world.put(n, 0);
    for (int n = 0; n < 20; ++n) {
      model::Query query = model::ListKeys{"big/", std::to_string(n)};
      futures.push_back(world.server->query(std::move(query), {}).future());
    }
    for (int n = 0; n < busy_for; ++n) world.put(1, n);
    std::promise<void> taken;
    world.env->post([&] { taken.set_value(); });  // the queries have reached the server
    taken.get_future().wait();
  }
  for (auto& future : futures) {
    const auto answer = future.get();
    CHECK((answer.ok() || answer.status().code() == Code::kCancelled));
  }
}

}  // namespace
}  // namespace discovery::server
