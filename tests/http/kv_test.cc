#include <string>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

using namespace discovery;
using namespace discovery::http::testing;

TEST_CASE("a key is shown with its value in base64") {
  World world;
  world.backend.next = answer(entries({entry("a/b", "hello")}), 16);
  const auto kept = world.ask("/v1/kv/a%2Fb");
  CHECK(world.backend.last_query<model::GetKey>().key == "a/b");
  CHECK(kept->status() == 200);
  CHECK(kept->body() ==
        R"([{"LockIndex":0,"Key":"a/b","Flags":0,"Value":"aGVsbG8=","CreateIndex":14,"ModifyIndex":16}])");
  CHECK(kept->header("Content-Type") == "application/json");
  CHECK(kept->header("X-Consul-Index") == "16");
  CHECK(kept->header("X-Consul-Query-Backend") == "blocking-query");
  CHECK(kept->header("X-Consul-Effective-Consistency") == "-");
}

TEST_CASE("an empty value is null, a held lock shows its session") {
  World world;
  world.backend.next = answer(entries({entry("<k>", "",
                                             {.flags = ~std::uint64_t{0},
                                              .lock_index = 3,
                                              .create_index = 1,
                                              .modify_index = 2,
                                              .session = "s-1"})}),
                              2);
  CHECK(world.ask("/v1/kv/x")->body() ==
        R"([{"LockIndex":3,"Key":"\u003ck\u003e","Flags":18446744073709551615,"Value":null,"Session":"s-1",)"
        R"("CreateIndex":1,"ModifyIndex":2}])");
  CHECK(world.ask("/v1/kv/x?pretty")->body() ==
        "[\n    {\n        \"LockIndex\": 3,\n        \"Key\": \"\\u003ck\\u003e\",\n        \"Flags\": "
        "18446744073709551615,\n        \"Value\": null,\n        \"Session\": \"s-1\",\n        "
        "\"CreateIndex\": 1,\n"
        "        \"ModifyIndex\": 2\n    }\n]\n");
}

TEST_CASE("a raw value comes as it is, and no browser runs it") {
  World world;
  world.backend.next = answer(entries({entry("a", std::string_view("<b>\0", 4))}), 16);
  const auto kept = world.ask("/v1/kv/a?raw=false");
  CHECK(kept->body() == std::string("<b>\0", 4));
  CHECK(kept->header("Content-Type") == "text/plain");
  CHECK(kept->header("X-Content-Type-Options") == "nosniff");
  CHECK(kept->header("Content-Security-Policy") == "sandbox");
  CHECK(kept->header("X-Consul-Index") == "16");
}

TEST_CASE("what is not there is 404 without a body, with an index") {
  World world;
  const auto check = [&](const char* target) {
    CAPTURE(target);
    const auto kept = world.ask(target);
    CHECK(kept->status() == 404);
    CHECK(kept->body().empty());
    CHECK(kept->header("Content-Type") == "-");
    CHECK(kept->header("X-Consul-Index") == "14");
  };
  world.backend.next = answer(model::KvEntries(), 14);
  check("/v1/kv/missing");
  check("/v1/kv/missing?raw");
  check("/v1/kv/missing?recurse");
  check("/v1/kv/?recurse");
  world.backend.next = answer(model::Names(), 14);
  check("/v1/kv/missing?keys");
  const auto root = world.ask("/v1/kv/?keys");
  CHECK(root->status() == 200);
  CHECK(root->body() == "[]");
}

