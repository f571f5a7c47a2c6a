#include <algorithm>
#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

#include "daemon/cli/lock_layout.h"
#include "lib/base/base64.h"
#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using namespace std::chrono_literals;
using testing::FakeAgent;
using testing::run_cli;
using testing::TemporaryFile;

constexpr const char* kPath = "GET /v1/kv/p/.lock";

/// An agent that is there, and whose session is s-1.
struct Agent : FakeAgent {
  Agent() {
    on("GET /v1/agent/self", "{}");
    on("PUT /v1/session/create", R"({"ID":"s-1"})");
    on("PUT /v1/session/destroy/s-1", "true");
    on("PUT /v1/kv/p/.lock", "true");
    on("DELETE /v1/kv/p/.lock", "true");
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const auto& request : seen()) out.push_back(request.line);
    return out;
  }
  bool was_asked(const std::string& line) const {
    const auto all = lines();
    return std::find(all.begin(), all.end(), line) != all.end();
  }
};

std::string lock_of(const std::string& session, std::uint64_t flags = kLockFlags) {
  return R"([{"Key":"p/.lock","Flags":)" + std::to_string(flags) + R"(,"ModifyIndex":8,"Session":")" +
         session + R"("}])";
}

/// Answers of the lock's key while s-1 has it; the last is what is found when it is cleaned up.
std::vector<FakeAgent::Answer> held() { return {{404, "", "1"}, {200, lock_of("s-1"), ""}}; }

TEST_CASE("lock: keys are joined as Go joins paths", "[cli][lock]") {
  CHECK(join_key("p", ".lock") == "p/.lock");
  CHECK(join_key("p/", ".lock") == "p/.lock");
  CHECK(join_key("a//b/./c/../d/", "x") == "a/b/d/x");
  CHECK(join_key("", ".lock") == ".lock");
  CHECK(kLockFlags == 3304740253564472344U);
  CHECK(kSemaphoreFlags == 16210313421097356768U);
}

