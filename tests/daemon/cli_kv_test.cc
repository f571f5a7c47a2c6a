#include <catch2/catch.hpp>

#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::FakeAgent;
using testing::run_cli;

constexpr const char* kEntryA =
    R"({"LockIndex":0,"Key":"a","Flags":42,"Value":"aGVsbG8=","CreateIndex":10,"ModifyIndex":11})";
constexpr const char* kEntryB =
    R"({"LockIndex":3,"Key":"a/b","Flags":0,"Value":null,"CreateIndex":12,"ModifyIndex":13,"Session":"s-1"})";

TEST_CASE("kv get: one key", "[cli][kv]") {
  FakeAgent agent;
  agent.on("GET /v1/kv/a", std::string("[") + kEntryA + "]");
  SECTION("its value") {
    const auto run = run_cli(agent, {"kv", "get", "a"});
    CHECK(run.code == 0);
    CHECK(run.out == "hello\n");
    CHECK(run.err == "");
    CHECK(agent.only_line() == "GET /v1/kv/a");
  }
  SECTION("in base64") { CHECK(run_cli(agent, {"kv", "get", "-base64", "a"}).out == "aGVsbG8=\n"); }
  SECTION("a leading slash is dropped") {
    CHECK(run_cli(agent, {"kv", "get", "/a"}).out == "hello\n");
    CHECK(agent.only_line() == "GET /v1/kv/a");
  }
  SECTION("in detail") {
    CHECK(run_cli(agent, {"kv", "get", "-detailed", "a"}).out ==
          "CreateIndex      10\n"
          "Flags            42\n"
          "Key              a\n"
          "LockIndex        0\n"
          "ModifyIndex      11\n"
          "Session          -\n"
          "Value            hello\n");
  }
  SECTION("stale, in another datacenter, namespace and partition") {
    const auto run =
        run_cli(agent, {"kv", "get", "-stale", "-datacenter=dc 2", "-namespace=n", "-partition=p", "a"});
    CHECK(run.out == "hello\n");
    CHECK(agent.only_line() == "GET /v1/kv/a?dc=dc%202&ns=n&partition=p&stale");
  }
}

TEST_CASE("kv get: keys are escaped in the path", "[cli][kv]") {
  FakeAgent agent;
  const auto run = run_cli(agent, {"kv", "get", "x y/?#%+&\xc3\xa9"});
  CHECK(run.code == 1);
  CHECK(agent.only_line() == "GET /v1/kv/x%20y/%3F%23%25+&%C3%A9");
}

TEST_CASE("kv get: a key that does not exist", "[cli][kv]") {
  FakeAgent agent;
  const auto run = run_cli(agent, {"kv", "get", "nope"});
  CHECK(run.code == 1);
  CHECK(run.out == "");
  CHECK(run.err == "Error! No key exists at: nope\n");
}

TEST_CASE("kv get: many keys", "[cli][kv]") {
  FakeAgent agent;
  agent.on("GET /v1/kv/a", std::string("[") + kEntryA + "," + kEntryB + "]");
  SECTION("recursively") {
    CHECK(run_cli(agent, {"kv", "get", "-recurse", "a"}).out == "a:hello\na/b:\n");
    CHECK(agent.only_line() == "GET /v1/kv/a?recurse");
  }
  SECTION("recursively in base64") {
    CHECK(run_cli(agent, {"kv", "get", "-recurse", "-base64", "a"}).out == "a:aGVsbG8=\na/b:\n");
  }
  SECTION("recursively in detail, a blank line between") {
    const auto out = run_cli(agent, {"kv", "get", "-recurse", "-detailed", "a"}).out;
    CHECK(out.find("Value            hello\n\nCreateIndex      12\n") != std::string::npos);
    CHECK(out.ends_with("Session          s-1\nValue            \n"));
  }
  SECTION("their names") {
    agent.on("GET /v1/kv/", R"(["a","a/"])");
    CHECK(run_cli(agent, {"kv", "get", "-keys"}).out == "a\na/\n");
    CHECK(agent.only_line() == "GET /v1/kv/?keys&separator=%2F");
  }
  SECTION("their names without a separator") {
    agent.on("GET /v1/kv/", R"(["a","a/b"])");
    CHECK(run_cli(agent, {"kv", "get", "-keys", "-separator="}).out == "a\na/b\n");
    CHECK(agent.only_line() == "GET /v1/kv/?keys&separator");
  }
  SECTION("none is no error") {
    for (const std::string how : {"-recurse", "-keys"}) {
      const auto run = run_cli(agent, {"kv", "get", how, "none"});
      CHECK(run.code == 0);
      CHECK(run.out == "");
      CHECK(run.err == "");
    }
  }
}

