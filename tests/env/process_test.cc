#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "lib/env/tail_buffer.h"
#include "tests/env/world.h"

namespace discovery::env {
namespace {

using namespace std::chrono_literals;

Result<ProcessResult> run(RealWorld& world, ProcessOptions options) {
  std::optional<Result<ProcessResult>> result;
  const auto process = world.server().spawn(
      std::move(options), [&](Result<ProcessResult> done) { result.emplace(std::move(done)); });
  CHECK_FALSE(result.has_value());  // never inside the call
  REQUIRE(world.run_until([&] { return result.has_value(); }));
  return *result;
}

ProcessOptions shell(std::string script) { return {.arguments = {"sh", "-c", std::move(script)}}; }

TEST_CASE("A program's outputs and its exit code come back", "[process]") {
  RealWorld world;
  const auto result = run(world, shell("echo out; echo err >&2; exit 3"));
  REQUIRE(result.ok());
  CHECK(result->exit_code == 3);
  CHECK(result->output == "out\nerr\n");
  CHECK(result->output_size == 8);
  CHECK_FALSE(result->timed_out);
}

TEST_CASE("A program gets its input and its environment", "[process]") {
  RealWorld world;
  auto options = shell("cat; echo \"$ADDED\"");
  options.input = std::string(100'000, 'x');
  options.environment = {{"ADDED", "value"}};
  const auto result = run(world, std::move(options));
  REQUIRE(result.ok());
  CHECK(result->output_size == 100'006);
  CHECK(result->output.ends_with("xvalue\n"));
}

TEST_CASE("Of much output the end is kept", "[process]") {
  RealWorld world;
  auto options = shell("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done");
  options.max_output = 10;
  const auto result = run(world, std::move(options));
  REQUIRE(result.ok());
  CHECK(result->output == "line 4999\n");
  CHECK(result->output_size > 40'000);
}

TEST_CASE("A signal is an exit code above 128", "[process]") {
  RealWorld world;
  CHECK(run(world, shell("kill -TERM $$"))->exit_code == 128 + SIGTERM);
}

TEST_CASE("A timeout kills the whole process group", "[process]") {
  RealWorld world;
  const std::string path = world.directory() + "/pid";
  auto options = shell("sleep 1000 & echo $! > " + path + "; echo started; wait");
  options.timeout = 300ms;
  const auto result = run(world, std::move(options));
  REQUIRE(result.ok());
  CHECK(result->timed_out);
  CHECK(result->output == "started\n");
  pid_t grandchild = 0;
  std::ifstream(path) >> grandchild;
  REQUIRE(grandchild > 0);
  // It is gone, or waits as a zombie for whoever adopts it.
  CHECK(world.run_until([&] {
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string id, name, state;
    stat >> id >> name >> state;
    return !stat || state == "Z";
  }));
}

TEST_CASE("A program that cannot be started says why", "[process]") {
  RealWorld world;
  CHECK(run(world, {.arguments = {"no-such-program-anywhere"}}).status().code() == Code::kNotFound);
  CHECK(run(world, {.arguments = {world.directory()}}).status().code() == Code::kPermissionDenied);
  CHECK(run(world, {}).status().code() == Code::kInvalidArgument);
}

TEST_CASE("Destroying a process ends it without its callback", "[process]") {
  RealWorld world;
  const std::string path = world.directory() + "/pid";
  bool called = false;
  auto process = world.server().spawn(shell("echo $$ > " + path + "; exec sleep 1000"),
                                      [&](const Result<ProcessResult>&) { called = true; });
  pid_t child = 0;
  REQUIRE(world.run_until([&] {
    std::ifstream(path) >> child;
    return child > 0;
  }));
  process.reset();
  CHECK(world.run_until([&] { return ::kill(child, 0) != 0; }));
  CHECK_FALSE(called);
}

TEST_CASE("What a program leaves behind does not keep its end back", "[process]") {
  RealWorld world;
  const auto begun = std::chrono::steady_clock::now();
  const auto result = run(world, shell("sleep 3 & echo done"));
  REQUIRE(result.ok());
  CHECK(result->output == "done\n");
  CHECK(std::chrono::steady_clock::now() - begun < 2s);
}

TEST_CASE("Names are resolved", "[resolve]") {
  RealWorld world;
  const auto resolve = [&](const std::string& name) {
    std::optional<Result<std::vector<std::string>>> result;
    world.server().resolve(name, [&](auto done) { result.emplace(std::move(done)); });
    CHECK_FALSE(result.has_value());
    REQUIRE(world.run_until([&] { return result.has_value(); }));
    return *result;
  };
  CHECK(*resolve("192.0.2.7") == std::vector<std::string>{"192.0.2.7"});
  CHECK(*resolve("::1") == std::vector<std::string>{"::1"});
  const auto local = resolve("localhost");
  REQUIRE(local.ok());
  CHECK_FALSE(local->empty());
}

TEST_CASE("The simulation runs programs and knows names", "[process][sim]") {
  Simulation world(3);
  SimEnv& env = world.add_env("one");
  env.set_program("check", [](const ProcessOptions& options) {
    return SimProgram{.takes = 2s, .exit_code = 1, .output = "saw " + options.arguments.at(1)};
  });
  std::optional<Result<ProcessResult>> result;
  const auto keep = [&](Result<ProcessResult> done) { result.emplace(std::move(done)); };
  auto process = env.spawn({.arguments = {"check", "it"}}, keep);
  world.run_for(1999ms);
  CHECK_FALSE(result.has_value());
  world.run_for(1ms);
  REQUIRE(result.has_value());
  CHECK((*result)->output == "saw it");
  CHECK((*result)->exit_code == 1);

  result.reset();
  process = env.spawn({.arguments = {"check", "it"}, .timeout = 1s}, keep);
  world.run_for(1s);
  REQUIRE(result.has_value());
  CHECK((*result)->timed_out);

  result.reset();
  process = env.spawn({.arguments = {"nope"}}, keep);
  world.run_for(1s);
  CHECK(result->status().code() == Code::kNotFound);
}

TEST_CASE("A tail buffer keeps the last bytes", "[process]") {
  TailBuffer tail(4);
  for (const char* piece : {"ab", "cde", "f", "", "gh", "ijklmnop", "q"}) tail.append(piece);
  CHECK(tail.total() == 17);
  CHECK(tail.take() == "nopq");
}

}  // namespace
}  // namespace discovery::env
