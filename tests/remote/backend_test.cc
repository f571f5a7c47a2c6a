// Questions and changes, asked of a whole agent over HTTP.

#include <catch2/catch.hpp>

#include "lib/remote/remote_backend.h"
#include "tests/remote/world.h"

namespace discovery::remote {
namespace {

using testing::an_instance;
using testing::health_of;
using testing::RemoteWorld;
using namespace std::chrono_literals;

template <class List>
const List& as(const Result<model::Answer>& answer) {
  REQUIRE(answer.ok());
  const auto* list = std::get_if<List>(&answer->value());
  REQUIRE(list != nullptr);
  return *list;
}

TEST_CASE("keys are set, read, compared and deleted") {
  RemoteWorld it;
  const std::string odd = "a/b c?d&e%f\xC3\xA4";
  it.put(odd, std::string("v\0w", 3));
  auto answer = it.query(model::GetKey{odd});
  const auto entries = as<model::KvEntries>(answer);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0]->key() == odd);
  CHECK(entries[0]->value() == std::string_view("v\0w", 3));
  CHECK(entries[0]->modify_index() == answer->meta.index);
  CHECK(answer->meta.known_leader);
  CHECK(answer->meta.live);

  const Index index = entries[0]->modify_index();
  const auto cas = [&](Index compared) {
    return it.apply(model::KvCommand{model::KvVerb::kCas, odd, "new", 7, compared});
  };
  CHECK_FALSE(cas(index + 1)->result);
  CHECK(cas(index)->result);
  CHECK(as<model::KvEntries>(it.query(model::GetKey{odd}))[0]->flags() == 7);
  it.put("a/c/d", "");
  CHECK(as<model::Names>(it.query(model::ListKeys{"a/", "/"})) == model::Names{odd, "a/c/"});
  CHECK(as<model::KvEntries>(it.query(model::ListKeysWithValues{"a/"})).size() == 2);
  CHECK_FALSE(it.apply(model::KvCommand{model::KvVerb::kDeleteCas, odd, "", 0, index})->result);
  CHECK(it.apply(model::KvCommand{model::KvVerb::kDelete, odd, "", 0, 0})->result);
  CHECK(as<model::KvEntries>(it.query(model::GetKey{odd})).empty());
  CHECK(it.apply(model::KvCommand{model::KvVerb::kDeleteTree, "a/", "", 0, 0}).ok());
  answer = it.query(model::ListKeys{"a/", ""});
  CHECK(as<model::Names>(answer).empty());
  CHECK(answer->meta.index > index);
  for (const char* key : {"", "/a", "a//b", "a/./b", "../b", "a/.."}) {
    CAPTURE(key);
    CHECK(it.query(model::GetKey{key}).status().code() == Code::kInvalidArgument);
    CHECK(it.apply(model::KvCommand{model::KvVerb::kSet, key, "v", 0, 0}).status().code() ==
          Code::kInvalidArgument);
  }
  CHECK(it.backend->facts().idle_connections == 1);
}