TEST_CASE("kv get: errors", "[cli][kv]") {
  FakeAgent agent;
  CHECK(run_cli(agent, {"kv", "get"}).err == "Error! Missing KEY argument\n");
  CHECK(run_cli(agent, {"kv", "get", "/"}).err == "Error! Missing KEY argument\n");
  CHECK(run_cli(agent, {"kv", "get", "a", "b"}).err == "Too many arguments (expected 1, got 2)\n");
  CHECK(agent.seen().empty());

  agent.on("GET /v1/kv/a", "No cluster leader", 500);
  const auto failed = run_cli(agent, {"kv", "get", "a"});
  CHECK(failed.code == 1);
  CHECK(failed.err == "Error querying Consul agent: Unexpected response code: 500 (No cluster leader)\n");

  agent.on("GET /v1/kv/a", "[{");
  CHECK(run_cli(agent, {"kv", "get", "a"})
            .err.starts_with("Error querying Consul agent: invalid JSON at offset"));
  agent.on("GET /v1/kv/a", R"([{"Key":"a","Value":"***"}])");
  CHECK(run_cli(agent, {"kv", "get", "a"}).err ==
        "Error rendering KV pair: illegal base64 data at input byte 0\n");
  SECTION("answers of another shape do no harm") {
    for (const std::string body : {"null", "7", "{}", "\"x\"", "[]"}) {
      agent.on("GET /v1/kv/a", body);
      CHECK(run_cli(agent, {"kv", "get", "a"}).err == "Error! No key exists at: a\n");
    }
    agent.on("GET /v1/kv/a", "[7,null,[]]");
    CHECK(run_cli(agent, {"kv", "get", "-recurse", "a"}).out == ":\n:\n:\n");
  }
  SECTION("a very deep answer does no harm") {
    agent.on("GET /v1/kv/a", std::string(1'000'000, '['));
    CHECK(run_cli(agent, {"kv", "get", "a"}).code == 1);
    agent.on("GET /v1/kv/a", std::string(1'000'000, '[') + std::string(1'000'000, ']'));
    CHECK(run_cli(agent, {"kv", "get", "a"}).code == 0);
  }
}

