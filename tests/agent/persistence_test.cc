#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/agent/stored_definition.h"
#include "tests/agent/fixture.h"

namespace discovery::agent {
namespace {

using namespace std::chrono_literals;

/// A machine on which an agent is started again and again.
struct Machine {
  explicit Machine(std::uint64_t seed = 1) : world(seed), env(world.add_env("one")), catalog(env) {
    (void)env.files().make_directory("/data");
    start();
  }

  void start() {
    NodeAgent::Options options;
    options.data_dir = "/data";
    agent = std::make_unique<NodeAgent>(env, catalog, identity_of("n"), options);
    REQUIRE(agent->load().ok());
    agent->restore();
    agent->sync_after_start();
    world.run_for(1s);
  }
  void restart() {
    agent.reset();
    start();
  }
  /// Power is lost: what was not synced is gone.
  void crash() {
    env.sim_files().set_faults({});
    world.crash(env);
    agent.reset();
    world.restart(env);
    start();
  }
  template <class T>
  Result<T> result(Async<T> operation) {
    std::optional<Result<T>> result;
    std::move(operation).then([&](Result<T> value) { result.emplace(std::move(value)); });
    world.run_until([&] { return result.has_value(); }, 10s);
    REQUIRE(result.has_value());
    return *result;
  }
  void ok(Async<Unit> operation) { REQUIRE(result(std::move(operation)).ok()); }
  std::vector<model::AgentService> services() { return *result(agent->services({}, {})); }
  std::vector<model::CheckPtr> checks() { return *result(agent->checks({}, {})); }
  model::CheckPtr check(const std::string& id) {
    for (const auto& one : checks()) {
      if (one->check_id == id) return one;
    }
    return nullptr;
  }
  std::size_t files(const std::string& directory) { return env.files().list("/data" + directory)->size(); }
  bool logged(std::string_view text) const {
    for (const auto& line : env.log_lines()) {
      if (line.message.find(text) != std::string::npos) return true;
    }
    return false;
  }

  env::Simulation world;
  env::SimEnv& env;
  FakeCatalog catalog;
  std::unique_ptr<NodeAgent> agent;
};

TEST_CASE("What was registered is there after a restart", "[persistence]") {
  Machine m;
  auto spec = service_of("web", 80, {ttl_check("ttl", 1h)});
  spec.service.id = "w1";
  spec.service.tags = {"a"};
  spec.service.meta = {{"k", "v"}};
  spec.service.tagged_addresses["lan"] = {"10.0.0.9", 81};
  spec.service.weights = {5, 2};
  spec.service.enable_tag_override = true;
  spec.token = "secret";
  spec.checks[0].status = "passing";
  m.ok(m.agent->register_service(spec, {}));
  m.ok(m.agent->register_service(service_of("gone", 1), {}));
  m.ok(m.agent->deregister_service("gone", {}));
  auto http = ttl_check("http", {});
  http.http = "http://10.0.0.7/";
  http.interval = 10s;
  http.timeout = 2s;
  http.notes = "notes";
  http.header = {{"X", {"1", "2"}}};
  m.ok(m.agent->register_check(http, {}));
  m.ok(m.agent->register_check(ttl_check("nc", 1h), {}));
  m.ok(m.agent->update_check("nc", "warning", "before", {}));
  m.ok(m.agent->set_service_maintenance("w1", true, "reason", {}));
  m.ok(m.agent->set_node_maintenance(true, {}, {}));
  const auto before = m.services();
  CHECK(m.files("/services") == 1);

  for (const bool crashed : {false, true}) {
    CAPTURE(crashed);
    crashed ? m.crash() : m.restart();
    const auto after = m.services();
    REQUIRE(after.size() == 1);
    CHECK(after[0].service->same_content(*before[0].service));
    CHECK(after[0].content_hash == before[0].content_hash);
    REQUIRE(m.checks().size() == 5);
    CHECK(m.check("service:w1")->status == "critical");  // nobody knows how it is now
    CHECK(m.check("service:w1")->interval.empty());
    CHECK(m.check("service:w1")->service_name == "web");
    CHECK(m.check("nc")->status == "warning");
    CHECK(m.check("nc")->output == "before");
    CHECK(m.check("nc")->interval == "0s");
    CHECK(m.check("http")->timeout == "2s");
    CHECK(m.check("http")->notes == "notes");
    CHECK(m.check("_service_maintenance:w1")->notes == "reason");
    CHECK(m.check("_service_maintenance:w1")->type == "maintenance");
    CHECK(m.check("_node_maintenance") != nullptr);
    CHECK(m.catalog.services.contains("w1"));
    CHECK(m.catalog.checks.contains("nc"));
  }
  const auto secret = std::find(m.catalog.tokens.rbegin(), m.catalog.tokens.rend(), "secret");
  CHECK(secret != m.catalog.tokens.rend());
}

TEST_CASE("What a TTL check said ends with its TTL", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_check(ttl_check("c", 10s), {}));
  m.ok(m.agent->update_check("c", "passing", "fine", {}));
  m.restart();
  CHECK(m.check("c")->status == "passing");
  m.agent.reset();
  m.world.run_for(11s);
  m.start();
  CHECK(m.check("c")->status == "critical");
  CHECK(m.check("c")->output.empty());
}

TEST_CASE("What a TTL check said goes when it becomes a check of another kind", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_check(ttl_check("c", 1h), {}));
  m.ok(m.agent->update_check("c", "warning", "before", {}));
  CHECK(m.files("/checks/state") == 1);
  auto other = ttl_check("c", {});
  other.http = "http://10.0.0.7/";
  other.interval = 10s;
  m.ok(m.agent->register_check(other, {}));
  CHECK(m.files("/checks/state") == 0);
  m.ok(m.agent->register_check(ttl_check("c", 1h), {}));
  const std::string now = m.check("c")->status.str();
  m.ok(m.agent->update_check("c", now, "no news, but to be kept", {}));
  m.crash();
  CHECK(m.check("c")->status == now);
  CHECK(m.check("c")->output == "no news, but to be kept");
}

