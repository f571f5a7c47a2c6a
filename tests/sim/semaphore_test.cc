// A semaphore over a bad network, from many seeds, in the layout of `consul lock -n`
// (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions/application-leader-election): a
// key for each contender, locked by its session, and a key with the holders, which is changed by comparison.

#include <algorithm>
#include <set>
#include <string>

#include "lib/codec/json_reader.h"
#include "tests/sim/contender.h"

namespace discovery::testing {
namespace {

constexpr const char* kPrefix = "service/sema/";
constexpr std::size_t kLimit = 2;

/// The holders that the key `.lock` names: ids of 36 characters, each followed by a space.
std::set<std::string> holders_in(std::string_view value) {
  std::set<std::string> holders;
  for (; value.size() >= 37; value.remove_prefix(37)) holders.emplace(value.substr(0, 36));
  return holders;
}

std::string written(const std::set<std::string>& holders) {
  std::string value;
  for (const std::string& holder : holders) value += holder + " ";
  return value;
}

/// A key as a client sees it.
struct Seen {
  std::string key;
  std::string value;
  std::string session;
  Index modify_index = 0;
};
template <class Archive>
void describe(Archive& archive, Seen& seen) {
  archive.field("Key", seen.key);
  archive.bytes("Value", seen.value);
  archive.field("Session", seen.session);
  archive.field("ModifyIndex", seen.modify_index);
}

/// One who wants a place again and again.
class Permitted final : public Contender {
 public:
  using Contender::Contender;

 private:
  void on_session() override { contend(); }

  void contend() {
    ask("PUT", kPrefix_ + session_ + "?acquire=" + session_, "", [this](const ClientResponse* response) {
      if (response != nullptr && response->status == 500) return open();
      if (response == nullptr || response->body != "true") return after(300ms, [this] { contend(); });
      look();
    });
  }

  void look() {
    ask("GET", kPrefix_ + "?recurse", "", [this](const ClientResponse* response) {
      if (response == nullptr || response->status != 200) return after(300ms, [this] { contend(); });
      std::vector<Seen> seen;
      REQUIRE(codec::from_json(response->body, seen, {.ignore_unknown_fields = true}).ok());
      take_or_wait(seen);
    });
  }

  void take_or_wait(const std::vector<Seen>& seen) {
    std::set<std::string> contenders;
    std::set<std::string> holders;
    Index index = 0;
    for (const Seen& one : seen) {
      if (one.key.ends_with("/.lock")) {
        index = one.modify_index;
        holders = holders_in(one.value);
      } else if (!one.session.empty()) {
        contenders.insert(one.session);
      }
    }
    if (contenders.count(session_) == 0) return after(100ms, [this] { open(); });
    std::erase_if(holders, [&](const std::string& holder) { return contenders.count(holder) == 0; });
    if (holders.count(session_) != 0) return hold();
    if (holders.size() >= kLimit) return after(300ms, [this] { look(); });
    holders.insert(session_);
    ask("PUT", kPrefix_ + ".lock?cas=" + std::to_string(index), written(holders),
        [this](const ClientResponse* answer) {
          if (answer != nullptr && answer->body == "true") return hold();
          after(100ms, [this] { look(); });  // lost, or not known
        });
  }

  void hold() {
    switch (below(5)) {
      case 0:
        stand_still(8s);
        return after(100ms, [this] { look(); });
      case 1:  // vanishes
        return after(1s, [this] { open(); });
      case 2:
        return ask("PUT", "/v1/session/destroy/" + session_, "", [this](const ClientResponse*) { open(); });
      default:
        return after(1s, [this] { hold(); });
    }
  }

  const std::string kPrefix_ = std::string("/v1/kv/") + kPrefix;
};

TEST_CASE("a semaphore has no more living holders than places", "[sim][locks]") {
  std::size_t expiries = 0;
  std::size_t full = 0;
  std::set<std::string> served;
  const std::uint64_t count = seeds(150);
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    INFO("seed " << seed);
    LocksWorld world(seed);
    Index seen = 0;
    world.witness.on_look = [&] {
      const auto answer = world.witness.ask(model::ListKeysWithValues{kPrefix});
      if (answer.meta.index == seen) return;
      seen = answer.meta.index;
      std::set<std::string> contenders;
      std::set<std::string> holders;
      for (const auto& entry : std::get<model::KvEntries>(answer.value())) {
        if (entry->key().ends_with("/.lock")) holders = holders_in(entry->value());
        if (!entry->session().empty()) contenders.emplace(entry->session());
      }
      std::erase_if(holders, [&](const std::string& holder) { return contenders.count(holder) == 0; });
      REQUIRE(holders.size() <= kLimit);
      if (holders.size() == kLimit) ++full;
      served.insert(holders.begin(), holders.end());
    };
    fight<Permitted>(world, seed, 4);
    expiries += world.witness.expiries();
  }
  CAPTURE(expiries, full, served.size());
  CHECK(expiries > count);
  CHECK(full > 3 * count);
  CHECK(served.size() > 5 * count);
}

}  // namespace
}  // namespace discovery::testing