TEST_CASE("kv put: values and flags", "[cli][kv]") {
  FakeAgent agent;
  agent.on("PUT /v1/kv/a", "true\n");
  const auto put = [&](std::vector<std::string> args, std::string in = "") {
    args.insert(args.begin(), {"kv", "put"});
    const auto run = run_cli(agent, args, std::move(in));
    CHECK(run.err == "");
    CHECK(run.code == 0);
    CHECK(run.out == "Success! Data written to: a\n");
    REQUIRE(agent.seen().size() == 1);
    return agent.seen()[0];
  };
  SECTION("a value") {
    const auto seen = put({"a", "hello"});
    CHECK(seen.line == "PUT /v1/kv/a");
    CHECK(seen.body == "hello");
  }
  SECTION("no value") { CHECK(put({"a"}).body.empty()); }
  SECTION("an empty value") { CHECK(put({"a", ""}).body.empty()); }
  SECTION("the standard input, whatever its bytes") {
    const std::string bytes("x\0\n\xff", 4);
    CHECK(put({"a", "-"}, bytes).body == bytes);
  }
  SECTION("a value that begins with a dash") { CHECK(put({"a", "-x"}).body == "-x"); }
  SECTION("an escaped at sign") { CHECK(put({"a", "\\@x"}).body == "@x"); }
  SECTION("base64") { CHECK(put({"-base64", "a", "aGVsbG8="}).body == "hello"); }
  SECTION("flags") { CHECK(put({"-flags=42", "a", "x"}).line == "PUT /v1/kv/a?flags=42"); }
  SECTION("a file") {
    const testing::TemporaryFile file("data", "from a file\n");
    CHECK(put({"a", "@" + file.path()}).body == "from a file\n");
  }
  SECTION("a large value") {
    const std::string large(400'000, 'x');
    CHECK(put({"a", "-"}, large).body == large);
  }
}

TEST_CASE("kv put: compare and set", "[cli][kv]") {
  FakeAgent agent;
  agent.on("PUT /v1/kv/a", "true");
  CHECK(
      run_cli(agent, {"kv", "put", "-cas", "-modify-index=7", "-flags=1", "-acquire", "-session=s", "a", "x"})
          .out == "Success! Data written to: a\n");
  CHECK(agent.only_line() == "PUT /v1/kv/a?flags=1&cas=7");

  agent.on("PUT /v1/kv/a", "false");
  const auto lost = run_cli(agent, {"kv", "put", "-cas", "-modify-index=7", "a", "x"});
  CHECK(lost.code == 1);
  CHECK(lost.err == "Error! Did not write to a: CAS failed\n");
  const auto exists = run_cli(agent, {"kv", "put", "-cas", "a", "x"});
  CHECK(exists.code == 1);
  CHECK(exists.err == "Error! Did not write to a: CAS performed with index=0 and key already exists.\n");
  CHECK(agent.seen().back().line == "PUT /v1/kv/a?cas=0");

  agent.on("PUT /v1/kv/a", "boom", 500);
  CHECK(run_cli(agent, {"kv", "put", "-cas", "a", "x"}).err ==
        "Error! Did not write to a: Unexpected response code: 500 (boom)\n");
}

TEST_CASE("kv put: locks", "[cli][kv]") {
  FakeAgent agent;
  agent.on("PUT /v1/kv/k", "true");
  CHECK(run_cli(agent, {"kv", "put", "-acquire", "-session=s-1", "k", "x"}).out ==
        "Success! Lock acquired on: k\n");
  CHECK(run_cli(agent, {"kv", "put", "-release", "-session=s-1", "k", "x"}).out ==
        "Success! Lock released on: k\n");
  CHECK(run_cli(agent, {"kv", "put", "-release", "-acquire", "-session=s-1", "k"}).out ==
        "Success! Lock acquired on: k\n");
  const auto seen = agent.seen();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].line == "PUT /v1/kv/k?acquire=s-1");
  CHECK(seen[1].line == "PUT /v1/kv/k?release=s-1");
  CHECK(seen[2].line == "PUT /v1/kv/k?acquire=s-1");

  agent.on("PUT /v1/kv/k", "false");
  CHECK(run_cli(agent, {"kv", "put", "-acquire", "-session=s", "k"}).err == "Error! Did not acquire lock\n");
  CHECK(run_cli(agent, {"kv", "put", "-release", "-session=s", "k"}).err == "Error! Did not release lock\n");
  for (const std::string how : {"-acquire", "-release"}) {
    const auto run = run_cli(agent, {"kv", "put", how, "k"});
    CHECK(run.code == 1);
    CHECK(run.err == "Error! Missing -session (required with -acquire and -release)\n");
  }
}

