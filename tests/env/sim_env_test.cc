#include "lib/env/sim_env.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/env/world.h"

namespace discovery::env {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Two machines with a connection and datagram sockets between them.
struct Pair {
  Simulation world;
  SimEnv& a;
  SimEnv& b;
  Acceptance acceptance;
  std::unique_ptr<Stream> client;
  std::unique_ptr<DatagramSocket> from;
  std::unique_ptr<DatagramSocket> to;
  std::vector<std::string> received;

  explicit Pair(std::uint64_t seed = 1)
      : world(seed), a(world.add_env("a")), b(world.add_env("b")), acceptance(b, {b.address(), 8500}) {
    a.connect({b.address(), 8500}, seconds(5),
              [this](Result<std::unique_ptr<Stream>> result) { client = std::move(*result); });
    world.run_until([this] { return client && !acceptance.streams.empty(); }, seconds(5));
    from = *a.bind({"0.0.0.0", 0}, {});
    to = *b.bind({b.address(), 53}, {});
    to->start([this](Datagram& datagram) { received.push_back(datagram.bytes); });
  }
  Stream& server() { return *acceptance.streams.front(); }
  void send_numbers(int count) {
    for (int i = 0; i < count; ++i) from->send(to->local(), std::to_string(i));
  }
};

/// A run with traffic, timers and random numbers.
std::uint64_t run_something(std::uint64_t seed) {
  Pair pair(seed);
  LinkOptions link;
  link.loss = 0.1;
  link.duplicate = 0.1;
  link.reorder = 0.2;
  link.segment_bytes = 100;
  pair.world.set_link(link);
  Reader reader;
  reader.read(pair.server());
  const std::string text(10000, 'x');
  const std::array<std::string_view, 1> pieces = {text};
  pair.client->write(pieces, [](Status) {});
  const auto timer = pair.a.make_timer();
  std::function<void()> tick = [&] {
    pair.from->send(pair.to->local(), std::to_string(pair.a.random().next()));
    timer->start(pair.a.random().below(Duration(milliseconds(10))), [&] { tick(); });
  };
  tick();
  pair.world.run_for(seconds(1));
  return pair.world.trace();
}

TEST_CASE("one seed gives one run; another gives another") {
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::uint64_t trace = run_something(seed);
    CHECK(trace == run_something(seed));
    traces.insert(trace);
  }
  CHECK(traces.size() == 20);
}

TEST_CASE("time is virtual") {
  Simulation world(1);
  SimEnv& env = world.add_env("a");
  const auto timer = env.make_timer();
  bool fired = false;
  const Duration before = env.clock().monotonic();
  timer->start(hours(1000), [&] { fired = true; });
  world.run_for(hours(999));
  CHECK_FALSE(fired);
  CHECK(env.clock().monotonic() - before == hours(999));
  CHECK(world.run_until([&] { return fired; }, hours(2)));
  CHECK(world.now() == hours(1000));
  CHECK_FALSE(world.step());
  CHECK_FALSE(world.run_until([] { return false; }, hours(1)));
  CHECK(world.now() == hours(1001));
}

TEST_CASE("wall clocks may be off") {
  Simulation world(1);
  SimEnv& a = world.add_env("a");
  SimEnv& b = world.add_env("b");
  CHECK(a.clock().wall() == b.clock().wall());
  b.set_wall_skew(-hours(1));
  CHECK(a.clock().wall() - b.clock().wall() == hours(1));
  CHECK(a.clock().monotonic() == b.clock().monotonic());
}

TEST_CASE("machines have names, addresses and a log of their own") {
  Simulation world(1);
  SimEnv& a = world.add_env("a");
  SimEnv& b = world.add_env("b", "192.0.2.7");
  CHECK(a.address() == "10.0.0.1");
  CHECK(b.address() == "192.0.2.7");
  CHECK(b.name() == "b");
  world.run_for(seconds(3));
  b.log().write(Level::kWarn, "unit", "message");
  REQUIRE(b.log_lines().size() == 1);
  CHECK(b.log_lines()[0].at == seconds(3));
  CHECK(b.log_lines()[0].level == Level::kWarn);
  CHECK(b.log_lines()[0].unit == "unit");
  CHECK(b.log_lines()[0].message == "message");
  CHECK(a.log_lines().empty());
}