TEST_CASE("services are registered, listed and deregistered") {
  RemoteWorld it;
  REQUIRE(it.apply(an_instance("n1", "web")).ok());
  REQUIRE(it.apply(an_instance("n2", "web", "critical")).ok());
  model::ListServiceHealth query = health_of("web");
  const auto health = [&](model::Read read = {}) { return it.query(query, std::move(read)); };
  const auto both = as<model::CheckServiceNodes>(health());
  REQUIRE(both.size() == 2);
  CHECK(both[0].node->name == "n1");
  CHECK(both[0].service->port == 80);
  CHECK(*both[0].service->meta.find("zone") == "a");
  REQUIRE(both[0].checks.size() == 1);
  CHECK(both[0].checks[0]->status == "passing");
  query.passing_only = true;
  CHECK(as<model::CheckServiceNodes>(health()).size() == 1);
  query = health_of("web");
  query.tags = {"v1"};
  CHECK(as<model::CheckServiceNodes>(health()).size() == 2);
  query.tags = {"v2"};
  CHECK(as<model::CheckServiceNodes>(health()).empty());
  query = health_of("web");
  model::Read filtered;
  filtered.filter = "Node.Node == \"n2\" and Service.Port == 80";
  CHECK(as<model::CheckServiceNodes>(health(filtered)).size() == 1);
  filtered.filter = "Bogus ==";
  CHECK(health(filtered).status().code() == Code::kInvalidArgument);

  CHECK(as<model::ServiceNodes>(it.query(model::ListServiceInstances{"web", {}, {}}))[1].node->name == "n2");
  const auto services = as<model::ServiceTags>(it.query(model::ListServices{}));
  REQUIRE(services.size() == 2);
  CHECK(services[1].first == "web");
  CHECK(services[1].second == model::Tags{"v1"});
  CHECK(as<model::Nodes>(it.query(model::ListNodes{})).size() == 3);
  CHECK(as<model::Nodes>(it.query(model::FindNodeByAddress{"192.0.2.1"})).size() == 1);
  CHECK(as<model::Checks>(it.query(model::ListNodeChecks{"n2"}))[0]->status == "critical");
  CHECK(as<model::Checks>(it.query(model::ListServiceChecks{"web", {}})).size() == 2);
  CHECK(as<model::Checks>(it.query(model::ListChecksInState{"critical", {}})).size() == 1);
  const auto node = as<model::NodeServices>(it.query(model::GetNodeServices{"n1"}));
  CHECK(node.node->address == "192.0.2.1");
  REQUIRE(node.services.size() == 1);
  CHECK(as<model::NodeServices>(it.query(model::GetNodeServices{"nowhere"})).node == nullptr);
  CHECK(as<model::Names>(it.query(model::ListDatacenters{})) == model::Names{"dc1"});
  CHECK(as<model::Names>(it.query(model::GetLeader{})).size() == 1);
  CHECK(as<model::Names>(it.query(model::ListPeers{})).size() == 1);
  CHECK(it.query(model::FindServiceByAddress{"192.0.2.1"}).status().code() == Code::kInvalidArgument);

  REQUIRE(it.apply(model::DeregisterCommand{"", "n1", "web", "", ""}).ok());
  CHECK(as<model::CheckServiceNodes>(health()).size() == 1);
  model::RegisterCommand nameless;
  CHECK(it.apply(nameless).status().code() == Code::kInvalidArgument);
}

TEST_CASE("coordinates are set and read") {
  RemoteWorld it;
  REQUIRE(it.apply(an_instance("n1", "web")).ok());
  model::NodeCoordinate row{"n1", "", {}};
  row.coordinate.vec.assign(8, 0.25);
  REQUIRE(it.apply(model::UpdateCoordinatesCommand{{row}}).ok());
  const auto found = as<model::Coordinates>(it.query(model::ListCoordinates{.node = "n1"}));
  REQUIRE(found.size() == 1);
  CHECK(found[0]->coordinate.vec == row.coordinate.vec);
  CHECK(as<model::Coordinates>(it.query(model::ListCoordinates{.node = "nowhere"})).empty());
  CHECK(it.apply(model::UpdateCoordinatesCommand{{row, row}}).status().code() == Code::kInvalidArgument);
}

TEST_CASE("a transaction happens as a whole or not at all") {
  RemoteWorld it;
  const auto set = [](std::string key, Index index) {
    return model::KvOperation{index == 0 ? "set" : "cas", std::move(key), "v", 0, index};
  };
  auto outcome = it.apply(model::TxnCommand{{set("a", 0), set("b", 0)}});
  REQUIRE(outcome.ok());
  CHECK(outcome->result);
  CHECK(outcome->index == it.query(model::GetKey{"a"})->meta.index);
  CHECK(std::get<model::TxnResults>(outcome->txn->value()).rows.size() == 2);

  outcome = it.apply(model::TxnCommand{{set("a", 0), set("b", 9999)}});
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome->result);
  const auto& errors = std::get<model::TxnResults>(outcome->txn->value()).errors;
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].operation == 1);

  model::NodeOperation node{"set", {}};
  node.node.name = "n9";
  node.node.address = "192.0.2.9";
  model::ServiceOperation service{"set", "n9", {}};
  service.service.id = "web";
  service.service.name = "web";
  model::CheckOperation check{"set", {}};
  check.check.node = "n9";
  check.check.check_id = "c";
  check.check.name = "c";
  check.check.status = "passing";
  outcome = it.apply(model::TxnCommand{{node, service, check}});
  REQUIRE(outcome.ok());
  CHECK(outcome->result);
  const auto read = as<model::TxnResults>(it.query(
      model::ReadTxn{{model::KvOperation{"get", "a", "", 0, 0}, model::NodeOperation{"get", node.node}}}));
  REQUIRE(read.rows.size() == 2);
  CHECK(std::get<model::TxnKey>(read.rows[0]).entry->value() == "v");
  CHECK(std::get<model::NodePtr>(read.rows[1])->address == "192.0.2.9");

  const model::TxnOperations many(65, set("a", 0));
  CHECK(it.apply(model::TxnCommand{many}).status().code() == Code::kResourceExhausted);
}

