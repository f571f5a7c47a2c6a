// Answers that an agent of ours would not give.

#include <array>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "lib/remote/remote_agent.h"
#include "tests/remote/world.h"

namespace discovery::remote {
namespace {

using testing::connect;
using testing::health_of;
using testing::Seen;
using namespace std::chrono_literals;

/// What a scripted server does with a request.
struct Script {
  std::string bytes{};      ///< what it sends
  bool then_close = false;  ///< and then it closes
};

std::string http(int status, const std::string& body, const std::string& fields = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + fields + "\r\n" + body;
}
std::string at_index(Index index) { return "X-Consul-Index: " + std::to_string(index) + "\r\n"; }

/// A machine that answers by a script, and a client.
struct OddWorld {
  using Answer = std::function<Script(const std::string& head)>;

  OddWorld() {
    listener->start([this](std::unique_ptr<env::Stream> stream) {
      auto& session = sessions.emplace_back();
      session.stream = std::move(stream);
      read(session);
    });
    Options made;
    made.urls = {"http://" + server.address() + ":8500"};
    made.limits.max_answer_bytes = 1U << 20;
    backend = connect(client, made);
  }

  template <class T>
  Result<T> wait_for(Async<T> operation) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    std::move(operation).then([result](Result<T> got) { result->emplace(std::move(got)); });
    REQUIRE(world.run_until([&] { return result->has_value(); }, 20min));
    return **result;
  }
  Result<model::Answer> get(const std::string& key) {
    return wait_for(backend->query(model::GetKey{key}, {}));
  }
  Result<model::Outcome> set(model::KvVerb verb = model::KvVerb::kSet) {
    return wait_for(backend->apply(model::KvCommand{verb, "k", "v", 0, 0}, {}));
  }
  /// How often a path was asked for.
  std::size_t count(const std::string& path) const {
    std::size_t found = 0;
    for (const std::string& head : heads) found += head.find(path) != std::string::npos ? 1 : 0;
    return found;
  }

  env::Simulation world{1};
  env::SimEnv& server = world.add_env("server");
  env::SimEnv& client = world.add_env("client");
  std::unique_ptr<env::Listener> listener = std::move(*server.listen({server.address(), 8500}, {}));
  std::deque<std::string> heads;  // of all requests
  Answer answer = [](const std::string&) { return Script{http(200, "[]")}; };
  bool gives_signs_of_life = true;
  std::unique_ptr<RemoteBackend> backend;

 private:
  struct Session {
    std::unique_ptr<env::Stream> stream;
    std::array<char, 4096> buffer{};
    std::string in;
    std::deque<std::string> out;
  };

  void read(Session& session) {
    session.stream->read_some(session.buffer, [this, &session](const Result<std::size_t>& size) {
      if (!size.ok() || *size == 0) return session.stream->close();
      session.in.append(session.buffer.data(), *size);
      const std::size_t end = session.in.find("\r\n\r\n");
      if (end == std::string::npos) return read(session);
      const std::string head = session.in.substr(0, end + 4);
      session.in.clear();  // bodies come together with their heads here
      heads.push_back(head);
      const bool pulse = gives_signs_of_life && head.find("/v1/status/leader") != std::string::npos;
      send(session, pulse ? Script{http(200, "\"10.0.0.1:8300\"")} : answer(head));
      if (session.stream) read(session);
    });
  }
  void send(Session& session, const Script& script) {
    if (script.bytes.empty()) {
      if (script.then_close) session.stream.reset();
      return;
    }
    const std::string& bytes = session.out.emplace_back(script.bytes);
    const std::array<std::string_view, 1> pieces = {bytes};
    session.stream->write(pieces, [&session, close = script.then_close](const Status&) {
      if (close) session.stream->shutdown_send();
    });
  }

