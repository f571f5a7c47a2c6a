// Whatever happens to the agent, to its disk, to the catalog and on the way between them: in the end the
// agent has what its callers were promised, its checks say how their targets are, and the catalog says what
// the agent says.

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/agent/agent_truth.h"
#include "tests/agent/fixture.h"
#include "tests/health/probe_world.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLongTtl = 24h;
constexpr Duration kShortTtl = 10s;
constexpr std::array<const char*, 3> kStatuses = {"passing", "warning", "critical"};

int badness(std::string_view status) {
  return status == model::kCritical ? 2 : status == model::kWarning ? 1 : 0;
}

class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed)
      : random_(seed),
        world_(seed),
        office_(world_.add_env("office")),
        target_(world_.add_env("target")),
        machine_(world_.add_env("machine")),
        catalog_(office_),
        web_(target_) {
    catalog_.services["consul"].id = "consul";
    catalog_.checks["serfHealth"].check_id = "serfHealth";
    catalog_.fate = [this] { return fate(); };
    catalog_.delay = [this] {
      if (happens(50)) return Duration::zero();
      return happens(2) && trouble_ > 0 ? Duration(20s) : Duration(1ms * below(200));
    };
    web_.answer = [this](const std::string& request) {
      const std::string path = request.substr(5, request.find(' ', 5) - 5);
      constexpr std::array<const char*, 3> kCodes = {"200 OK", "429 Too Many Requests", "500 Oops"};
      return std::string("HTTP/1.1 ") + kCodes[target(path)] + "\r\nContent-Length: 2\r\n\r\nok";
    };
    machine_.set_program("probe", [this](const env::ProcessOptions& options) {
      return env::SimProgram{.takes = 10ms, .exit_code = target(options.arguments.at(1)), .output = "ran"};
    });
    (void)machine_.files().make_directory("/data");
    start();
  }

  void live(int steps) {
    for (int i = 0; i < steps; ++i) {
      trouble_ = below(10) == 0 ? 100 : below(30);
      switch (below(25)) {
        case 0:
          restart();
          break;
        case 1:
          crash_somewhere();
          break;
        case 2:
          fail_disk();
          break;
        default:
          step();
      }
      world_.run_for(1ms * below(below(20) == 0 ? 60'000 : 300));
      forget_vanished();
    }
  }

  void settle() {
    trouble_ = 0;
    world_.run_for(6min);
    forget_vanished();
  }

  void check() {
    check_truth();
    check_catalog();
    check_tokens();
  }

 private:
  /// A call to the agent: how it is made, and what it changes if it is answered with OK.
  struct Act {
    std::string what;
    std::function<Async<Unit>()> call;
    std::function<void(Truth&)> change;
    std::optional<Result<Unit>> result{};
  };
  using ActPtr = std::shared_ptr<Act>;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool happens(std::uint64_t percent) { return below(100) < percent; }
  std::string service_id() { return "s" + std::to_string(below(6)); }
  std::string check_id() { return "c" + std::to_string(below(14)); }
  std::string status() { return kStatuses[below(3)]; }
  std::string token() { return happens(80) ? "" : "t" + std::to_string(below(3)); }
  int target(const std::string& id) { return targets_[id]; }

  Status fate() {
    if (!happens(trouble_)) return {};
    constexpr std::array<Code, 4> kCodes = {Code::kUnavailable, Code::kUnknownOutcome,
                                            Code::kPermissionDenied, Code::kResourceExhausted};
    return {kCodes[below(kCodes.size())], "perhaps"};
  }

  /// \name The agent's lives
  /// @{
  void start() {
    NodeAgent::Options options;
    options.data_dir = "/data";
    options.enable_script_checks = true;
    options.check_update_interval = 20s;
    agent_ = std::make_unique<NodeAgent>(machine_, catalog_, identity_of("n"), options);
    REQUIRE(agent_->load().ok());
    agent_->restore();
    agent_->sync_after_start();
  }
  void restart() {
    agent_.reset();
    if (happens(30)) world_.run_for(30s);
    start();
    adopt({truth_});
  }
  /// The power goes at some step of a write, while calls are under way or being answered.
  void crash_somewhere() {
    machine_.sim_files().lose_power_after(below(60));
    std::vector<Truth> possible = {truth_};
    for (int i = 0; i < 8 && machine_.sim_files().has_power(); ++i) {
      std::vector<ActPtr> acts;
      for (auto left = below(4) + 1; left > 0; --left) acts.push_back(begin(random_act()));
      world_.run_until([&] { return all_over(acts); }, 1ms * below(30));
      for (const ActPtr& act : acts) {
        possible.push_back(possible.back());
        act->change(possible.back());
        const bool promised = act->result && act->result->ok();
        if (promised) act->change(truth_);
      }
      if (!all_over(acts)) break;
    }
    world_.crash(machine_);
    agent_.reset();
    world_.run_for(1ms * below(100));
    world_.restart(machine_);
    start();
    // What was promised has to be there, unless a later call that may have been carried out changed it.
    possible.push_back(truth_);
    adopt(possible);
  }
  /// Writes fail for a while; the repairs that are due then come when it is over.
  void fail_disk() {
    env::FileFaults faults;
    faults.fail_write = 0.01 * static_cast<double>(below(100) + 1);
    machine_.sim_files().set_faults(faults);
    for (int i = 0; i < 6; ++i) {
      forget_vanished();
      std::vector<ActPtr> acts;
      for (auto left = below(3) + 1; left > 0; --left) acts.push_back(begin(random_act()));
      finish(acts);
    }
    machine_.sim_files().set_faults({});
    world_.run_for(20s);
    for (auto& [id, check] : truth_.checks) {
      if (check.kind == model::CheckKind::kTtl) check.status.clear();  // its last report may not be kept
    }
  }
  /// @}

  /// \name Calls
  /// @{
  ActPtr begin(Act act) {
    const auto shared = std::make_shared<Act>(std::move(act));
    shared->call().then([shared](Result<Unit> done) { shared->result.emplace(std::move(done)); });
    return shared;
  }
  static bool all_over(const std::vector<ActPtr>& acts) {
    return std::all_of(acts.begin(), acts.end(), [](const ActPtr& act) { return act->result.has_value(); });
  }
  void finish(const std::vector<ActPtr>& acts) {
    REQUIRE(world_.run_until([&] { return all_over(acts); }, 10s));
    for (const ActPtr& act : acts) {
      const std::string failure(act->result->status().message());
      const bool stands = act->result->ok() || failure.find("it is gone") != std::string::npos ||
                          failure.find("it is noted") != std::string::npos;
      if (stands) act->change(truth_);
    }
  }
  void step() {
    switch (below(10)) {
      case 0:
      case 1:
        return edit_catalog();
      case 2:
        return edit_other_node();
      case 3:
        targets_[check_id()] = static_cast<int>(below(3));
        return;
      default: {
        std::vector<ActPtr> acts;
        for (auto left = happens(20) ? 3 : 1; left > 0; --left) acts.push_back(begin(random_act()));
        return finish(acts);
      }
    }
  }
  Act random_act() {
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return register_service();
      case 3: {
        const auto id = happens(80) ? service_id() : alias_service_id();
        return {"deregister service " + id, [this, id] { return agent_->deregister_service(id, {}); },
                [id](Truth& truth) { truth.remove_service(id); }};
      }
      case 4:
      case 5:
        return register_check();
      case 6: {
        const auto id = check_id();
        return {"deregister check " + id, [this, id] { return agent_->deregister_check(id, {}); },
                [id](Truth& truth) { truth.checks.erase(id); }};
      }
      case 7: {
        const auto service = happens(70) ? service_id() : std::string();
        const bool enable = happens(50);
        return {"maintenance of " + service,
                [this, service, enable] {
                  return service.empty() ? agent_->set_node_maintenance(enable, "why", {})
                                         : agent_->set_service_maintenance(service, enable, "why", {});
                },
                [service, enable](Truth& truth) { truth.maintain(service, enable); }};
      }
      default:
        return report();
    }
  }
  Act report() {
    const auto id = check_id();
    const auto now = status();
    const std::string output = "run " + std::to_string(below(4));
    return {"report on " + id, [this, id, now, output] { return agent_->update_check(id, now, output, {}); },
            [id, now](Truth& truth) {
              const auto found = truth.checks.find(id);
              if (found != truth.checks.end()) found->second.status = now;
            }};
  }
  Act register_service() {
    const bool of_aliases = happens(15);
    auto spec = service_of("web" + std::to_string(below(3)), static_cast<std::int64_t>(below(3)));
    spec.service.id = of_aliases ? alias_service_id() : service_id();
    if (happens(50)) spec.service.tags = {"t" + std::to_string(below(3))};
    spec.service.enable_tag_override = happens(30);
    spec.token = token();
    for (auto left = below(4); left > 0; --left) {
      auto check = of_aliases ? random_alias() : random_check();
      const auto same = [&](const auto& one) { return one.id == check.id; };
      if (std::none_of(spec.checks.begin(), spec.checks.end(), same)) spec.checks.push_back(check);
    }
    spec.replace_existing_checks = happens(30);
    return {"register service " + spec.service.id.str(),
            [this, spec] { return agent_->register_service(spec, {}); },
            [spec](Truth& truth) { truth.put_service(spec); }};
  }
  Act register_check() {
    const bool alias = happens(20);
    auto spec = alias ? random_alias() : random_check();
    if (alias) {
      spec.service_id = alias_service_id();
    } else if (happens(60)) {
      spec.service_id = service_id();
    }
    return {"register check " + spec.id, [this, spec] { return agent_->register_check(spec, {}); },
            [spec](Truth& truth) {
              if (spec.service_id.empty() || truth.services.contains(spec.service_id)) {
                truth.put_check(spec, spec.service_id);
              }
            }};
  }
  model::CheckSpec random_check() {
    model::CheckSpec spec;
    spec.id = check_id();
    spec.name = "check " + std::to_string(below(3));
    spec.status = status();
    spec.token = token();
    switch (below(6)) {
      case 0:
        spec.http = "http://" + target_.address() + "/" + spec.id;
        spec.interval = 10s;
        break;
      case 1:
        spec.args = {"probe", spec.id};
        spec.interval = 10s;
        break;
      default:
        spec.ttl = happens(20) ? kShortTtl : kLongTtl;
    }
    if (happens(10)) spec.deregister_critical_service_after = 1min;
    return spec;
  }
  /// Aliases have services of their own, so that none mirrors another.
  std::string alias_service_id() { return "a" + std::to_string(below(2)); }
  model::CheckSpec random_alias() {
    model::CheckSpec spec;
    spec.id = "alias" + std::to_string(below(6));
    spec.name = "an alias";
    spec.token = token();
    const auto kind = below(3);
    if (kind == 0) {
      spec.alias_service = service_id();
    } else {
      spec.alias_node = "other";
      if (kind == 1) spec.alias_service = "o" + std::to_string(below(2));
    }
    return spec;
  }
  /// @}

  /// Somebody else meddles with the catalog.
  void edit_catalog() {
    const auto service = service_id();
    const auto check = check_id();
    switch (below(6)) {
      case 0:
        catalog_.services.erase(service);
        break;
      case 1: {
        const std::string tag = "edited" + std::to_string(below(3));
        catalog_.services[service].id = service;
        catalog_.services[service].tags = {tag};
        edited_tags_[service].insert(tag + ",");
        break;
      }
      case 2:
        catalog_.checks.erase(check);
        break;
      case 3:
        catalog_.checks[check].check_id = check;
        catalog_.checks[check].status = status();
        if (happens(50)) catalog_.checks[check].service_id = service;
        break;
      case 4:
        if (catalog_.node) catalog_.node->address = "10.9.9.9";
        break;
      default:
        forget_catalog();
    }
  }
  void forget_catalog() {
    catalog_.node.reset();
    std::erase_if(catalog_.services, [](const auto& entry) { return entry.first != "consul"; });
    std::erase_if(catalog_.checks, [](const auto& entry) { return entry.first != "serfHealth"; });
  }
  void edit_other_node() {
    auto& other = catalog_.others["other"];
    const std::string service = "o" + std::to_string(below(2));
    const std::string check = "oc" + std::to_string(below(3));
    if (happens(30)) {
      happens(50) ? void(other.services.erase(service)) : void(other.services[service].id = service);
    } else if (happens(30)) {
      other.checks.erase(check);
    } else {
      auto& one = other.checks[check];
      one.node = "other";
      one.check_id = check;
      one.name = check;
      one.status = status();
      one.service_id = happens(50) ? service : std::string();
    }
    catalog_.changed();
  }

  template <class T>
  Result<T> result(Async<T> operation) {
    std::optional<Result<T>> result;
    std::move(operation).then([&](Result<T> value) { result.emplace(std::move(value)); });
    REQUIRE(result.has_value());
    return *std::move(result);
  }
  std::map<std::string, model::ServicePtr> services() {
    std::map<std::string, model::ServicePtr> all;
    const auto listed = result(agent_->services({}, {}));
    for (const auto& one : *listed) all[one.service->id.str()] = one.service;
    return all;
  }
  std::map<std::string, model::CheckPtr> checks() {
    std::map<std::string, model::CheckPtr> all;
    const auto listed = result(agent_->checks({}, {}));
    for (const auto& one : *listed) all[one->check_id.str()] = one;
    return all;
  }

  /// Services that go for their critical checks go when they want.
  void forget_vanished() {
    const auto there = services();
    std::vector<std::string> gone;
    for (const auto& [id, service] : truth_.services) {
      if (truth_.may_vanish(id) && !there.contains(id)) gone.push_back(id);
    }
    for (const auto& id : gone) truth_.remove_service(id);
  }

  /// After a start: each service and check must be as one of `possible` says, and is taken as it is.
  void adopt(const std::vector<Truth>& possible) {
    const Truth before = std::exchange(truth_, {});
    const auto there = services();
    const auto checks_there = checks();
    const auto adopt_one = [&](const std::string& id, auto member, bool exists, const auto& fits) {
      INFO("after a start: " << id << (exists ? " is there" : " is not there"));
      bool fitting = false;
      for (auto one = possible.rbegin(); one != possible.rend(); ++one) {
        const auto found = ((*one).*member).find(id);
        if ((found != ((*one).*member).end()) != exists) continue;
        if (exists && !fits(found->second)) continue;
        fitting = true;
        if (!exists) break;
        const auto [at, added] = (truth_.*member).insert(*found);
        // Two calls that nobody answered, and what shows is the same.
        if (!added) at->second.doubt(found->second);
      }
      CHECK(fitting);
    };
    std::set<std::string> service_ids;
    std::set<std::string> check_ids;
    for (const auto& one : possible) {
      for (const auto& [id, service] : one.services) service_ids.insert(id);
      for (const auto& [id, check] : one.checks) check_ids.insert(id);
    }
    for (const auto& [id, service] : there) service_ids.insert(id);
    for (const auto& [id, check] : checks_there) check_ids.insert(id);
    for (const auto& id : service_ids) {
      const bool exists = there.contains(id);
      adopt_one(id, &Truth::services, exists, [&](const TrueService& one) {
        const auto& service = *there.at(id);
        return one.name == service.name && one.port == service.port &&
               (one.tags.contains(join_tags(service.tags)) || service.enable_tag_override);
      });
    }
    for (const auto& id : check_ids) {
      const bool exists = checks_there.contains(id);
      adopt_one(id, &Truth::checks, exists, [&](const TrueCheck& one) {
        const auto& check = *checks_there.at(id);
        return one.name == check.name && one.service == check.service_id &&
               model::type_name(one.kind) == check.type;
      });
      if (exists) adopt_status(truth_.checks[id], *checks_there.at(id), possible);
    }
  }
  /// A long TTL that was reported on goes on; else nobody knows how the check is.
  void adopt_status(TrueCheck& check, const model::HealthCheck& there, const std::vector<Truth>& possible) {
    if (check.kind != model::CheckKind::kTtl) return;
    bool known = there.status == model::kCritical;
    for (const Truth& one : possible) {
      const auto found = one.checks.find(there.check_id.str());
      if (found == one.checks.end()) continue;
      known = known || found->second.status.empty() || found->second.status == there.status;
    }
    INFO("after a start: " << there.check_id << " is " << there.status);
    CHECK(known);
    check.status = there.status.str();
  }

  /// Empty: it is not known.
  std::string expected_status(const std::string& id, const TrueCheck& check) {
    if (check.unsure) return {};
    switch (check.kind) {
      case model::CheckKind::kMaintenance:
        return std::string(model::kCritical);
      case model::CheckKind::kTtl:
        return check.ttl == kShortTtl ? std::string(model::kCritical) : check.status;
      case model::CheckKind::kAlias:
        return expected_alias(check);
      default:
        return kStatuses[static_cast<std::size_t>(target(id))];
    }
  }
  std::string expected_alias(const TrueCheck& alias) {
    int worst = 0;
    bool exists = alias.mirrors.empty();
    if (alias.mirrors_node.empty()) {
      exists = exists || truth_.services.contains(alias.mirrors);
      for (const auto& [id, one] : truth_.checks) {
        if (!one.service.empty() && one.service != alias.mirrors) continue;
        const std::string status = expected_status(id, one);
        if (status.empty()) return {};
        worst = std::max(worst, badness(status));
      }
    } else {
      const auto& other = catalog_.others[alias.mirrors_node];
      exists = exists || other.services.contains(alias.mirrors);
      for (const auto& [id, one] : other.checks) {
        if (!one.service_id.empty() && one.service_id != alias.mirrors) continue;
        if (!one.service_id.empty()) exists = true;
        worst = std::max(worst, badness(one.status));
      }
    }
    return kStatuses[static_cast<std::size_t>(exists ? worst : 2)];
  }

  void check_truth() {
    const auto local = services();
    CHECK(local.size() == truth_.services.size());
    for (const auto& [id, service] : truth_.services) {
      INFO("service " << id);
      REQUIRE(local.contains(id));
      CHECK(local.at(id)->name == service.name);
      CHECK(local.at(id)->port == service.port);
      const std::string tags = join_tags(local.at(id)->tags);
      const bool edited = local.at(id)->enable_tag_override && edited_tags_[id].contains(tags);
      if (!local.at(id)->enable_tag_override) CHECK(service.tags.contains(tags));
      CHECK((edited || service.tags.contains(tags) || local.at(id)->enable_tag_override));
    }
    const auto local_checks = checks();
    CHECK(local_checks.size() == truth_.checks.size());
    for (const auto& [id, check] : truth_.checks) {
      INFO("check " << id);
      REQUIRE(local_checks.contains(id));
      const auto& there = *local_checks.at(id);
      CHECK(there.name == check.name);
      CHECK(there.service_id == check.service);
      CHECK(there.type == model::type_name(check.kind));
      INFO("it says: " << there.output);
      const std::string expected = expected_status(id, check);
      if (!expected.empty()) CHECK(there.status == expected);
    }
  }

  /// Lets the agent tell everything anew, and looks with which tokens.
  void check_tokens() {
    forget_catalog();
    settle();
    for (const auto& [id, service] : truth_.services) {
      INFO("service " << id);
      if (!service.unsure) CHECK(catalog_.service_tokens[id] == service.token);
    }
    for (const auto& [id, check] : truth_.checks) {
      INFO("check " << id);
      // Maintenance borrows the token that its service has when it begins, or at a start.
      if (check.kind == model::CheckKind::kMaintenance || check.unsure) continue;
      CHECK(catalog_.check_tokens[id] == check.token);
    }
  }

  void check_catalog() {
    REQUIRE(catalog_.node);
    CHECK(catalog_.node->address == "10.0.0.1");
    const auto local = services();
    CHECK(catalog_.services.size() == local.size() + 1);
    for (const auto& [id, service] : local) {
      INFO("service " << id << " in the catalog");
      REQUIRE(catalog_.services.contains(id));
      CHECK(catalog_.services.at(id).same_content(*service));
    }
    const auto local_checks = checks();
    CHECK(catalog_.checks.size() == local_checks.size() + 1);
    for (const auto& [id, check] : local_checks) {
      INFO("check " << id << " in the catalog");
      REQUIRE(catalog_.checks.contains(id));
      CHECK(catalog_.checks.at(id).same_content(*check));
    }
  }

  std::mt19937_64 random_;
  std::uint64_t trouble_ = 0;  // percent of calls that fail
  env::Simulation world_;
  env::SimEnv& office_;  // where the catalog is: what was sent to it arrives, whatever becomes of the agent
  env::SimEnv& target_;
  env::SimEnv& machine_;
  FakeCatalog catalog_;
  health::Target web_;
  std::map<std::string, int> targets_;  // places in kStatuses
  std::map<std::string, std::set<std::string>> edited_tags_;
  Truth truth_;
  std::unique_ptr<NodeAgent> agent_;
};

TEST_CASE("The catalog follows the agent through anything", "[anti_entropy]") {
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    INFO("seed " << seed);
    RandomLife life(seed);
    for (int round = 0; round < 3; ++round) {
      INFO("round " << round);
      life.live(60);
      life.settle();
      life.check();
    }
  }
}

}  // namespace
}  // namespace discovery::agent
