#include <chrono>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/server/server_world.h"

namespace discovery::server {
namespace {

TEST_CASE("a server registers itself", "[server]") {
  World world;
  const auto answer = world.ask(health("consul"));
  const auto& rows = std::get<model::CheckServiceNodes>(answer->value());
  REQUIRE(rows.size() == 1);
  REQUIRE(rows[0].node->name == "one");
  REQUIRE(rows[0].checks.at(0)->check_id == "serfHealth");
  REQUIRE(std::get<model::Names>(world.ask(model::GetLeader{})->value()) == model::Names{"10.0.0.1:8300"});
}

TEST_CASE("other datacenters are out of reach", "[server]") {
  World world;
  model::Read read;
  read.call.datacenter = "nope";
  REQUIRE(world.ask(model::ListNodes{}, read).status().message() == "No path to datacenter");
  model::RegisterCommand command;
  command.datacenter = "nope";
  command.node = "n";
  command.address = "1.1.1.1";
  REQUIRE(world.apply(command).status().message() == "No path to datacenter");
}

TEST_CASE("a blocking query wakes on its change, and on nothing else", "[server][blocking]") {
  World world;
  REQUIRE(world.add("n1", "web").ok());
  const Index index = world.ask(health("web"))->meta.index;
  Waiting web(world, health("web"), index);
  REQUIRE(world.put("first").ok());  // a store without a key has no index to wait beyond
  Waiting missing(world, health("nope"), world.ask(health("nope"))->meta.index);
  Waiting key(world, model::GetKey{"a/b"}, world.ask(model::GetKey{"a/b"})->meta.index);
  Waiting prefix(world, model::ListKeysWithValues{"a/"},
                 world.ask(model::ListKeysWithValues{"a/"})->meta.index);

  REQUIRE(world.add("n2", "db").ok());
  REQUIRE(world.put("other").ok());
  world.simulation.run_for(1s);
  REQUIRE_FALSE(web.result.has_value());
  REQUIRE_FALSE(missing.result.has_value());
  REQUIRE_FALSE(key.result.has_value());
  REQUIRE_FALSE(prefix.result.has_value());

  REQUIRE(world.put("a/c").ok());
  world.simulation.run_for(1s);
  REQUIRE(prefix.result.has_value());
  REQUIRE_FALSE(key.result.has_value());
  REQUIRE(world.put("a/b").ok());
  REQUIRE(world.add("n3", "web").ok());
  REQUIRE(world.add("n3", "nope").ok());
  world.simulation.run_for(1s);
  REQUIRE(key.result->ok());
  REQUIRE((*web.result)->meta.index > index);
  REQUIRE(std::get<model::CheckServiceNodes>((*web.result)->value()).size() == 2);
  REQUIRE(missing.result.has_value());
}

TEST_CASE("a wait ends after its time and at most a sixteenth more", "[server][blocking]") {
  World world;
  const Index index = world.ask(health("consul"))->meta.index;
  Waiting ten(world, health("consul"), index, 10s);
  Waiting usual(world, health("consul"), index);
  Waiting longest(world, health("consul"), index, 24h);
  Waiting future(world, health("consul"), 1'000'000, 1s);
  world.simulation.run_for(1h);
  REQUIRE(ten.answered_at >= 10s);
  REQUIRE(ten.answered_at <= Duration(10s) * 17 / 16 + 1ms);
  REQUIRE((*ten.result)->meta.index == index);
  REQUIRE(usual.answered_at >= 5min);
  REQUIRE(usual.answered_at <= Duration(5min) * 17 / 16 + 1ms);
  REQUIRE(longest.answered_at >= 10min);
  REQUIRE(longest.answered_at <= Duration(10min) * 17 / 16 + 1ms);
  REQUIRE((*future.result)->meta.index == index);
  REQUIRE(world.server->query_statistics().waiting == 0);
}

TEST_CASE("all who wait for one thing share one evaluation and one answer", "[server][blocking]") {
  World world;
  REQUIRE(world.add("n1", "web").ok());
  const Index index = world.ask(health("web"))->meta.index;
  std::vector<std::unique_ptr<Waiting>> crowd;
  for (int n = 0; n < 1000; ++n) crowd.push_back(std::make_unique<Waiting>(world, health("web"), index));
  const auto before = world.server->query_statistics().evaluations;
  REQUIRE(world.add("n2", "web").ok());
  world.simulation.run_for(1s);
  REQUIRE(world.server->query_statistics().evaluations == before + 1);
  std::set<const model::SharedAnswer*> answers;
  for (const auto& one : crowd) answers.insert((*one->result)->shared.get());
  REQUIRE(answers.size() == 1);
}

TEST_CASE("an answer says when it is no longer the latest", "[server]") {
  World world;
  REQUIRE(world.add("n1", "web").ok());
  const Answer first = *world.ask(health("web"));
  REQUIRE(world.ask(health("web"))->shared == first.shared);
  REQUIRE(world.put("unrelated").ok());
  REQUIRE_FALSE(first.shared->superseded());
  REQUIRE(world.add("n2", "web").ok());
  REQUIRE(first.shared->superseded());
  REQUIRE(world.ask(health("web"))->shared != first.shared);
}

TEST_CASE("a kept answer shows the index of now", "[server]") {
  World world;
  const auto nodes_checks = model::ListNodeChecks{"one"};
  const Answer first = *world.ask(nodes_checks);
  model::RegisterCommand command;
  command.node = "n2";
  command.address = "10.0.0.2";
  command.check.emplace();
  command.check->node = "n2";
  command.check->check_id = "c";
  REQUIRE(world.apply(command).ok());
  const Answer second = *world.ask(nodes_checks);
  REQUIRE(second.shared == first.shared);         // nothing of this node changed
  REQUIRE(second.meta.index > first.meta.index);  // but the checks' row moved, as Consul shows it
}

TEST_CASE("a query that is given up leaves nothing behind", "[server][blocking]") {
  World world;
  const Index index = world.ask(health("consul"))->meta.index;
  std::stop_source stop;
  Waiting waiting(world, health("consul"), index, 10s, stop);
  REQUIRE(world.server->query_statistics().waiting == 1);
  stop.request_stop();
  world.simulation.run_for(1ms);
  REQUIRE(waiting.result->status().code() == Code::kCancelled);
  REQUIRE(world.server->query_statistics().waiting == 0);
}

TEST_CASE("those who give up by the thousand let others go first", "[server][blocking]") {
  World world;
  const Index index = world.ask(health("consul"))->meta.index;
  constexpr std::size_t kCount = 1000;
  std::stop_source crowd;
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (std::size_t i = 0; i < kCount; ++i) {
    waiting.push_back(std::make_unique<Waiting>(world, health("consul"), index, 10s, crowd));
  }
  crowd.request_stop();
  CHECK(world.server->query_statistics().waiting == kCount);  // nothing is ended inside of the call
  std::size_t left = 0;
  world.machine.post([&] { left = world.server->query_statistics().waiting; });
  world.simulation.run_for(1ms);
  CHECK(left >= kCount - 16);
  CHECK(world.server->query_statistics().waiting == 0);
  for (const auto& one : waiting) REQUIRE(one->result->status().code() == Code::kCancelled);
}

TEST_CASE("one who has given up may make another give up", "[server][blocking]") {
  World world;
  model::Read read;
  read.min_index = world.ask(health("consul"))->meta.index;
  std::stop_source first;
  std::stop_source second;
  std::vector<int> ended;
  read.call.stop = first.get_token();
  world.server->query(health("consul"), read).then([&](const Result<Answer>&) {
    ended.push_back(1);
    second.request_stop();
  });
  read.call.stop = second.get_token();
  world.server->query(health("consul"), read).then([&](const Result<Answer>&) { ended.push_back(2); });
  first.request_stop();
  world.simulation.run_for(1ms);
  CHECK(ended == std::vector<int>{1, 2});
  CHECK(world.server->query_statistics().waiting == 0);
}

TEST_CASE("a server that ends answers those who wait", "[server][blocking]") {
  World world;
  Waiting waiting(world, health("consul"), world.ask(health("consul"))->meta.index);
  world.server.reset();
  REQUIRE(waiting.result->status().code() == Code::kCancelled);
}

TEST_CASE("too many who wait are refused", "[server][blocking]") {
  QueryLimits limits;
  limits.max_waiting = 2;
  World world(limits);
  const Index index = world.ask(health("consul"))->meta.index;
  Waiting one(world, health("consul"), index);
  Waiting two(world, health("consul"), index);
  Waiting three(world, health("consul"), index);
  REQUIRE(three.result->status().code() == Code::kResourceExhausted);
  REQUIRE_FALSE(two.result.has_value());
}

TEST_CASE("kept answers are bounded", "[server]") {
  QueryLimits limits;
  limits.max_kept_answers = 4;
  World world(limits);
  for (int n = 0; n < 100; ++n) REQUIRE(world.ask(health("s" + std::to_string(n))).ok());
  const auto before = world.server->query_statistics().evaluations;
  REQUIRE(world.ask(health("s99")).ok());
  REQUIRE(world.server->query_statistics().evaluations == before);
  REQUIRE(world.ask(health("s0")).ok());
  REQUIRE(world.server->query_statistics().evaluations == before + 1);
}

TEST_CASE("an answer that is no longer kept says so, as nobody would tell of its changes", "[server]") {
  QueryLimits limits;
  limits.max_kept_answers = 1;
  World world(limits);
  const Answer first = *world.ask(health("consul"));
  REQUIRE_FALSE(first.shared->superseded());
  const Answer second = *world.ask(health("web"));
  REQUIRE(first.shared->superseded());
  REQUIRE_FALSE(second.shared->superseded());
}

TEST_CASE("kept answers are bounded by their bytes, rendered ones included", "[server]") {
  QueryLimits limits;
  limits.max_answer_bytes = 10'000;
  World world(limits);
  using Form = model::SharedAnswer::Form;
  const auto render = [](const Answer& answer, std::size_t size) {
    answer.shared->bytes(Form::kJson, [&](const model::Value&) { return std::string(size, 'x'); });
  };
  std::weak_ptr<const model::SharedAnswer> first;
  {
    const Answer answer = *world.ask(health("consul"));
    first = answer.shared;
    render(answer, 6'000);
  }
  world.simulation.run_for(1s);
  REQUIRE_FALSE(first.expired());
  REQUIRE(world.server->query_statistics().answer_bytes >= 6'000);
  std::weak_ptr<const model::SharedAnswer> second;
  {
    const Answer answer = *world.ask(health("web"));
    second = answer.shared;
    REQUIRE_FALSE(first.expired());
    render(answer, 6'000);
  }
  world.simulation.run_for(1s);
  REQUIRE(first.expired());  // the longest unused goes
  REQUIRE_FALSE(second.expired());
  render(*world.ask(model::ListNodes{}), 20'000);  // nothing of this size is kept
  world.simulation.run_for(1s);
  REQUIRE(world.server->query_statistics().answer_bytes <= limits.max_answer_bytes);
}

TEST_CASE("filters and distance shape rows", "[server]") {
  World world;
  REQUIRE(world.add("n1", "web", {"v1"}).ok());
  REQUIRE(world.add("n2", "web", {"v2"}).ok());
  model::Read read;
  read.filter = "Service.Tags contains v2";
  const auto filtered = world.ask(health("web"), read);
  REQUIRE(std::get<model::CheckServiceNodes>(filtered->value()).size() == 1);
  read.filter = "Nope == 1";
  const auto bad = world.ask(health("web"), read);
  REQUIRE(bad.status().code() == Code::kInvalidArgument);
  REQUIRE(bad.status().message() ==
          "Failed to create boolean expression evaluator: Selector \"Nope\" is not valid");

  model::UpdateCoordinatesCommand coordinates;
  const auto at = [&](std::string node, double position) {
    model::NodeCoordinate row;
    row.node = std::move(node);
    row.coordinate.vec.assign(8, 0.0);
    row.coordinate.vec[0] = position;
    coordinates.updates.push_back(std::move(row));
  };
  at("one", 0.1);
  at("n1", 0.5);
  at("n2", 0.2);
  at("unknown", 0.3);
  REQUIRE(world.apply(coordinates).ok());
  model::Read near;
  near.near = "one";
  const auto sorted = world.ask(health("web"), near);
  REQUIRE(std::get<model::CheckServiceNodes>(sorted->value()).at(0).node->name == "n2");
  REQUIRE(std::get<model::Coordinates>(world.ask(model::ListCoordinates{})->value()).size() == 3);
}

TEST_CASE("tombstones go after a quarter of an hour, and no index falls", "[server]") {
  World world;
  REQUIRE(world.put("a/1").ok());
  REQUIRE(world.put("a/2").ok());
  REQUIRE(world.remove("a/2").ok());
  const Index deleted = world.ask(model::ListKeysWithValues{"a/"})->meta.index;
  const Index last = world.put("b")->index;
  world.simulation.run_for(14min);
  const Index before_reap = world.put("c")->index;
  REQUIRE(before_reap == last + 1);
  world.simulation.run_for(2min);
  REQUIRE(world.put("d")->index == before_reap + 2);  // the reaping was a command of its own
  REQUIRE(world.ask(model::ListKeysWithValues{"a/"})->meta.index == deleted);
}

struct Recorder final : model::Sink {
  std::vector<Answer> answers;
  std::vector<Status> errors;
  void on_answer(const Answer& answer) override { answers.push_back(answer); }
  void on_error(const Status& status) override { errors.push_back(status); }
};

TEST_CASE("a watch shows the answer now and after each change", "[server][watch]") {
  World world;
  Recorder recorder;
  auto handle = world.server->watch(health("web"), {}, recorder);
  REQUIRE(recorder.answers.empty());
  world.simulation.run_for(1s);
  REQUIRE(recorder.answers.size() == 1);
  REQUIRE(world.add("n1", "web").ok());
  world.simulation.run_for(1s);
  REQUIRE(recorder.answers.size() == 2);
  REQUIRE(world.put("unrelated").ok());
  world.simulation.run_for(1h);
  REQUIRE(recorder.answers.size() == 2);
  handle.reset();
  REQUIRE(world.add("n2", "web").ok());
  world.simulation.run_for(1s);
  REQUIRE(recorder.answers.size() == 2);
  REQUIRE(world.server->query_statistics().waiting == 0);
  REQUIRE(recorder.errors.empty());
}

/// Random commands against random watchers: each watcher's index only grows, it is never told without a
/// reason, and what it was shown last is what a fresh question shows.
TEST_CASE("watchers end up with what is there", "[server][blocking][property]") {
  const auto seed = GENERATE(range(1U, 21U));
  World world;
  env::SeededRandom random(seed);
  const std::vector<model::Query> questions = {health("a"),
                                               health("b"),
                                               model::ListNodes{},
                                               model::ListServices{},
                                               model::ListChecksInState{"any", {}},
                                               model::GetKey{"k/1"},
                                               model::ListKeys{"k/", ""},
                                               model::ListKeysWithValues{""},
                                               model::GetNodeServices{"n1"}};
  std::vector<std::unique_ptr<Recorder>> recorders;
  std::vector<std::unique_ptr<model::WatchHandle>> handles;
  for (const model::Query& question : questions) {
    recorders.push_back(std::make_unique<Recorder>());
    handles.push_back(world.server->watch(question, {}, *recorders.back()));
  }
  for (int step = 0; step < 200; ++step) {
    const std::string node = "n" + std::to_string(random.below(3));
    const std::string service = random.below(2) == 0 ? "a" : "b";
    switch (random.below(5)) {
      case 0:
        REQUIRE(world.add(node, service, {"t" + std::to_string(random.below(3))}).ok());
        break;
      case 1: {
        model::DeregisterCommand command;
        command.node = node;
        if (random.below(2) == 0) command.service_id = service;
        REQUIRE(world.apply(command).ok());
        break;
      }
      case 2:
        REQUIRE(world.put("k/" + std::to_string(random.below(3)), std::to_string(random.below(3))).ok());
        break;
      case 3:
        REQUIRE(world.remove("k/" + std::to_string(random.below(3))).ok());
        break;
      default:
        world.simulation.run_for(random.below(2) == 0 ? 1ms : 1us);
    }
  }
  world.simulation.run_for(1s);
  for (std::size_t at = 0; at < questions.size(); ++at) {
    const auto fresh = world.ask(questions[at]);
    REQUIRE_FALSE(recorders[at]->answers.empty());
    // Watches end with the answer that stands, unless its index went back to nothing (a node that is gone).
    if (fresh->meta.index >= recorders[at]->answers.back().meta.index) {
      REQUIRE(recorders[at]->answers.back().value().index() == fresh->value().index());
      REQUIRE_FALSE(recorders[at]->answers.back().shared->superseded());
    }
    for (std::size_t n = 1; n < recorders[at]->answers.size(); ++n) {
      REQUIRE(recorders[at]->answers[n].meta.index > recorders[at]->answers[n - 1].meta.index);
    }
  }
}

}  // namespace
}  // namespace discovery::server
