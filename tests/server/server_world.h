#pragma once

/// \file
/// A server on a simulated machine, and those who ask it.

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "lib/env/sim_env.h"
#include "lib/server/server.h"

namespace discovery::server {

using namespace std::chrono_literals;
using model::Answer;
using model::KvVerb;

/// A server on a simulated machine.
struct World {
  env::Simulation simulation{7};
  env::SimEnv& machine = simulation.add_env("one");
  std::unique_ptr<Server> server;

  explicit World(QueryLimits limits = {}) {
    ServerOptions options;
    options.node.name = "one";
    options.node.address = "10.0.0.1";
    options.node.datacenter = "dc1";
    options.rpc_address = "10.0.0.1:8300";
    options.query_limits = limits;
    server = std::make_unique<Server>(machine, std::move(options));
    REQUIRE(server->start().ok());
  }

  Result<model::Outcome> apply(model::Command command) {
    std::optional<Result<model::Outcome>> result;
    server->apply(std::move(command), {}).then([&](Result<model::Outcome> outcome) {
      result = std::move(outcome);
    });
    REQUIRE(result.has_value());
    return *result;
  }
  Result<model::Outcome> put(std::string key, std::string value = "v") {
    return apply(model::KvCommand{KvVerb::kSet, std::move(key), std::move(value), 0, 0});
  }
  Result<model::Outcome> remove(std::string key) {
    return apply(model::KvCommand{KvVerb::kDelete, std::move(key), "", 0, 0});
  }
  Result<model::Outcome> add(std::string node, std::string service, model::Tags tags = {}) {
    model::RegisterCommand command;
    command.node = std::move(node);
    command.address = "10.0.0.9";
    command.service.emplace();
    command.service->name = std::move(service);
    command.service->tags = std::move(tags);
    return apply(std::move(command));
  }
  Result<Answer> ask(model::Query query, model::Read read = {}) {
    std::optional<Result<Answer>> result;
    server->query(std::move(query), std::move(read)).then([&](Result<Answer> answer) {
      result = std::move(answer);
    });
    // What takes long comes later.
    simulation.run_until([&] { return result.has_value(); }, 1s);
    REQUIRE(result.has_value());
    return *result;
  }
};

/// A query that waits. It may go before its answer comes.
struct Waiting {
  std::optional<Result<Answer>> result;
  Duration answered_at{};

  Waiting(World& world, model::Query query, Index index, Duration wait = {}, std::stop_source stop = {})
      : stop_(std::move(stop)), alive_(std::make_shared<Waiting*>(this)) {
    model::Read read;
    read.min_index = index;
    read.wait = wait;
    read.call.stop = stop_.get_token();
    world.server->query(std::move(query), std::move(read))
        .then([alive = alive_, &simulation = world.simulation](Result<Answer> answer) {
          if (*alive == nullptr) return;
          (*alive)->result = std::move(answer);
          (*alive)->answered_at = simulation.now();
        });
  }
  ~Waiting() { *alive_ = nullptr; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  std::stop_source stop_;
  std::shared_ptr<Waiting*> alive_;
};

inline model::Query health(std::string service) {
  return model::ListServiceHealth{std::move(service), {}, {}, false, {}};
}

}  // namespace discovery::server
