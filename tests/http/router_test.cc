#include "lib/http/router.h"

#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace discovery::http;

namespace {

std::string found(const Router& router, std::string_view path) {
  const Router::Match match = router.find(path);
  if (match.add_slash) return "redirect";
  return match.route != nullptr ? std::string(match.route->pattern) : "nothing";
}

}  // namespace

TEST_CASE("each route is found by its own pattern, and each pattern is there once") {
  const Router router(routes());
  std::set<std::string_view> seen;
  for (const Route& route : routes()) {
    CAPTURE(route.pattern);
    CHECK(seen.insert(route.pattern).second);
    CHECK(router.find(route.pattern).route == &route);
    if (route.pattern.ends_with('/'))
      CHECK(router.find(std::string(route.pattern) + "x/y/z").route == &route);
  }
  CHECK(routes().size() > 110);
}

TEST_CASE("the longest pattern wins, exact ones first") {
  const Router router(routes());
  CHECK(found(router, "/v1/kv/") == "/v1/kv/");
  CHECK(found(router, "/v1/kv/a/b/c/d/e/f/g/h") == "/v1/kv/");
  CHECK(found(router, "/v1/kv") == "redirect");
  CHECK(found(router, "/v1/agent/service/register") == "/v1/agent/service/register");
  CHECK(found(router, "/v1/agent/service/deregister/x") == "/v1/agent/service/deregister/");
  CHECK(found(router, "/v1/agent/service/x") == "/v1/agent/service/");
  CHECK(found(router, "/v1/agent/health/service/id/x") == "/v1/agent/health/service/id/");
  CHECK(found(router, "/v1/acl/token/self") == "/v1/acl/token/self");
  CHECK(found(router, "/v1/acl/token/x/clone") == "/v1/acl/token/");
  CHECK(found(router, "/v1/config") == "/v1/config");
  CHECK(found(router, "/v1/config/a/b") == "/v1/config/");
  CHECK(found(router, "/v1/query") == "/v1/query");
  for (const char* nothing : {"/", "/v1", "/v1/", "/v1/nope", "/v2/kv/x", "/v1/status/leader/", "/v1/status",
                              "/v1/Status/Leader", "/v1/agent/nope", "/v1/health", "", "x"}) {
    CAPTURE(nothing);
    CHECK(found(router, nothing) == "nothing");
  }
}

TEST_CASE("the endpoints have the methods that Consul gives them") {
  const std::pair<const char*, const char*> table[] = {
      {"/v1/acl/login", "POST"},
      {"/v1/acl/token/self", "GET"},
      {"/v1/agent/check/register", "PUT"},
      {"/v1/agent/connect/authorize", "POST"},
      {"/v1/agent/connect/ca/leaf/", "GET"},
      {"/v1/agent/token/", "PUT"},
      {"/v1/catalog/register", "PUT"},
      {"/v1/config", "PUT"},
      {"/v1/config/", "GET,DELETE"},
      {"/v1/connect/ca/configuration", "GET,PUT"},
      {"/v1/connect/intentions", "GET,POST"},
      {"/v1/coordinate/update", "PUT"},
      {"/v1/discovery-chain/", "GET,POST"},
      {"/v1/event/fire/", "PUT"},
      {"/v1/kv/", "GET,PUT,DELETE"},
      {"/v1/operator/keyring", "GET,POST,PUT,DELETE"},
      {"/v1/operator/raft/peer", "DELETE"},
      {"/v1/query", "GET,POST"},
      {"/v1/session/renew/", "PUT"},
      {"/v1/snapshot", "GET,PUT"},
      {"/v1/txn", "PUT"},
  };
  const Router router(routes());
  for (const auto& [path, methods] : table) {
    CAPTURE(path);
    REQUIRE(router.find(path).route != nullptr);
    CHECK(router.find(path).route->methods.allow == methods);
  }
}