  std::list<Session> sessions;
};

constexpr const char* kEntry =
    R"([{"LockIndex":0,"Key":"k","Flags":0,"Value":"dg==","CreateIndex":5,"ModifyIndex":7}])";

TEST_CASE("answers that make no sense are failures") {
  OddWorld it;
  Script script;
  SECTION("no JSON") { script.bytes = http(200, "hello"); }
  SECTION("JSON that ends too early") { script.bytes = http(200, R"([{"Key":"k")"); }
  SECTION("something behind the JSON") { script.bytes = http(200, "[] []"); }
  SECTION("another type") { script.bytes = http(200, R"({"Key":"k"})"); }
  SECTION("a field of another type") { script.bytes = http(200, R"([{"Key":"k","ModifyIndex":"7"}])"); }
  SECTION("a row without its key") { script.bytes = http(200, R"([{"ModifyIndex":7}])"); }
  SECTION("a row that is null") { script.bytes = http(200, "[null]"); }
  SECTION("no base64") { script.bytes = http(200, R"([{"Key":"k","Value":"***"}])"); }
  SECTION("compressed, which nobody asked for") {
    script.bytes = http(200, "xyz", "Content-Encoding: gzip\r\n");
  }
  SECTION("a redirection") { script.bytes = http(301, "", "Location: /ui/\r\n"); }
  SECTION("no HTTP") { script = {"SSH-2.0-OpenSSH\r\n", true}; }
  SECTION("cut off within the body") { script = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[{", true}; }
  it.answer = [&](const std::string&) { return script; };
  CHECK(it.get("k").status().code() == Code::kUnavailable);
  CHECK(it.heads.front().find("Accept-Encoding") == std::string::npos);
}

TEST_CASE("answers that are longer than the limit are refused") {
  OddWorld it;
  it.answer = [](const std::string&) { return Script{http(200, std::string((1U << 20) + 1, ' '))}; };
  const Status failure = it.get("k").status();
  CHECK(failure.code() == Code::kResourceExhausted);
  CHECK(failure.message().find("1048576") != std::string_view::npos);
  it.answer = [](const std::string&) { return Script{"HTTP/1.1 200 OK\r\nX: " + std::string(70000, 'x')}; };
  CHECK(it.get("k").status().code() == Code::kResourceExhausted);
}

TEST_CASE("unusual answers that are fine") {
  OddWorld it;
  Script script;
  SECTION("chunks") {
    const std::string body = kEntry;
    script.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + body.substr(0, 16) +
                   "\r\n" +
                   [&] {
                     std::array<char, 16> size{};
                     std::snprintf(size.data(), size.size(), "%zx", body.size() - 16);
                     return std::string(size.data());
                   }() +
                   ";x=y\r\n" + body.substr(16) + "\r\n0\r\n\r\n";
  }
  SECTION("until the end of the connection") {
    script = {"HTTP/1.1 200 OK\r\n\r\n" + std::string(kEntry), true};
  }
  SECTION("unknown members, and null") {
    script.bytes =
        http(200, R"([{"Key":"k","Value":"dg==","Session":null,"Partition":"default","X":{"y":[1]}}])");
  }
  SECTION("whitespace around it") { script.bytes = http(200, "\n " + std::string(kEntry) + " \n"); }
  it.answer = [&](const std::string&) { return script; };
  const auto answer = it.get("k");
  REQUIRE(answer.ok());
  const auto& entries = std::get<model::KvEntries>(answer->value());
  REQUIRE(entries.size() == 1);
  CHECK(entries[0]->value() == "v");
}

TEST_CASE("what a status and its text mean") {
  struct Case {
    int status;
    const char* text;
    Code read;
    Code write;
  };
  const auto one = GENERATE(values<Case>({
      {400, "Invalid wait time", Code::kInvalidArgument, Code::kInvalidArgument},
      {401, "", Code::kUnauthenticated, Code::kUnauthenticated},
      {403, "Permission denied", Code::kPermissionDenied, Code::kPermissionDenied},
      {403, "ACL not found", Code::kUnauthenticated, Code::kUnauthenticated},
      {405, "", Code::kInvalidArgument, Code::kInvalidArgument},
      {413, "Request body too large", Code::kResourceExhausted, Code::kResourceExhausted},
      {429, "rate limit exceeded", Code::kResourceExhausted, Code::kResourceExhausted},
      {500, "No cluster leader", Code::kUnavailable, Code::kUnavailable},
      {500, "No path to datacenter", Code::kUnavailable, Code::kUnavailable},
      {500, "rpc error getting client: failed to get conn", Code::kUnavailable, Code::kUnavailable},
      {500, "leadership lost while committing log", Code::kUnavailable, Code::kUnknownOutcome},
      {500, "rpc error making call: EOF", Code::kUnavailable, Code::kUnknownOutcome},
      {500, "raft apply failed: invalid session \"x\"", Code::kInternal, Code::kInternal},
      {500, "", Code::kInternal, Code::kInternal},
      {501, "not here", Code::kUnavailable, Code::kUnavailable},
      {502, "Bad Gateway", Code::kUnavailable, Code::kUnknownOutcome},
      {503, "", Code::kUnavailable, Code::kUnavailable},
      {504, "", Code::kUnavailable, Code::kUnknownOutcome},
  }));
  CAPTURE(one.status, one.text);
  OddWorld it;
  it.answer = [&](const std::string&) { return Script{http(one.status, one.text)}; };
  const Status read = it.wait_for(it.backend->query(model::ListNodes{}, {})).status();
  CHECK(read.code() == one.read);
  if (*one.text != '\0') CHECK(read.message() == one.text);
  CHECK(it.set().status().code() == one.write);
}

TEST_CASE("what came of a write is unknown if its answer makes no sense or does not come") {
  OddWorld it;
  Script script;
  SECTION("no JSON") { script.bytes = http(200, "maybe"); }
  SECTION("no answer") { script.then_close = true; }
  SECTION("half an answer") { script = {"HTTP/1.1 200 OK\r\nContent-Le", true}; }
  SECTION("silence") {}
  it.answer = [&](const std::string&) { return script; };
  CHECK(it.set().status().code() == Code::kUnknownOutcome);
  CHECK(it.set(model::KvVerb::kCas).status().code() == Code::kUnknownOutcome);
}

TEST_CASE("on a kept connection that was closed, what does no harm is repeated") {
  OddWorld it;
  bool closes = false;
  it.answer = [&](const std::string&) {
    if (std::exchange(closes, false)) return Script{"", true};
    return Script{http(200, R"({"Results":[{"KV":{"Key":"k","Flags":0,"CreateIndex":7,"ModifyIndex":9}}],)"
                            R"("Errors":null})")};
  };
  const auto first = it.set();
  REQUIRE(first.ok());
  CHECK(first->index == 9);
  closes = true;
  CHECK(it.set().ok());
  CHECK(it.count("PUT /v1/txn") == 3);
  closes = true;
  CHECK(it.set(model::KvVerb::kCas).status().code() == Code::kUnknownOutcome);
  CHECK(it.count("PUT /v1/txn") == 4);
}

TEST_CASE("a server that answers at once without anything new is not asked all the time") {
  OddWorld it;
  it.answer = [](const std::string&) { return Script{http(200, kEntry, at_index(7))}; };
  Seen seen;
  const auto watch = it.backend->watch(model::GetKey{"k"}, {}, seen);
  it.world.run_for(10min);
  CHECK(seen.answers.size() == 1);
  CHECK(it.count("/v1/kv/k") < 150);
  CHECK(it.count("/v1/kv/k") > 50);
}

TEST_CASE("an index that falls begins a new epoch, and is asked from the beginning") {
  OddWorld it;
  std::deque<Index> indexes = {7, 12, 4};
  it.answer = [&](const std::string&) {
    if (indexes.empty()) return Script{};
    const Index index = indexes.front();
    indexes.pop_front();
    return Script{http(200, kEntry, at_index(index))};
  };
  Seen seen;
  const auto watch = it.backend->watch(model::GetKey{"k"}, {}, seen);
  REQUIRE(it.world.run_until([&] { return it.heads.size() == 4; }, 1s));
  REQUIRE(seen.answers.size() == 3);
  CHECK(seen.answers[1].meta.index == 12);
  CHECK(seen.answers[1].meta.epoch == 1);
  CHECK(seen.meta().index == 4);
  CHECK(seen.meta().epoch == 2);
  CHECK(it.heads[1].find("index=7&wait=") != std::string::npos);
  CHECK(it.heads[2].find("index=12&wait=") != std::string::npos);
  CHECK(it.heads[3].find("index") == std::string::npos);
}

TEST_CASE("indexes that rise and fall all the time are not followed all the time") {
  OddWorld it;
  Index index = 1;
  it.answer = [&](const std::string&) {
    return Script{http(200, kEntry, at_index(index = index == 5 ? 9 : 5))};
  };
  Seen seen;
  const auto watch = it.backend->watch(model::GetKey{"k"}, {}, seen);
  it.world.run_for(10min);
  CHECK(seen.is_ordered());
  CHECK(it.count("/v1/kv/k") < 400);
}

TEST_CASE("an index of 0 is never waited beyond") {
  OddWorld it;
  it.answer = [](const std::string& head) {
    return head.find("index=") == std::string::npos ? Script{http(200, kEntry, at_index(0))} : Script{};
  };
  Seen seen;
  const auto watch = it.backend->watch(model::GetKey{"k"}, {}, seen);
  REQUIRE(it.world.run_until([&] { return it.heads.size() == 2; }, 1s));
  CHECK(seen.meta().index == 1);
  CHECK(it.heads[1].find("index=1&") != std::string::npos);
}

TEST_CASE("a server that answers with failures is told of once, asked less and less, and believed again") {
  OddWorld it;
  bool works = true;
  it.answer = [&](const std::string& head) {
    if (!works) return Script{http(500, "No cluster leader")};
    const bool waits = head.find("index=") != std::string::npos;
    return waits ? Script{} : Script{http(200, kEntry, at_index(7))};
  };
  Seen seen;
  const auto watch = it.backend->watch(model::GetKey{"k"}, {}, seen);
  REQUIRE(it.world.run_until([&] { return seen.answers.size() == 1; }, 1s));
  works = false;
  it.world.run_for(6min);  // until the wait is over
  REQUIRE(seen.errors.size() == 1);
  CHECK(seen.errors[0].code() == Code::kUnavailable);
  REQUIRE(seen.answers.size() == 2);
  CHECK_FALSE(seen.meta().live);
  const std::size_t asked = it.count("/v1/kv/k");
  it.world.run_for(10min);
  CHECK(it.count("/v1/kv/k") - asked < 150);
  CHECK(seen.errors.size() == 1);
  works = true;
  REQUIRE(it.world.run_until([&] { return seen.answers.size() == 3; }, 11s));
  CHECK(seen.meta().live);
  CHECK(seen.meta().index == 7);
}

TEST_CASE("a watch that is not allowed says so, once") {
  OddWorld it;
  it.answer = [](const std::string&) { return Script{http(403, "Permission denied")}; };
  Seen seen;
  const auto watch = it.backend->watch(health_of("web"), {}, seen);
  it.world.run_for(10min);
  REQUIRE(seen.errors.size() == 1);
  CHECK(seen.errors[0].code() == Code::kPermissionDenied);
  CHECK(seen.answers.empty());
  CHECK(it.count("/v1/health") < 150);
}

TEST_CASE("a server that gives signs of life but breaks off one question is not asked it all the time") {
  OddWorld it;
  it.answer = [](const std::string&) {
    return Script{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", true};
  };
  Seen seen;
  const auto watch = it.backend->watch(model::ListNodes{}, {}, seen);
  it.world.run_for(10min);
  CHECK(seen.errors.size() == 1);
  CHECK(it.count("/v1/catalog/nodes") < 150);
  CHECK(it.count("/v1/catalog/nodes") > 50);
}

TEST_CASE("a watch of a silent server is told of it soon") {
  OddWorld it;
  it.answer = [](const std::string& head) {
    return head.find("index=") != std::string::npos ? Script{} : Script{http(200, kEntry, at_index(7))};
  };
  Seen seen;
  const auto watch = it.backend->watch(model::GetKey{"k"}, {}, seen);
  it.world.run_for(1min);
  CHECK(seen.errors.empty());
  CHECK(it.count("/v1/status/leader") >= 4);
  it.gives_signs_of_life = false;
  it.answer = [](const std::string&) { return Script{}; };
  REQUIRE(it.world.run_until([&] { return seen.answers.size() == 2; }, 20s));
  CHECK_FALSE(seen.meta().live);
  CHECK(seen.errors.size() == 1);
}

TEST_CASE("sessions are made, renewed, listed and destroyed, and locks taken with them") {
  OddWorld it;
  const std::string id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
  std::string said;
  it.answer = [&](const std::string&) { return Script{said}; };
  model::SessionCommand create;
  create.session.name = "mine";
  create.session.ttl = "15s";
  create.session.lock_delay = 0s;
  said = http(200, "{\"ID\":\"" + id + "\"}");
  auto outcome = it.wait_for(it.backend->apply(create, {}));
  REQUIRE(outcome.ok());
  CHECK(outcome->session == id);
  CHECK(it.heads.back().starts_with("PUT /v1/session/create?while-connected "));
  said = http(200, "{}");
  CHECK(it.wait_for(it.backend->apply(create, {})).status().code() == Code::kUnknownOutcome);
  said = http(500, "Invalid Session TTL '1', must be between [10s=24h0m0s]");
  CHECK(it.wait_for(it.backend->apply(create, {})).status().code() == Code::kInvalidArgument);

  const std::string shown =
      "[{\"ID\":\"" + id +
      R"(","Name":"mine","Node":"one","LockDelay":15000000000,"Behavior":"release","TTL":"15s",)"
      R"("NodeChecks":["serfHealth"],"ServiceChecks":null,"CreateIndex":9,"ModifyIndex":9}])";
  said = http(200, shown, at_index(9));
  const auto renewed = it.wait_for(it.backend->renew_session(id, {}));
  REQUIRE(renewed.ok());
  CHECK((*renewed)->name == "mine");
  CHECK((*renewed)->lock_delay == 15s);
  CHECK(it.heads.back().starts_with("PUT /v1/session/renew/" + id));
  const auto listed = it.wait_for(it.backend->query(model::GetSession{id}, {}));
  REQUIRE(listed.ok());
  CHECK(std::get<model::Sessions>(listed->value()).size() == 1);
  CHECK(listed->meta.index == 9);
  CHECK(it.wait_for(it.backend->query(model::ListSessions{}, {})).ok());
  CHECK(it.heads.back().starts_with("GET /v1/session/list "));
  CHECK(it.wait_for(it.backend->query(model::ListNodeSessions{"one"}, {})).ok());
  CHECK(it.heads.back().starts_with("GET /v1/session/node/one "));
  CHECK(it.wait_for(it.backend->query(model::GetSession{"x"}, {})).status().code() == Code::kInvalidArgument);
  said = http(404, "Session id '" + id + "' not found");
  CHECK(it.wait_for(it.backend->renew_session(id, {})).status().code() == Code::kNotFound);

  said = http(200, "false");
  const auto lock =
      it.wait_for(it.backend->apply(model::KvCommand{model::KvVerb::kLock, "k", "v", 0, 0, id}, {}));
  REQUIRE(lock.ok());
  CHECK_FALSE(lock->result);
  CHECK(it.heads.back().starts_with("PUT /v1/kv/k?acquire=" + id));
  said = http(200, "true");
  CHECK(it.wait_for(it.backend->apply(model::KvCommand{model::KvVerb::kUnlock, "k", "", 0, 0, id}, {}))
            ->result);
  CHECK(it.heads.back().starts_with("PUT /v1/kv/k?release=" + id));
  model::SessionCommand destroy{model::SessionVerb::kDestroy, {}};
  destroy.session.id = id;
  CHECK(it.wait_for(it.backend->apply(destroy, {})).ok());
  CHECK(it.heads.back().starts_with("PUT /v1/session/destroy/" + id));
}

TEST_CASE("a token goes with each request as a field") {
  OddWorld it;
  Options made;
  made.urls = {"http://" + it.server.address() + ":8500/consul/"};
  made.token = "usual";
  it.backend = connect(it.client, made);
  CHECK(it.get("k").ok());
  CHECK(it.heads.back().starts_with("GET /consul/v1/kv/k HTTP/1.1\r\n"));
  CHECK(it.heads.back().find("\r\nX-Consul-Token: usual\r\n") != std::string::npos);
  model::Read read;
  read.call.token = "own";
  read.call.datacenter = "dc2";
  read.consistency = Consistency::kStale;
  CHECK(it.wait_for(it.backend->query(model::GetKey{"a b"}, read)).ok());
  CHECK(it.heads.back().starts_with("GET /consul/v1/kv/a%20b?dc=dc2&stale HTTP/1.1\r\n"));
  CHECK(it.heads.back().find("\r\nX-Consul-Token: own\r\n") != std::string::npos);
  CHECK(it.heads.back().find("usual") == std::string::npos);
}

TEST_CASE("URLs that cannot be those of an agent") {
  env::Simulation world(1);
  env::SimEnv& client = world.add_env("client");
  for (const char* url :
       {"", "ftp://x", "http://", "http://x:99999", "http://user:pw@x", "http://x/?a=b", "unix://x"}) {
    CAPTURE(url);
    Options made;
    made.urls = {url};
    CHECK(RemoteBackend::create(client, made).status().code() == Code::kInvalidArgument);
  }
  Options none;
  none.urls.clear();
  CHECK(RemoteBackend::create(client, none).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace discovery::remote