TEST_CASE("Removed checks stay away", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_check(ttl_check("c", 1h), {}));
  m.ok(m.agent->update_check("c", "passing", {}, {}));
  CHECK(m.files("/checks") == 1);
  CHECK(m.files("/checks/state") == 1);
  m.ok(m.agent->deregister_check("c", {}));
  CHECK(m.files("/checks") == 0);
  CHECK(m.files("/checks/state") == 0);
  m.ok(m.agent->register_service(service_of("web", 1, {ttl_check("", 1h)}), {}));
  auto replaced = service_of("web", 1, {ttl_check("other", 1h)});
  replaced.checks[0].id = "other";
  replaced.replace_existing_checks = true;
  m.ok(m.agent->register_service(replaced, {}));
  m.restart();
  REQUIRE(m.checks().size() == 1);
  CHECK(m.checks()[0]->check_id == "other");
}

TEST_CASE("Sidecars come back, and still go with their parent", "[persistence]") {
  Machine m;
  auto spec = service_of("web", 80);
  spec.sidecar.emplace();
  m.ok(m.agent->register_service(spec, {}));
  CHECK(m.files("/services") == 2);
  m.restart();
  CHECK(m.services().size() == 2);
  CHECK(m.check("service:web-sidecar-proxy:2") != nullptr);
  m.ok(m.agent->deregister_service("web", {}));
  CHECK(m.services().empty());
  CHECK(m.files("/services") == 0);
  CHECK(m.files("/checks") == 0);
}

TEST_CASE("A sidecar whose parent's removal was cut short goes at the start", "[persistence]") {
  Machine m;
  m.agent.reset();
  REQUIRE(
      m.env.files()
          .replace("/data/services/s",
                   R"({"Token":"","Service":{"Kind":"connect-proxy","ID":"web-sidecar-proxy",)"
                   R"("Service":"web-sidecar-proxy","Port":21000,"Proxy":{"DestinationServiceName":"web"}},)"
                   R"("Source":"remote","LocallyRegisteredAsSidecar":true})")
          .ok());
  m.restart();
  CHECK(m.services().empty());
}

