#include <string>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

using namespace discovery;
using namespace discovery::http;
using namespace discovery::http::testing;

TEST_CASE("what is no endpoint answers as Consul does") {
  World world;
  const auto root = world.ask("/");
  CHECK(root->status() == 200);
  CHECK(root->body() == "Consul Agent");
  CHECK(root->header("Content-Type") == "text/plain; charset=utf-8");
  CHECK(root->header("Vary") == "-");
  for (const char* path : {"/v1", "/v1/", "/v1/nope", "/nope", "/ui", "/favicon.ico", "/v1/status/leader/"}) {
    CAPTURE(path);
    const auto kept = world.ask(path);
    CHECK(kept->status() == 404);
    CHECK(kept->body().empty());
    CHECK(kept->header("Content-Type") == "-");
    CHECK(kept->header("X-Consul-Default-Acl-Policy") == "-");
  }
  CHECK(world.ask("/nope", {.method = "PUT"})->status() == 404);
}

TEST_CASE("paths that are not clean are redirected") {
  World world;
  const std::pair<const char*, const char*> table[] = {
      {"//v1/status/leader", "/v1/status/leader"},
      {"/v1/../v1/status/leader", "/v1/status/leader"},
      {"/v1/kv", "/v1/kv/"},
      {"/v1/kv/a//b", "/v1/kv/a/b"},
      {"/v1/kv/..%2Fup", "/v1/up"},
      {"/v1//kv/a+b?raw&x=%41", "/v1/kv/a+b?raw&x=%41"},
      {"/v1/catalog/service", "/v1/catalog/service/"},
      {"//v1/kv", "/v1/kv/"},
      {"/v1/kv/./%22%C3%A9", "/v1/kv/%22%C3%A9"},
  };
  for (const auto& [target, location] : table) {
    CAPTURE(target);
    const auto kept = world.ask(target);
    CHECK(kept->status() == 301);
    CHECK(kept->header("Location") == location);
    CHECK(kept->header("Content-Type") == "text/html; charset=utf-8");
    CHECK(kept->header("X-Consul-Default-Acl-Policy") == "-");
  }
  CHECK(world.ask("/v1/kv//a?b&c")->body() == "<a href=\"/v1/kv/a?b&amp;c\">Moved Permanently</a>.\n\n");
  const auto put = world.ask("/v1/kv", {.method = "PUT"});
  CHECK(put->status() == 301);
  CHECK(put->body().empty());
  CHECK(put->header("Content-Type") == "-");
}

TEST_CASE("broken targets are refused") {
  World world;
  for (const char* target : {"/v1/kv/x%", "/v1/kv/%zz"}) {
    const auto kept = world.ask(target);
    CHECK(kept->status() == 400);
    CHECK(kept->body() == "400 Bad Request");
    CHECK(kept->header("Content-Type") == "text/plain; charset=utf-8");
    CHECK(kept->header("Vary") == "-");
  }
  for (const char* target : {"/v1/kv/a%0Ab", "/v1/kv/a%00b", "/%0A", "*"}) {
    const auto kept = world.ask(target);
    CHECK(kept->status() == 400);
    CHECK(kept->body().empty());
    CHECK(kept->header("Content-Type") == "-");
  }
  const auto query = world.ask("/v1/catalog/datacenters?%zz=1");
  CHECK(query->status() == 500);
  CHECK(query->body().empty());
  CHECK(query->header("X-Consul-Default-Acl-Policy") == "allow");
  CHECK(query->header("Content-Type") == "-");
}

TEST_CASE("methods are checked before anything is looked at") {
  World world;
  const auto options = world.ask("/v1/kv/json", {.method = "OPTIONS"});
  CHECK(options->status() == 200);
  CHECK(options->header("Allow") == "OPTIONS,GET,PUT,DELETE");
  CHECK(options->body().empty());
  CHECK(options->header("Content-Type") == "-");
  CHECK(options->header("Vary") == "Accept-Encoding");
  for (const char* method : {"HEAD", "POST", "PATCH", "get", "TRACE"}) {
    CAPTURE(method);
    const auto kept = world.ask("/v1/kv/json", {.method = method});
    CHECK(kept->status() == 405);
    CHECK(kept->header("Allow") == "OPTIONS,GET,PUT,DELETE");
    CHECK(kept->body() == "method " + std::string(method) + " not allowed");
    CHECK(kept->header("Content-Type") == "text/plain; charset=utf-8");
  }
  CHECK(world.backend.queries.empty());
}

