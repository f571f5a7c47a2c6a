#include "lib/state/watch_registry.h"

#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::state {
namespace {

struct Recorder final : Watcher {
  int calls = 0;
  std::function<void()> then;
  void on_touched() override {
    ++calls;
    if (then) then();
  }
};

Touched touched(std::initializer_list<Subject> subjects) {
  Touched result;
  for (const Subject& subject : subjects) result.add(subject.topic, subject.name);
  return result;
}

TEST_CASE("a commit tells exactly those whom it concerns", "[state][watch]") {
  WatchRegistry registry;
  Recorder web;
  Recorder db;
  Recorder nodes;
  const auto a = registry.subscribe(touched({{Topic::kService, "web"}}), web);
  const auto b = registry.subscribe(touched({{Topic::kService, "db"}}), db);
  const auto c = registry.subscribe(touched({{Topic::kNodes, ""}, {Topic::kService, "web"}}), nodes);

  registry.notify(touched({{Topic::kService, "web"}, {Topic::kNodes, ""}}));
  REQUIRE(web.calls == 1);
  REQUIRE(db.calls == 0);
  REQUIRE(nodes.calls == 1);  // once, though two of its subjects were touched

  registry.notify(touched({{Topic::kServiceChecks, "web"}, {Topic::kKey, "web"}}));
  REQUIRE(web.calls == 1);
}

TEST_CASE("keys wake their prefixes, deleted prefixes wake all below", "[state][watch]") {
  WatchRegistry registry;
  const std::vector<std::pair<Topic, std::string>> watched = {{Topic::kKey, "app/a"},
                                                              {Topic::kKey, "app"},
                                                              {Topic::kKeyPrefix, ""},
                                                              {Topic::kKeyPrefix, "app/"},
                                                              {Topic::kKeyPrefix, "app/a/deep"},
                                                              {Topic::kKeyPrefix, "zoo"}};
  std::vector<Recorder> recorders(watched.size());
  std::vector<WatchRegistry::Subscription> subscriptions;
  for (std::size_t at = 0; at < watched.size(); ++at) {
    subscriptions.push_back(
        registry.subscribe(touched({{watched[at].first, watched[at].second}}), recorders[at]));
  }
  const auto calls = [&] {
    std::vector<int> result;
    for (Recorder& recorder : recorders) result.push_back(std::exchange(recorder.calls, 0));
    return result;
  };
  registry.notify(touched({{Topic::kKey, "app/a"}}));
  REQUIRE(calls() == std::vector<int>{1, 0, 1, 1, 0, 0});
  registry.notify(touched({{Topic::kKeyPrefix, "app/"}}));
  REQUIRE(calls() == std::vector<int>{1, 0, 1, 1, 1, 0});
  registry.notify(touched({{Topic::kKeyPrefix, ""}}));
  REQUIRE(calls() == std::vector<int>{1, 1, 1, 1, 1, 1});
  registry.notify(touched({{Topic::kKey, "zo"}}));
  REQUIRE(calls() == std::vector<int>{0, 0, 1, 0, 0, 0});
}

TEST_CASE("a watcher may end subscriptions while it is told", "[state][watch]") {
  WatchRegistry registry;
  Recorder first;
  Recorder second;
  auto a =
      std::make_unique<WatchRegistry::Subscription>(registry.subscribe(touched({{Topic::kKey, "k"}}), first));
  auto b = std::make_unique<WatchRegistry::Subscription>(
      registry.subscribe(touched({{Topic::kKey, "k"}}), second));
  first.then = second.then = [&] {
    a.reset();
    b.reset();
  };
  registry.notify(touched({{Topic::kKey, "k"}}));
  REQUIRE(first.calls + second.calls == 1);  // whoever came first ended the other
  REQUIRE(registry.size() == 0);
}

TEST_CASE("watching leaves nothing behind", "[state][watch]") {
  WatchRegistry registry;
  Recorder recorder;
  std::mt19937 random(5);
  {
    std::vector<WatchRegistry::Subscription> subscriptions;
    for (int n = 0; n < 2000; ++n) {
      Touched subjects;
      for (int s = 0; s < 3; ++s) {
        subjects.add(static_cast<Topic>(random() % 12),
                     std::string(random() % 5, static_cast<char>('a' + random() % 3)));
      }
      subscriptions.push_back(registry.subscribe(subjects, recorder));
      if (random() % 2 == 0) subscriptions.erase(subscriptions.begin() + random() % subscriptions.size());
    }
    REQUIRE(registry.size() > 0);
  }
  REQUIRE(registry.size() == 0);
}

}  // namespace
}  // namespace discovery::state