TEST_CASE("machines do not share ports, nor loopback") {
  Simulation world(1);
  SimEnv& a = world.add_env("a");
  SimEnv& b = world.add_env("b");
  Acceptance at_a(a, {"127.0.0.1", 8500});
  Acceptance at_b(b, {"0.0.0.0", 8500});
  REQUIRE(at_a.listener);
  REQUIRE(at_b.listener);
  CHECK_FALSE(b.listen({"127.0.0.1", 8500}, {}).ok());
  CHECK(b.listen({"::1", 8500}, {}).ok());
  Status status;
  std::unique_ptr<Stream> stream;
  const auto connect = [&](SimEnv& from, const std::string& address) {
    stream.reset();
    status = {};
    from.connect({address, 8500}, seconds(5), [&](Result<std::unique_ptr<Stream>> result) {
      status = result.status();
      if (result) stream = std::move(*result);
    });
    world.run_for(seconds(10));
  };
  connect(a, "127.0.0.1");
  CHECK((stream && at_a.streams.size() == 1 && at_b.streams.empty()));
  connect(b, "127.0.0.1");
  CHECK((stream && at_b.streams.size() == 1));
  connect(a, b.address());
  CHECK((stream && at_b.streams.size() == 2));
  CHECK(at_b.streams[1]->remote().address == a.address());
  connect(b, a.address());  // listens on its loopback alone
  CHECK(status.code() == Code::kUnavailable);
  connect(a, "10.9.9.9");
  CHECK(status.code() == Code::kDeadlineExceeded);
}

