#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/env/world.h"

namespace discovery::env {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEMPLATE_TEST_CASE("bytes go both ways, in order", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  Reader at_server;
  Reader at_client;
  at_server.read(link.server());
  at_client.read(*link.client);
  int written = 0;
  const std::array<std::string_view, 4> pieces = {"one ", "", "two ", "three"};
  link.client->write(pieces, [&](Status status) { written += status.ok() ? 1 : 0; });
  CHECK(written == 0);  // never inside the call
  const std::array<std::string_view, 1> answer = {"answer"};
  link.server().write(answer, [&](Status status) { written += status.ok() ? 1 : 0; });
  REQUIRE(link.world.run_until([&] { return at_server.text.size() == 13 && at_client.text.size() == 6; }));
  CHECK(at_server.text == "one two three");
  CHECK(at_client.text == "answer");
  CHECK(written == 2);
}

TEMPLATE_TEST_CASE("each side knows the other's address", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  CHECK(link.client->remote() == Endpoint{link.world.address(), link.acceptance.listener->local().port});
  CHECK(link.acceptance.listener->local().port != 0);
  CHECK(link.server().remote().port != 0);
  CHECK_FALSE(link.server().remote().address.empty());
}

TEMPLATE_TEST_CASE("a side that ends its sending still receives", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  const std::array<std::string_view, 1> request = {"request"};
  link.client->write(request, [](Status) {});
  link.client->shutdown_send();
  Reader at_server;
  at_server.read(link.server());
  REQUIRE(link.world.run_until([&] { return at_server.ended; }));
  CHECK(at_server.failure.ok());
  CHECK(at_server.text == "request");
  const std::array<std::string_view, 1> answer = {"answer"};
  link.server().write(answer, [](Status) {});
  Reader at_client;
  at_client.read(*link.client);
  REQUIRE(link.world.run_until([&] { return at_client.text == "answer"; }));
}

TEMPLATE_TEST_CASE("destroying a stream drops its callbacks and ends the peer's reading", "", RealWorld,
                   SimWorld) {
  Connected<TestType> link;
  bool called = false;
  std::array<char, 10> buffer{};
  link.client->read_some(buffer, [&](Result<std::size_t>) { called = true; });
  Reader at_server;
  at_server.read(link.server());
  link.client.reset();
  REQUIRE(link.world.run_until([&] { return at_server.ended; }));
  link.world.settle();
  CHECK_FALSE(called);
}

TEMPLATE_TEST_CASE("a stream may be destroyed by its own callback", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  std::array<char, 10> buffer{};
  bool called = false;
  link.client->read_some(buffer, [&](Result<std::size_t>) {
    link.client.reset();
    called = true;
  });
  const std::array<std::string_view, 1> text = {"x"};
  link.server().write(text, [&](Status) { link.acceptance.streams.clear(); });
  REQUIRE(link.world.run_until([&] { return called && link.acceptance.streams.empty(); }));
}

TEMPLATE_TEST_CASE("close() cancels what is under way", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  Code read_code = Code::kOk;
  std::array<char, 10> buffer{};
  link.client->read_some(buffer, [&](Result<std::size_t> result) { read_code = result.status().code(); });
  // More than the connection takes, as nobody reads at the other end.
  const std::string big(64U << 20, 'x');
  Code write_code = Code::kOk;
  const std::array<std::string_view, 1> pieces = {big};
  link.client->write(pieces, [&](Status status) { write_code = status.code(); });
  link.world.settle();
  CHECK(write_code == Code::kOk);
  link.client->close();
  REQUIRE(link.world.run_until([&] { return read_code != Code::kOk && write_code != Code::kOk; }));
  CHECK(read_code == Code::kCancelled);
  CHECK(write_code == Code::kCancelled);
  // And so does what is asked for later.
  read_code = write_code = Code::kOk;
  link.client->read_some(buffer, [&](Result<std::size_t> result) { read_code = result.status().code(); });
  link.client->write(pieces, [&](Status status) { write_code = status.code(); });
  CHECK(read_code == Code::kOk);
  REQUIRE(link.world.run_until([&] { return read_code != Code::kOk && write_code != Code::kOk; }));
  CHECK(read_code == Code::kCancelled);
  CHECK(write_code == Code::kCancelled);
}

TEMPLATE_TEST_CASE("what was written before close() arrives", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  const std::array<std::string_view, 2> pieces = {"last", " words"};
  link.server().write(pieces, [](Status) {});
  link.server().close();
  Reader at_client;
  at_client.read(*link.client);
  REQUIRE(link.world.run_until([&] { return at_client.ended; }));
  CHECK(at_client.text == "last words");
}

TEMPLATE_TEST_CASE("short writes on many streams in one turn all arrive", "", RealWorld, SimWorld) {
  constexpr std::size_t kStreams = 50;  // some batches of what is sent together, and a rest
  TestType world;
  Acceptance acceptance(world.server(), {world.address(), 0});
  std::vector<std::unique_ptr<Stream>> clients;
  for (std::size_t i = 0; i < kStreams; ++i) {
    world.client().connect(
        {world.address(), acceptance.listener->local().port}, std::chrono::seconds(5),
        [&](Result<std::unique_ptr<Stream>> result) { clients.push_back(std::move(*result)); });
  }
  REQUIRE(
      world.run_until([&] { return clients.size() == kStreams && acceptance.streams.size() == kStreams; }));
  const std::array<std::string_view, 1> text = {"all at once"};
  std::size_t written = 0;
  std::size_t gone = 0;
  world.server().post([&] {
    for (std::size_t i = 0; i < kStreams; ++i) {
      acceptance.streams[i]->write(text, [&](Status status) { written += status.ok() ? 1U : 0U; });
      acceptance.streams[i]->shutdown_send();
    }
    acceptance.streams.back().reset();  // one of them goes before it was its turn
    gone = 1;
  });
  std::vector<Reader> readers(kStreams);
  for (std::size_t i = 0; i < kStreams; ++i) readers[i].read(*clients[i]);
  const auto ended = [&] {
    return std::all_of(readers.begin(), readers.end(), [](const Reader& reader) { return reader.ended; });
  };
  REQUIRE(world.run_until(ended));
  CHECK(written == kStreams - gone);
  std::size_t arrived = 0;
  for (const Reader& reader : readers) arrived += reader.text == text.front() ? 1U : 0U;
  CHECK(arrived >= kStreams - gone);
}

TEMPLATE_TEST_CASE("a big write waits for a slow reader and arrives whole", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  std::string big;
  for (int i = 0; i < 2'000'000; ++i) big += static_cast<char>('a' + i * 7 % 26);
  bool written = false;
  const std::array<std::string_view, 3> pieces = {"<", big, ">"};
  link.server().write(pieces, [&](Status status) { written = status.ok(); });
  link.server().shutdown_send();  // after what was written
  Reader at_client;
  link.world.settle();
  at_client.read(*link.client);
  REQUIRE(link.world.run_until([&] { return at_client.ended; }));
  CHECK(written);
  CHECK(at_client.failure.ok());
  CHECK(at_client.text.size() == big.size() + 2);
  CHECK(at_client.text == "<" + big + ">");
}

TEMPLATE_TEST_CASE("many writes that end at once do not starve a timer", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  Reader at_client;
  at_client.read(*link.client);
  bool stop = false;
  const std::array<std::string_view, 1> piece = {"x"};
  std::function<void()> again = [&] {
    link.server().write(piece, [&](Status status) {
      if (status.ok() && !stop) again();
    });
  };
  again();
  const auto timer = link.world.server().make_timer();
  timer->start(milliseconds(5), [&] { stop = true; });
  CHECK(link.world.run_until([&] { return stop; }));
  link.world.settle();
}

TEMPLATE_TEST_CASE("a connection that nobody listens for is refused", "", RealWorld, SimWorld) {
  TestType world;
  std::uint16_t port = 0;
  {
    Acceptance gone(world.server(), {world.address(), 0});
    port = gone.listener->local().port;
  }
  Status status;
  world.client().connect({world.address(), port}, seconds(5),
                         [&](Result<std::unique_ptr<Stream>> result) { status = result.status(); });
  CHECK(status.ok());  // never inside the call
  REQUIRE(world.run_until([&] { return !status.ok(); }));
  CHECK(status.code() == Code::kUnavailable);
  CHECK(std::string(status.message()).find("refused") != std::string::npos);
}

TEMPLATE_TEST_CASE("listening where another listens says what to do", "", RealWorld, SimWorld) {
  TestType world;
  Acceptance first(world.server(), {world.address(), 0});
  REQUIRE(first.listener);
  const auto second = world.server().listen(first.listener->local(), {});
  REQUIRE_FALSE(second.ok());
  CHECK(second.status().code() == Code::kUnavailable);
  CHECK(second.status().message() ==
        "cannot listen on " + first.listener->local().to_string() +
            ": address already in use; stop the program that has it or choose another");
  first.listener.reset();
  CHECK(world.server().listen({world.address(), 0}, {}).ok());
}

TEMPLATE_TEST_CASE("listening on an address of another machine is refused", "", RealWorld, SimWorld) {
  TestType world;
  const auto result = world.server().listen({"192.0.2.1", 8500}, {});
  REQUIRE_FALSE(result.ok());
  CHECK(result.status().code() == Code::kUnavailable);
}

TEMPLATE_TEST_CASE("a listener may be destroyed by its own callback", "", RealWorld, SimWorld) {
  TestType world;
  auto listener = *world.server().listen({world.address(), 0}, {});
  const Endpoint at = listener->local();
  std::unique_ptr<Stream> accepted;
  listener->start([&](std::unique_ptr<Stream> stream) {
    accepted = std::move(stream);
    listener.reset();
  });
  std::unique_ptr<Stream> client;
  world.client().connect({world.address(), at.port}, seconds(5),
                         [&](Result<std::unique_ptr<Stream>> result) { client = std::move(*result); });
  CHECK(world.run_until([&] { return accepted && client && !listener; }));
}

TEMPLATE_TEST_CASE("many connections are accepted", "", RealWorld, SimWorld) {
  TestType world;
  Acceptance acceptance(world.server(), {world.address(), 0});
  std::vector<std::unique_ptr<Stream>> clients;
  for (int i = 0; i < 200; ++i) {
    world.client().connect({world.address(), acceptance.listener->local().port}, seconds(5),
                           [&](Result<std::unique_ptr<Stream>> result) {
                             if (result) clients.push_back(std::move(*result));
                           });
  }
  CHECK(world.run_until([&] { return clients.size() == 200 && acceptance.streams.size() == 200; }));
}

TEMPLATE_TEST_CASE("writing to a peer that has gone fails in the end", "", RealWorld, SimWorld) {
  Connected<TestType> link;
  link.acceptance.streams.clear();
  Status failure;
  const std::array<std::string_view, 1> piece = {"x"};
  std::function<void()> again = [&] {
    link.client->write(piece, [&](Status status) {
      failure = status;
      if (status.ok()) link.world.client().post(again);
    });
  };
  again();
  REQUIRE(link.world.run_until([&] { return !failure.ok(); }));
  CHECK(failure.code() == Code::kUnavailable);
}

}  // namespace
}  // namespace discovery::env