TEST_CASE("Files that make no sense are put aside and reported", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_service(service_of("web", 1), {}));
  m.agent.reset();
  for (const char* text : {"", "{", "[]", "{}", R"({"Service":{"ID":"x"}})", R"({"Service":{"Port":"x"}})"}) {
    CAPTURE(text);
    REQUIRE(m.env.files().replace("/data/services/bad", text).ok());
    REQUIRE(m.env.files().replace("/data/checks/bad", text).ok());
    REQUIRE(m.env.files().replace("/data/checks/state/bad", text).ok());
    m.restart();
    CHECK(m.services().size() == 1);
    CHECK(*m.env.files().read("/data/services/bad.unreadable", 1000) == text);
    CHECK(*m.env.files().read("/data/checks/bad.unreadable", 1000) == text);
    CHECK_FALSE(m.env.files().read("/data/services/bad", 1000).ok());
    CHECK(m.logged("cannot restore /data/services/bad"));
  }
}

TEST_CASE("Consul's own files are read", "[persistence]") {
  Machine m;
  m.agent.reset();
  REQUIRE(
      m.env.files()
          .replace(
              "/data/services/s",
              R"({"Token":"t","Service":{"ID":"web1","Service":"web","Tags":["a"],"Meta":null,"Port":80,)"
              R"("Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,"Proxy":{"Mode":""},)"
              R"("Connect":{},"EnterpriseMeta":{}},"Source":"remote","LocallyRegisteredAsSidecar":false})")
          .ok());
  REQUIRE(
      m.env.files()
          .replace(
              "/data/checks/c",
              R"({"Check":{"Node":"n","CheckID":"c","Name":"check","Status":"passing","ServiceID":"web1",)"
              R"("Type":"tcp","Interval":"10s","Timeout":"0s","Definition":{}},"ChkType":{"CheckID":"c",)"
              R"("TCP":"127.0.0.1:1","Interval":"10s","ScriptArgs":null,"Header":null},"Token":"","Source":"remote"})")
          .ok());
  m.restart();
  REQUIRE(m.services().size() == 1);
  REQUIRE(m.check("c") != nullptr);
  CHECK(m.check("c")->type == "tcp");
  CHECK(m.check("c")->interval == "10s");
}

TEST_CASE("Configured definitions replace those that were kept", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_service(service_of("web", 1, {ttl_check("", 1h)}), {}));
  auto configured = service_of("web", 2, {ttl_check("", 1h)});
  configured.origin = model::Origin::kConfig;
  m.ok(m.agent->register_service(configured, {}));
  CHECK(m.files("/services") == 0);
  CHECK(m.files("/checks") == 0);
  CHECK(m.services()[0].service->port == 2);
  m.restart();
  CHECK(m.services().empty());
}

TEST_CASE("Scripts that are no longer allowed do not come back, and are not lost", "[persistence]") {
  Machine m;
  m.agent.reset();
  NodeAgent::Options options;
  options.data_dir = "/data";
  options.enable_script_checks = true;
  m.agent = std::make_unique<NodeAgent>(m.env, m.catalog, identity_of("n"), options);
  REQUIRE(m.agent->load().ok());
  m.agent->restore();
  auto script = ttl_check("script", {});
  script.args = {"true"};
  script.interval = 10s;
  m.ok(m.agent->register_check(script, {}));
  m.restart();
  CHECK(m.checks().empty());
  CHECK(m.logged("cannot restore check script: Scripts are disabled"));
  CHECK(m.files("/checks") == 1);
}

/// Writes fail for paths with `only` in them.
env::FileFaults failing_writes(std::string only = {}) {
  env::FileFaults faults;
  faults.fail_write = 1;
  faults.only = std::move(only);
  return faults;
}

TEST_CASE("A registration that cannot be kept is refused, and can be tried again", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_service(service_of("old", 1, {ttl_check("", 1h)}), {}));
  for (const char* only : {"", "/services", "/checks"}) {
    CAPTURE(only);
    m.env.sim_files().set_faults(failing_writes(only));
    const auto web = service_of("web", 1, {ttl_check("a", 1h), ttl_check("b", 1h)});
    const auto refused = m.result(m.agent->register_service(web, {}));
    CHECK(refused.status().code() == Code::kUnavailable);
    auto other = service_of("old", 2, {ttl_check("", 2h), ttl_check("more", 1h)});
    CHECK_FALSE(m.result(m.agent->register_service(other, {})).ok());
    m.env.sim_files().set_faults({});
    // What was there before is there still, in the agent, in the catalog and on the disk.
    for (int round = 0; round < 2; ++round) {
      CAPTURE(round);
      REQUIRE(m.services().size() == 1);
      CHECK(m.services()[0].service->port == 1);
      REQUIRE(m.checks().size() == 1);
      CHECK(m.check("service:old") != nullptr);
      CHECK_FALSE(m.catalog.services.contains("web"));
      CHECK(m.catalog.services.at("old").port == 1);
      CHECK(m.files("/services") == 1);
      CHECK(m.files("/checks") == 1);
      m.restart();
    }
  }
  m.ok(m.agent->register_service(service_of("web", 1), {}));
  m.crash();
  CHECK(m.services().size() == 2);
}

