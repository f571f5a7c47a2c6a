#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/env/world.h"

namespace discovery::env {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEMPLATE_TEST_CASE("posted tasks run in order, and not inside post()", "", RealWorld, SimWorld) {
  TestType world;
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    world.server().post([&order, i] { order.push_back(i); });
  }
  world.server().post([&] {
    CHECK(world.server().on_loop());
    world.server().post([&] { order.push_back(101); });
    order.push_back(100);
  });
  CHECK(order.empty());
  REQUIRE(world.run_until([&] { return order.size() == 102; }));
  for (int i = 0; i < 102; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEMPLATE_TEST_CASE("timers fire in the order of their times, each once", "", RealWorld, SimWorld) {
  TestType world;
  std::vector<int> order;
  const auto late = world.server().make_timer();
  const auto early = world.server().make_timer();
  const Duration begin = world.server().clock().monotonic();
  late->start(milliseconds(40), [&] { order.push_back(2); });
  early->start(milliseconds(10), [&] { order.push_back(1); });
  CHECK(order.empty());
  REQUIRE(world.run_until([&] { return order.size() == 2; }));
  CHECK(order == std::vector<int>{1, 2});
  CHECK(world.server().clock().monotonic() - begin >= milliseconds(40));
  world.settle();
  CHECK(order.size() == 2);
}

TEMPLATE_TEST_CASE("a timer without delay fires soon, and not inside start()", "", RealWorld, SimWorld) {
  TestType world;
  bool fired = false;
  const auto timer = world.server().make_timer();
  timer->start(Duration::zero(), [&] { fired = true; });
  CHECK_FALSE(fired);
  CHECK(world.run_until([&] { return fired; }));
}

TEMPLATE_TEST_CASE("what is cancelled, armed anew or destroyed does not fire", "", RealWorld, SimWorld) {
  TestType world;
  std::vector<int> fired;
  auto cancelled = world.server().make_timer();
  auto destroyed = world.server().make_timer();
  auto armed_anew = world.server().make_timer();
  cancelled->start(milliseconds(1), [&] { fired.push_back(1); });
  destroyed->start(milliseconds(1), [&] { fired.push_back(2); });
  armed_anew->start(milliseconds(1), [&] { fired.push_back(3); });
  cancelled->cancel();
  destroyed.reset();
  armed_anew->start(milliseconds(5), [&] { fired.push_back(4); });
  REQUIRE(world.run_until([&] { return !fired.empty(); }));
  world.settle();
  CHECK(fired == std::vector<int>{4});
}

TEMPLATE_TEST_CASE("a timer that has expired can still be cancelled by another", "", RealWorld, SimWorld) {
  TestType world;
  const auto first = world.server().make_timer();
  const auto second = world.server().make_timer();
  int fired = 0;
  first->start(milliseconds(1), [&] {
    ++fired;
    second->cancel();
  });
  second->start(milliseconds(1), [&] {
    ++fired;
    first->cancel();
  });
  REQUIRE(world.run_until([&] { return fired > 0; }));
  world.settle();
  CHECK(fired == 1);
}

TEMPLATE_TEST_CASE("a timer may arm itself anew and be destroyed by its callback", "", RealWorld, SimWorld) {
  TestType world;
  auto timer = world.server().make_timer();
  int fired = 0;
  std::function<void()> fire = [&] {
    if (++fired < 3) {
      timer->start(milliseconds(1), [&] { fire(); });
    } else {
      timer.reset();
    }
  };
  timer->start(milliseconds(1), [&] { fire(); });
  CHECK(world.run_until([&] { return timer == nullptr; }));
  CHECK(fired == 3);
}

TEMPLATE_TEST_CASE("datagrams arrive with their sender, empty ones too", "", RealWorld, SimWorld) {
  TestType world;
  auto server = *world.server().bind({world.address(), 0}, {});
  auto client = *world.client().bind({"0.0.0.0", 0}, {});
  std::vector<std::string> at_server;
  std::vector<Datagram> at_client;
  server->start([&](Datagram& datagram) {
    server->send(datagram.peer, "re: " + datagram.bytes);
    at_server.push_back(std::move(datagram.bytes));
  });
  client->start([&](Datagram& datagram) { at_client.push_back(datagram); });
  const Endpoint to{world.address(), server->local().port};
  client->send(to, "hello");
  client->send(to, "");
  client->send(to, std::string(60000, 'x'));
  client->send({"no address", 1}, "lost");
  REQUIRE(world.run_until([&] { return at_client.size() == 3; }));
  std::sort(at_server.begin(), at_server.end());  // the network may change the order
  CHECK(at_server == std::vector<std::string>{"", "hello", std::string(60000, 'x')});
  CHECK(at_client[0].peer == to);
  CHECK_FALSE(world.server().bind(server->local(), {}).ok());
}

TEMPLATE_TEST_CASE("a datagram socket may be destroyed by its own callback", "", RealWorld, SimWorld) {
  TestType world;
  auto socket = *world.server().bind({world.address(), 0}, {});
  const auto sender = *world.client().bind({"0.0.0.0", 0}, {});
  const Endpoint to{world.address(), socket->local().port};
  socket->start([&](Datagram&) { socket.reset(); });
  sender->send(to, "1");
  sender->send(to, "2");
  CHECK(world.run_until([&] { return socket == nullptr; }));
  world.settle();
}

TEMPLATE_TEST_CASE("files get other names, and leftovers of writing go", "", RealWorld, SimWorld) {
  TestType world;
  Files& files = world.server().files();
  const std::string directory = world.directory() + "/d";
  REQUIRE(files.make_directory(directory).ok());
  REQUIRE(files.replace(directory + "/a", "1").ok());
  REQUIRE(files.replace(directory + "/b", "2").ok());
  REQUIRE(files.rename(directory + "/a", directory + "/b").ok());
  CHECK(*files.read(directory + "/b", 10) == "1");
  CHECK(files.rename(directory + "/a", directory + "/c").code() == Code::kNotFound);
  REQUIRE(files.rename(directory + "/b", directory + "/left.tmp").ok());
  REQUIRE(files.replace(directory + "/kept", "3").ok());
  CHECK(*files.list(directory) == std::vector<std::string>{"kept"});
  REQUIRE(files.remove_leftovers(directory).ok());
  CHECK(files.read(directory + "/left.tmp", 10).status().code() == Code::kNotFound);
  CHECK(*files.read(directory + "/kept", 10) == "3");
  CHECK(files.remove_leftovers(world.directory() + "/none").code() == Code::kNotFound);
}

TEMPLATE_TEST_CASE("a directory has one owner at a time", "", RealWorld, SimWorld) {
  TestType world;
  Files& files = world.server().files();
  const std::string directory = world.directory() + "/owned";
  CHECK(files.lock_directory(directory).status().code() == Code::kNotFound);
  REQUIRE(files.make_directory(directory).ok());
  {
    const auto lock = files.lock_directory(directory);
    REQUIRE(lock.ok());
    const Status refused = files.lock_directory(directory).status();
    CHECK(refused.code() == Code::kUnavailable);
    CHECK(refused.message().find("is in use by another agent") != std::string_view::npos);
    CHECK(files.replace(directory + "/file", "x").ok());  // it keeps out owners, not writers
  }
  CHECK(files.lock_directory(directory).ok());
}

TEMPLATE_TEST_CASE("files are replaced whole, listed and removed", "", RealWorld, SimWorld) {
  TestType world;
  Files& files = world.server().files();
  const std::string directory = world.directory() + "/a/b";
  REQUIRE(files.make_directory(directory).ok());
  CHECK(files.make_directory(directory).ok());
  const std::string path = directory + "/state";
  CHECK(files.read(path, 100).status().code() == Code::kNotFound);
  CHECK(files.remove(path).code() == Code::kNotFound);
  REQUIRE(files.replace(path, "first").ok());
  REQUIRE(files.replace(path, std::string("sec\0nd", 6)).ok());
  REQUIRE(files.replace(directory + "/empty", "").ok());
  const auto content = files.read(path, 6);
  REQUIRE(content.ok());
  CHECK(*content == std::string("sec\0nd", 6));
  CHECK(files.read(path, 5).status().code() == Code::kResourceExhausted);
  CHECK(files.read(directory + "/empty", 0).ok());
  const auto names = files.list(directory);
  REQUIRE(names.ok());
  CHECK(*names == std::vector<std::string>{"empty", "state"});
  CHECK(files.list(directory + "/none").status().code() == Code::kNotFound);
  CHECK(files.replace(directory + "/none/x", "").code() == Code::kNotFound);
  CHECK(files.remove(path).ok());
  CHECK(files.list(directory)->size() == 1);
}

TEMPLATE_TEST_CASE("random numbers differ and stay below their bound", "", RealWorld, SimWorld) {
  TestType world;
  Random& random = world.server().random();
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 1000; ++i) numbers.push_back(random.next());
  std::sort(numbers.begin(), numbers.end());
  CHECK(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
  CHECK(random.below(0) == 0);
  for (int i = 0; i < 1000; ++i) CHECK(random.below(std::uint64_t{7}) < 7);
  CHECK(random.below(Duration(milliseconds(3))) < milliseconds(3));
}

TEMPLATE_TEST_CASE("clocks go on", "", RealWorld, SimWorld) {
  TestType world;
  const Duration before = world.server().clock().monotonic();
  const auto wall = world.server().clock().wall();
  bool fired = false;
  const auto timer = world.server().make_timer();
  timer->start(milliseconds(20), [&] { fired = true; });
  REQUIRE(world.run_until([&] { return fired; }));
  CHECK(world.server().clock().monotonic() - before >= milliseconds(20));
  CHECK(world.server().clock().wall() - wall >= milliseconds(15));
}

TEST_CASE("endpoints as text") {
  CHECK(Endpoint{"127.0.0.1", 80}.to_string() == "127.0.0.1:80");
  CHECK(Endpoint{"::1", 80}.to_string() == "[::1]:80");
  CHECK(Endpoint{"/run/x.sock", 0}.to_string() == "unix:///run/x.sock");
  CHECK(Endpoint{"/run/x.sock", 0}.is_unix());
  CHECK_FALSE(Endpoint{"::1", 80}.is_unix());
}

}  // namespace
}  // namespace discovery::env