TEST_CASE("lock: a program runs while the lock is held", "[cli][lock]") {
  Agent agent;
  agent.on_each(kPath, held());
  const TemporaryFile out("out", "");
  const std::string program = "echo $CONSUL_LOCK_HELD >" + out.path();
  const auto run = run_cli(agent, {"lock", "-verbose", "/p", program});
  CHECK(run.code == 0);
  CHECK(run.err == "");
  CHECK(run.out ==
        "Setting up lock at path: p/.lock\nAttempting lock acquisition\nStarting handler\n"
        "Child terminated, releasing lock\nCleanup aborted, lock in use\n");
  CHECK(out.content() == "true\n");
  CHECK(agent.seen()[1].body.starts_with(R"({"Name":"Consul lock for 'echo $CONSUL_LOCK_HELD )"));
  CHECK(agent.seen()[1].body.ends_with(R"(' at 'p'","TTL":"15s","Behavior":"release"})"));
  CHECK(agent.was_asked("PUT /v1/kv/p/.lock?acquire=s-1&flags=3304740253564472344"));
  CHECK(agent.was_asked("PUT /v1/kv/p/.lock?release=s-1&flags=3304740253564472344"));
  CHECK(agent.was_asked("PUT /v1/session/destroy/s-1"));
}

TEST_CASE("lock: what a program's failure means", "[cli][lock]") {
  Agent agent;
  agent.on_each(kPath, held());
  CHECK(run_cli(agent, {"lock", "p", "exit 3"}).code == 0);
  agent.on_each(kPath, held());
  const auto failed = run_cli(agent, {"lock", "-child-exit-code", "p", "exit 3"});
  CHECK(failed.code == 2);
  CHECK(failed.err == "Error running handler: exit status 3\n");
  agent.on_each(kPath, held());
  CHECK(run_cli(agent, {"lock", "-child-exit-code", "p", "exit 0"}).code == 0);
  agent.on_each(kPath, held());
  const auto missing = run_cli(agent, {"lock", "-child-exit-code", "-shell=false", "p", "no-such-program"});
  CHECK(missing.code == 2);
  CHECK(missing.err ==
        "Error starting handler: exec: \"no-such-program\": executable file not found in $PATH\n");
}

TEST_CASE("lock: a program whose lock is lost is ended", "[cli][lock]") {
  Agent agent;
  const TemporaryFile out("out", "");
  const auto ready = [&out] {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (out.content().find("ready") == std::string::npos && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(10ms);
    }
  };
  agent.on_each(kPath, {{404, "", "1"}, {200, lock_of("s-1"), "5"}, {200, lock_of("other"), "6", ready}});
  // What it has started goes with it: else two would be at work.
  const std::string inner = "trap \"echo ended >>" + out.path() + "; exit\" TERM; echo ready >>" +
                            out.path() + "; while :; do sleep 0.05; done";
  const auto run =
      run_cli(agent, {"lock", "-verbose", "p",
                      "sh -c '" + inner + "' & trap 'wait; exit 7' TERM; while :; do sleep 0.05; done"});
  CHECK(run.code == 0);
  CHECK(run.out.find("Lock lost, killing child\nTerminating child pid ") != std::string::npos);
  CHECK(run.out.find("Child terminated\n") != std::string::npos);
  CHECK(out.content() == "ready\nended\n");
}

TEST_CASE("lock: failures of the agent are borne for a while", "[cli][lock]") {
  Agent agent;
  agent.on_each(kPath, {{404, "", "1"}, {500, "No cluster leader", ""}, {200, lock_of("s-1"), ""}});
  CHECK(run_cli(agent, {"lock", "-verbose", "p", "sleep 1.3"}).out.find("lost") == std::string::npos);
  agent.on_each(kPath, {{404, "", "1"}, {500, "No cluster leader", ""}, {200, lock_of("s-1"), ""}});
  CHECK(run_cli(agent, {"lock", "-verbose", "-monitor-retry=0", "p", "sleep 10"}).out.find("Lock lost") !=
        std::string::npos);
}

TEST_CASE("lock: what cannot be had", "[cli][lock]") {
  Agent agent;
  SECTION("in time") {
    agent.on_each(kPath, {{200, lock_of("other"), ""}});
    const auto run = run_cli(agent, {"lock", "-try=200ms", "p", "true"});
    CHECK(run.code == 1);
    CHECK(run.err == "Shutdown triggered or timeout during lock acquisition\n");
    CHECK(agent.was_asked("PUT /v1/session/destroy/s-1"));
  }
  SECTION("while a lock-delay is in effect") {
    agent.on_each(kPath, {{404, "", "1"}});
    agent.on("PUT /v1/kv/p/.lock", "false");
    const auto run = run_cli(agent, {"lock", "-timeout=200ms", "p", "true"});
    CHECK(run.err == "Shutdown triggered or timeout during lock acquisition\n");
  }
  SECTION("since the key is a semaphore's") {
    agent.on_each(kPath, {{200, lock_of("", kSemaphoreFlags), "4"}});
    const auto run = run_cli(agent, {"lock", "p", "true"});
    CHECK(run.code == 1);
    CHECK(run.err == "Lock acquisition failed: Existing key does not match lock use\n");
  }
  SECTION("without a session") {
    agent.on("PUT /v1/session/create", "no", 500);
    CHECK(run_cli(agent, {"lock", "p", "true"}).err ==
          "Lock acquisition failed: failed to create session: Unexpected response code: 500 (no)\n");
  }
}

TEST_CASE("lock: what is wrong with the call", "[cli][lock]") {
  Agent agent;
  const auto error = [&agent](const std::vector<std::string>& args) {
    const auto run = run_cli(agent, args);
    CHECK(run.code == 1);
    return run.err;
  };
  CHECK(error({"lock"}) == "Key prefix and child command must be specified\n");
  CHECK(error({"lock", "p"}) == "Key prefix and child command must be specified\n");
  CHECK(error({"lock", "-n=0", "p", "true"}) == "Lock holder limit must be positive\n");
  CHECK(error({"lock", "-timeout=-1s", "p", "true"}) == "Timeout must be positive\n");
  CHECK(error({"lock", "-monitor-retry=-1", "p", "true"}) == "Number for 'monitor-retry' must be >= 0\n");
  CHECK(error({"lock", "-n=2", "/", "true"}) == "Lock setup failed: missing prefix\n");
  CHECK(
      error({"lock", "-timeout=soon", "p", "true"}).starts_with("invalid value \"soon\" for flag -timeout"));
}

std::string semaphore_entries(const std::string& lock_json, std::uint64_t flags = kSemaphoreFlags) {
  const std::string mine = R"({"Key":"p/s-1","Session":"s-1"},{"Key":"p/live","Session":"live"})";
  if (lock_json.empty()) return "[" + mine + "]";
  return R"([{"Key":"p/.lock","ModifyIndex":8,"Flags":)" + std::to_string(flags) + R"(,"Value":")" +
         base::encode_base64(lock_json) + "\"}," + mine + "]";
}

TEST_CASE("lock: a place of a semaphore", "[cli][lock]") {
  Agent agent;
  agent.on("PUT /v1/kv/p/s-1", "true");
  agent.on("DELETE /v1/kv/p/s-1", "true");
  const auto last_written = [&agent] {
    std::string body;
    for (const auto& request : agent.seen()) {
      if (request.line.starts_with("PUT /v1/kv/p/.lock?")) body = request.line + " " + request.body;
    }
    return body;
  };
  const std::string cas8 = "PUT /v1/kv/p/.lock?cas=8&flags=16210313421097356768 ";
  SECTION("as the first, and then given back") {
    agent.on_each("GET /v1/kv/p", {{200, semaphore_entries(""), "3"},
                                   {200, semaphore_entries(R"({"Limit":2,"Holders":{"s-1":true}})"), ""}});
    const auto run = run_cli(agent, {"lock", "-n=2", "-verbose", "p", "true"});
    CHECK(run.code == 0);
    CHECK(run.out.starts_with("Setting up semaphore (limit 2) at prefix: p\n"));
    CHECK(agent.seen()[1].body.ends_with(R"("TTL":"15s","Behavior":"delete"})"));
    CHECK(agent.was_asked("PUT /v1/kv/p/s-1?acquire=s-1&flags=16210313421097356768"));
    bool taken = false;
    for (const auto& request : agent.seen()) {
      taken |= request.line == "PUT /v1/kv/p/.lock?cas=0&flags=16210313421097356768" &&
               request.body == R"({"Limit":2,"Holders":{"s-1":true}})";
    }
    CHECK(taken);
    CHECK(last_written() == cas8 + R"({"Limit":2,"Holders":{}})");
    CHECK(agent.was_asked("DELETE /v1/kv/p/s-1"));
  }
  SECTION("whose holder has died") {
    agent.on_each("GET /v1/kv/p",
                  {{200, semaphore_entries(R"({"Limit":2,"Holders":{"dead":true,"live":true}})"), "3"},
                   {200, semaphore_entries(R"({"Limit":2,"Holders":{"live":true,"s-1":true}})"), ""}});
    CHECK(run_cli(agent, {"lock", "-n=2", "p", "true"}).code == 0);
    CHECK(last_written() == cas8 + R"({"Limit":2,"Holders":{"live":true}})");
  }
  SECTION("or none, while others live") {
    agent.on("GET /v1/kv/p", semaphore_entries(R"({"Limit":2,"Holders":{"s-1":true,"live":true}})"));
    CHECK(run_cli(agent, {"lock", "-n=2", "-timeout=100ms", "p", "true"}).code == 1);
    CHECK(last_written().empty());
  }
  SECTION("or none, where others say another limit") {
    agent.on("GET /v1/kv/p", semaphore_entries(R"({"Limit":3,"Holders":{}})"));
    CHECK(run_cli(agent, {"lock", "-n=2", "p", "true"}).err ==
          "Lock acquisition failed: semaphore limit conflict (lock: 3, local: 2)\n");
  }
  SECTION("or none, where there is a lock") {
    agent.on("GET /v1/kv/p", semaphore_entries("x", kLockFlags));
    CHECK(run_cli(agent, {"lock", "-n=2", "p", "true"}).err ==
          "Lock acquisition failed: Existing key does not match semaphore use\n");
  }
}

}  // namespace
}  // namespace discovery::cli
