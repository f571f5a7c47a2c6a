#include "lib/http/read.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

using namespace discovery;
using namespace discovery::http;
using namespace discovery::http::testing;
using namespace std::chrono_literals;

namespace {

model::Nodes nodes(std::size_t count) {
  model::Nodes list;
  for (std::size_t i = 0; i < count; ++i) {
    auto node = std::make_shared<model::Node>();
    node->name = "n" + std::to_string(i);
    list.push_back(std::move(node));
  }
  return list;
}

}  // namespace

TEST_CASE("an answer says at which index it is true and how it came about") {
  World world;
  world.backend.next = answer(nodes(1), 16);
  world.backend.next = model::Answer{.meta = {.index = 16, .last_contact = 1500us, .known_leader = true},
                                     .shared = (*world.backend.next).shared};
  const auto kept = world.ask("/v1/catalog/nodes");
  CHECK(kept->status() == 200);
  CHECK(kept->header("X-Consul-Index") == "16");
  CHECK(kept->header("X-Consul-Knownleader") == "true");
  CHECK(kept->header("X-Consul-Lastcontact") == "1");
  CHECK(kept->header("X-Consul-Query-Backend") == "blocking-query");
  CHECK(kept->header("X-Consul-Effective-Consistency") == "leader");
  CHECK(kept->header("Content-Type") == "application/json");
  CHECK(kept->header("Vary") == "Accept-Encoding");
}

TEST_CASE("an index of 0 is shown as 1") {
  World world;
  world.backend.next = answer(nodes(0), 0);
  CHECK(world.ask("/v1/catalog/nodes")->header("X-Consul-Index") == "1");
}

TEST_CASE("consistency modes") {
  World world;
  world.backend.next = answer(nodes(1), 16);
  const auto mode = [&](const char* query) {
    const auto kept = world.ask(std::string("/v1/catalog/nodes?") + query);
    return kept->header("X-Consul-Effective-Consistency") + " " +
           std::to_string(static_cast<int>(world.backend.last_read().consistency));
  };
  CHECK(mode("") == "leader 0");
  CHECK(mode("leader") == "leader 0");
  CHECK(mode("cached") == "leader 0");
  CHECK(mode("consistent=false") == "consistent 1");
  CHECK(mode("stale=1") == "stale 2");
  CHECK(mode("max_stale=5s") == "stale 2");
  CHECK(mode("max_stale=0s") == "leader 0");
}

TEST_CASE("bad parameters of a read are refused before it is asked") {
  World world;
  const std::pair<const char*, const char*> table[] = {
      {"stale&consistent", "Cannot specify ?stale with ?consistent, conflicting semantics."},
      {"cached&consistent", "Cannot specify ?cached with ?consistent, conflicting semantics."},
      {"max_stale=1s&consistent", "Cannot specify ?stale with ?consistent, conflicting semantics."},
      {"max_stale=zz", "Invalid max_stale value \"zz\""},
      {"index=zz", "Invalid index"},
      {"index=-1", "Invalid index"},
      {"index=1&wait=10", "Invalid wait time"},
      {"wait=abc&index=zz", "Invalid wait time"},
      {"ns=default",
       "Bad request: Invalid query parameter: \"ns\" - Namespaces are a Consul Enterprise feature"},
  };
  for (const char* path : {"/v1/catalog/nodes", "/v1/catalog/node/n1", "/v1/health/state/any",
                           "/v1/health/service/web", "/v1/kv/m"}) {
    for (const auto& [query, text] : table) {
      CAPTURE(path, query);
      const auto kept = world.ask(std::string(path) + "?" + query);
      CHECK(kept->status() == 400);
      CHECK(kept->body() == text);
      CHECK(kept->header("X-Consul-Index") == "-");
    }
    const auto header = world.ask(path, {.headers = {{"x-consul-namespace", "other"}}});
    CHECK(header->status() == 400);
    CHECK(header->body() ==
          "Bad request: Invalid header: \"X-Consul-Namespace\" - Namespaces are a Consul Enterprise feature");
    const auto age = world.ask(path, {.headers = {{"Cache-Control", "max-age=x"}}});
    CHECK(age->body() == "Invalid Cache-Control header.");
  }
  CHECK(world.backend.queries.empty());
  world.backend.next = answer(nodes(1), 1);
  CHECK(world.ask("/v1/catalog/nodes?ns=")->status() == 200);
  CHECK(world.ask("/v1/catalog/nodes", {.headers = {{"Cache-Control", "Max-Age=10, must-revalidate"}}})
            ->status() == 200);
}

