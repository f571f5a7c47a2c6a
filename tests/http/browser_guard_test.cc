#include "lib/http/browser_guard.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

namespace discovery::http {
namespace {

struct Case {
  std::vector<http1::Header> headers{};
  const char* host = "127.0.0.1:8500";
  const char* method = "PUT";
};

bool refuses(const Case& one, const std::vector<std::string>& trusted = {}) {
  http1::Request request;
  request.method = one.method;
  request.host = one.host;
  request.headers = one.headers;
  return BrowserGuard(trusted).refuses(request);
}

TEST_CASE("what no browser asks may write") {
  CHECK_FALSE(refuses({}));
  CHECK_FALSE(
      refuses({.headers = {{"Content-Type", "application/x-www-form-urlencoded"}}}));  // curl -X PUT -d
  CHECK_FALSE(refuses({.headers = {{"Content-Type", "application/json"}}, .method = "POST"}));
  CHECK_FALSE(refuses({.host = "consul.example.com", .method = "DELETE"}));
}

TEST_CASE("pages of other origins may not write") {
  for (const char* origin :
       {"https://evil.example.com", "null", "http://127.0.0.1:3000", "http://localhost:8500", "file://",
        "http://", "127.0.0.1:8500", "http://127.0.0.1:8500.evil.example"})
    CHECK(refuses({.headers = {{"origin", origin}}}));
  CHECK(refuses({.headers = {{"Sec-Fetch-Site", "cross-site"}}}));
  CHECK(refuses({.headers = {{"Sec-Fetch-Site", "same-site"}}}));
}

TEST_CASE("pages of this agent may write") {
  CHECK_FALSE(refuses({.headers = {{"Origin", "http://127.0.0.1:8500"}, {"Sec-Fetch-Site", "same-origin"}}}));
  CHECK_FALSE(refuses({.headers = {{"Origin", "https://10.1.2.3"}}, .host = "10.1.2.3"}));
  CHECK_FALSE(refuses({.headers = {{"Origin", "http://[::1]:8500"}}, .host = "[::1]:8500"}));
  CHECK_FALSE(refuses({.headers = {{"Origin", "http://LOCALHOST:8500"}}, .host = "localhost:8500"}));
  CHECK_FALSE(refuses({.headers = {{"Origin", "http://ui.localhost:8500"}}, .host = "ui.localhost:8500"}));
  CHECK_FALSE(refuses({.headers = {{"Sec-Fetch-Site", "same-origin"}}}));
  CHECK_FALSE(refuses({.headers = {{"Sec-Fetch-Site", "none"}}}));
}

TEST_CASE("a name that leads here is not this agent") {
  // So are pages that came from elsewhere under that name, a moment ago.
  const Case rebound{.headers = {{"Origin", "http://evil.example.com:8500"}},
                     .host = "evil.example.com:8500"};
  CHECK(refuses(rebound));
  CHECK_FALSE(refuses(rebound, {"http://evil.example.com:8500"}));
}

TEST_CASE("trusted origins may write") {
  const std::vector<std::string> trusted = {"https://UI.example.com", "http://localhost:3000"};
  CHECK_FALSE(refuses({.headers = {{"Origin", "https://ui.example.com"}}}, trusted));
  CHECK_FALSE(
      refuses({.headers = {{"Origin", "http://localhost:3000"}, {"Sec-Fetch-Site", "same-site"}}}, trusted));
  CHECK(refuses({.headers = {{"Origin", "http://ui.example.com"}}}, trusted));
  CHECK(refuses({.headers = {{"Origin", "https://ui.example.com:444"}}}, trusted));
}

TEST_CASE("forms may not write where browsers say nothing of the origin") {
  for (const char* type :
       {"application/x-www-form-urlencoded", "Text/Plain; charset=utf-8", "multipart/form-data; boundary=x"})
    CHECK(refuses({.headers = {{"Content-Type", type}}, .method = "POST"}));
}

TEST_CASE("the guard stands before endpoints if it is wanted, and lets reads pass") {
  const std::vector<http1::Header> evil = {{"Origin", "https://evil.example.com"}};
  for (const bool wanted : {false, true}) {
    Options options = testing::default_options();
    options.refuse_browser_writes = wanted;
    testing::World world(std::move(options));
    const auto put = world.ask("/v1/agent/maintenance", {.method = "PUT", .headers = evil});
    CHECK(put->status() == (wanted ? 403 : 400));
    CHECK(put->body().starts_with(wanted ? "Pages of this origin" : "Missing value for enable"));
    CHECK(world.ask("/v1/agent/maintenance", {.method = "OPTIONS", .headers = evil})->status() == 200);
    CHECK(world.ask("/v1/agent/maintenance", {.method = "PUT"})->status() == 400);
  }
}

}  // namespace
}  // namespace discovery::http
