#include "lib/balance/roster.h"

#include <random>
#include <set>

#include "tests/balance/fleet.h"

using namespace discovery;
using namespace discovery::fleet;
using balance::Roster;

namespace {

std::vector<std::pair<const Instance*, std::uint32_t>> listed(const Roster& roster) {
  std::vector<std::pair<const Instance*, std::uint32_t>> all;
  for (const auto& one : roster.candidates()) all.emplace_back(one.instance, one.weight);
  return all;
}

Instance any(std::mt19937& random) {
  const auto health = static_cast<Health>(random() % 8 < 5 ? 0 : random() % 4);
  return instance("i" + std::to_string(random() % 60), static_cast<std::uint32_t>(random() % 4), health);
}

}  // namespace

TEST_CASE("a view that is compared with the one before comes out as one that is new") {
  std::mt19937 random(11);
  Roster roster({.slots = true});
  auto now = std::make_shared<Instances>();
  std::map<std::uint64_t, std::uint32_t> slots;  // what each id has
  for (int step = 0; step < 5000; ++step) {
    auto next = std::make_shared<Instances>(*now);
    for (std::size_t changes = random() % 4; changes > 0; --changes) {
      const std::size_t at = next->empty() ? 0 : random() % next->size();
      switch (random() % 5) {
        case 0:
          if (!next->empty()) next->erase(next->begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 1:
        case 2:
          if (next->size() < 40)
            next->insert(next->begin() + static_cast<std::ptrdiff_t>(at), shared(any(random)));
          break;
        case 3:
          if (!next->empty()) (*next)[at] = shared(any(random));
          break;
        default:
          if (!next->empty()) std::swap((*next)[at], next->front());
      }
    }
    now = next;
    const auto before = listed(roster);
    const auto change = roster.take(now);
    for (const std::uint32_t slot : roster.renewed()) {
      std::erase_if(slots, [slot](const auto& known) { return known.second == slot; });
    }

    Roster anew({.slots = true});
    anew.take(now);
    REQUIRE(listed(roster) == listed(anew));
    REQUIRE(roster.total_weight() == anew.total_weight());
    REQUIRE(roster.equal_weights() == anew.equal_weights());
    REQUIRE(roster.panics() == anew.panics());
    if (!change.weights && !change.ids) REQUIRE(before.size() == listed(roster).size());
    std::map<std::uint32_t, std::uint64_t> owner;
    for (const auto& one : roster.members()) {
      REQUIRE(roster.slot_of(one.id) == one.slot);
      REQUIRE(one.slot < roster.slots());
      REQUIRE(owner.try_emplace(one.slot, one.id).first->second == one.id);
      // Sixty ids fit into what is kept of the absent: none ever loses its slot.
      REQUIRE(slots.try_emplace(one.id, one.slot).first->second == one.slot);
    }
  }
  CHECK(slots.size() > 50);
}

TEST_CASE("slots of those that are long gone are used again") {
  Roster roster({.slots = true});
  for (int i = 0; i < 10'000; ++i)
    roster.take(view({instance("guest" + std::to_string(i)), instance("stays")}));
  CHECK(roster.slots() <= Roster::kMaxAbsent + 4);
  CHECK(!roster.slot_of(ticket_of(instance("guest1"))));
  CHECK(roster.slot_of(ticket_of(instance("guest9990"))));
  CHECK(roster.slot_of(ticket_of(instance("stays"))));
}