TEST_CASE("datagrams are lost, doubled and reordered as the link says") {
  Pair pair;
  pair.send_numbers(1000);
  pair.world.run_for(seconds(1));
  CHECK(pair.received.size() == 1000);
  pair.received.clear();
  LinkOptions link;
  link.loss = 0.3;
  pair.world.set_link(link);
  pair.send_numbers(1000);
  pair.world.run_for(seconds(1));
  CHECK(pair.received.size() > 600);
  CHECK(pair.received.size() < 800);
  pair.received.clear();
  link = {};
  link.duplicate = 0.5;
  pair.world.set_link(pair.a, pair.b, link);
  pair.send_numbers(1000);
  pair.world.run_for(seconds(1));
  CHECK(pair.received.size() > 1400);
  CHECK(pair.received.size() < 1600);
  pair.received.clear();
  link = {};
  link.min_delay = link.max_delay = milliseconds(1);
  pair.world.set_link(pair.a, pair.b, link);
  pair.send_numbers(100);
  pair.world.run_for(seconds(1));
  REQUIRE(pair.received.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(pair.received[i] == std::to_string(i));
  pair.received.clear();
  link.reorder = 0.5;
  pair.world.set_link(pair.a, pair.b, link);
  pair.send_numbers(100);
  pair.world.run_for(seconds(1));
  REQUIRE(pair.received.size() == 100);
  CHECK_FALSE(std::is_sorted(pair.received.begin(), pair.received.end(),
                             [](const auto& x, const auto& y) { return std::stoi(x) < std::stoi(y); }));
}

TEST_CASE("a partition loses datagrams, holds streams, and breaks them when it lasts") {
  Pair pair;
  Reader reader;
  reader.read(pair.server());
  pair.world.block(pair.a, pair.b);
  pair.send_numbers(10);
  const std::array<std::string_view, 1> first = {"first "};
  pair.client->write(first, [](Status) {});
  pair.world.run_for(seconds(5));
  CHECK(pair.received.empty());
  CHECK(reader.text.empty());
  pair.world.unblock(pair.a, pair.b);
  const std::array<std::string_view, 1> second = {"second"};
  pair.client->write(second, [](Status) {});
  pair.world.run_for(seconds(5));
  CHECK(reader.text == "first second");
  pair.world.block(pair.a, pair.b);
  Reader at_client;
  at_client.read(*pair.client);
  pair.client->write(first, [](Status) {});
  pair.world.run_for(seconds(60));
  CHECK(at_client.failure.code() == Code::kUnavailable);
  CHECK_FALSE(reader.ended);  // it has sent nothing and so knows nothing
  Status status;
  pair.a.connect({pair.b.address(), 8500}, seconds(5),
                 [&](Result<std::unique_ptr<Stream>> result) { status = result.status(); });
  pair.world.run_for(seconds(6));
  CHECK(status.code() == Code::kDeadlineExceeded);
}

TEST_CASE("a connection attempt survives a short partition") {
  Pair pair;
  pair.world.block(pair.a, pair.b);
  std::unique_ptr<Stream> stream;
  pair.a.connect({pair.b.address(), 8500}, seconds(5), [&](Result<std::unique_ptr<Stream>> result) {
    if (result) stream = std::move(*result);
  });
  pair.world.run_for(seconds(2));
  CHECK_FALSE(stream);
  pair.world.unblock(pair.a, pair.b);
  pair.world.run_for(seconds(2));
  CHECK(stream);
}

TEST_CASE("streams can be reset") {
  Pair pair;
  Reader at_server;
  Reader at_client;
  at_server.read(pair.server());
  at_client.read(*pair.client);
  pair.world.reset_streams(pair.a, pair.b);
  pair.world.run_for(seconds(1));
  CHECK(at_server.failure.message() == "connection reset by peer");
  CHECK(at_client.failure.message() == "connection reset by peer");
  Status status;
  const std::array<std::string_view, 1> piece = {"x"};
  pair.client->write(piece, [&](Status written) { status = written; });
  pair.world.run_for(seconds(1));
  CHECK(status.code() == Code::kUnavailable);
}

TEST_CASE("streams arrive byte by byte where the link says so") {
  Pair pair;
  LinkOptions link;
  link.segment_bytes = 1;
  pair.world.set_link(link);
  const std::array<std::string_view, 1> piece = {"abcdef"};
  pair.client->write(piece, [](Status) {});
  std::vector<std::size_t> sizes;
  std::array<char, 100> buffer{};
  std::function<void()> read = [&] {
    pair.server().read_some(buffer, [&](Result<std::size_t> size) {
      if (!size) return;
      sizes.push_back(*size);
      read();
    });
  };
  read();
  pair.world.run_for(seconds(1));
  CHECK(sizes == std::vector<std::size_t>(6, 1));
}

TEST_CASE("a stream's window holds back a writer whose reader does not read") {
  Pair pair;
  bool written = false;
  const std::string text(70000, 'x');
  const std::array<std::string_view, 1> pieces = {text};
  pair.client->write(pieces, [&](Status) { written = true; });
  pair.world.run_for(seconds(10));
  CHECK_FALSE(written);
  Reader reader;
  reader.read(pair.server());
  pair.world.run_for(seconds(1));
  CHECK(written);
  CHECK(reader.text.size() == 70000);
}

TEST_CASE("a crash stops a machine, silently") {
  Pair pair;
  REQUIRE(pair.b.files().replace("/synced", "x").ok());
  FileFaults faults;
  faults.lose_at_crash = 1;
  pair.b.sim_files().set_faults(faults);
  CHECK_FALSE(pair.b.files().replace("/synced", "y").ok());
  CHECK(*pair.b.files().read("/synced", 10) == "y");
  int ran = 0;
  pair.b.post([&] { ++ran; });
  auto timer = pair.b.make_timer();
  timer->start(seconds(1), [&] { ++ran; });
  Reader at_server;
  Reader at_client;
  at_server.read(pair.server());
  at_client.read(*pair.client);
  pair.world.crash(pair.b);
  CHECK_FALSE(pair.b.running());
  pair.send_numbers(3);
  pair.world.run_for(seconds(5));
  CHECK(ran == 0);
  CHECK(pair.received.empty());
  CHECK_FALSE(at_server.ended);
  CHECK_FALSE(at_client.ended);
  // The program's objects go with it.
  timer.reset();
  pair.acceptance.streams.clear();
  pair.acceptance.listener.reset();
  pair.to.reset();
  pair.world.restart(pair.b);
  CHECK(*pair.b.files().read("/synced", 10) == "x");
  const std::array<std::string_view, 1> piece = {"x"};
  pair.client->write(piece, [](Status) {});
  pair.world.run_for(seconds(5));
  CHECK(at_client.failure.message() == "connection reset by peer");
  CHECK(pair.b.listen({pair.b.address(), 8500}, {}).ok());
  pair.b.post([&] { ++ran; });
  pair.world.run_for(seconds(5));
  CHECK(ran == 1);
}

TEST_CASE("who waits for a peer that has given the connection up finds out") {
  Pair pair;
  Reader at_client;
  at_client.read(*pair.client);
  pair.world.block(pair.a, pair.b);
  const std::array<std::string_view, 1> piece = {"x"};
  pair.server().write(piece, [](Status) {});
  Reader at_server;
  at_server.read(pair.server());
  REQUIRE(pair.world.run_until([&] { return !at_server.failure.ok(); }, seconds(20)));
  pair.acceptance.streams.clear();
  pair.world.unblock(pair.a, pair.b);
  pair.world.run_for(seconds(14));
  CHECK_FALSE(at_client.ended);
  pair.world.run_for(seconds(1));
  CHECK(at_client.failure.message() == "connection reset by peer");
}

TEST_CASE("who waits for a machine that is gone finds out") {
  Pair pair;
  Reader at_client;
  at_client.read(*pair.client);
  pair.world.crash(pair.b);
  pair.world.run_for(seconds(134));
  CHECK_FALSE(at_client.ended);
  pair.world.run_for(seconds(1));
  CHECK(at_client.failure.message() == "connection timed out");
}

TEST_CASE("a stopped machine does nothing, and then all that it has missed, in order") {
  Pair pair;
  std::vector<std::string> done;
  Reader at_server;
  at_server.read(pair.server());
  const auto late = pair.b.make_timer();
  const auto early = pair.b.make_timer();
  const auto cancelled = pair.b.make_timer();
  late->start(milliseconds(300), [&] {
    done.emplace_back("late");
    cancelled->cancel();
  });
  early->start(milliseconds(100), [&] { done.emplace_back("early"); });
  cancelled->start(milliseconds(400), [&] { done.emplace_back("cancelled"); });
  pair.b.post([&] { done.emplace_back("task"); });
  const Duration stopped = pair.world.now();
  pair.world.pause(pair.b, seconds(2));
  pair.world.pause(pair.b, seconds(1));  // does not shorten it
  CHECK(pair.b.paused());
  const std::array<std::string_view, 1> piece = {"x"};
  bool written = false;
  pair.client->write(piece, [&](Status status) { written = status.ok(); });
  pair.send_numbers(2);
  pair.world.run_for(milliseconds(1999));
  CHECK(done.empty());
  CHECK(at_server.text.empty());
  CHECK(pair.received.empty());
  CHECK(written);  // the others go on
  // It goes on before it knows of anything.
  REQUIRE(pair.world.run_until([&] { return !pair.b.paused(); }, seconds(1)));
  CHECK(pair.world.now() - stopped == seconds(2));
  CHECK(done.empty());
  const Duration clock = pair.b.clock().monotonic() - pair.a.clock().monotonic();
  CHECK(clock == Duration::zero());
  pair.world.run_for(Duration::zero());
  CHECK(done == std::vector<std::string>{"task", "early", "late"});
  CHECK(at_server.text == "x");
  CHECK(pair.received.size() == 2);
}

TEST_CASE("pauses grow, and end with a crash") {
  Pair pair;
  pair.world.pause(pair.b, seconds(1));
  pair.world.run_for(milliseconds(900));
  pair.world.pause(pair.b, seconds(1));
  pair.world.run_for(milliseconds(900));
  CHECK(pair.b.paused());
  pair.world.run_for(milliseconds(100));
  CHECK_FALSE(pair.b.paused());

  int ran = 0;
  pair.world.pause(pair.b, seconds(1));
  pair.b.post([&] { ++ran; });
  pair.world.crash(pair.b);
  pair.world.pause(pair.b, seconds(1));  // there is nothing to stop
  pair.world.restart(pair.b);
  CHECK_FALSE(pair.b.paused());
  pair.world.pause(pair.b, seconds(5));
  pair.b.post([&] { ran += 10; });
  pair.world.run_for(seconds(4));
  CHECK(ran == 0);
  CHECK(pair.b.paused());
  pair.world.run_for(seconds(1));
  CHECK(ran == 10);
}

TEST_CASE("a stopped machine is connected to, and answers later") {
  Pair pair;
  pair.world.pause(pair.b, seconds(20));
  std::unique_ptr<Stream> stream;
  pair.a.connect({pair.b.address(), 8500}, seconds(5), [&](Result<std::unique_ptr<Stream>> result) {
    if (result) stream = std::move(*result);
  });
  pair.world.run_for(seconds(1));
  REQUIRE(stream);
  const std::array<std::string_view, 1> piece = {"x"};
  stream->write(piece, [](Status) {});
  pair.world.run_for(seconds(18));
  CHECK(pair.acceptance.streams.size() == 1);
  pair.world.run_for(seconds(2));
  REQUIRE(pair.acceptance.streams.size() == 2);
  Reader reader;
  reader.read(*pair.acceptance.streams[1]);
  pair.world.run_for(seconds(1));
  CHECK(reader.text == "x");
}

TEST_CASE("a peer that stays down times a stream out") {
  Pair pair;
  Reader at_client;
  at_client.read(*pair.client);
  pair.world.crash(pair.b);
  const std::array<std::string_view, 1> piece = {"x"};
  pair.client->write(piece, [](Status) {});
  pair.world.run_for(seconds(30));
  CHECK(at_client.failure.message() == "connection timed out");
}

TEST_CASE("the power goes in the middle of a write") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Simulation world(seed);
    SimEnv& env = world.add_env("a");
    Files& files = env.files();
    REQUIRE(files.replace("/a", "old").ok());
    REQUIRE(files.replace("/gone", "x").ok());
    env.sim_files().lose_power_after(seed % 8);
    const bool replaced = files.replace("/a", "new content").ok();
    const bool removed = files.remove("/gone").ok();
    CHECK(removed == env.sim_files().has_power());
    world.crash(env);
    CHECK_FALSE(files.replace("/late", "x").ok());
    CHECK_FALSE(files.list("/").ok());
    world.restart(env);
    const std::string now = *files.read("/a", 100);
    CHECK((now == "new content" || (now == "old" && !replaced)));
    if (removed) CHECK_FALSE(files.read("/gone", 10).ok());
    CHECK_FALSE(files.read("/late", 10).ok());
    const auto leftover = files.read("/a.tmp", 100);
    CHECK((!leftover.ok() || std::string("new content").starts_with(*leftover)));
    seen.insert(now + (leftover.ok() ? " and a leftover" : ""));
  }
  CHECK(seen.size() >= 3);  // all of them come about
}

