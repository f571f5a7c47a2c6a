// Whatever happens to the agent, to the catalog and on the way between them: in the end the catalog says what
// the agent says.

#include <chrono>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed) : random_(seed), f_(seed) {
    f_.catalog.services["consul"].id = "consul";
    f_.catalog.checks["serfHealth"].check_id = "serfHealth";
    f_.catalog.fate = [this] {
      if (!happens(trouble_)) return Status();
      return happens(50) ? Status(Code::kUnavailable, "no leader") : Status(Code::kUnknownOutcome, "perhaps");
    };
    f_.catalog.delay = [this] { return happens(50) ? Duration::zero() : Duration(1ms * below(200)); };
  }

  void live(int steps) {
    f_.agent->sync_after_start();
    for (int i = 0; i < steps; ++i) {
      trouble_ = below(10) == 0 ? 100 : below(30);
      step();
      f_.world.run_for(1ms * below(below(20) == 0 ? 60'000 : 300));
    }
  }

  void settle() {
    trouble_ = 0;
    f_.world.run_for(15min);
  }

  void check() {
    REQUIRE(f_.catalog.node);
    CHECK(f_.catalog.node->address == "10.0.0.1");
    const auto services = *f_.result(f_.agent->services({}, {}));
    CHECK(f_.catalog.services.size() == services.size() + 1);
    for (const auto& local : services) {
      INFO("service " << local.service->id);
      REQUIRE(f_.catalog.services.contains(local.service->id.str()));
      CHECK(f_.catalog.services.at(local.service->id.str()).same_content(*local.service));
    }
    const auto checks = f_.checks();
    CHECK(f_.catalog.checks.size() == checks.size() + 1);
    for (const auto& local : checks) {
      INFO("check " << local->check_id);
      REQUIRE(f_.catalog.checks.contains(local->check_id.str()));
      CHECK(f_.catalog.checks.at(local->check_id.str()).same_content(*local));
    }
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool happens(std::uint64_t percent) { return below(100) < percent; }
  std::string service_id() { return "s" + std::to_string(below(6)); }
  std::string check_id() { return "c" + std::to_string(below(12)); }
  std::string status() {
    constexpr const char* kAll[] = {"passing", "warning", "critical"};
    return kAll[below(3)];
  }
  std::string token() { return happens(80) ? "" : "t" + std::to_string(below(3)); }

  model::CheckSpec random_check() {
    auto spec = ttl_check("check " + std::to_string(below(3)), happens(20) ? Duration(10s) : Duration(24h));
    spec.id = check_id();
    spec.status = status();
    spec.token = token();
    if (happens(10)) spec.deregister_critical_service_after = 1min;
    return spec;
  }

  void register_service() {
    auto spec = service_of("web" + std::to_string(below(3)), static_cast<std::int64_t>(below(3)));
    spec.service.id = service_id();
    if (happens(50)) spec.service.tags = {"t" + std::to_string(below(3))};
    spec.service.enable_tag_override = happens(30);
    spec.token = token();
    for (auto left = below(4); left > 0; --left) spec.checks.push_back(random_check());
    spec.replace_existing_checks = happens(30);
    f_.ok(f_.agent->register_service(spec, {}));
  }

  /// Somebody else meddles with the catalog.
  void edit_catalog() {
    const auto service = service_id();
    const auto check = check_id();
    switch (below(6)) {
      case 0:
        f_.catalog.services.erase(service);
        break;
      case 1:
        f_.catalog.services[service].id = service;
        f_.catalog.services[service].tags = {"edited" + std::to_string(below(3))};
        break;
      case 2:
        f_.catalog.checks.erase(check);
        break;
      case 3:
        f_.catalog.checks[check].check_id = check;
        f_.catalog.checks[check].status = status();
        if (happens(50)) f_.catalog.checks[check].service_id = service;
        break;
      case 4:
        if (f_.catalog.node) f_.catalog.node->address = "10.9.9.9";
        break;
      default:
        f_.catalog.node.reset();
        std::erase_if(f_.catalog.services, [](const auto& entry) { return entry.first != "consul"; });
        std::erase_if(f_.catalog.checks, [](const auto& entry) { return entry.first != "serfHealth"; });
    }
  }

  void step() {
    switch (below(8)) {
      case 0:
      case 1:
        return register_service();
      case 2:
        return f_.ok(f_.agent->deregister_service(service_id(), {}));
      case 3: {
        auto spec = random_check();
        if (happens(60)) spec.service_id = service_id();
        (void)f_.result(f_.agent->register_check(spec, {}));
        return;
      }
      case 4:
        return f_.ok(f_.agent->deregister_check(check_id(), {}));
      case 5:
      case 6:
        (void)f_.result(f_.agent->update_check(check_id(), status(), "run " + std::to_string(below(4)), {}));
        return;
      default:
        return edit_catalog();
    }
  }

  std::mt19937_64 random_;
  std::uint64_t trouble_ = 0;  // percent of calls that fail
  Fixture f_;
};

TEST_CASE("The catalog follows the agent through anything", "[anti_entropy]") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    RandomLife life(seed);
    for (int round = 0; round < 3; ++round) {
      life.live(60);
      life.settle();
      life.check();
    }
  }
}

}  // namespace
}  // namespace discovery::agent
