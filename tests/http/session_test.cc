#include <memory>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "lib/http/bound_sessions.h"
#include "tests/http/fakes.h"

namespace discovery::http {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using model::SessionCommand;
using model::SessionVerb;

constexpr const char* kId = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

model::SessionPtr session() {
  model::Session made;
  made.id = kId;
  made.node = "n1";
  made.node_checks = model::Tags{"serfHealth"};
  made.index = {7, 7};
  return std::make_shared<const model::Session>(std::move(made));
}
constexpr const char* kShown =
    R"([{"ID":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","Name":"","Node":"n1","LockDelay":15000000000,)"
    R"("Behavior":"release","TTL":"","NodeChecks":["serfHealth"],"ServiceChecks":null,)"
    R"("CreateIndex":7,"ModifyIndex":7}])";

struct SessionWorld : World {
  SessionWorld() {
    backend.outcome = model::Outcome{.index = 5, .session = kId};
    backend.renewed = session();
  }
  /// What a body asks for.
  model::Session created(std::string body) {
    CHECK(put("/v1/session/create", std::move(body))->body() == R"({"ID":")" + std::string(kId) + "\"}");
    const auto& command = backend.last_command<SessionCommand>();
    CHECK(command.verb == SessionVerb::kCreate);
    return command.session;
  }
  Duration lock_delay(const std::string& json) { return created(R"({"LockDelay":)" + json + "}").lock_delay; }
  std::string refusal(std::string body) {
    const auto kept = put("/v1/session/create", std::move(body));
    CHECK(kept->status() == 400);
    return kept->body();
  }
};

TEST_CASE("a session is made with defaults for what is not said") {
  SessionWorld world;
  for (const char* body : {"", "{}", "null", R"({"Unknown":1})", R"({"LockDelay":null})"}) {
    CAPTURE(body);
    const model::Session made = world.created(body);
    CHECK(made.node == "agent-one");
    CHECK(made.behavior == "release");
    CHECK(made.lock_delay == 15s);
    CHECK(made.ttl.empty());
    CHECK(made.node_checks == model::Tags{"serfHealth"});
    CHECK_FALSE(made.service_checks);
    CHECK(made.checks.empty());
  }
  const model::Session made = world.created(
      R"({"Name":"n","node":"other","TTL":"30s","behavior":"delete","ServiceChecks":[{"ID":"web"}]})");
  CHECK(made.name == "n");
  CHECK(made.node == "other");
  CHECK(made.ttl == "30s");
  CHECK(made.behavior == "delete");
  CHECK(made.service_checks == std::vector<model::ServiceCheckName>{{"web", ""}});
  CHECK(world.put("/v1/session/create?pretty&dc=dc2", "{}")->body() ==
        "{\n    \"ID\": \"" + std::string(kId) + "\"\n}\n");
  CHECK(world.backend.commands.back().second.datacenter == "dc2");
  CHECK(world.created(R"({"Node":""})").node.empty());
}

TEST_CASE("lock-delays are texts, or numbers of which small ones are seconds") {
  SessionWorld world;
  CHECK(world.lock_delay("\"7s\"") == 7s);
  CHECK(world.lock_delay("\"15000ms\"") == 15s);
  CHECK(world.lock_delay("\"0s\"") == 0s);
  CHECK(world.lock_delay("0") == 0s);
  CHECK(world.lock_delay("25") == 25s);
  CHECK(world.lock_delay("999") == 999s);
  CHECK(world.lock_delay("1000") == 1us);
  CHECK(world.lock_delay("100000000000") == 100s);
  CHECK(world.lock_delay("2.9") == 2s);
  CHECK(world.lock_delay("\"500ns\"") == 500s);
  CHECK(world.lock_delay("true") == 0s);
  CHECK(world.lock_delay("[1]") == 0s);
  CHECK(world.lock_delay("\"-5s\"") == Duration(-5'000'000'000'000'000'000));
  CHECK(world.lock_delay("1e300") <= 0s);
  CHECK(world.refusal(R"({"LockDelay":"abc"})") == "Request decode failed: time: invalid duration \"abc\"");
  CHECK(world.refusal(R"({"LockDelay":"10"})") ==
        "Request decode failed: time: missing unit in duration \"10\"");
}

