#include "lib/http/path.h"

#include <random>
#include <string>

#include <catch2/catch.hpp>

using namespace discovery::http;

namespace {

std::string unescaped(std::string_view text, bool plus_is_space = false) {
  std::string out;
  return append_unescaped(out, text, plus_is_space) ? out : "bad";
}

std::string path_escaped(std::string_view path) {
  std::string out;
  append_path_escaped(out, path);
  return out;
}

}  // namespace

TEST_CASE("a target is taken apart at its first question mark") {
  CHECK(split_target("/v1/kv/a?raw&x=?").path == "/v1/kv/a");
  CHECK(split_target("/v1/kv/a?raw&x=?").query == "raw&x=?");
  CHECK(split_target("/v1/kv/a").query.empty());
  CHECK(split_target("/v1/kv/a?").path == "/v1/kv/a");
}

TEST_CASE("escapes are undone, broken ones refused") {
  CHECK(unescaped("a%20b%2Fc%2fd+e") == "a b/c/d+e");
  CHECK(unescaped("a+b", true) == "a b");
  CHECK(unescaped("%C3%A9") == "\xC3\xA9");
  for (const char* bad : {"%", "%2", "%zz", "%2z", "x%"}) CHECK(unescaped(bad) == "bad");
}

TEST_CASE("paths are escaped as Go escapes them") {
  CHECK(path_escaped("/v1/kv/a+b:c@d,e;f=g&h$i~_-.") == "/v1/kv/a+b:c@d,e;f=g&h$i~_-.");
  CHECK(path_escaped("/a b?c#d%e\"\xC3\xA9\\!*'()") == "/a%20b%3Fc%23d%25e%22%C3%A9%5C%21%2A%27%28%29");
}

TEST_CASE("paths are cleaned as Go's ServeMux cleans them") {
  const std::pair<const char*, const char*> table[] = {
      {"/", "/"},
      {"", "/"},
      {"//", "/"},
      {"/a//b", "/a/b"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/../a", "/a"},
      {"/a/..", "/"},
      {"/a/b/..", "/a"},
      {"/a/b/../", "/a/"},
      {"/a/.", "/a"},
      {"/a/./", "/a/"},
      {"/a/", "/a/"},
      {"/..", "/"},
      {"/../", "/"},
      {"/a/...", "/a/..."},
      {"/.a/b.", "/.a/b."},
      {"//v1/x", "/v1/x"},
      {"/v1/kv//x/", "/v1/kv/x/"},
  };
  for (const auto& [path, clean] : table) {
    CAPTURE(path);
    CHECK(clean_path(path) == clean);
    CHECK(is_clean(path) == (std::string_view(path) == clean));
  }
}

TEST_CASE("a cleaned path is clean, and clean paths are left alone") {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string path = "/";
    for (auto left = random() % 12; left > 0; --left) path += "a./."[random() % 4];
    CAPTURE(path);
    const std::string clean = clean_path(path);
    CHECK(is_clean(clean));
    CHECK(clean_path(clean) == clean);
    CHECK(is_clean(path) == (clean == path));
  }
}

TEST_CASE("what cannot be seen is not printable") {
  for (const char* good :
       {"", "/v1/kv/a b", "\xC3\xA9t\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xFF", "\xC3"}) {
    CAPTURE(good);
    CHECK(is_printable(good));
  }
  CHECK_FALSE(is_printable(std::string_view("\0", 1)));
  for (const char* bad :
       {"\n", "a\tb", "\x7F", "\xC2\x85", "\xC2\xA0", "\xC2\xAD", "\xE2\x80\x8B", "\xE2\x80\xA8",
        "\xE3\x80\x80", "\xEF\xBB\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_printable(bad));
  }
}