TEST_CASE("lists of keys, with and without values") {
  World world;
  world.backend.next = answer(entries({entry("d/a", "1"), entry("d/b", "2")}), 16);
  const auto tree = world.ask("/v1/kv/d/?recurse=false&raw");
  CHECK(world.backend.last_query<model::ListKeysWithValues>().prefix == "d/");
  CHECK(tree->body() ==
        R"([{"LockIndex":0,"Key":"d/a","Flags":0,"Value":"MQ==","CreateIndex":14,"ModifyIndex":16},)"
        R"({"LockIndex":0,"Key":"d/b","Flags":0,"Value":"Mg==","CreateIndex":14,"ModifyIndex":16}])");
  world.backend.next = answer(model::Names{"d/a", "d/b/"}, 16);
  const auto keys = world.ask("/v1/kv/d/?keys&recurse&separator=%2F&seperator=x");
  CHECK(keys->body() == R"(["d/a","d/b/"])");
  CHECK(world.backend.last_query<model::ListKeys>().prefix == "d/");
  CHECK(world.backend.last_query<model::ListKeys>().separator == "/");
  world.ask("/v1/kv/d/?keys&seperator=x");
  CHECK(world.backend.last_query<model::ListKeys>().separator == "x");
  world.ask("/v1/kv/d/?keys");
  CHECK(world.backend.last_query<model::ListKeys>().separator.empty());
}

TEST_CASE("writes of a key") {
  World world;
  const auto put = world.put("/v1/kv/a%20b?flags=42&dc=dc2&token=t", "value");
  CHECK(put->status() == 200);
  CHECK(put->body() == "true");
  CHECK(put->header("Content-Type") == "application/json");
  CHECK(put->header("X-Consul-Index") == "-");
  const auto& command = world.backend.last_command<model::KvCommand>();
  CHECK(command.verb == model::KvVerb::kSet);
  CHECK(command.key == "a b");
  CHECK(command.value == "value");
  CHECK(command.flags == 42);
  CHECK(world.backend.commands.back().second.datacenter == "dc2");
  CHECK(world.backend.commands.back().second.token == "t");

  world.backend.outcome = model::Outcome{.index = 5, .result = false};
  CHECK(world.put("/v1/kv/a", "x")->body() == "true");
  const auto lost = world.put("/v1/kv/a?cas=7", "x");
  CHECK(lost->body() == "false");
  CHECK(world.backend.last_command<model::KvCommand>().verb == model::KvVerb::kCas);
  CHECK(world.backend.last_command<model::KvCommand>().index == 7);

  const auto erase = [&](const char* target) { return world.ask(target, {.method = "DELETE"})->body(); };
  CHECK(erase("/v1/kv/a") == "true");
  CHECK(world.backend.last_command<model::KvCommand>().verb == model::KvVerb::kDelete);
  CHECK(erase("/v1/kv/?recurse") == "true");
  CHECK(world.backend.last_command<model::KvCommand>().verb == model::KvVerb::kDeleteTree);
  CHECK(world.backend.last_command<model::KvCommand>().key.empty());
  CHECK(erase("/v1/kv/a?cas=9") == "false");
  CHECK(world.backend.last_command<model::KvCommand>().verb == model::KvVerb::kDeleteCas);

  world.backend.outcome = Status(Code::kUnavailable, "No cluster leader");
  const auto failed = world.put("/v1/kv/a", "x");
  CHECK(failed->status() == 500);
  CHECK(failed->body() == "No cluster leader");
}

TEST_CASE("sessions lock and unlock keys") {
  World world;
  const auto last = [&]() -> const model::KvCommand& {
    return world.backend.last_command<model::KvCommand>();
  };
  CHECK(world.put("/v1/kv/a?acquire=s-1&flags=3", "x")->body() == "true");
  CHECK(last().verb == model::KvVerb::kLock);
  CHECK(last().key == "a");
  CHECK(last().session == "s-1");
  CHECK(last().flags == 3);
  CHECK(last().value == "x");
  CHECK(world.put("/v1/kv/a?release=", "y")->body() == "true");
  CHECK(last().verb == model::KvVerb::kUnlock);
  CHECK(last().session.empty());

  world.backend.outcome = model::Outcome{.result = false};
  CHECK(world.put("/v1/kv/a?acquire=s-2", "x")->body() == "false");
  world.backend.outcome = Status(Code::kFailedPrecondition, "missing session");
  const auto refused = world.put("/v1/kv/a?acquire=", "x");
  CHECK(refused->status() == 500);
  CHECK(refused->body() == "raft apply failed: missing session");
  world.backend.outcome = Status(Code::kUnavailable, "No cluster leader");
  CHECK(world.put("/v1/kv/a?release=s", "x")->body() == "No cluster leader");
}