TEST_CASE("A full disk refuses registrations and takes removals", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_service(service_of("web", 1), {}));
  env::FileFaults full;
  full.capacity = 1;
  m.env.sim_files().set_faults(full);
  CHECK_FALSE(m.result(m.agent->set_node_maintenance(true, {}, {})).ok());
  CHECK(m.checks().empty());
  m.ok(m.agent->deregister_service("web", {}));
  CHECK(m.services().empty());
  m.crash();
  CHECK(m.services().empty());
}

TEST_CASE("Changes that rest on one that cannot be kept go with it", "[persistence]") {
  Machine m;
  m.env.sim_files().set_faults(failing_writes("/services"));
  std::vector<Status> ends;
  const auto note = [&](const Result<Unit>& done) { ends.push_back(done.status()); };
  m.agent->register_service(service_of("web", 1), {}).then(note);
  m.agent->register_check(ttl_check("of web", 1h, "web"), {}).then(note);
  m.agent->register_check(ttl_check("of the node", 1h), {}).then(note);
  m.world.run_until([&] { return ends.size() == 3; }, 10s);
  REQUIRE(ends.size() == 3);
  CHECK_FALSE(ends[0].ok());
  CHECK_FALSE(ends[1].ok());
  CHECK(ends[2].ok());
  CHECK(m.services().empty());
  REQUIRE(m.checks().size() == 1);
  m.crash();
  REQUIRE(m.checks().size() == 1);
  CHECK(m.check("of the node") != nullptr);
}

TEST_CASE("What cannot be removed from the disk is gone, and tried again", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_service(service_of("web", 1, {ttl_check("", 1h)}), {}));
  m.env.sim_files().set_faults(failing_writes());
  const auto refused = m.result(m.agent->deregister_service("web", {}));
  CHECK(refused.status().message().find("it is gone, but its file is not") != std::string::npos);
  CHECK(m.services().empty());
  CHECK(m.checks().empty());
  CHECK_FALSE(m.catalog.services.contains("web"));
  SECTION("by who asks again") {
    CHECK_FALSE(m.result(m.agent->deregister_service("web", {})).ok());
    m.env.sim_files().set_faults({});
    m.ok(m.agent->deregister_service("web", {}));
  }
  SECTION("by itself") {
    m.world.run_for(1min);
    m.env.sim_files().set_faults({});
    m.world.run_for(DefinitionStore::kRepairPause + 1s);
  }
  CHECK(m.files("/services") == 0);
  m.crash();
  CHECK(m.services().empty());
  CHECK(m.checks().empty());
}

TEST_CASE("A report that cannot be kept says so, and counts", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_check(ttl_check("c", 1h), {}));
  m.env.sim_files().set_faults(failing_writes());
  CHECK_FALSE(m.result(m.agent->update_check("c", "passing", {}, {})).ok());
  CHECK(m.check("c")->status == "passing");
  m.env.sim_files().set_faults({});
  m.ok(m.agent->update_check("c", "passing", {}, {}));
  m.world.run_for(1s);
  m.crash();
  CHECK(m.check("c")->status == "passing");
}

TEST_CASE("Files that a crash left unfinished are removed", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_service(service_of("web", 1), {}));
  m.agent.reset();
  for (const char* path : {"/data/services/x.tmp", "/data/checks/x.tmp", "/data/checks/state/x.tmp"}) {
    REQUIRE(m.env.files().replace(path, "{").ok());
  }
  m.start();
  CHECK(m.services().size() == 1);
  for (const char* path : {"/data/services/x.tmp", "/data/checks/x.tmp", "/data/checks/state/x.tmp"}) {
    CHECK(m.env.files().read(path, 10).status().code() == Code::kNotFound);
  }
}