TEST_CASE("a query waits until its answer moves, or its time is over") {
  RemoteWorld it;
  it.put("k", "1");
  model::Read read;
  read.min_index = it.query(model::GetKey{"k"})->meta.index;
  read.wait = 10s;
  std::optional<Result<model::Answer>> answer;
  it.backend->query(model::GetKey{"k"}, read).then([&](auto got) { answer.emplace(std::move(got)); });
  it.simulation.run_for(3s);
  CHECK_FALSE(answer);
  CHECK(it.backend->facts().waiting == 1);
  it.put("k", "2");
  REQUIRE(it.run_until([&] { return answer.has_value(); }, 1s));
  CHECK(as<model::KvEntries>(*answer)[0]->value() == "2");
  const Duration began = it.simulation.now();
  read.min_index = (*answer)->meta.index;
  CHECK(it.query(model::GetKey{"k"}, read)->meta.index == read.min_index);
  CHECK(it.simulation.now() - began >= 10s);
  CHECK(it.simulation.now() - began < 12s);
}

TEST_CASE("a call is stopped, or gives up") {
  RemoteWorld it;
  it.simulation.block(it.machine, it.client);
  std::stop_source stop;
  model::Read read;
  read.call.stop = stop.get_token();
  std::optional<Result<model::Answer>> answer;
  it.backend->query(model::GetKey{"k"}, read).then([&](auto got) { answer.emplace(std::move(got)); });
  it.simulation.run_for(1s);
  stop.request_stop();
  REQUIRE(it.run_until([&] { return answer.has_value(); }, 1s));
  CHECK(answer->status().code() == Code::kCancelled);
  read = {};
  read.call.timeout = 2s;
  const Duration began = it.simulation.now();
  CHECK(it.query(model::GetKey{"k"}, read).status().code() == Code::kDeadlineExceeded);
  CHECK(it.simulation.now() - began < 3s);
  CHECK(it.apply(model::KvCommand{model::KvVerb::kSet, "k", "v", 0, 0}).status().code() ==
        Code::kUnavailable);

  answer.reset();
  it.backend->query(model::GetKey{"k"}, {}).then([&](auto got) { answer.emplace(std::move(got)); });
  it.backend.reset();
  REQUIRE(answer.has_value());
  CHECK(answer->status().code() == Code::kCancelled);
}

TEST_CASE("a write whose answer is lost may have happened, and the error says so") {
  RemoteWorld it;
  it.put("warm", "up");
  const bool repeatable = GENERATE(true, false);
  const auto verb = repeatable ? model::KvVerb::kSet : model::KvVerb::kCas;
  std::optional<Result<model::Outcome>> outcome;
  it.backend->apply(model::KvCommand{verb, "k", "v", 0, 0}, {}).then([&](auto got) {
    outcome.emplace(std::move(got));
  });
  // It has been sent; then the agent stops.
  it.simulation.run_for(50us);
  it.stop_agent();
  REQUIRE(it.run_until([&] { return outcome.has_value(); }));
  // The connection was a kept one, so a change that may be made twice was sent once more, to nobody.
  CHECK(outcome->status().code() == Code::kUnknownOutcome);
  // On a connection that cannot be made nothing is sent.
  CHECK(it.apply(model::KvCommand{verb, "k", "v", 0, 0}).status().code() == Code::kUnavailable);
}

TEST_CASE("the token is sent as a field, and is nowhere else") {
  RemoteWorld it;
  Options options = it.options();
  options.urls = {"http://" + it.machine.address() + ":8500"};
  options.token = "secret-token";
  it.backend = testing::connect(it.client, options);
  CHECK(it.query(model::GetKey{"k"}).ok());
  it.stop_agent();
  const Status failure = it.query(model::GetKey{"k"}).status();
  CHECK(failure.code() == Code::kUnavailable);
  CHECK(failure.message().find("secret") == std::string_view::npos);
  for (const auto& line : it.client.log_lines()) CHECK(line.message.find("secret") == std::string::npos);
}

TEST_CASE("another datacenter that is not known") {
  RemoteWorld it;
  model::Read read;
  read.call.datacenter = "dc9";
  const Status failure = it.query(model::ListNodes{}, read).status();
  CHECK(failure.code() == Code::kUnavailable);
  CHECK(failure.message() == "No path to datacenter");
}

}  // namespace
}  // namespace discovery::remote
