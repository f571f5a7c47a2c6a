#include "lib/model/query.h"

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
namespace discovery::model {
namespace {

ListServiceHealth health_of(std::string service, std::vector<std::string> tags = {}) {
  ListServiceHealth query;
  query.service = std::move(service);
  query.tags = std::move(tags);
  return query;
}

ListServiceInstances instances_of(std::string service) {
  ListServiceInstances query;
  query.service = std::move(service);
  return query;
}

ListServiceChecks checks_of(std::string service) {
  ListServiceChecks query;
  query.service = std::move(service);
  return query;
}

Read with(std::string near, std::string filter) {
  Read read;
  read.near = std::move(near);
  read.filter = std::move(filter);
  return read;
}

TEST_CASE("Different questions are spelt differently", "[query]") {
  std::vector<std::string> spellings;
  const auto add = [&](const Query& query, const Read& read = {}) {
    spellings.push_back(canonical(query, read));
  };
  for (const char* text : {"", "a", "a:", "1:a", "ab"}) {
    add(GetKey{text});
    add(ListKeysWithValues{text});
    add(ListKeys{text, ""});
    add(ListKeys{"", std::string("/") + text});
    add(GetNodeServices{text});
    add(ListNodeChecks{text});
    add(FindNodeByAddress{text});
    add(instances_of(text));
    add(health_of(text));
    add(checks_of(text));
    add(ListChecksInState{text, {}});
    add(ListNodes{{{"k", text}}});
    add(ListNodes{{{std::string("k") + text, "k"}, {"z", ""}}});
    add(ListServices{{{"k", text}}});
    add(health_of("s", {text}));
    add(health_of("s", {text, "zz"}));
    add(health_of("t"), with(text, {}));
    add(health_of("t"), with({}, std::string("f") + text));
  }
  add(ListNodes{});
  add(ListServices{});
  add(ListDatacenters{});
  add(GetLeader{});
  add(ListPeers{});
  add(ListCoordinates{});
  auto health = health_of("s");
  add(health);
  health.passing_only = true;
  add(health);
  health.role = ServiceRole::kConnect;
  add(health);
  health.role = ServiceRole::kIngress;
  add(health);
  auto instances = instances_of("s");
  instances.role = ServiceRole::kConnect;
  add(instances);
  // Keys are told apart by case.
  add(GetKey{"A"});
  CHECK(std::set<std::string>(spellings.begin(), spellings.end()).size() == spellings.size());
}

TEST_CASE("Equal questions are spelt alike", "[query]") {
  const auto plain = canonical(health_of("web", {"a", "b"}), {});
  CHECK(canonical(health_of("Web", {"B", "a", "b"}), {}) == plain);
  CHECK(canonical(instances_of("WEB"), {}) == canonical(instances_of("web"), {}));
  CHECK(canonical(checks_of("WEB"), {}) == canonical(checks_of("web"), {}));
}

TEST_CASE("Who asks, for how long, and since when, is no part of the question", "[query]") {
  const GetKey query{"k"};
  Read read;
  read.min_index = 9;
  read.wait = std::chrono::seconds(3);
  read.consistency = Consistency::kStale;
  read.call.token = "secret";
  CHECK(canonical(query, read) == canonical(query, {}));
}

}  // namespace
}  // namespace discovery::model