TEST_CASE("kv put: errors", "[cli][kv]") {
  FakeAgent agent;
  CHECK(run_cli(agent, {"kv", "put"}).err == "Error! Missing KEY argument\n");
  CHECK(run_cli(agent, {"kv", "put", "a", "b", "c"}).err ==
        "Error! Too many arguments (expected 1 or 2, got 3)\n");
  CHECK(run_cli(agent, {"kv", "put", "a", "@/no/such/file"}).err ==
        "Error! Failed to read file: open /no/such/file: no such file or directory\n");
  CHECK(run_cli(agent, {"kv", "put", "a", "@/"}).err ==
        "Error! Failed to read file: read /: is a directory\n");
  CHECK(run_cli(agent, {"kv", "put", "-base64", "a", "***"}).err ==
        "Error! Cannot base 64 decode data: illegal base64 data at input byte 0\n");
  CHECK(run_cli(agent, {"kv", "put", "/lead", "x"}).err ==
        "Error! Failed writing data: Invalid key. Key must not begin with a '/': /lead\n");
  CHECK(agent.seen().empty());
  const auto refused = run_cli(agent, {"kv", "put", "a", "x"});
  CHECK(refused.code == 1);
  CHECK(refused.err == "Error! Failed writing data: Unexpected response code: 404 ()\n");
}

TEST_CASE("kv delete", "[cli][kv]") {
  FakeAgent agent;
  agent.on("DELETE /v1/kv/a", "true");
  agent.on("DELETE /v1/kv/", "true");
  const auto check = [&](std::vector<std::string> args, const std::string& line, const std::string& out) {
    args.insert(args.begin(), {"kv", "delete"});
    const auto run = run_cli(agent, args);
    CHECK(run.code == 0);
    CHECK(run.err == "");
    CHECK(run.out == out);
    CHECK(agent.only_line() == line);
  };
  SECTION("one key") { check({"a"}, "DELETE /v1/kv/a", "Success! Deleted key: a\n"); }
  SECTION("with a slash") { check({"/a"}, "DELETE /v1/kv/a", "Success! Deleted key: a\n"); }
  SECTION("a prefix") {
    check({"-recurse", "a"}, "DELETE /v1/kv/a?recurse", "Success! Deleted keys with prefix: a\n");
  }
  SECTION("everything") {
    check({"-recurse"}, "DELETE /v1/kv/?recurse", "Success! Deleted keys with prefix: \n");
  }
  SECTION("compare and set") {
    check({"-cas", "-modify-index=9", "a"}, "DELETE /v1/kv/a?cas=9", "Success! Deleted key: a\n");
  }
}

TEST_CASE("kv delete: errors", "[cli][kv]") {
  FakeAgent agent;
  const auto error = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"kv", "delete"});
    const auto run = run_cli(agent, args);
    CHECK(run.code == 1);
    CHECK(run.out == "");
    return run.err;
  };
  CHECK(error({}) == "Error! Missing KEY argument\n");
  CHECK(error({"a", "b"}) == "Too many arguments (expected 1, got 2)\n");
  CHECK(error({"-cas", "a"}) ==
        "Cannot delete a key that does not exist. Provide a -modify-index greater than than 0.\n");
  CHECK(error({"-modify-index=1", "a"}) == "Cannot specify -modify-index without -cas!\n");
  CHECK(error({"-cas", "-modify-index=1", "-recurse", "a"}) == "Cannot specify both -cas and -recurse!\n");
  CHECK(agent.seen().empty());

  agent.on("DELETE /v1/kv/z", "false");
  CHECK(error({"-cas", "-modify-index=1", "z"}) == "Error! Did not delete key z: CAS failed\n");
  agent.on("DELETE /v1/kv/z", "boom", 500);
  CHECK(error({"z"}) == "Error deleting key z: Unexpected response code: 500 (boom)\n");
  CHECK(error({"-recurse", "z"}) == "Error! Did not delete prefix z: Unexpected response code: 500 (boom)\n");
  CHECK(error({"-cas", "-modify-index=1", "z"}) ==
        "Error! Did not delete key z: Unexpected response code: 500 (boom)\n");
}

}  // namespace
}  // namespace discovery::cli
