#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/asio_env.h"
#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

TEST_CASE("Calls may come from any thread", "[agent]") {
  constexpr int kThreads = 4;
  constexpr int kRounds = 100;
  auto env = env::AsioEnv::create({});
  REQUIRE(env.ok());
  FakeCatalog catalog(**env);
  NodeAgent agent(**env, catalog, identity_of("n"), {});
  std::thread loop([&] { (*env)->run(); });

  std::atomic<int> failures{0};
  std::vector<std::thread> callers;
  for (int number = 0; number < kThreads; ++number) {
    callers.emplace_back([&, name = "s" + std::to_string(number)] {
      for (int round = 1; round <= kRounds; ++round) {
        const auto expect = [&](bool fine) { failures += fine ? 0 : 1; };
        expect(agent.register_service(service_of(name, round, {ttl_check("", 1h)}), {}).get().ok());
        expect(agent.update_check("service:" + name, "passing", "", {}).get().ok());
        const auto service = agent.service(name, {}, {}, {}).get();
        expect(service.ok() && service->service->port == round);
        std::stop_source stop;
        Call call;
        call.stop = stop.get_token();
        auto waiting = agent.service(name, service->content_hash, 1min, call).future();
        stop.request_stop();
        expect(waiting.get().status().code() == Code::kCancelled);
        expect(agent.services({}, {}).get().ok());
        expect(agent.self().node_name == "n");
      }
    });
  }
  for (auto& caller : callers) caller.join();
  (*env)->stop();
  loop.join();
  CHECK(failures == 0);
  CHECK(catalog.services.size() == kThreads);
  for (const auto& [id, check] : catalog.checks) CHECK(check.status == "passing");
}

}  // namespace
}  // namespace discovery::agent