TEST_CASE("the old list of checks and the new one are settled as Consul does") {
  SessionWorld world;
  const auto checks = [&](const std::string& body) {
    const model::Session made = world.created(body);
    std::string text;
    for (const auto& id : made.checks) text += id.str() + " ";
    text += "|";
    if (!made.node_checks) return text + " none";
    for (const auto& id : *made.node_checks) text += " " + id.str();
    return text;
  };
  CHECK(checks(R"({"Checks":[]})") == "|");
  CHECK(checks(R"({"checks":null})") == "|");
  CHECK(checks(R"({"Checks":["serfHealth"]})") == "| serfHealth");
  CHECK(checks(R"({"Checks":["x"]})") == "x | serfHealth");
  CHECK(checks(R"({"NodeChecks":[]})") == "|");
  CHECK(checks(R"({"NodeChecks":null})") == "| none");
  CHECK(checks(R"({"NodeChecks":["x"]})") == "| x");
  CHECK(checks(R"({"Checks":["x"],"NodeChecks":[]})") == "|");
  CHECK(world.created(R"({"ServiceChecks":[]})").service_checks->empty());
}

TEST_CASE("bodies that are no sessions are refused") {
  SessionWorld world;
  CHECK(world.refusal("not json") ==
        "Request decode failed: invalid character 'o' in literal null (expecting 'u')");
  CHECK(world.refusal("{") == "Request decode failed: unexpected EOF");
  CHECK(world.refusal("[]") ==
        "Request decode failed: json: cannot unmarshal array into Go value of type struct { LockDelay "
        "interface "
        "{}; *structs.Alias }");
  CHECK(world.refusal(R"({"TTL":15})").starts_with("Request decode failed: json: cannot unmarshal number"));
  CHECK(world.ask("/v1/session/create?ns=x", {.method = "PUT"})->status() == 400);
  CHECK(world.backend.commands.empty());
}

TEST_CASE("what the state refuses of a session") {
  SessionWorld world;
  world.backend.outcome = Status(Code::kFailedPrecondition, "Missing node registration");
  const auto kept = world.put("/v1/session/create", "{}");
  CHECK(kept->status() == 500);
  CHECK(kept->body() == "apply failed: Missing node registration");
  world.backend.outcome = invalid_argument("Must provide Node");
  CHECK(world.put("/v1/session/create", "{}")->body() == "Must provide Node");
  CHECK(world.put("/v1/session/create", "{}")->status() == 500);
  world.backend.outcome = Status(Code::kFailedPrecondition, "no id");
  CHECK(world.ask("/v1/session/destroy/x", {.method = "PUT"})->body() == "apply failed: no id");
}

TEST_CASE("a session is destroyed and renewed by its id") {
  SessionWorld world;
  CHECK(world.ask("/v1/session/destroy/" + std::string(kId), {.method = "PUT"})->body() == "true");
  CHECK(world.backend.last_command<SessionCommand>().verb == SessionVerb::kDestroy);
  CHECK(world.backend.last_command<SessionCommand>().session.id == kId);

  const auto renewed = world.ask("/v1/session/renew/" + std::string(kId) + "?dc=dc2", {.method = "PUT"});
  CHECK(renewed->body() == kShown);
  CHECK(renewed->header("X-Consul-Index") == "-");
  CHECK(world.backend.renewals.back().first == kId);
  CHECK(world.backend.renewals.back().second.datacenter == "dc2");
  world.backend.renewed = Status(Code::kNotFound, "Session id 'x' not found");
  CHECK(world.ask("/v1/session/renew/x", {.method = "PUT"})->status() == 404);
  world.backend.renewed = invalid_argument("no id");
  CHECK(world.ask("/v1/session/renew/x", {.method = "PUT"})->status() == 500);

  for (const char* target : {"/v1/session/destroy/", "/v1/session/renew/"}) {
    const auto kept = world.ask(target, {.method = "PUT"});
    CHECK(kept->status() == 400);
    CHECK(kept->body() == "Missing session");
  }
}

