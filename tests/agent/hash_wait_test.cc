#include <chrono>
#include <stop_token>
#include <string>

#include <catch2/catch.hpp>

#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

TEST_CASE("A service's hash follows its content", "[agent]") {
  Fixture f;
  const auto hash = [&] { return f.result(f.agent->service("web", {}, {}, {}))->content_hash; };
  f.ok(f.agent->register_service(service_of("web", 80), {}));
  const auto first = hash();
  f.ok(f.agent->register_service(service_of("web", 80), {}));
  CHECK(hash() == first);
  f.ok(f.agent->register_service(service_of("web", 81), {}));
  CHECK(hash() != first);
}

TEST_CASE("A call with the hash waits until the service is another", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 80), {}));
  const auto hash = f.result(f.agent->service("web", {}, {}, {}))->content_hash;
  CHECK(f.result(f.agent->service("web", "another", 1min, {})).ok());

  const auto waiting = f.start(f.agent->service("web", hash, 1min, {}));
  const auto other = f.start(f.agent->service("web", hash, 1min, {}));
  f.world.run_for(10s);
  CHECK_FALSE(waiting->has_value());
  f.ok(f.agent->register_service(service_of("web", 80), {}));
  f.ok(f.agent->register_service(service_of("we", 1), {}));
  f.ok(f.agent->register_service(service_of("web2", 1), {}));
  f.world.run_for(1s);
  CHECK_FALSE(waiting->has_value());
  f.ok(f.agent->register_service(service_of("web", 81), {}));
  f.world.run_for(0s);
  REQUIRE(waiting->has_value());
  REQUIRE(other->has_value());
  CHECK((**waiting)->service->port == 81);
  CHECK((**waiting)->content_hash != hash);
}

TEST_CASE("A wait ends in time with what there is", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 80), {}));
  const auto hash = f.result(f.agent->service("web", {}, {}, {}))->content_hash;
  const auto waiting = f.start(f.agent->service("web", hash, 16s, {}));
  f.world.run_for(15s);
  CHECK_FALSE(waiting->has_value());
  f.world.run_for(2s);
  REQUIRE(waiting->has_value());
  CHECK((**waiting)->content_hash == hash);

  const auto by_default = f.start(f.agent->service("web", hash, 0s, {}));
  f.world.run_for(299s);
  CHECK_FALSE(by_default->has_value());
  f.world.run_for(30s);
  CHECK(by_default->has_value());
  const auto longest = f.start(f.agent->service("web", hash, 24h, {}));
  f.world.run_for(638s);
  CHECK(longest->has_value());
}

TEST_CASE("A wait ends when the service, the caller or the agent goes", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 80), {}));
  f.ok(f.agent->register_service(service_of("api", 80), {}));
  const auto web = f.result(f.agent->service("web", {}, {}, {}))->content_hash;
  const auto api = f.result(f.agent->service("api", {}, {}, {}))->content_hash;
  CHECK(f.result(f.agent->service("nope", "hash", 1min, {})).status() ==
        Status(Code::kNotFound, "unknown service ID: nope"));

  const auto gone = f.start(f.agent->service("web", web, 1min, {}));
  f.ok(f.agent->deregister_service("web", {}));
  f.world.run_for(0s);
  REQUIRE(gone->has_value());
  CHECK((*gone)->status() == Status(Code::kNotFound, "unknown service ID: web"));

  std::stop_source stop;
  Call call;
  call.stop = stop.get_token();
  const auto cancelled = f.start(f.agent->service("api", api, 1min, call));
  stop.request_stop();
  f.world.run_for(0s);
  REQUIRE(cancelled->has_value());
  CHECK((*cancelled)->status().code() == Code::kCancelled);
  const auto late = f.start(f.agent->service("api", api, 1min, call));
  f.world.run_for(0s);
  CHECK(late->has_value());

  const auto last = f.start(f.agent->service("api", api, 1min, {}));
  f.agent.reset();
  REQUIRE(last->has_value());
  CHECK((*last)->status().code() == Code::kCancelled);
  f.world.run_for(10min);
}

TEST_CASE("Who is woken may ask for the next change at once", "[agent]") {
  Fixture f;
  f.ok(f.agent->register_service(service_of("web", 1), {}));
  const auto hash = f.result(f.agent->service("web", {}, {}, {}))->content_hash;
  int port = 1;
  std::move(f.agent->service("web", hash, 1min, {})).then([&](Result<model::AgentService> woken) {
    port = static_cast<int>(woken->service->port) + 1;
    f.ok(f.agent->register_service(service_of("web", port), {}));
    f.ok(f.agent->deregister_service("web", {}));
  });
  f.ok(f.agent->register_service(service_of("web", 2), {}));
  f.world.run_for(0s);
  CHECK(port == 3);
  CHECK(f.catalog.services.empty());
}

}  // namespace
}  // namespace discovery::agent
