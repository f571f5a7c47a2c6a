#include "lib/state/sessions.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/state/session_world.h"

namespace discovery::state {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

/// Two nodes, of which the first has checks in all states, and a session on it.
struct World : SessionWorld {
  const std::string one = session_id(1);
  const std::string two = session_id(2);

  World() {
    add_node("n1");
    add_node("n2");
    add_check("n1", "serfHealth", model::kPassing);
    add_check("n1", "slow", model::kWarning);
    add_check("n1", "dead", model::kCritical);
    add_check("n1", "web-check", model::kPassing, "web");
    REQUIRE(create(session_on("n1", 1, {"serfHealth"})).ok());
    REQUIRE(create(session_on("n2", 2)).ok());
  }
  std::string refusal(const Session& session) { return std::string(create(session).message()); }
};

TEST_CASE("A session is made on a node and its checks", "[session]") {
  World world;
  CHECK(world.ids() == Ids{world.one, world.two});
  CHECK(world.ids(model::GetSession{world.one}) == Ids{world.one});
  CHECK(world.ids(model::GetSession{"AAAAAAAA-BBBB-CCCC-DDDD-000000000001"}) == Ids{world.one});
  CHECK(world.ids(model::GetSession{session_id(9)}).empty());
  CHECK(world.ids(model::ListNodeSessions{"N1"}) == Ids{world.one});
  CHECK(world.ids(model::ListNodeSessions{"n"}).empty());
  CHECK(world.rows<model::Sessions>(model::GetSession{world.two})[0]->index ==
        model::RaftIndexes{world.last, world.last});
  CHECK(world.touches(Topic::kSessions));
  CHECK(world.touches(Topic::kNodeSessions, "n2"));
  CHECK(world.touches(Topic::kSession, model::SessionKey::parse(world.two)->view()));
  REQUIRE(world.aftermath.made.size() == 1);
  CHECK(world.aftermath.made[0]->id == world.two);
}

TEST_CASE("A session needs its node and checks that are not critical", "[session]") {
  World world;
  CHECK(world.refusal(session_on("nowhere", 3)) == "Missing node registration");
  CHECK(world.refusal(session_on("n1", 3, {"nope"})) == "Missing check 'nope' registration");
  CHECK(world.refusal(session_on("n2", 3, {"serfHealth"})) == "Missing check 'serfHealth' registration");
  CHECK(world.refusal(session_on("n1", 3, {"dead"})) == "Check 'dead' is in critical state");
  Session session = session_on("n1", 3);
  session.service_checks = std::vector<model::ServiceCheckName>{{"dead", ""}};
  CHECK(world.refusal(session) == "Check 'dead' is in critical state");
  session.checks = {"nope"};  // is looked at first
  CHECK(world.refusal(session) == "Missing check 'nope' registration");
  CHECK(world.refusal(session_on("n1", 1)) == "session " + world.one + " exists");
  CHECK(world.ids().size() == 2);
  CHECK(world.create(session_on("n1", 3, {"slow", "web-check"})).ok());
}

TEST_CASE("A session is listed once however many checks it has", "[session]") {
  World world;
  REQUIRE(world.create(session_on("n1", 4, {"slow", "web-check", "serfHealth", "slow"})).ok());
  REQUIRE(world.create(session_on("n1", 3)).ok());
  CHECK(world.ids(model::ListNodeSessions{"n1"}) == Ids{world.one, session_id(3), session_id(4)});
}

TEST_CASE("A session ends by being destroyed", "[session]") {
  World world;
  const Index before = world.last;
  CHECK(world.destroy(world.one).ok());
  CHECK(world.ids() == Ids{world.two});
  CHECK(world.store.snapshot().index(kSessionsRow) == before + 1);
  REQUIRE(world.aftermath.ended.size() == 1);
  CHECK(world.touches(Topic::kSessions));
  CHECK(world.touches(Topic::kNodeSessions, "n1"));
  CHECK(world.destroy(world.one).ok());
  CHECK(world.touched.empty());
  CHECK(world.store.snapshot().index(kSessionsRow) == before + 1);
  CHECK(world.destroy("x").message() == "failed session lookup: index error: UUID must be 36 characters");
}

TEST_CASE("A session ends with what it lives on", "[session]") {
  World world;
  REQUIRE(world.create(session_on("n1", 3, {"web-check"})).ok());
  REQUIRE(world.create(session_on("n1", 4)).ok());
  const std::string three = session_id(3);
  const std::string four = session_id(4);
  SECTION("a check turns critical") {
    world.add_check("n1", "serfHealth", model::kWarning);
    CHECK(world.ids().size() == 4);
    world.add_check("N1", "SERFHEALTH", model::kCritical);
    CHECK(world.ids() == Ids{world.two, three, four});
    CHECK(world.aftermath.ended.size() == 1);
  }
  SECTION("a check goes") {
    world.remove("n1", {}, "serfHealth");
    CHECK(world.ids() == Ids{world.two, three, four});
  }
  SECTION("a service goes with its check") {
    world.remove("n1", "web");
    CHECK(world.ids() == Ids{world.one, world.two, four});
  }
  SECTION("the node goes") {
    world.remove("n1");
    CHECK(world.ids() == Ids{world.two});
    CHECK(world.aftermath.ended.size() == 3);
  }
  SECTION("another node's check is another check") {
    world.add_check("n2", "serfHealth", model::kCritical);
    CHECK(world.ids().size() == 4);
  }
  SECTION("a check without an id is not what a session without checks lives on") {
    world.add_check("n1", "", model::kCritical);
    CHECK(world.ids().size() == 4);
  }
}

TEST_CASE("A key is locked by one session at a time", "[session][kv]") {
  World world;
  CHECK(world.lock("k", world.one));
  const auto first = world.entry("k");
  CHECK(first->session() == world.one);
  CHECK(first->lock_index() == 1);
  CHECK(first->create_index() == world.last);
  CHECK_FALSE(world.lock("k", world.two));
  CHECK(world.entry("k")->modify_index() == first->modify_index());

  CHECK(world.lock("k", world.one));  // again, with the same value: nothing is written
  CHECK(world.entry("k")->modify_index() == first->modify_index());
  CHECK(*world.write(KvVerb::kLock, "k", world.one, "new"));
  CHECK(world.entry("k")->lock_index() == 1);
  CHECK(world.entry("k")->value() == "new");

  CHECK_FALSE(*world.write(KvVerb::kUnlock, "k", world.two));
  CHECK(*world.write(KvVerb::kUnlock, "k", world.one, "free"));
  CHECK(world.entry("k")->session().empty());
  CHECK(world.entry("k")->value() == "free");
  CHECK(world.entry("k")->lock_index() == 1);
  CHECK_FALSE(*world.write(KvVerb::kUnlock, "k", world.one));
  CHECK(world.lock_rows() == 0);
  CHECK(world.lock("k", world.two));
  CHECK(world.entry("k")->lock_index() == 2);
  CHECK(world.lock_rows() == 1);
}

TEST_CASE("A lock is had by sessions that are there only", "[session][kv]") {
  World world;
  const auto refusal = [&](KvVerb verb, std::string_view session) {
    return std::string(world.write(verb, "k", session).status().message());
  };
  CHECK(refusal(KvVerb::kLock, "") == "missing session");
  CHECK(refusal(KvVerb::kUnlock, "") == "missing session");
  CHECK(refusal(KvVerb::kLock, "x") == "failed session lookup: index error: UUID must be 36 characters");
  CHECK(refusal(KvVerb::kLock, session_id(9)) == "invalid session \"" + session_id(9) + "\"");
  CHECK_FALSE(*world.write(KvVerb::kUnlock, "k", session_id(9)));
  CHECK_FALSE(world.entry("k"));
}

TEST_CASE("What else is written to a locked key", "[session][kv]") {
  World world;
  REQUIRE(world.lock("k/1", world.one));
  SECTION("a value leaves it locked, and forgets how often it was") {
    CHECK(*world.write(KvVerb::kSet, "k/1"));
    CHECK(world.entry("k/1")->session() == world.one);
    CHECK(world.entry("k/1")->lock_index() == 0);
    CHECK(world.lock_rows() == 1);
  }
  SECTION("its deletion ends the lock, and delays nobody") {
    CHECK(*world.write(KvVerb::kDelete, "k/1"));
    CHECK(world.lock_rows() == 0);
    CHECK(world.aftermath.delays.empty());
    CHECK(world.lock("k/1", world.two));
    CHECK(world.entry("k/1")->lock_index() == 1);
  }
  SECTION("so does that of its tree") {
    REQUIRE(world.lock("j", world.one));
    CHECK(*world.write(KvVerb::kDeleteTree, "k/"));
    CHECK(world.lock_rows() == 1);
  }
}

TEST_CASE("The end of a session frees its keys", "[session][kv]") {
  World world;
  Session session = session_on("n1", 3);
  session.lock_delay = 5s;
  SECTION("and leaves them there") {
    REQUIRE(world.create(session).ok());
    REQUIRE(world.lock("a", session_id(3)));
    REQUIRE(world.lock("b", session_id(3)));
    REQUIRE(world.lock("c", world.one));
    REQUIRE(world.destroy(session_id(3)).ok());
    for (const char* key : {"a", "b"}) {
      const auto entry = world.entry(key);
      CHECK(entry->session().empty());
      CHECK(entry->lock_index() == 1);
      CHECK(entry->modify_index() == world.last);
      CHECK(entry->value() == "v");
      CHECK(world.touches(Topic::kKey, key));
    }
    CHECK(world.entry("c")->session() == world.one);
    CHECK_FALSE(world.aftermath.buried);
  }
  SECTION("or deletes them") {
    session.behavior = model::kDeleteKeys;
    REQUIRE(world.create(session).ok());
    REQUIRE(world.lock("a", session_id(3)));
    REQUIRE(world.lock("b", session_id(3)));
    world.remove("n1");
    CHECK_FALSE(world.entry("a"));
    CHECK_FALSE(world.entry("b"));
    CHECK(world.aftermath.buried);
    CHECK(world.store.snapshot().table<TombstoneTable>().size() == 2);
  }
  REQUIRE(world.aftermath.delays.size() == 2);
  CHECK(world.aftermath.delays[0].key == "a");
  CHECK(world.aftermath.delays[1].delay == 5s);
}

TEST_CASE("A lock-delay has a bound, and may be none", "[session][kv]") {
  World world;
  const auto delays = [&](Duration asked) {
    Session session = session_on("n1", 3);
    session.lock_delay = asked;
    REQUIRE(world.create(session).ok());
    REQUIRE(world.lock("k", session_id(3)));
    REQUIRE(world.destroy(session_id(3)).ok());
    std::vector<Duration> found;
    for (const auto& delay : world.aftermath.delays) found.push_back(delay.delay);
    return found;
  };
  CHECK(delays(61s) == std::vector<Duration>{60s});
  CHECK(delays(0s).empty());
  CHECK(delays(-5s).empty());
}

}  // namespace
}  // namespace discovery::state
