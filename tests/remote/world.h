#pragma once

/// \file
/// A whole agent on one simulated machine, and backends on others that ask it over HTTP.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/model/backend.h"
#include "lib/remote/remote_backend.h"
#include "tests/sim/agent_world.h"

namespace discovery::remote::testing {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// What a watch has shown.
class Seen final : public model::Sink {
 public:
  void on_answer(const model::Answer& answer) override { answers.push_back(answer); }
  void on_error(const Status& status) override { errors.push_back(status); }

  const Meta& meta() const { return answers.back().meta; }
  /// How many rows the latest answer has.
  std::size_t rows() const { return model::value_rows(answers.back().value()); }
  /// Within one epoch no index may fall.
  bool is_ordered() const {
    for (std::size_t i = 1; i < answers.size(); ++i) {
      const Meta& before = answers[i - 1].meta;
      const Meta& after = answers[i].meta;
      if (after.epoch < before.epoch) return false;
      if (after.epoch == before.epoch && after.index < before.index) return false;
    }
    return true;
  }

  std::vector<model::Answer> answers;
  std::vector<Status> errors;
};

inline std::unique_ptr<RemoteBackend> connect(env::Env& env, Options options) {
  auto backend = RemoteBackend::create(env, std::move(options));
  REQUIRE(backend.ok());
  return *std::move(backend);
}

struct RemoteWorld : api::testing::World {
  explicit RemoteWorld(std::uint64_t seed = 1) : World(seed) { backend = connect(client, options()); }
  ~RemoteWorld() { backend.reset(); }
  RemoteWorld(const RemoteWorld&) = delete;
  RemoteWorld& operator=(const RemoteWorld&) = delete;

  Options options() const {
    Options made;
    made.urls = {"http://" + machine.address() + ":8500"};
    return made;
  }

  /// The agent's program ends, and with it what it knows.
  void stop_agent() { agent.reset(); }
  void start_agent() {
    agent::Config config;
    config.node_name = "one";
    config.dev_mode = true;
    config.bind_addr = machine.address();
    config.client_addr = {machine.address()};
    agent = std::make_unique<api::AgentRuntime>(machine, std::move(config),
                                                "8d85027d-1b8b-63af-a8a8-08c1179ed0a3");
    REQUIRE(agent->start().ok());
  }

  bool run_until(const std::function<bool()>& reached, Duration limit = minutes(1)) {
    return simulation.run_until(reached, limit);
  }

  template <class T>
  Result<T> wait_for(Async<T> operation, Duration limit = minutes(20)) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    std::move(operation).then([result](Result<T> got) { result->emplace(std::move(got)); });
    REQUIRE(simulation.run_until([&] { return result->has_value(); }, limit));
    return **result;
  }
  Result<model::Answer> query(model::Query question, model::Read read = {}) {
    return wait_for(backend->query(std::move(question), std::move(read)));
  }
  Result<model::Outcome> apply(model::Command command, discovery::Call call = {}) {
    return wait_for(backend->apply(std::move(command), std::move(call)));
  }
  void put(const std::string& key, const std::string& value) {
    REQUIRE(apply(model::KvCommand{model::KvVerb::kSet, key, value, 0, 0}).ok());
  }

  std::unique_ptr<RemoteBackend> backend;
};

inline model::ListServiceHealth health_of(const std::string& service) {
  model::ListServiceHealth query;
  query.service = service;
  return query;
}

/// An instance on a node of its own, passing.
inline model::RegisterCommand an_instance(const std::string& node, const std::string& service,
                                          const std::string& status = "passing") {
  model::RegisterCommand command;
  command.node = node;
  command.address = "192.0.2.1";
  model::ServiceInstance instance;
  instance.id = service;
  instance.name = service;
  instance.port = 80;
  instance.tags = {"v1"};
  instance.meta = {{"zone", "a"}};
  command.service = instance;
  model::HealthCheck check;
  check.node = node;
  check.check_id = "alive";
  check.name = "alive";
  check.status = status;
  check.service_id = service;
  command.check = check;
  return command;
}

}  // namespace discovery::remote::testing
