#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/unique_fd.h"
#include "tests/env/world.h"

namespace discovery::env {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("post() and stop() come from any thread") {
  const auto env = *AsioEnv::create({});
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  int ran = 0;  // by the loop's thread alone
  std::array<int, kThreads> last{};
  bool in_order = true;
  std::atomic<bool> on_loop_elsewhere = false;
  std::thread loop([&] { env->run(); });
  std::vector<std::thread> posters;
  for (int thread = 0; thread < kThreads; ++thread) {
    posters.emplace_back([&, thread] {
      if (env->on_loop()) on_loop_elsewhere = true;
      for (int i = 1; i <= kTasks; ++i) {
        env->post([&, thread, i] {
          in_order = in_order && env->on_loop() && last[static_cast<std::size_t>(thread)] == i - 1;
          last[static_cast<std::size_t>(thread)] = i;
          if (++ran == kThreads * kTasks) env->stop();
        });
      }
    });
  }
  for (auto& poster : posters) poster.join();
  loop.join();
  CHECK(ran == kThreads * kTasks);
  CHECK(in_order);
  CHECK_FALSE(on_loop_elsewhere);
}

TEST_CASE("sockets work on a loop of another thread") {
  const auto env = *AsioEnv::create({});
  auto listener = *env->listen({"127.0.0.1", 0}, {});
  std::unique_ptr<Stream> accepted;
  std::unique_ptr<Stream> client;
  std::array<char, 16> buffer{};
  std::string received;
  listener->start([&](std::unique_ptr<Stream> stream) {
    accepted = std::move(stream);
    accepted->read_some(buffer, [&](Result<std::size_t> size) {
      received.assign(buffer.data(), *size);
      env->stop();
    });
  });
  std::thread loop([&] { env->run(); });
  env->post([&] {
    env->connect(listener->local(), seconds(5), [&](Result<std::unique_ptr<Stream>> result) {
      client = std::move(*result);
      const std::array<std::string_view, 1> piece = {"hello"};
      client->write(piece, [](Status) {});
    });
  });
  loop.join();
  CHECK(received == "hello");
}

TEST_CASE("a world that goes with all under way leaves nothing behind") {
  auto env = *AsioEnv::create({});
  Acceptance acceptance(*env, {"127.0.0.1", 0});
  const auto held = std::make_shared<int>();
  env->post([held] {});
  env->connect(acceptance.listener->local(), seconds(5), [held](Result<std::unique_ptr<Stream>>) {});
  auto timer = env->make_timer();
  timer->start(seconds(100), [held] {});
  CHECK(held.use_count() == 4);
  timer.reset();
  acceptance.listener.reset();
  env.reset();
  CHECK(held.use_count() == 1);
}

TEST_CASE("a seed makes the numbers come again") {
  Environment host;
  host.seed = 42;
  const auto first = *AsioEnv::create(host);
  const auto second = *AsioEnv::create(host);
  const auto other = *AsioEnv::create({});
  const std::uint64_t number = first->random().next();
  CHECK(number == second->random().next());
  CHECK(number != other->random().next());
}

TEST_CASE("the host's clock and log are used") {
  struct FixedClock : Clock {
    Duration monotonic() override { return seconds(12); }
    std::chrono::system_clock::time_point wall() override { return {}; }
  };
  struct CountingLog : LogSink {
    int lines = 0;
    void write(Level, std::string_view, std::string_view) noexcept override { ++lines; }
  };
  Environment host;
  const auto log = std::make_shared<CountingLog>();
  host.clock = std::make_shared<FixedClock>();
  host.log = log;
  const auto env = *AsioEnv::create(host);
  CHECK(env->clock().monotonic() == seconds(12));
  env->log().write(Level::kInfo, "test", "line");
  CHECK(log->lines == 1);
  (*AsioEnv::create({}))->log().write(Level::kInfo, "test", "goes nowhere");
}

TEST_CASE("Unix sockets belong to whom they shall") {
  RealWorld world;
  const Endpoint at{world.directory() + "/owned", 0};
  ListenOptions options;
  options.unix_user = "no such user";
  Status refused = world.server().listen(at, options).status();
  CHECK(refused.code() == Code::kInvalidArgument);
  CHECK(refused.message() == "invalid user specified: no such user");
  options.unix_user = "root";
  options.unix_group = "no such group";
  refused = world.server().listen(at, options).status();
  CHECK(refused.message() == "invalid group specified: no such group");
  struct stat about {};
  CHECK(::stat(at.address.c_str(), &about) != 0);  // nothing is left
  // Only root may give a socket away; everybody may keep it.
  const bool is_root = ::getuid() == 0;
  options.unix_user = std::to_string(::getuid());
  options.unix_group = std::to_string(is_root ? 12345 : ::getgid());
  const auto listener = world.server().listen(at, options);
  REQUIRE(listener.ok());
  REQUIRE(::stat(at.address.c_str(), &about) == 0);
  CHECK(about.st_uid == ::getuid());
  CHECK(about.st_gid == (is_root ? 12345 : ::getgid()));
}

TEST_CASE("Unix sockets: mode, stale files, live owners, no leftovers") {
  RealWorld world;
  const Endpoint at{world.directory() + "/socket", 0};
  ListenOptions options;
  options.unix_mode = 0640;
  {
    auto listener = *world.server().listen(at, options);
    struct stat about {};
    REQUIRE(::stat(at.address.c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0640);
    CHECK(listener->local() == at);
    // Another listener is alive: refused. It must not lose its socket by that.
    const auto second = world.server().listen(at, options);
    CHECK(second.status().code() == Code::kUnavailable);
    std::unique_ptr<Stream> accepted;
    listener->start([&](std::unique_ptr<Stream> stream) {
      // The second listener's probe may have left an attempt behind.
      accepted = std::move(stream);
    });
    std::unique_ptr<Stream> client;
    world.client().connect(at, seconds(5),
                           [&](Result<std::unique_ptr<Stream>> result) { client = std::move(*result); });
    REQUIRE(world.run_until([&] { return accepted && client; }));
    CHECK(accepted->remote() == at);
    CHECK(accepted->remote().is_unix());
  }
  CHECK_FALSE(std::filesystem::exists(at.address));
  // A file that a crashed program left: hard to make with listen(), so the listener's file is linked aside.
  {
    auto crashed = *world.server().listen(at, {});
    std::filesystem::create_hard_link(at.address, at.address + ".aside");
  }
  std::filesystem::rename(at.address + ".aside", at.address);
  CHECK(world.server().listen(at, {}).ok());
  // What is no socket is left alone.
  std::ofstream(at.address) << "data";
  CHECK_FALSE(world.server().listen(at, {}).ok());
  CHECK(std::filesystem::exists(at.address));
  CHECK(world.server().listen({world.directory() + "/" + std::string(200, 'x'), 0}, {}).status().code() ==
        Code::kInvalidArgument);
}

TEST_CASE("IPv6 and IPv4 wildcards share a port") {
  RealWorld world;
  const auto v6 = world.server().listen({"::", 0}, {});
  if (!v6) return;  // a machine without IPv6
  CHECK((*v6)->local().address == "::");
  CHECK(world.server().listen({"0.0.0.0", (*v6)->local().port}, {}).ok());
}

TEST_CASE("addresses that are none are refused") {
  RealWorld world;
  CHECK(world.server().listen({"localhost", 0}, {}).status().code() == Code::kInvalidArgument);
  CHECK(world.server().listen({"", 0}, {}).status().code() == Code::kInvalidArgument);
  CHECK(world.server().bind({"fe80::1%no-such-interface", 0}, {}).status().code() == Code::kInvalidArgument);
  CHECK(world.server().bind({"/a/path", 0}, {}).status().code() == Code::kInvalidArgument);
  Status status;
  world.client().connect({"localhost", 80}, seconds(5),
                         [&](Result<std::unique_ptr<Stream>> result) { status = result.status(); });
  REQUIRE(world.run_until([&] { return !status.ok(); }));
  CHECK(status.code() == Code::kInvalidArgument);
}

TEST_CASE("a connection attempt ends at its time") {
  RealWorld world;
  // Nobody accepts, and with a full backlog the kernel lets further ones wait.
  ListenOptions options;
  options.backlog = 0;
  const auto listener = *world.server().listen({"127.0.0.1", 0}, options);
  std::vector<std::unique_ptr<Stream>> streams;
  Status status;
  constexpr std::string_view kHello = "hello";
  for (int i = 0; i < 8 && status.ok(); ++i) {
    bool done = false;
    world.client().connect(listener->local(), milliseconds(200), [&](Result<std::unique_ptr<Stream>> result) {
      if (!result) {
        status = result.status();
        done = true;
        return;
      }
      // Only what has been said something on takes a place in the queue: see begin_connect().
      streams.push_back(std::move(*result));
      streams.back()->write(std::span(&kHello, 1), [&](const Status&) { done = true; });
    });
    REQUIRE(world.run_until([&] { return done; }));
  }
  CHECK(status.code() == Code::kDeadlineExceeded);
}

TEST_CASE("without descriptors the listener waits and goes on") {
  RealWorld world;
  Acceptance acceptance(world.server(), {"127.0.0.1", 0});
  int connected = 0;
  std::unique_ptr<Stream> client;
  world.client().connect(acceptance.listener->local(), seconds(10),
                         [&](Result<std::unique_ptr<Stream>> result) {
                           connected += result.ok() ? 1 : 0;
                           if (result) client = std::move(*result);
                         });
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 0;  // no new descriptor at all
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool reached = world.run_until([&] { return connected == 1; });
  world.settle();
  const std::size_t accepted = acceptance.streams.size();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(reached);
  CHECK(accepted == 0);
  CHECK(world.run_until([&] { return acceptance.streams.size() == 1; }));
}

TEST_CASE("replaced files are private, and leftovers are not listed") {
  RealWorld world;
  Files& files = world.server().files();
  const std::string path = world.directory() + "/secret";
  REQUIRE(files.replace(path, "x").ok());
  struct stat about {};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  std::ofstream(path + ".tmp") << "half";
  std::filesystem::create_directory(world.directory() + "/directory");
  CHECK(*files.list(world.directory()) == std::vector<std::string>{"secret"});
  CHECK(files.replace(path, "y").ok());
  CHECK(*files.read(path, 10) == "y");
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_CASE("what is no file is not read, and what is in the way is not replaced") {
  RealWorld world;
  Files& files = world.server().files();
  const std::string fifo = world.directory() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(files.read(fifo, 10).ok());  // empty, and above all: at once
  CHECK_FALSE(files.read(world.directory(), 10).ok());
  std::filesystem::create_directories(world.directory() + "/full/x");
  CHECK_FALSE(files.replace(world.directory() + "/full", "x").ok());
  CHECK_FALSE(std::filesystem::exists(world.directory() + "/full.tmp"));
  REQUIRE(files.replace(world.directory() + "/file", "x").ok());
  CHECK_FALSE(files.make_directory(world.directory() + "/file/x").ok());
  CHECK_FALSE(files.make_directory(world.directory() + "/file").ok());
  // A file that grows beyond its size while it is read, as those of /proc do.
  const auto proc = files.read("/proc/self/maps", 1U << 20);
  REQUIRE(proc.ok());
  CHECK_FALSE(proc->empty());
}

}  // namespace
}  // namespace discovery::env