TEST_CASE("sessions are listed") {
  SessionWorld world;
  world.backend.next = answer(model::Sessions{session()}, 9);
  const auto info = world.ask("/v1/session/info/" + std::string(kId) + "?index=3&filter=x&near=y");
  CHECK(info->body() == kShown);
  CHECK(info->header("X-Consul-Index") == "9");
  CHECK(info->header("X-Consul-Effective-Consistency") == "-");
  CHECK(world.backend.last_query<model::GetSession>().id == kId);
  CHECK(world.backend.last_read().min_index == 3);
  CHECK(world.backend.last_read().filter.empty());
  CHECK(world.ask("/v1/session/list")->body() == kShown);
  CHECK(world.ask("/v1/session/node/n1")->body() == kShown);
  CHECK(world.backend.last_query<model::ListNodeSessions>().node == "n1");
  world.backend.next = answer(model::Sessions{}, 9);
  CHECK(world.ask("/v1/session/info/x")->body() == "[]");
  CHECK(world.ask("/v1/session/info/x")->status() == 200);
  world.backend.next = invalid_argument("no id");
  CHECK(world.ask("/v1/session/info/x")->status() == 500);
  CHECK(world.ask("/v1/session/info/x")->header("X-Consul-Index") == "1");
  CHECK(world.ask("/v1/session/info/")->body() == "Missing session");
  CHECK(world.ask("/v1/session/node/")->body() == "Missing node name");
}

TEST_CASE("a session may be bound to its connection") {
  SessionWorld world;
  CHECK(world.put("/v1/session/create", "{}")->listeners.empty());
  const auto kept = world.put("/v1/session/create?while-connected&dc=dc1", "{}");
  CHECK(kept->header(kSessionBoundHeader) == "true");
  REQUIRE(kept->listeners.size() == 1);
  const auto listener = kept->listeners[0].lock();
  REQUIRE(listener);
  SECTION("and ends with it") {
    world.backend.commands.clear();
    listener->on_connection_end();
    REQUIRE(world.backend.commands.size() == 1);
    CHECK(world.backend.last_command<SessionCommand>().verb == SessionVerb::kDestroy);
    CHECK(world.backend.last_command<SessionCommand>().session.id == kId);
    CHECK(world.backend.commands.back().second.datacenter == "dc1");
    CHECK(listener.use_count() == 1);
  }
  SECTION("until it is destroyed otherwise") {
    world.ask("/v1/session/destroy/" + std::string(kId), {.method = "PUT"});
    CHECK(listener.use_count() == 1);
  }
}

TEST_CASE("a connection that ends before its session was made ends it then") {
  SessionWorld world;
  std::vector<std::weak_ptr<http1::EndListener>> listeners;
  BoundSessions sessions(world.backend);
  Kept kept;
  Context context{world.backend, world.agent, world.env, default_options()};
  {
    Reply reply(context, http1::Responder(kept), false, false);
    const auto tie = sessions.tie(reply, {});
    REQUIRE(tie);
    kept.listeners[0].lock()->on_connection_end();
    CHECK(world.backend.commands.empty());
    sessions.made(tie, kId);
  }
  REQUIRE(world.backend.commands.size() == 1);
  CHECK(world.backend.last_command<SessionCommand>().session.id == kId);
  CHECK(sessions.size() == 0);
}

TEST_CASE("a session that cannot be bound is not made") {
  SessionWorld world;
  Kept kept;
  kept.refuses_listeners = true;
  http1::Request request;
  request.method = "PUT";
  request.target = "/v1/session/create?while-connected";
  world.api.handle(request, http1::Responder(kept));
  CHECK(kept.status() == 429);
  CHECK(world.backend.commands.empty());
  // Nor is one bound that was refused.
  world.backend.outcome = invalid_argument("Must provide Node");
  const auto refused = world.put("/v1/session/create?while-connected", "{}");
  CHECK(refused->header(kSessionBoundHeader) == "-");
  CHECK(refused->listeners[0].expired());
}

}  // namespace
}  // namespace discovery::http