TEST_CASE("wrong requests for a key") {
  World world;
  struct Row {
    const char* method;
    const char* target;
    int status;
    const char* text;
  };
  const Row table[] = {
      {"GET", "/v1/kv/", 400, "Missing key name"},
      {"PUT", "/v1/kv/", 400, "Missing key name"},
      {"DELETE", "/v1/kv/", 400, "Missing key name"},
      {"PUT", "/v1/kv/a?flags=abc", 500, "strconv.ParseUint: parsing \"abc\": invalid syntax"},
      {"PUT", "/v1/kv/a?flags=", 500, "strconv.ParseUint: parsing \"\": invalid syntax"},
      {"PUT", "/v1/kv/a?flags=-1", 500, "strconv.ParseUint: parsing \"-1\": invalid syntax"},
      {"PUT", "/v1/kv/a?flags=18446744073709551616", 500,
       "strconv.ParseUint: parsing \"18446744073709551616\": value out of range"},
      {"PUT", "/v1/kv/a?cas", 500, "strconv.ParseUint: parsing \"\": invalid syntax"},
      {"DELETE", "/v1/kv/a?cas=abc", 500, "strconv.ParseUint: parsing \"abc\": invalid syntax"},
      {"DELETE", "/v1/kv/c?cas=5&recurse", 400, "Conflicting flags: cas=5&recurse="},
      {"PUT", "/v1/kv/c?cas=0&acquire=x%2Fy", 400, "Conflicting flags: acquire=x%2Fy&cas=0"},
      {"PUT", "/v1/kv/c?release=1&acquire=2", 400, "Conflicting flags: acquire=2&release=1"},
      {"PUT", "/v1/kv/c?index=zz", 400, "Invalid index"},
      {"PUT", "/v1/kv/m?ns=other", 400,
       "Bad request: Invalid query parameter: \"ns\" - Namespaces are a Consul Enterprise feature"},
  };
  for (const Row& row : table) {
    CAPTURE(row.method, row.target);
    const auto kept = world.ask(row.target, {.method = row.method});
    CHECK(kept->status() == row.status);
    CHECK(kept->body() == row.text);
    CHECK(kept->header("Content-Type") == "text/plain; charset=utf-8");
  }
  CHECK(world.backend.commands.empty());
}

TEST_CASE("values have a limit, however they come") {
  World world;
  const auto declared = world.ask("/v1/kv/big", {.method = "PUT", .too_large = 600000});
  CHECK(declared->status() == 413);
  CHECK(declared->body() ==
        "Request body(600000 bytes) too large, max size: 524288 bytes. See "
        "https://www.consul.io/docs/agent/options.html#kv_max_value_size.");
  CHECK(world.put("/v1/kv/big", std::string(524288, 'x'))->body() == "true");
  CHECK(world.put("/v1/%6Bv/big", std::string(524289, 'x'))->status() == 413);
  CHECK(world.backend.commands.size() == 1);
}

TEST_CASE("long values are compressed for those who take that") {
  World world;
  world.backend.next = answer(entries({entry("a", std::string(5000, 'v'))}), 16);
  for (const char* target : {"/v1/kv/a", "/v1/kv/a?raw"}) {
    const auto kept = world.ask(target, {.headers = {{"accept-encoding", "gzip, deflate"}}});
    CHECK(kept->header("Content-Encoding") == "gzip");
    CHECK(kept->response->body.size() < 1000);
    CHECK(world.ask(target)->response->body.size() >= 5000);
  }
}