TEST_CASE("A file that is too large is put aside, one that cannot be read now stays", "[persistence]") {
  Machine m;
  m.ok(m.agent->register_service(service_of("web", 1), {}));
  m.agent.reset();
  REQUIRE(m.env.files().replace("/data/services/huge", std::string(5U << 20, ' ')).ok());
  env::FileFaults faults;
  faults.fail_read = 1;
  m.env.sim_files().set_faults(faults);
  m.start();
  CHECK(m.services().empty());
  CHECK(m.logged("cannot restore /data/services/"));
  m.env.sim_files().set_faults({});
  m.restart();
  CHECK(m.services().size() == 1);
  CHECK(m.logged("huge.unreadable"));
}

TEST_CASE("TTL checks of configuration files go on as they were", "[persistence]") {
  Machine m;
  auto check = ttl_check("c", 1h);
  check.origin = model::Origin::kConfig;
  m.ok(m.agent->register_check(check, {}));
  m.ok(m.agent->update_check("c", "passing", "fine", {}));
  m.agent.reset();
  NodeAgent::Options options;
  options.data_dir = "/data";
  m.agent = std::make_unique<NodeAgent>(m.env, m.catalog, identity_of("n"), options);
  REQUIRE(m.agent->load().ok());
  m.ok(m.agent->register_check(check, {}));
  m.agent->restore();
  CHECK(m.check("c")->status == "passing");
  m.restart();  // without the configuration: then its state goes
  CHECK(m.files("/checks/state") == 0);
}

/// The power goes at each step of the writes of a registration and a removal: the directory starts, all that
/// was answered is there, and no service is found without the checks that it was registered with.
TEST_CASE("A crash at any step of a write", "[persistence]") {
  bool over = false;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    over = false;
    for (std::uint64_t steps = 0; !over; ++steps) {
      CAPTURE(seed, steps);
      Machine m(1000 * seed + steps);
      m.ok(m.agent->register_service(service_of("old", 1, {ttl_check("", 1h)}), {}));
      m.env.sim_files().lose_power_after(steps);
      int answers = 0;
      bool has_new = false;
      bool has_old = true;
      m.agent->register_service(service_of("new", 2, {ttl_check("", 1h), ttl_check("", 2h)}), {})
          .then([&](const Result<Unit>& done) {
            ++answers;
            has_new = done.ok();
          });
      m.agent->deregister_service("old", {}).then([&](const Result<Unit>& done) {
        ++answers;
        has_old = !done.ok();
      });
      m.world.run_until([&] { return answers == 2; }, 1min);
      over = m.env.sim_files().has_power();
      m.crash();
      std::set<std::string> there;
      for (const auto& one : m.services()) there.insert(one.service->id.str());
      if (has_new) CHECK(there.contains("new"));
      if (!has_old) CHECK_FALSE(there.contains("old"));
      if (there.contains("new")) {
        CHECK(m.check("service:new:1") != nullptr);
        CHECK(m.check("service:new:2") != nullptr);
      } else {
        CHECK(m.checks().size() == (there.contains("old") && m.check("service:old") != nullptr ? 1 : 0));
      }
      CHECK_FALSE(m.logged("cannot restore"));
    }
  }
  CHECK(over);
}

TEST_CASE("A dead agent writes no more", "[persistence]") {
  Machine m;
  m.agent->register_service(service_of("web", 1), {}).then([](const Result<Unit>&) {});
  m.crash();
  CHECK(m.services().empty());
  CHECK(m.files("/services") == 0);
}

TEST_CASE("A moment that no clock can say is the last or the first", "[persistence]") {
  using Clock = std::chrono::system_clock;
  const auto expires = [](const std::string& seconds) {
    StoredState state;
    CHECK(parse(R"({"CheckID": "c", "Status": "passing", "Expires": )" + seconds + "}", state).ok());
    CHECK(parse(to_json(state), state).ok());
    return state.expires;
  };
  CHECK(expires("1700000000") == Clock::from_time_t(1'700'000'000));
  for (const char* far : {"170000000000", "9223372036854775807"}) {
    CHECK(expires(far) > Clock::time_point::max() - std::chrono::seconds(2));
  }
  CHECK(expires("-9223372036854775808") < Clock::time_point::min() + std::chrono::seconds(2));
}

}  // namespace
}  // namespace discovery::agent
