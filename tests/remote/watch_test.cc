// Watches over HTTP, through outages.

#include <catch2/catch.hpp>

#include "tests/remote/world.h"

namespace discovery::remote {
namespace {

using testing::an_instance;
using testing::health_of;
using testing::RemoteWorld;
using testing::Seen;
using namespace std::chrono_literals;

TEST_CASE("a watch shows the whole answer, and another one after each change") {
  RemoteWorld it;
  Seen seen;
  const auto watch = it.backend->watch(health_of("web"), {}, seen);
  CHECK(seen.answers.empty());
  REQUIRE(it.run_until([&] { return seen.answers.size() == 1; }, 1s));
  CHECK(seen.rows() == 0);
  CHECK(seen.meta().index > 0);
  CHECK(seen.meta().epoch == 1);
  CHECK(seen.meta().live);
  REQUIRE(it.apply(an_instance("n1", "web")).ok());
  REQUIRE(it.run_until([&] { return seen.answers.size() == 2; }, 1s));
  CHECK(seen.rows() == 1);
  it.simulation.run_for(20min);  // waits end, and nothing has changed
  CHECK(seen.answers.size() == 2);
  REQUIRE(it.apply(an_instance("n2", "web")).ok());
  REQUIRE(it.run_until([&] { return seen.answers.size() == 3; }, 1s));
  CHECK(seen.rows() == 2);
  CHECK(seen.is_ordered());
  CHECK(seen.errors.empty());
}

TEST_CASE("equal watches share one blocking query, and each sees the answer at once") {
  RemoteWorld it;
  it.put("k", "v");
  std::vector<std::unique_ptr<Seen>> seen;
  std::vector<std::unique_ptr<model::WatchHandle>> watches;
  for (int i = 0; i < 20; ++i) {
    seen.push_back(std::make_unique<Seen>());
    watches.push_back(it.backend->watch(model::GetKey{"k"}, {}, *seen.back()));
    it.simulation.run_for(10ms);
    CHECK(seen.back()->answers.size() == 1);
  }
  CHECK(it.backend->facts().questions == 1);
  CHECK(it.backend->facts().waiting == 1);
  watches.pop_back();
  it.put("k", "w");
  it.simulation.run_for(100ms);
  CHECK(seen.front()->answers.size() == 2);
  CHECK(seen.back()->answers.size() == 1);
  watches.clear();
  it.simulation.run_for(10ms);
  CHECK(it.backend->facts().questions == 0);
  CHECK(it.backend->facts().waiting == 0);
}

TEST_CASE("more watches than connections take turns, and all see what changes") {
  RemoteWorld it;
  Options options = it.options();
  options.limits.max_waiting = 4;
  it.backend = testing::connect(it.client, options);
  std::vector<std::unique_ptr<Seen>> seen;
  std::vector<std::unique_ptr<model::WatchHandle>> watches;
  for (int i = 0; i < 30; ++i) {
    seen.push_back(std::make_unique<Seen>());
    watches.push_back(it.backend->watch(model::GetKey{"k" + std::to_string(i)}, {}, *seen.back()));
  }
  it.simulation.run_for(10s);
  CHECK(it.backend->facts().waiting == 4);
  for (int i = 0; i < 30; ++i) it.put("k" + std::to_string(i), "v");
  it.simulation.run_for(1min);
  for (const auto& one : seen) {
    CHECK(one->rows() == 1);
    CHECK(one->errors.empty());
    CHECK(one->is_ordered());
  }
}

TEST_CASE(
    "when the agent goes, a watch is told once and shown its last answer; when it is back, a live one") {
  RemoteWorld it;
  it.put("k", "v");
  Seen seen;
  const auto watch = it.backend->watch(model::GetKey{"k"}, {}, seen);
  REQUIRE(it.run_until([&] { return seen.answers.size() == 1; }, 1s));
  const Index index = seen.meta().index;
  const auto heard = it.client.clock().wall();
  const bool silent = GENERATE(false, true);
  if (silent) {
    it.simulation.block(it.machine, it.client);  // nobody says that it is gone
  } else {
    it.stop_agent();
  }
  REQUIRE(it.run_until([&] { return seen.answers.size() == 2; }, silent ? 20s : 1s));
  CHECK_FALSE(seen.meta().live);
  CHECK(seen.meta().index == index);
  CHECK(seen.rows() == 1);
  CHECK(seen.meta().as_of <= heard);
  CHECK(seen.meta().as_of >= heard - 1s);
  REQUIRE(seen.errors.size() == 1);
  CHECK(seen.errors[0].code() != Code::kOk);
  it.simulation.run_for(10min);
  CHECK(seen.errors.size() == 1);
  CHECK(seen.answers.size() == 2);
  CHECK_FALSE(it.backend->facts().up);

  if (silent) {
    it.simulation.unblock(it.machine, it.client);
  } else {
    it.start_agent();
  }
  REQUIRE(it.run_until([&] { return seen.answers.size() == 3; }, 16s));
  CHECK(seen.meta().live);
  CHECK(seen.is_ordered());
  if (silent) {
    CHECK(seen.meta().index == index);
    CHECK(seen.meta().epoch == 1);
    CHECK(seen.rows() == 1);
  } else {
    CHECK(seen.rows() == 0);  // it has begun anew, and its indexes with it
    CHECK(seen.meta().epoch == 2);
  }
  it.put("k", "w");
  REQUIRE(it.run_until([&] { return seen.answers.size() == 4; }, 1s));
  CHECK(seen.rows() == 1);
  CHECK(seen.errors.size() == 1);
}

TEST_CASE("an agent that is back at once is no outage") {
  RemoteWorld it;
  it.put("k", "v");
  Seen seen;
  const auto watch = it.backend->watch(model::GetKey{"k"}, {}, seen);
  REQUIRE(it.run_until([&] { return seen.answers.size() == 1; }, 1s));
  it.simulation.run_for(1s);
  it.simulation.reset_streams(it.machine, it.client);
  it.simulation.run_for(1s);
  it.put("k", "w");
  REQUIRE(it.run_until([&] { return seen.answers.size() == 2; }, 1s));
  CHECK(seen.errors.empty());
  CHECK(seen.meta().epoch == 1);
}

TEST_CASE("a watch that begins in an outage is told so, and shown the answer at its end") {
  RemoteWorld it;
  it.stop_agent();
  Seen first;
  const auto watch = it.backend->watch(model::ListNodes{}, {}, first);
  REQUIRE(it.run_until([&] { return first.errors.size() == 1; }, 1s));
  CHECK(first.errors[0].code() == Code::kUnavailable);
  it.simulation.run_for(1min);
  Seen second;
  const auto other = it.backend->watch(model::ListServices{}, {}, second);
  REQUIRE(it.run_until([&] { return second.errors.size() == 1; }, 100ms));
  it.start_agent();
  REQUIRE(it.run_until([&] { return !first.answers.empty() && !second.answers.empty(); }, 16s));
  CHECK(first.answers.size() == 1);
  CHECK(first.errors.size() == 1);
}

TEST_CASE("the next agent of a list takes over") {
  RemoteWorld it;
  it.put("k", "v");
  env::SimEnv& other = it.simulation.add_env("other");
  agent::Config config;
  config.node_name = "two";
  config.dev_mode = true;
  config.bind_addr = other.address();
  config.client_addr = {other.address()};
  api::AgentRuntime second(other, std::move(config), "9d85027d-1b8b-63af-a8a8-08c1179ed0a3");
  REQUIRE(second.start().ok());
  Options options = it.options();
  options.urls.push_back("http://other:8500");
  it.backend = testing::connect(it.client, options);
  Seen seen;
  const auto watch = it.backend->watch(model::ListNodes{}, {}, seen);
  REQUIRE(it.run_until([&] { return seen.answers.size() == 1; }, 1s));
  const auto node = [&] { return std::get<model::Nodes>(seen.answers.back().value())[0]->name; };
  CHECK(node() == "one");
  const bool silent = GENERATE(false, true);
  if (silent) {
    it.simulation.block(it.machine, it.client);
  } else {
    it.stop_agent();
  }
  REQUIRE(it.run_until([&] { return node() == "two" && seen.meta().live; }, 1min));
  CHECK(seen.is_ordered());
  CHECK(seen.meta().epoch == 2);
}

TEST_CASE("what has no index is asked again now and then") {
  RemoteWorld it;
  Seen seen;
  const auto watch = it.backend->watch(model::ListPeers{}, {}, seen);
  REQUIRE(it.run_until([&] { return seen.answers.size() == 1; }, 1s));
  it.simulation.run_for(5min);
  CHECK(seen.answers.size() == 1);
  CHECK(seen.meta().index == 1);
}

TEST_CASE("faults of all sorts leave a watch in order, and in the end with the truth") {
  const auto seed = GENERATE(range(1U, 9U));
  RemoteWorld it(seed);
  Seen seen;
  const auto watch = it.backend->watch(model::ListKeysWithValues{""}, {}, seen);
  env::LinkOptions link;
  link.segment_bytes = 100;
  link.loss = 0.05;
  it.simulation.set_link(link);
  env::SeededRandom random(seed);
  int written = 0;
  const auto write = [&] {
    it.agent->backend()
        .apply(model::KvCommand{model::KvVerb::kSet, "k" + std::to_string(written++), "v", 0, 0}, {})
        .then([](const auto& outcome) { REQUIRE(outcome.ok()); });
  };
  for (int round = 0; round < 40; ++round) {
    switch (random.below(std::uint64_t{6})) {
      case 0:
        it.simulation.reset_streams(it.machine, it.client);
        break;
      case 1:
        it.simulation.block(it.machine, it.client);
        it.simulation.run_for(random.below(Duration(40s)));
        it.simulation.unblock(it.machine, it.client);
        break;
      case 2:
        it.stop_agent();
        it.simulation.run_for(random.below(Duration(20s)));
        it.start_agent();
        written = 0;
        break;
      default:
        write();
    }
    it.simulation.run_for(random.below(Duration(2s)));
  }
  write();
  REQUIRE(it.run_until([&] { return seen.meta().live && seen.rows() == static_cast<std::size_t>(written); },
                       1min));
  CHECK(seen.is_ordered());
}

}  // namespace
}  // namespace discovery::remote