TEST_CASE("one prepared query looks at methods itself") {
  World world;
  const auto options = world.ask("/v1/query/x", {.method = "OPTIONS"});
  CHECK(options->status() == 200);
  CHECK(options->body() == "{}");
  CHECK(options->header("Allow") == "OPTIONS,GET,PUT,DELETE");
  CHECK(options->header("Content-Type") == "application/json");
  CHECK(world.ask("/v1/query/x", {.method = "PATCH"})->header("Allow") == "GET,PUT,DELETE");
  CHECK(world.ask("/v1/query/x/execute", {.method = "PUT"})->header("Allow") == "GET");
  CHECK(world.ask("/v1/query/x/execute", {.method = "OPTIONS"})->header("Allow") == "OPTIONS,GET");
  CHECK(world.ask("/v1/query/x")->status() == 501);
  CHECK(world.ask("/v1/query", {.method = "PATCH"})->header("Allow") == "OPTIONS,GET,POST");
}

TEST_CASE("what is not there yet says so") {
  World world;
  const auto kept = world.ask("/v1/discovery-chain/web");
  CHECK(kept->status() == 501);
  CHECK(kept->body() == "GET /v1/discovery-chain/ is not available yet");
  CHECK(kept->header("Content-Type") == "text/plain; charset=utf-8");
  CHECK(world.ask("/v1/config/service-defaults/web", {.method = "DELETE"})->body() ==
        "DELETE /v1/config/ is not available yet");
  const auto acl = world.ask("/v1/acl/tokens?stale&consistent");
  CHECK(acl->status() == 401);
  CHECK(acl->body() == "ACL support disabled");
  const auto pprof = world.ask("/debug/pprof/");
  CHECK(pprof->status() == 401);
  CHECK(pprof->body() == "ACL support disabled");
  CHECK(pprof->header("Vary") == "Accept-Encoding");
  CHECK(pprof->header("X-Consul-Default-Acl-Policy") == "-");
}

TEST_CASE("configuration adds headers and blocks endpoints") {
  Options options = default_options();
  options.response_headers = {{"X-Consul-Custom", "yes"}};
  options.block_endpoints = {"/v1/agent/metrics", "/v1/event"};
  options.translate_addresses = true;
  options.acl_default_allow = false;
  World world(std::move(options));
  world.backend.next = answer(model::Names{"127.0.0.1:8300"}, 1);
  const auto leader = world.ask("/v1/status/leader");
  CHECK(leader->header("X-Consul-Custom") == "yes");
  CHECK(leader->header("X-Consul-Translate-Addresses") == "true");
  CHECK(leader->header("X-Consul-Default-Acl-Policy") == "deny");
  for (const char* path : {"/v1/event/list", "/v1/event/fire/x", "/v1/agent/metrics"}) {
    const auto kept = world.ask(path, {.method = "PUT"});
    CHECK(kept->status() == 403);
    CHECK(kept->body() == "Endpoint is blocked by agent configuration");
    CHECK(kept->header("X-Consul-Custom") == "yes");
  }
  const auto nowhere = world.ask("/v1/nope");
  CHECK(nowhere->status() == 404);
  CHECK(nowhere->header("X-Consul-Custom") == "yes");
  CHECK(nowhere->header("X-Consul-Default-Acl-Policy") == "-");
}

TEST_CASE("pretty JSON is indented and ends in a newline") {
  World world;
  world.backend.next = answer(model::Names{"127.0.0.1:8300"}, 1);
  CHECK(world.ask("/v1/status/leader")->body() == "\"127.0.0.1:8300\"");
  CHECK(world.ask("/v1/status/leader?pretty=false")->body() == "\"127.0.0.1:8300\"\n");
  CHECK(world.ask("/v1/status/peers?pretty")->body() == "[\n    \"127.0.0.1:8300\"\n]\n");
  Options options = default_options();
  options.pretty = true;
  World development(std::move(options));
  development.backend.next = answer(model::Names{"127.0.0.1:8300"}, 1);
  CHECK(development.ask("/v1/status/peers")->body() == "[\n    \"127.0.0.1:8300\"\n]\n");
}

TEST_CASE("an answer from another thread goes to the loop") {
  World world;
  world.backend.defer = true;
  const auto kept = world.ask("/v1/kv/a");
  REQUIRE(world.backend.pending.size() == 1);
  world.env.on_loop_now = false;
  world.backend.pending[0](answer(entries({entry("a", "1")}), 5));
  CHECK(kept->status() == 0);
  world.env.run_posted();
  CHECK(kept->status() == 200);
}

TEST_CASE("bodies have limits") {
  World world;
  http1::Request head;
  head.method = "PUT";
  head.target = "/v1/kv/a";
  CHECK(world.api.body_limit(head) == 524288);
  head.target = "/v1/catalog/register";
  CHECK(world.api.body_limit(head) > 524288);
  const auto kept = world.ask("/v1/catalog/register", {.method = "PUT", .too_large = 99999999});
  CHECK(kept->status() == 413);
  CHECK(kept->body() == "Request body(99999999 bytes) too large, max size: 2097152 bytes.");
}