TEST_CASE("a read passes on who asks, where, and how to wait, sort and filter") {
  World world;
  world.backend.next = answer(nodes(1), 16);
  const auto kept =
      world.ask("/v1/catalog/nodes?dc=dc2&dc=x&index=7&wait=20s&near=n2&filter=Node%3D%3Dn1&token=t1",
                {.headers = {{"X-Consul-Token", "t2"}}});
  const model::Read& read = world.backend.last_read();
  CHECK(read.call.datacenter == "dc2");
  CHECK(read.call.token == "t1");
  CHECK(read.min_index == 7);
  CHECK(read.wait == 20s);
  CHECK(read.near == "n2");
  CHECK(read.filter == "Node==n1");
  CHECK(read.call.stop.stop_possible());
  world.ask("/v1/catalog/nodes?near=_agent&wait=11h");
  CHECK(world.backend.last_read().near == "agent-one");
  CHECK(world.backend.last_read().wait == 10min);
  CHECK(world.backend.last_read().min_index == 0);
  CHECK_FALSE(world.backend.last_read().call.stop.stop_possible());
  world.ask("/v1/catalog/nodes?wait=-5s&index=1");
  CHECK(world.backend.last_read().wait == 0s);
}

TEST_CASE("the token is the first that is there") {
  World world;
  world.backend.next = answer(nodes(1), 16);
  const auto token = [&](const char* target, std::vector<http1::Header> headers) {
    world.ask(target, {.headers = std::move(headers)});
    return world.backend.last_read().call.token;
  };
  const char* plain = "/v1/catalog/nodes";
  CHECK(token(plain, {}).empty());
  CHECK(token("/v1/catalog/nodes?token=", {{"x-consul-token", "h"}}) == "h");
  CHECK(token(plain, {{"Authorization", "Bearer abc def"}}) == "abc");
  CHECK(token(plain, {{"authorization", "bEARER abc"}}) == "abc");
  CHECK(token(plain, {{"Authorization", "Basic abc"}}).empty());
  CHECK(token(plain, {{"Authorization", "Bearer"}}).empty());
  CHECK(token(plain, {{"Authorization", "Bearer b"}, {"X-Consul-Token", "h"}}) == "h");
}

TEST_CASE("a wait ends when the client goes") {
  World world;
  world.backend.defer = true;
  for (const char* target : {"/v1/catalog/nodes?index=5", "/v1/kv/a?index=5", "/v1/kv/a?recurse&index=5"}) {
    CAPTURE(target);
    const auto kept = world.ask(target);
    REQUIRE(kept->gone);
    CHECK_FALSE(world.backend.last_read().call.stop.stop_requested());
    kept->gone();
    CHECK(world.backend.last_read().call.stop.stop_requested());
    kept->is_gone = true;
    world.backend.pending.back()(Status(Code::kCancelled, "stopped"));
    CHECK_FALSE(kept->response);
    CHECK(kept->abandoned);
  }
  const auto kept = world.ask("/v1/kv/a");
  CHECK_FALSE(kept->gone);
  world.backend.pending.back()(Status(Code::kCancelled, "stopped"));
}

