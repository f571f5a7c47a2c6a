// A lock over a bad network, from many seeds: holders that stop and come back, that vanish, whose words come
// late or twice; a server whose time of day jumps. What must hold is said by Witness and Resource.

#include <string>
#include <vector>

#include "tests/sim/contender.h"

namespace discovery::testing {
namespace {

constexpr const char* kKey = "service/lock";

/// One who wants the lock again and again, and does not look at the clock while holding it.
class Locker final : public Contender {
 public:
  using Contender::Contender;

 private:
  void on_session() override { acquire(); }

  void acquire() {
    if (below(2) == 0) {
      const std::string body =
          R"([{"KV":{"Verb":"lock","Key":")" + std::string(kKey) + R"(","Session":")" + session_ + "\"}}]";
      return ask("PUT", "/v1/txn", body, [this](const ClientResponse* response) {
        if (response != nullptr && response->status == 200)
          return hold(number_of(response->body, "ModifyIndex"));
        const bool gone = response != nullptr && response->body.find("invalid session") != std::string::npos;
        after(300ms, [this, gone] { gone ? open() : acquire(); });
      });
    }
    const std::string value = std::to_string(below(1000));
    ask("PUT", "/v1/kv/" + std::string(kKey) + "?acquire=" + session_, value,
        [this](const ClientResponse* r) {
          if (r != nullptr && r->status == 500) return open();
          if (r == nullptr || r->body != "true") return after(300ms, [this] { acquire(); });
          read_fence();
        });
  }

  void read_fence() {
    ask("GET", "/v1/kv/" + std::string(kKey), "", [this](const ClientResponse* response) {
      if (response == nullptr) return after(100ms, [this] { read_fence(); });
      if (response->body.find(session_) == std::string::npos) return after(100ms, [this] { acquire(); });
      hold(number_of(response->body, "ModifyIndex"));
    });
  }

  /// The words of a holder reach what he guards late, maybe when he holds nothing any more.
  void hold(Index fence) {
    for (std::uint64_t writes = below(4); writes > 0; --writes) {
      late_.push_back(world_.machine.make_timer());
      late_.back()->start(up_to(below(4) == 0 ? 6s : 300ms),
                          [this, fence, session = session_] { world_.resource.write(session, fence); });
    }
    switch (below(8)) {
      case 0:  // stands still, and knows nothing of it
        stand_still(8s);
        return after(100ms, [this, fence] { hold(fence); });
      case 1:  // vanishes
        return after(1s, [this] { open(); });
      case 2:
        return ask("PUT", "/v1/session/destroy/" + session_, "", [this](const ClientResponse*) { open(); });
      case 3:
        if (below(4) != 0) break;
        return ask("DELETE", "/v1/kv/" + std::string(kKey), "",
                   [this](const ClientResponse*) { after(500ms, [this] { acquire(); }); });
      case 4:  // a plain write, which makes the lock's own count begin anew
        return ask("PUT", "/v1/kv/" + std::string(kKey), "plain",
                   [this](const ClientResponse*) { after(300ms, [this] { release(); }); });
      case 5:
      case 6:
        return after(1s, [this, fence] { hold(fence); });
      default:
        break;
    }
    release();
  }

  void release() {
    ask("PUT", "/v1/kv/" + std::string(kKey) + "?release=" + session_, "free",
        [this](const ClientResponse*) { after(500ms, [this] { acquire(); }); });
  }

  std::vector<std::unique_ptr<env::Timer>> late_;
};

/// What many runs came to: a proof in which nothing happens proves nothing.
struct Totals {
  std::size_t grants = 0;
  std::size_t expiries = 0;
  std::size_t delayed = 0;
  std::size_t accepted = 0;
  std::size_t refused = 0;
};

TEST_CASE("no old holder is let in, no lock comes early, and none stays with the dead", "[sim][locks]") {
  Totals totals;
  const std::uint64_t count = seeds(300);
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    INFO("seed " << seed);
    LocksWorld world(seed);
    fight<Locker>(world, seed, 3);
    totals.grants += world.witness.grants();
    totals.expiries += world.witness.expiries();
    totals.delayed += world.witness.delayed();
    totals.accepted += world.resource.accepted;
    totals.refused += world.resource.refused;
  }
  CAPTURE(totals.grants, totals.expiries, totals.delayed, totals.accepted, totals.refused);
  CHECK(totals.grants > 8 * count);
  CHECK(totals.expiries > count);
  CHECK(totals.delayed > count / 2);
  CHECK(totals.accepted > 5 * count);
  CHECK(totals.refused > count / 4);
}

}  // namespace
}  // namespace discovery::testing
