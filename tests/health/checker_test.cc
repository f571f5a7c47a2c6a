#include "lib/health/checker.h"

#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/health/alias_check.h"
#include "lib/health/history.h"
#include "lib/health/url.h"
#include "tests/health/probe_world.h"

namespace discovery::health {
namespace {

using namespace std::chrono_literals;

model::CheckSpec script(const std::string& id, Duration interval) {
  model::CheckSpec spec;
  spec.id = id;
  spec.args = {"script", id};
  spec.interval = interval;
  return spec;
}

/// A checker whose scripts a test controls; it remembers when which one ran.
struct Checking {
  Checking() {
    env.set_program("script", [this](const env::ProcessOptions& options) {
      runs[options.arguments[1]].push_back(world.now());
      ++under_way;
      most = std::max(most, under_way);
      return program(options.arguments[1]);
    });
  }

  env::Simulation world{11};
  env::SimEnv& env = world.add_env("one");
  std::function<env::SimProgram(const std::string&)> program = [](const std::string&) {
    return env::SimProgram{};
  };
  std::map<std::string, std::vector<Duration>> runs;
  std::map<std::string, std::vector<std::optional<Health>>> reports;
  int under_way = 0;
  int most = 0;
  UniqueFunction<void(const Report&)> also;
  Checker checker{env, {}, [this](const Report& report) {
                    --under_way;
                    reports[report.check_id].push_back(report.health);
                    if (also) also(report);
                  }};
};

TEST_CASE("Checks run at their intervals, spread over the first one", "[checker]") {
  Checking f;
  for (int i = 0; i < 200; ++i) REQUIRE(f.checker.add(script(std::to_string(i), 10s), 100).ok());
  f.world.run_for(10s - 1ms);
  REQUIRE(f.runs.size() == 200);
  std::vector<int> in_second(10);
  for (const auto& [id, times] : f.runs) ++in_second.at(static_cast<std::size_t>(times.front() / 1s));
  for (const int count : in_second) CHECK(count > 5);
  f.world.run_for(50s);
  for (const auto& [id, times] : f.runs) {
    REQUIRE(times.size() == 6);
    for (std::size_t i = 1; i < times.size(); ++i) CHECK(times[i] - times[i - 1] == 10s);
  }
}

TEST_CASE("An interval is a second at least, and runs do not overlap", "[checker]") {
  Checking f;
  REQUIRE(f.checker.add(script("quick", 1ms), 100).ok());
  f.world.run_for(10s);
  CHECK(f.runs["quick"].size() == 10);
  f.checker.remove("quick");
  f.program = [](const std::string&) { return env::SimProgram{.takes = 3s}; };
  REQUIRE(f.checker.add(script("slow", 1s), 100).ok());
  f.world.run_for(31s);
  CHECK(f.most == 1);
  CHECK(f.runs["slow"].size() >= 10);
}

TEST_CASE("Only so many programs run at once, and all get their turn", "[checker]") {
  Checking f;
  f.program = [](const std::string&) { return env::SimProgram{.takes = 900ms}; };
  for (int i = 0; i < 300; ++i) REQUIRE(f.checker.add(script(std::to_string(i), 1s), 100).ok());
  f.world.run_for(30s);
  CHECK(f.most == static_cast<int>(Checker::kMaxHeavy));
  for (int i = 0; i < 300; ++i) CHECK(f.runs[std::to_string(i)].size() >= 4);
  for (int i = 0; i < 300; ++i) f.checker.remove(std::to_string(i));
  f.world.run_for(5s);
  CHECK(f.checker.size() == 0);
}

TEST_CASE("A check may go while it runs, and from inside its own report", "[checker]") {
  Checking f;
  f.program = [](const std::string&) { return env::SimProgram{.takes = 500ms}; };
  REQUIRE(f.checker.add(script("a", 1s), 100).ok());
  f.world.run_until([&] { return f.under_way == 1; }, 1s);
  f.checker.remove("a");
  f.world.run_for(10s);
  CHECK(f.reports.empty());
  f.also = [&](const Report& report) { f.checker.remove(report.check_id); };
  REQUIRE(f.checker.add(script("b", 1s), 100).ok());
  f.world.run_for(10s);
  CHECK(f.reports["b"].size() == 1);
  f.also = [&](const Report&) { REQUIRE(f.checker.add(script("c", 1s), 100).ok()); };
  REQUIRE(f.checker.add(script("c", 1s), 100).ok());
  f.world.run_for(20s);
  CHECK(f.reports["c"].size() > 5);
}

TEST_CASE("What comes next is known", "[checker]") {
  Checking f;
  f.program = [](const std::string&) { return env::SimProgram{.takes = 500ms, .exit_code = 2}; };
  auto spec = script("a", 10s);
  spec.failures_before_critical = 3;
  REQUIRE(f.checker.add(spec, 100).ok());
  REQUIRE(f.checker.state("a")->next_run.has_value());
  f.world.run_until([&] { return f.under_way == 1; }, 10s);
  CHECK_FALSE(f.checker.state("a")->next_run.has_value());
  f.world.run_for(1s);
  CHECK(f.checker.state("a")->counts.consecutive_failures() == 1);
  CHECK_FALSE(f.checker.state("b").has_value());
}

TEST_CASE("Thresholds", "[thresholds]") {
  model::CheckSpec spec;
  spec.success_before_passing = 2;
  spec.failures_before_warning = 1;
  spec.failures_before_critical = 3;
  constexpr Health kGood = Health::kPassing;
  constexpr Health kBad = Health::kCritical;
  Thresholds counts(spec);
  CHECK(counts.count(kBad) == kBad);  // the first result counts at once
  CHECK(counts.count(kGood) == std::nullopt);
  CHECK(counts.successes_missing() == 1);
  CHECK(counts.count(kGood) == kGood);
  CHECK(counts.count(Health::kWarning) == Health::kWarning);
  CHECK(counts.consecutive_successes() == 3);
  CHECK(counts.count(kBad) == Health::kWarning);
  CHECK(counts.count(kBad) == Health::kWarning);
  CHECK(counts.failures_missing() == 1);
  CHECK(counts.count(kBad) == kBad);
  CHECK(counts.consecutive_failures() == 3);
  Thresholds plain{model::CheckSpec{}};
  CHECK(plain.count(kGood) == kGood);
  CHECK(plain.count(kBad) == kBad);
  CHECK(plain.count(kGood) == kGood);
}

/// What a check says after each of these results, in a line: p(assing), w(arning), c(ritical), - as before.
std::string states(Thresholds counts, const std::string& results) {
  const auto letter = [](std::optional<Health> state) {
    if (!state) return '-';
    return *state == Health::kPassing ? 'p' : *state == Health::kWarning ? 'w' : 'c';
  };
  std::string seen;
  for (const char result : results) {
    seen += letter(counts.count(result == 'p'   ? Health::kPassing
                                : result == 'w' ? Health::kWarning
                                                : Health::kCritical));
  }
  return seen;
}

// The sequences of TestStatusHandler* in Consul's agent/checks/check_test.go: N results in a row, this one
// included, and the first result of all counts at once.
TEST_CASE("Thresholds count results in a row as Consul's do", "[thresholds]") {
  CHECK(states({2, 2, 3},
               "pccc"
               "pp") ==
        "p-wc"
        "-p");
  CHECK(states({2, 2, 3},
               "pcpcpc"
               "cc"
               "pcp"
               "p") ==
        "p-----"
        "wc"
        "---"
        "p");
  CHECK(states({2, 3, 3},
               "pccc"
               "pp") ==
        "p--c"
        "-p");
  CHECK(states({3, 3, 5},
               "pccc"
               "pccc"
               "pccc"
               "pccccc") ==
        "p--w"
        "---w"
        "---w"
        "---wwc");
  // The first result counts, whichever it is.
  CHECK(states({2, 0, 2}, "cppcc") == "c-pwc");
  CHECK(states({100, 100, 100}, "pcp") == "p--");
  CHECK(states({2, 2, 2}, "cw") == "c-");
  model::CheckSpec spec;
  spec.failures_before_critical = 3;  // and of warning nothing is said: then it waits as long
  CHECK(states(Thresholds(spec), "pccc") == "p--c");
}

TEST_CASE("A history keeps the last changes, the oldest first", "[history]") {
  History history;
  CHECK(history.list().empty());
  for (int i = 0; i < 250; ++i) {
    history.add({.at = Duration(i), .to = History::index_of("critical"), .output = std::to_string(i)});
    const auto list = history.list();
    REQUIRE(list.size() == std::min<std::size_t>(static_cast<std::size_t>(i) + 1, History::kMaxTransitions));
    REQUIRE(list.back().at == Duration(i));
    for (std::size_t k = 1; k < list.size(); ++k) REQUIRE(list[k].at == list[k - 1].at + Duration(1));
  }
  CHECK(history.forgotten() == 150);
  CHECK(History::kWords[history.list().front().to] == "critical");
  History cut;
  cut.add({.output = std::string(History::kMaxOutput - 1, 'x') + "\xC3\xA9" + "tail"});
  CHECK(cut.list().front().output == std::string(History::kMaxOutput - 1, 'x'));
}

model::CheckPtr check_of(const std::string& id, const std::string& service, const std::string& status,
                         const std::string& node = "n") {
  model::HealthCheck check;
  check.node = node;
  check.check_id = check.name = id;
  check.service_id = service;
  check.status = status;
  check.output = "out of " + id;
  return std::make_shared<const model::HealthCheck>(check);
}

TEST_CASE("An alias mirrors the worst", "[alias]") {
  const AliasTarget target{.node = "N", .service_id = "web", .alias_id = "me", .service_exists = true};
  const auto see = [&](std::vector<model::CheckPtr> checks) { return evaluate_alias(target, checks); };
  CHECK(see({}).output == "No checks found.");
  CHECK(see({}).health == Health::kPassing);
  CHECK(see({check_of("a", "web", "passing")}).output == "All checks passing.");
  CHECK(see({check_of("a", "web", "warning"), check_of("b", "web", "passing")}).output ==
        "Aliased check \"a\" failing: out of a");
  CHECK(see({check_of("a", "web", "warning"), check_of("b", "", "critical")}).health == Health::kCritical);
  CHECK(see({check_of("a", "other", "critical")}).health == Health::kPassing);
  CHECK(see({check_of("a", "web", "critical", "elsewhere")}).health == Health::kPassing);
  CHECK(see({check_of("me", "", "critical")}).health == Health::kPassing);
  const AliasTarget missing{.node = "n", .service_id = "web", .alias_id = "me", .service_exists = false};
  CHECK(evaluate_alias(missing, {}).output == "Service web could not be found on node n");
  CHECK(evaluate_alias(missing, {}).health == Health::kCritical);
}

TEST_CASE("URLs", "[url]") {
  const auto url = parse_url("HTTPS://u:p%40@[::1]:8443/a b?q#f");
  REQUIRE(url.ok());
  CHECK(url->tls);
  CHECK(url->host == "::1");
  CHECK(url->port == 8443);
  CHECK(url->authority == "[::1]:8443");
  CHECK(url->target == "/a%20b?q");
  CHECK(url->user_info == "u:p@");
  CHECK(parse_url("http://h?x")->target == "/?x");
  CHECK(parse_url("http://h")->port == 80);
  for (const char* bad : {"", "h", "http://", "http:///x", "http://h:0/", "http://h:65536/", "http://h:x/",
                          "http://[::1/", "http://a b/", "gopher://h/", "http://h\r\nX: y/"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_url(bad).ok());
  }
  const Url base = *parse_url("http://h/a/b?c");
  const std::pair<const char*, const char*> table[] = {
      {"/x", "http://h/x"},     {"x", "http://h/a/x"},      {"../x", "http://h/x"},
      {"?y", "http://h/a/b?y"}, {"//o/z", "http://o/z"},    {"https://o", "https://o/"},
      {"", "http://h/a/b?c"},   {"x/./../..", "http://h/"}, {"/x?u=http://y", "http://h/x?u=http://y"}};
  for (const auto& [location, expected] : table) {
    CAPTURE(location);
    CHECK(resolve_url(base, location)->to_string() == expected);
  }
}

}  // namespace
}  // namespace discovery::health