TEST_CASE("disks run full and fail") {
  Simulation world(1);
  SimEnv& env = world.add_env("a");
  Files& files = env.files();
  FileFaults faults;
  faults.capacity = 10;
  env.sim_files().set_faults(faults);
  CHECK(files.replace("/a", "12345").ok());
  CHECK(files.replace("/b", "123456").code() == Code::kResourceExhausted);
  CHECK(*files.read("/a", 10) == "12345");
  CHECK(files.read("/b", 10).status().code() == Code::kNotFound);
  faults = {};
  faults.fail_write = 1;
  faults.fail_read = 1;
  env.sim_files().set_faults(faults);
  CHECK(files.replace("/a", "1").code() == Code::kUnavailable);
  CHECK(files.remove("/a").code() == Code::kUnavailable);
  CHECK(files.read("/a", 10).status().code() == Code::kUnavailable);
  env.sim_files().set_faults({});
  CHECK(*files.read("/a", 10) == "12345");
  faults = {};
  faults.lose_at_crash = 1;
  env.sim_files().set_faults(faults);
  CHECK_FALSE(files.remove("/a").ok());
  CHECK_FALSE(files.read("/a", 10).ok());
  world.crash(env);
  world.restart(env);
  CHECK(files.read("/a", 10).ok());
}

}  // namespace
}  // namespace discovery::env