TEST_CASE("only a cancelled call of a client that has gone stays without an answer") {
  World world;
  world.backend.defer = true;
  const auto ask = [&](bool gone, const Result<model::Answer>& result) {
    const auto kept = world.ask("/v1/catalog/nodes?index=5");
    kept->is_gone = gone;
    world.backend.pending.back()(result);
    return kept->status();
  };
  CHECK(ask(true, Status(Code::kCancelled, "stopped")) == 0);
  CHECK(ask(false, Status(Code::kCancelled, "the agent is shutting down")) == 500);
  // It may have ended its sending only, and read on.
  CHECK(ask(true, Status(Code::kUnavailable, "No cluster leader")) == 500);
  CHECK(ask(true, answer(nodes(1), 16)) == 200);
}

TEST_CASE("failed reads show their status, and some an index") {
  World world;
  const auto ask = [&](const char* target, Status status) {
    world.backend.next = std::move(status);
    const auto kept = world.ask(target);
    return std::to_string(kept->status()) + " " + kept->header("X-Consul-Index") + " " +
           kept->header("X-Consul-Knownleader") + " " + kept->header("X-Consul-Effective-Consistency") + " " +
           kept->body();
  };
  const Status unavailable(Code::kUnavailable, "No path to datacenter");
  CHECK(ask("/v1/catalog/nodes", unavailable) == "500 1 false - No path to datacenter");
  CHECK(ask("/v1/health/state/any", invalid_argument("bad filter")) == "500 1 false - bad filter");
  CHECK(ask("/v1/health/service/web", unavailable) == "500 - - - No path to datacenter");
  CHECK(ask("/v1/status/leader", unavailable) == "500 - - - No path to datacenter");
  CHECK(ask("/v1/kv/m", unavailable) == "500 - - - No path to datacenter");
  CHECK(ask("/v1/kv/m?keys", unavailable) == "500 - - - No path to datacenter");
  CHECK(ask("/v1/kv/m", Status(Code::kPermissionDenied, "Permission denied")) ==
        "403 - - - Permission denied");
  CHECK(ask("/v1/kv/m", Status(Code::kUnauthenticated, "ACL not found")) == "403 - - - ACL not found");
  CHECK(ask("/v1/kv/m", Status(Code::kResourceExhausted, "RPC rate limit exceeded")) ==
        "429 - - - RPC rate limit exceeded");
}

TEST_CASE("discovery reads may be stale by default") {
  Options options = default_options();
  options.discovery_max_stale = 5s;
  World world(std::move(options));
  world.backend.next = answer(nodes(1), 16);
  CHECK(world.ask("/v1/catalog/nodes")->header("X-Consul-Effective-Consistency") == "stale");
  CHECK(world.ask("/v1/catalog/nodes?leader")->header("X-Consul-Effective-Consistency") == "leader");
  CHECK(world.ask("/v1/catalog/nodes?consistent")->header("X-Consul-Effective-Consistency") == "consistent");
  world.ask("/v1/kv/a");
  CHECK(world.backend.last_read().consistency == Consistency::kDefault);
}

TEST_CASE("an answer that is too stale is asked for again, of the leader") {
  World world;
  const auto shared = answer(nodes(1), 16).shared;
  const auto with_contact = [&](Duration last_contact) {
    return model::Answer{.meta = {.index = 16, .last_contact = last_contact, .known_leader = true},
                         .shared = shared};
  };
  world.backend.next = with_contact(4s);
  const auto fresh = world.ask("/v1/catalog/nodes?max_stale=5s");
  CHECK(world.backend.queries.size() == 1);
  CHECK(fresh->header("X-Consul-Effective-Consistency") == "stale");
  world.backend.next = with_contact(6s);
  const auto again = world.ask("/v1/catalog/nodes?max_stale=5s");
  CHECK(world.backend.queries.size() == 3);
  CHECK(world.backend.queries[1].second.consistency == Consistency::kStale);
  CHECK(world.backend.queries[2].second.consistency == Consistency::kDefault);
  CHECK(again->status() == 200);
  CHECK(again->header("X-Consul-Effective-Consistency") == "leader");
}

