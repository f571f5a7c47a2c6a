// Sessions of a whole agent, over the network.

#include <memory>
#include <optional>
#include <string>

#include "lib/http/bound_sessions.h"
#include "lib/http1/client_connection.h"
#include "tests/sim/agent_world.h"

namespace discovery::api {
namespace {

using namespace std::chrono_literals;
using testing::World;

/// A client with one connection that it keeps.
class Keeper {
 public:
  explicit Keeper(World& world) : world_(world) {
    world.client.connect(world.agent->http().at(0), 5s, [&](Result<std::unique_ptr<env::Stream>> stream) {
      REQUIRE(stream.ok());
      connection_ = std::make_unique<http1::ClientConnection>(world.client, *std::move(stream));
    });
    REQUIRE(world.simulation.run_until([&] { return connection_ != nullptr; }, 5s));
  }

  void begin(std::string method, std::string target, std::string body = {}) {
    http1::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.host = "agent";
    request.body = std::move(body);
    request.keep_alive = true;
    request_ = *http1::encode(request);
    answer_.reset();
    http1::ClientLimits limits;
    limits.timeout = 1h;
    connection_->exchange(request_, limits, [this](Result<http1::ClientResponse> answer) {
      REQUIRE(answer.ok());
      answer_ = *std::move(answer);
    });
  }
  http1::ClientResponse ask(std::string method, std::string target, std::string body = {}) {
    begin(std::move(method), std::move(target), std::move(body));
    REQUIRE(world_.simulation.run_until([&] { return answer_.has_value(); }, 10s));
    return *answer_;
  }
  bool answered() const { return answer_.has_value(); }
  void die() { connection_.reset(); }

 private:
  World& world_;
  std::unique_ptr<http1::ClientConnection> connection_;
  http1::EncodedRequest request_;
  std::optional<http1::ClientResponse> answer_;
};

std::string id_in(const http1::ClientResponse& created) {
  REQUIRE(created.status == 200);
  return created.body.substr(created.body.find(':') + 3, 36);
}

/// One who holds a lock with a session that is bound to his connection.
struct Bound {
  World world;
  Keeper holder{world};
  std::string id;
  std::string other;

  explicit Bound(const std::string& session = R"({"TTL": "15s", "LockDelay": "1s"})") {
    const auto created = holder.ask("PUT", "/v1/session/create?while-connected", session);
    CHECK(created.header(http::kSessionBoundHeader) == "true");
    id = id_in(created);
    CHECK(holder.ask("PUT", "/v1/kv/lock?acquire=" + id, "mine").body == "true\n");
    other = id_in(world.ask("PUT", "/v1/session/create", R"({"TTL": "24h"})"));
    CHECK(world.ask("PUT", "/v1/kv/lock?acquire=" + other).body == "false\n");
  }
  bool alive() { return world.ask("GET", "/v1/session/info/" + id).body != "[]\n"; }
  bool other_locks() { return world.ask("PUT", "/v1/kv/lock?acquire=" + other).body == "true\n"; }
};

TEST_CASE("a session that is bound to a connection ends with it", "[sim][session]") {
  Bound bound;
  SECTION("that is idle") {}
  SECTION("on which a request waits") {
    bound.holder.begin("GET", "/v1/kv/lock?index=1000000&wait=10m");
    bound.world.simulation.run_for(1s);
    CHECK(bound.alive());
  }
  bound.holder.die();
  bound.world.simulation.run_for(10ms);
  CHECK_FALSE(bound.alive());
  CHECK_FALSE(bound.other_locks());
  bound.world.simulation.run_for(1s);
  CHECK(bound.other_locks());
}

TEST_CASE("a connection that a session is bound to serves what else is asked", "[sim][session]") {
  Bound bound;
  for (int round = 0; round < 100; ++round) {
    bound.world.simulation.run_for(14s);
    CHECK(bound.holder.ask("PUT", "/v1/session/renew/" + bound.id).status == 200);
  }
  bound.holder.begin("GET", "/v1/session/info/" + bound.id + "?index=1000000&wait=20s");
  bound.world.simulation.run_for(1s);
  CHECK_FALSE(bound.holder.answered());
  bound.world.simulation.run_for(25s);
  CHECK(bound.holder.answered());
  CHECK(bound.alive());
  // The TTL counts all the same.
  bound.world.simulation.run_for(20s);
  CHECK_FALSE(bound.alive());
}

TEST_CASE("a bound session without a TTL lives as long as its connection", "[sim][session]") {
  Bound bound(R"({"LockDelay": "0s"})");
  bound.world.simulation.run_for(3h);
  CHECK(bound.alive());
  CHECK(bound.holder.ask("GET", "/v1/status/leader").status == 200);
  bound.world.simulation.reset_streams(bound.world.machine, bound.world.client);
  bound.world.simulation.run_for(10ms);
  CHECK_FALSE(bound.alive());
}

TEST_CASE("a holder whose machine is gone without a word is found by the TTL", "[sim][session]") {
  Bound bound;
  bound.world.simulation.crash(bound.world.client);
  const auto alive = [&] {
    bool found = false;
    bound.world.agent->backend().query(model::GetSession{bound.id}, {}).then([&](const auto& answer) {
      found = !std::get<model::Sessions>(answer->value()).empty();
    });
    return found;
  };
  bound.world.simulation.run_for(14s);
  CHECK(alive());
  bound.world.simulation.run_for(17s);
  CHECK_FALSE(alive());
}

}  // namespace
}  // namespace discovery::api
