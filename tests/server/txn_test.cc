#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/server/server_world.h"

namespace discovery::server {
namespace {

using model::KvOperation;
using model::TxnResults;

KvOperation kv(std::string verb, std::string key, std::string value = {}) {
  return {.verb = std::move(verb), .key = std::move(key), .value = std::move(value)};
}

const TxnResults& results_of(const Result<model::Outcome>& outcome) {
  REQUIRE(outcome.ok());
  REQUIRE(outcome->txn);
  return std::get<TxnResults>(outcome->txn->value());
}

TEST_CASE("a transaction is one entry of the log", "[server][txn]") {
  World world;
  const auto before = world.put("first");
  const auto outcome = world.apply(model::TxnCommand{{kv("set", "a", "1"), kv("set", "b", "2")}});
  CHECK(results_of(outcome).rows.size() == 2);
  CHECK(outcome->result);
  CHECK(outcome->index == before->index + 1);
  CHECK(world.ask(model::GetKey{"b"})->meta.index == outcome->index);
}

TEST_CASE("a transaction that fails in the log changes nothing and wakes nobody", "[server][txn]") {
  World world;
  const Index index = world.put("a", "1")->index;
  Waiting watcher(world, model::GetKey{"a"}, index, 10s);
  const auto failed =
      world.apply(model::TxnCommand{{kv("set", "a", "2"), kv("delete-tree", ""), kv("get", "none")}});
  CHECK_FALSE(failed->result);
  CHECK(results_of(failed).errors == std::vector<model::TxnError>{{2, "key \"none\" doesn't exist"}});
  world.simulation.run_for(1s);
  CHECK_FALSE(watcher.result);
  REQUIRE(world.apply(model::TxnCommand{{kv("set", "a", "3")}})->result);
  world.simulation.run_for(1s);
  CHECK(watcher.result);
}

TEST_CASE("what is wrong with a transaction is found before the log", "[server][txn]") {
  World world;
  const Index index = world.put("a", "1")->index;
  model::NodeOperation nameless{.verb = "set", .node = {}};
  model::ServiceOperation unnamed{.verb = "delete", .node = "one", .service = {}};
  unnamed.service.id = "x";
  model::NodeOperation bad_id{.verb = "set", .node = {}};
  bad_id.node.name = "n";
  bad_id.node.id = "1234";
  model::CheckOperation zero{.verb = "set", .check = {}};
  zero.check.node = "one";
  zero.check.check_id = std::string("a\0b", 3);
  const auto refused =
      world.apply(model::TxnCommand{{kv("set", ""), kv("set", "x"), nameless, unnamed, bad_id, zero}});
  CHECK(refused->index == 0);
  CHECK(results_of(refused).errors ==
        std::vector<model::TxnError>{{0, "Must provide key"},
                                     {2, "Must provide node"},
                                     {3, "Must provide service name with ID"},
                                     {4, "Bad node ID: uuid string is wrong length"},
                                     {5, "Names and IDs must not contain a zero byte"}});
  CHECK(world.put("b")->index == index + 1);
}

TEST_CASE("records of a transaction are completed", "[server][txn]") {
  World world;
  model::NodeOperation node{.verb = "set", .node = {}};
  node.node.name = "n1";
  model::ServiceOperation service{.verb = "set", .node = "n1", .service = {}};
  service.service.name = "web";
  service.service.weights = {.passing = 0, .warning = 0};
  model::CheckOperation check{.verb = "set", .check = {}};
  check.check.node = "n1";
  check.check.name = "alive";
  const auto outcome = world.apply(model::TxnCommand{{node, service, check}});
  const TxnResults& results = results_of(outcome);
  REQUIRE(results.rows.size() == 3);
  CHECK(std::get<model::NodePtr>(results.rows[0])->datacenter == "dc1");
  CHECK(std::get<model::ServicePtr>(results.rows[1])->id == "web");
  CHECK(std::get<model::ServicePtr>(results.rows[1])->weights.passing == 1);
  CHECK(std::get<model::CheckPtr>(results.rows[2])->check_id == "alive");
  CHECK(std::get<model::CheckPtr>(results.rows[2])->status == model::kCritical);
}

TEST_CASE("a registration that fails leaves what it replaced", "[server]") {
  World world;
  REQUIRE(world.add("n", "web", {"a"}).ok());
  for (int round = 0; round < 3; ++round) {
    model::RegisterCommand command;
    command.node = "n";
    command.address = "10.0.0.10";
    command.service.emplace();
    command.service->name = "web";
    command.service->tags = {"b"};
    command.check.emplace();
    command.check->node = "n";
    command.check->check_id = "c";
    command.check->service_id = "none";
    const auto refused = world.apply(command);
    CHECK(refused.status().message() == "failed inserting check: Missing service registration on node \"n\"");
  }
  const auto answer = world.ask(health("web"));
  const auto& rows = std::get<model::CheckServiceNodes>(answer->value());
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].node->address == "10.0.0.9");
  CHECK(rows[0].service->tags == model::Tags{"a"});
}

TEST_CASE("transactions that read pass the log by, long ones off the loop", "[server][txn]") {
  World world;
  const Index last = world.put("a", "1")->index;
  const auto read = world.ask(model::ReadTxn{{kv("get", "a"), kv("get-tree", "a")}});
  REQUIRE(read.ok());
  CHECK(std::get<TxnResults>(read->value()).rows.size() == 2);
  CHECK(world.server->log().last_index() == last);
  const auto missing = world.ask(model::ReadTxn{{kv("get", ""), kv("get", "none")}});
  CHECK(std::get<TxnResults>(missing->value()).errors ==
        std::vector<model::TxnError>{{0, "Must provide key"}});

  model::TxnOperations many;
  for (int i = 0; i < 5000; ++i) many.push_back(kv("set", "k/" + std::to_string(i)));
  REQUIRE(world.apply(model::TxnCommand{many})->result);
  const auto before = world.server->query_statistics().long_evaluations;
  CHECK(std::get<TxnResults>(world.ask(model::ReadTxn{{kv("get-tree", "k/")}})->value()).rows.size() == 5000);
  CHECK(world.server->query_statistics().long_evaluations == before + 1);
  model::Read elsewhere;
  elsewhere.call.datacenter = "nope";
  CHECK(world.ask(model::ReadTxn{{kv("get", "a")}}, elsewhere).status().message() == "No path to datacenter");
}

TEST_CASE("tombstones of transactions are reaped", "[server][txn]") {
  World world;
  REQUIRE(world.put("a").ok());
  const Index index = world.apply(model::TxnCommand{{kv("delete", "a")}})->index;
  CHECK(world.ask(model::ListKeys{"a", ""})->meta.index == index);
  world.simulation.run_for(std::chrono::minutes(31));
  CHECK(world.server->log().last_index() > index);  // the reaper's own entry
}

}  // namespace
}  // namespace discovery::server