TEST_CASE("cached reads are a miss, then hits that are fresh") {
  World world;
  world.backend.next = answer(model::ServiceTags{}, 16);
  const auto cache = [&](const char* target, std::vector<http1::Header> headers = {}) {
    const auto kept = world.ask(target, {.headers = std::move(headers)});
    return kept->header("X-Cache") + " " + kept->header("Age");
  };
  CHECK(cache("/v1/catalog/services") == "- -");
  CHECK(cache("/v1/catalog/services?cached") == "MISS -");
  CHECK(cache("/v1/catalog/services?cached") == "HIT 0");
  CHECK(cache("/v1/catalog/services?cached&pretty") == "HIT 0");
  CHECK(cache("/v1/catalog/services?cached&dc=dc2") == "MISS -");
  CHECK(cache("/v1/catalog/services?cached&node-meta=a:b") == "MISS -");
  CHECK(cache("/v1/catalog/services?cached&token=t") == "MISS -");
  CHECK(cache("/v1/catalog/services?cached", {{"Cache-Control", "max-age=0"}}) == "HIT 0");
  world.backend.next = answer(model::Names{"dc1"}, 0);
  CHECK(cache("/v1/catalog/datacenters?cached") == "MISS -");
  CHECK(cache("/v1/catalog/datacenters?cached") == "HIT 0");
  CHECK(cache("/v1/catalog/datacenters?cached", {{"Cache-Control", "must-revalidate"}}) == "MISS -");
  world.backend.next = answer(nodes(1), 16);
  CHECK(cache("/v1/catalog/nodes?cached") == "- -");
  Options options = default_options();
  options.use_cache = false;
  World uncached(std::move(options));
  uncached.backend.next = answer(model::ServiceTags{}, 16);
  CHECK(uncached.ask("/v1/catalog/services?cached")->header("X-Cache") == "-");
}

TEST_CASE("all who get one answer share its bytes, in each of their forms") {
  World world;
  world.backend.next = answer(nodes(100), 16);
  const auto& shared = *(*world.backend.next).shared;
  using Form = model::SharedAnswer::Form;
  const auto bytes = [&](Form form) {
    return shared.bytes(form, [](const model::Value&) { return std::string("not rendered"); })->data();
  };
  const auto plain = world.ask("/v1/catalog/nodes");
  CHECK(plain->response->body.view().data() == bytes(Form::kJson));
  CHECK(plain->header("Content-Encoding") == "-");
  const auto pretty = world.ask("/v1/catalog/nodes?pretty");
  CHECK(pretty->response->body.view().data() == bytes(Form::kJsonPretty));
  const auto compressed = world.ask("/v1/catalog/nodes", {.headers = {{"Accept-Encoding", "gzip"}}});
  CHECK(compressed->header("Content-Encoding") == "gzip");
  CHECK(compressed->response->body.view().data() == bytes(Form::kJsonGzip));
  CHECK(compressed->response->body.size() < plain->response->body.size() / 4);
  const auto both =
      world.ask("/v1/catalog/nodes?pretty", {.headers = {{"Accept-Encoding", "deflate, gzip"}}});
  CHECK(both->response->body.view().data() == bytes(Form::kJsonPrettyGzip));
}

TEST_CASE("short bodies are not compressed") {
  World world;
  world.backend.next = answer(nodes(1), 16);
  const auto kept = world.ask("/v1/catalog/nodes", {.headers = {{"Accept-Encoding", "gzip"}}});
  CHECK(kept->header("Content-Encoding") == "-");
}

