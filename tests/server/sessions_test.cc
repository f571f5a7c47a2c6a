#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/base/uuid.h"
#include "tests/server/server_world.h"

namespace discovery::server {
namespace {

using model::KvCommand;
using model::KvOperation;
using model::Session;
using model::SessionCommand;
using model::SessionPtr;
using model::SessionVerb;

struct SessionWorld : World {
  /// Makes a session on the server's node, and returns its id.
  std::string create(std::string ttl = "15s", Duration lock_delay = 0s) {
    Session session;
    session.node = "one";
    session.ttl = ttl;
    session.lock_delay = lock_delay;
    const auto outcome = apply(SessionCommand{SessionVerb::kCreate, session});
    REQUIRE(outcome.ok());
    return outcome->session.str();
  }
  void destroy(const std::string& id) {
    Session session;
    session.id = id;
    REQUIRE(apply(SessionCommand{SessionVerb::kDestroy, session}).ok());
  }
  Result<SessionPtr> renew(std::string id) {
    std::optional<Result<SessionPtr>> result;
    server->renew_session(std::move(id), {}).then([&](Result<SessionPtr> renewed) {
      result = std::move(renewed);
    });
    REQUIRE(result.has_value());
    return *result;
  }
  bool alive(const std::string& id) {
    return !std::get<model::Sessions>(ask(model::GetSession{id})->value()).empty();
  }
  bool lock(std::string key, std::string session) {
    const auto outcome = apply(
        KvCommand{.verb = KvVerb::kLock, .key = std::move(key), .value = "v", .session = std::move(session)});
    REQUIRE(outcome.ok());
    return outcome->result;
  }
};

TEST_CASE("a session gets an id, whatever was asked for") {
  SessionWorld world;
  Session session;
  session.id = "11111111-2222-3333-4444-555555555555";
  session.node = "one";
  const auto outcome = world.apply(SessionCommand{SessionVerb::kCreate, session});
  REQUIRE(outcome.ok());
  CHECK(base::is_uuid(outcome->session));
  CHECK(outcome->session != session.id);
  CHECK(world.alive(outcome->session.str()));
  CHECK(world.create() != world.create());
  CHECK(world.ask(model::GetSession{"x"}).status() ==
        invalid_argument("failed session lookup: index error: UUID must be 36 characters"));
}

TEST_CASE("what is wrong with a session is said before the log") {
  SessionWorld world;
  const Index before = world.server->log().last_index();
  CHECK(world.apply(SessionCommand{}).status().message() == "Must provide Node");
  Session session;
  session.node = "one";
  session.ttl = "1s";
  CHECK(world.apply(SessionCommand{SessionVerb::kCreate, session}).status().message() ==
        "Invalid Session TTL '1000000000', must be between [10s=24h0m0s]");
  CHECK(world.server->log().last_index() == before);
  session.ttl = "";
  session.node = "nowhere";
  const Status refused = world.apply(SessionCommand{SessionVerb::kCreate, session}).status();
  CHECK(refused == Status(Code::kFailedPrecondition, "Missing node registration"));
}

TEST_CASE("a session that is not renewed ends at twice its TTL") {
  SessionWorld world;
  const std::string id = world.create("10s");
  const std::string without = world.create("");
  const std::string zero = world.create("0s");
  CHECK(world.server->sessions_with_ttl() == 1);
  REQUIRE(world.lock("k", id));
  world.simulation.run_for(20s - SessionTimers::kTick - 1ms);
  CHECK(world.alive(id));
  world.simulation.run_for(SessionTimers::kTick + 1ms);
  CHECK_FALSE(world.alive(id));
  CHECK(world.server->sessions_with_ttl() == 0);
  CHECK(world.renew(id).status() == Status(Code::kNotFound, "Session id '" + id + "' not found"));
  CHECK(std::get<model::KvEntries>(world.ask(model::GetKey{"k"})->value())[0]->session().empty());
  world.simulation.run_for(24h);
  CHECK(world.alive(without));
  CHECK(world.alive(zero));
}

TEST_CASE("a session lives as long as it is renewed") {
  SessionWorld world;
  const std::string id = world.create("10s");
  for (int round = 0; round < 50; ++round) {
    world.simulation.run_for(19s);
    const auto renewed = world.renew(id);
    REQUIRE(renewed.ok());
    CHECK((*renewed)->ttl == "10s");
  }
  world.simulation.run_for(19s);
  CHECK(world.alive(id));
  world.simulation.run_for(1s);
  CHECK_FALSE(world.alive(id));
  CHECK(world.renew("x").status().message() ==
        "failed session lookup: index error: UUID must be 36 characters");
  const std::string other = world.create("");
  CHECK(world.renew(other).ok());
}

TEST_CASE("who waits hears of a session's end and of its keys") {
  SessionWorld world;
  const std::string id = world.create("10s");
  REQUIRE(world.lock("k", id));
  const auto index = [&](const model::Query& query) { return world.ask(query)->meta.index; };
  Waiting list(world, model::ListSessions{}, index(model::ListSessions{}));
  Waiting one(world, model::GetSession{id}, index(model::GetSession{id}));
  Waiting node(world, model::ListNodeSessions{"ONE"}, index(model::ListNodeSessions{"one"}));
  Waiting key(world, model::GetKey{"k"}, index(model::GetKey{"k"}));
  world.simulation.run_for(10s);
  CHECK_FALSE(list.result);
  CHECK(world.renew(id).ok());  // which changes nothing
  world.simulation.run_for(15s);
  CHECK_FALSE(list.result);
  CHECK_FALSE(one.result);
  world.simulation.run_for(5s);
  for (const Waiting* waiting : {&list, &one, &node, &key}) {
    REQUIRE(waiting->result);
    CHECK(waiting->answered_at <= 30s);
    CHECK(waiting->answered_at >= 30s - SessionTimers::kTick);
  }
}

TEST_CASE("a lock-delay is over when it is over") {
  SessionWorld world;
  const std::string first = world.create("", 3s);
  const std::string second = world.create("");
  REQUIRE(world.lock("k", first));
  REQUIRE(world.lock("other", second));
  world.destroy(first);
  world.simulation.run_for(3s - 1ns);
  CHECK_FALSE(world.lock("k", second));
  CHECK(world.lock("other", second));
  // What needs no lock is not held up.
  CHECK(world.put("k", "plain").ok());
  world.simulation.run_for(1ns);
  CHECK(world.lock("k", second));
}

TEST_CASE("a transaction says which lock is delayed") {
  SessionWorld world;
  const std::string first = world.create("", 3s);
  const std::string second = world.create("");
  REQUIRE(world.lock("k", first));
  world.destroy(first);
  model::TxnCommand txn;
  txn.operations.emplace_back(KvOperation{.verb = "lock", .key = "free", .value = "", .session = second});
  txn.operations.emplace_back(KvOperation{.verb = "lock", .key = "k", .value = "", .session = second});
  txn.operations.emplace_back(KvOperation{.verb = "set", .key = "", .value = ""});
  const auto failed = world.apply(txn);
  REQUIRE(failed.ok());
  const auto& results = std::get<model::TxnResults>(failed->txn->value());
  CHECK(results.errors == std::vector<model::TxnError>{{1, "failed to lock key \"k\" due to lock delay"},
                                                       {2, "Must provide key"}});
  txn.operations.pop_back();
  world.simulation.run_for(3s);
  CHECK(world.apply(txn)->result);
  CHECK(std::get<model::TxnResults>(world.apply(txn)->txn->value()).errors.empty());
}

TEST_CASE("a transaction ends sessions, and locks and looks for them") {
  SessionWorld world;
  const std::string id = world.create("", 5s);
  REQUIRE(world.lock("k", id));
  model::TxnCommand txn;
  model::SessionOperation end{"delete", {}};
  end.session.id = id;
  txn.operations.emplace_back(KvOperation{.verb = "check-session", .key = "k", .value = "", .session = id});
  txn.operations.emplace_back(end);
  txn.operations.emplace_back(KvOperation{.verb = "check-session", .key = "k", .value = "", .session = ""});
  CHECK(world.apply(txn)->result);
  CHECK_FALSE(world.alive(id));
  CHECK_FALSE(world.lock("k", world.create("")));  // it is delayed as after any other end
  end.verb = "set";
  txn.operations = {end};
  const auto failed = world.apply(txn);
  CHECK(std::get<model::TxnResults>(failed->txn->value()).errors ==
        std::vector<model::TxnError>{{0, "unknown session verb \"set\""}});
}

TEST_CASE("keys that a session's end deletes are forgotten as others") {
  SessionWorld world;
  Session session;
  session.node = "one";
  session.behavior = model::kDeleteKeys;
  const auto made = world.apply(SessionCommand{SessionVerb::kCreate, session});
  REQUIRE(world.lock("a/k", made->session.str()));
  world.destroy(made->session.str());
  const Index index = world.server->log().last_index();
  CHECK(world.ask(model::ListKeysWithValues{"a/"})->meta.index == index);
  world.simulation.run_for(16min);
  CHECK(world.server->log().last_index() == index + 1);  // the reaping
}

}  // namespace
}  // namespace discovery::server