TEST_CASE("a long answer is rendered by a worker, once for all who want it") {
  World world;
  world.backend.next = answer(nodes(2000), 16);
  const auto& shared = *(*world.backend.next).shared;
  const auto first = world.ask("/v1/catalog/nodes?cached");
  const auto second = world.ask("/v1/catalog/nodes");
  const auto pretty = world.ask("/v1/catalog/nodes?pretty");
  CHECK_FALSE(first->response);
  CHECK_FALSE(second->response);
  CHECK(world.env.posted.size() == 2);  // one for each form
  CHECK_FALSE(shared.find(model::SharedAnswer::Form::kJson));
  world.env.run_posted();
  REQUIRE(first->response);
  REQUIRE(second->response);
  CHECK(first->status() == 200);
  CHECK(first->header("X-Consul-Index") == "16");
  CHECK(first->body().ends_with(
      "\"Node\":\"n1999\",\"Address\":\"\",\"Datacenter\":\"\",\"TaggedAddresses\":null,"
      "\"Meta\":null,\"CreateIndex\":0,\"ModifyIndex\":0}]"));
  CHECK(first->response->body.view().data() == second->response->body.view().data());
  CHECK(pretty->body().ends_with("]\n"));
  // It is there now.
  CHECK(world.ask("/v1/catalog/nodes")->response->body.view().data() == first->response->body.view().data());
  // But not compressed yet.
  const auto compressed = world.ask("/v1/catalog/nodes", {.headers = {{"Accept-Encoding", "gzip"}}});
  CHECK_FALSE(compressed->response);
  world.env.run_posted();
  CHECK(compressed->header("Content-Encoding") == "gzip");
  CHECK(compressed->header("X-Consul-Index") == "16");
}

TEST_CASE("a crowd that wants one long answer is served in several turns") {
  World world;
  world.backend.next = answer(nodes(2000), 16);
  std::vector<std::unique_ptr<Kept>> crowd;
  for (int n = 0; n < 1000; ++n) crowd.push_back(world.ask("/v1/catalog/nodes"));
  REQUIRE(world.env.posted.size() == 1);
  const auto answered = [&] {
    return std::count_if(crowd.begin(), crowd.end(), [](const auto& one) { return one->status() == 200; });
  };
  world.env.run_posted();
  CHECK(answered() == 4);
  while (!world.env.posted.empty()) world.env.run_posted();
  CHECK(answered() == 1000);
}

TEST_CASE("where workers have too much to do, a long answer is refused") {
  World world;
  world.env.workers_busy = true;
  world.backend.next = answer(nodes(2000), 16);
  const auto kept = world.ask("/v1/catalog/nodes");
  CHECK(kept->status() == 429);
  CHECK(kept->body() == "too many long answers at a time (limit 256)");
  world.backend.next = answer(nodes(2), 16);
  CHECK(world.ask("/v1/catalog/nodes")->status() == 200);
}

TEST_CASE("long bodies that are not shared are compressed by a worker too") {
  World world;
  world.backend.next = answer(entries({entry("a", std::string(100'000, 'x'))}), 16);
  const Ask gzip{.headers = {{"Accept-Encoding", "gzip"}}};
  const auto kept = world.ask("/v1/kv/a", gzip);
  CHECK_FALSE(kept->response);
  world.env.run_posted();
  CHECK(kept->header("Content-Encoding") == "gzip");
  CHECK(kept->response->body.size() < 10'000);
  world.env.workers_busy = true;
  const auto plain = world.ask("/v1/kv/a", gzip);
  REQUIRE(plain->response);
  CHECK(plain->header("Content-Encoding") == "-");
  CHECK(plain->response->body.size() > 100'000);
}

TEST_CASE("elsewhere than on the loop, a long answer is rendered right there") {
  World world;
  world.backend.next = answer(nodes(2000), 16);
  world.env.on_loop_now = false;
  const auto kept = world.ask("/v1/catalog/nodes");
  CHECK_FALSE(kept->response);
  world.env.on_loop_now = true;
  world.env.run_posted();
  CHECK(kept->status() == 200);
}

TEST_CASE("an API that ends drops those whose answers are in the making") {
  auto world = std::make_unique<World>();
  world->backend.next = answer(nodes(2000), 16);
  const auto kept = world->ask("/v1/catalog/nodes");
  CHECK_FALSE(kept->response);
  world.reset();
  CHECK_FALSE(kept->response);
  CHECK(kept->abandoned);
}
