// The servers: UDP on threads and sockets of its own, UDP and TCP in the simulated world.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>

#include "lib/dns/datagram_server.h"
#include "lib/dns/tcp_server.h"
#include "lib/dns/udp_server.h"
#include "lib/env/posix_socket.h"
#include "lib/env/sim_env.h"
#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

std::shared_ptr<const Zone> make_zone(Options options = {}) {
  return std::make_shared<const Zone>(*Zone::make(std::move(options)));
}

// --- UDP sockets
// -----------------------------------------------------------------------------------------------------

/// A client with a socket. It waits for an answer as long as a slow machine may need.
class UdpClient {
 public:
  explicit UdpClient(const env::Endpoint& server) : fd_(*env::open_datagram({loopback(server), 0}, {})) {
    const auto address = env::to_socket_address({loopback(server), server.port});
    must(::connect(fd_.get(), address->get(), address->length) == 0);
  }

  void send(const std::string& query) { must(::send(fd_.get(), query.data(), query.size(), 0) > 0); }
  std::optional<Message> receive(int timeout_ms = 20'000) {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, timeout_ms) != 1) return std::nullopt;
    std::vector<std::uint8_t> buffer(kMaxMessageBytes);
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) return std::nullopt;
    const auto message = decode(Bytes(buffer).first(static_cast<std::size_t>(size)));
    return message.ok() ? std::optional(*message) : std::nullopt;
  }
  Message ask(std::string_view qname, Type type, const Asking& how = {}) {
    send(make_query(qname, type, how));
    const auto answer = receive();
    must(answer.has_value());
    return *answer;
  }

 private:
  /// Clients are used on threads, where the test framework's own checks must not be.
  static void must(bool worked) {
    if (!worked) throw std::runtime_error("the client's socket failed, or no answer came");
  }
  static std::string loopback(const env::Endpoint& server) {
    return server.address.find(':') != std::string::npos ? "::1" : "127.0.0.1";
  }
  env::UniqueFd fd_;
};

struct UdpFixture {
  explicit UdpFixture(std::size_t threads = 1, const std::string& address = "127.0.0.1") {
    UdpServer::Setup setup;
    setup.at = {address, 0};
    setup.threads = threads;
    setup.zone = make_zone();
    setup.backend = &backend;
    setup.clock = &clock;
    auto started = UdpServer::start(std::move(setup));
    REQUIRE(started.ok());
    server = std::move(*started);
  }
  FakeBackend backend;
  FixedClock clock;
  std::unique_ptr<UdpServer> server;
};

}  // namespace

TEST_CASE("queries over UDP", "[dns][udp]") {
  UdpFixture dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  UdpClient client(dns.server->local());
  CHECK(client.ask("web.service.consul", Type::kA).answers.size() == 1);
  CHECK(client.ask("none.service.consul", Type::kA).rcode() == Rcode::kNameError);
  // Too long, and no query at all: one gets an error, the other nothing.
  client.send("not DNS");
  std::string padded = make_query("web.service.consul", Type::kA);
  padded += std::string(UdpServer::kMaxQueryBytes, '\0');
  client.send(padded);
  const auto error = client.receive();
  REQUIRE(error);
  CHECK(error->rcode() == Rcode::kFormatError);

  Options options;
  options.service_ttl["web"] = std::chrono::seconds(30);
  dns.server->set_zone(make_zone(options));
  // It takes a turn of the server's thread.
  std::uint32_t ttl = 0;
  for (int i = 0; i < 1'000'000 && ttl == 0; ++i)
    ttl = client.ask("web.service.consul", Type::kA).answers.at(0).ttl;
  CHECK(ttl == 30);
  CHECK(dns.server->counters().responder.malformed == 2);
  CHECK(dns.server->counters().responder.queries >= 3);
}

TEST_CASE("more queries at once than a batch holds", "[dns][udp]") {
  UdpFixture dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  UdpClient client(dns.server->local());
  constexpr std::uint16_t kCount = 150;
  for (std::uint16_t i = 0; i < kCount; ++i)
    client.send(make_query("web.service.consul", Type::kA, {.id = i}));
  std::vector<bool> answered(kCount);
  for (std::uint16_t i = 0; i < kCount; ++i) {
    const auto answer = client.receive();
    REQUIRE(answer);
    REQUIRE(answer->id < kCount);
    answered[answer->id] = true;
  }
  CHECK(std::count(answered.begin(), answered.end(), true) == kCount);
}

TEST_CASE("UDP on all addresses answers from the one that was asked", "[dns][udp]") {
  for (const char* address : {"0.0.0.0", "::"}) {
    UdpFixture dns(1, address);
    dns.backend.add("web", "n1", "192.0.2.1");
    // A connected socket takes datagrams from that address only.
    UdpClient client(dns.server->local());
    CHECK(client.ask("web.service.consul", Type::kA).answers.size() == 1);
    CHECK(client.ask("web.service.consul", Type::kA).answers.size() == 1);
  }
  UdpFixture dns(1, "0.0.0.0");
  dns.backend.add("web", "n1", "192.0.2.1");
  const env::UniqueFd fd = *env::open_datagram({"127.0.0.1", 0}, {});
  const auto other = env::to_socket_address({"127.0.0.2", dns.server->local().port});
  REQUIRE(::connect(fd.get(), other->get(), other->length) == 0);
  const std::string query = make_query("web.service.consul", Type::kA);
  REQUIRE(::send(fd.get(), query.data(), query.size(), 0) > 0);
  pollfd ready{fd.get(), POLLIN, 0};
  CHECK(::poll(&ready, 1, 20'000) == 1);
}

TEST_CASE("UDP answers that come later", "[dns][udp]") {
  UdpFixture dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  dns.backend.set_mode(FakeBackend::Mode::kDeferred);
  UdpClient one(dns.server->local());
  UdpClient two(dns.server->local());
  one.send(make_query("web.service.consul", Type::kA, {.id = 1}));
  two.send(make_query("web.service.consul", Type::kA, {.id = 2}));
  while (dns.server->counters().responder.waiting < 2) std::this_thread::yield();
  std::thread completer([&] { dns.backend.complete(); });
  const auto first = one.receive();
  const auto second = two.receive();
  completer.join();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->id == 1);
  CHECK(second->id == 2);
  CHECK(second->answers.size() == 1);
}

TEST_CASE("UDP servers stop while answers are pending", "[dns][udp]") {
  UdpFixture dns(2);
  dns.backend.add("web", "n1", "192.0.2.1");
  dns.backend.set_mode(FakeBackend::Mode::kDeferred);
  UdpClient client(dns.server->local());
  client.send(make_query("web.service.consul", Type::kA));
  while (dns.server->counters().responder.waiting < 1) std::this_thread::yield();
  dns.server.reset();
  CHECK(dns.backend.complete() == 1);
  UdpServer::Setup setup;
  setup.at = {"192.0.2.1", 0};
  setup.zone = make_zone();
  CHECK(UdpServer::start(std::move(setup)).status().code() == Code::kUnavailable);
}

TEST_CASE("a change is seen by every UDP query that follows it", "[dns][udp]") {
  UdpFixture dns(2);
  std::atomic<int> written{0};  // the address that the service has moved to; those before it are gone
  dns.backend.add("web", "n1", "192.0.2.0");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 1; i < 200; ++i) {
      dns.backend.add("web", "n1", "192.0.2." + std::to_string(i));
      written.store(i);
    }
    done.store(true);
  });
  std::vector<std::thread> readers;
  std::atomic<int> stale{0};
  std::atomic<int> asked{0};
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      UdpClient client(dns.server->local());
      while (true) {
        const bool last = done.load();
        const int at_least = written.load();
        client.send(make_query("web.service.consul", Type::kA));
        const auto answer = client.receive();
        if (!answer || answer->answers.size() != 1) {
          stale.fetch_add(1);
        } else {
          const int seen = std::get<IpAddress>(answer->answers[0].data).bytes()[3];
          if (seen < at_least) stale.fetch_add(1);
        }
        asked.fetch_add(1);
        if (last) break;
      }
    });
  }
  writer.join();
  for (std::thread& reader : readers) reader.join();
  CHECK(stale.load() == 0);
  CHECK(asked.load() >= 2);
}

// --- the simulated world
// ---------------------------------------------------------------------------------------------

namespace {

constexpr Duration kSoon = std::chrono::seconds(2);

std::string framed(const std::string& message) {
  return std::string{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())} + message;
}

/// Two machines; DNS on the first.
struct World {
  explicit World(const TcpServer::Limits& limits = {})
      : udp(server_env, std::move(*server_env.bind({"10.0.0.1", 53}, {})), setup()),
        tcp(server_env, limits, setup()) {
    tcp.serve(std::move(*server_env.listen({"10.0.0.1", 53}, {})));
    backend.add("web", "n1", "192.0.2.1");
  }
  ResponderSetup setup() { return {make_zone(), &backend, &clock, nullptr, 1}; }

  env::Simulation world{5};
  env::SimEnv& server_env = world.add_env("server", "10.0.0.1");
  env::SimEnv& client_env = world.add_env("client", "10.0.0.2");
  FakeBackend backend;
  FixedClock clock;
  DatagramServer udp;
  TcpServer tcp;
};

/// One connection to the server, and what came on it.
class TcpClient {
 public:
  explicit TcpClient(World& world) : world_(world) {
    world.client_env.connect({"10.0.0.1", 53}, kSoon, [this](Result<std::unique_ptr<env::Stream>> stream) {
      if (!stream.ok()) return;
      stream_ = std::move(*stream);
      read();
    });
    REQUIRE(world.world.run_until([this] { return stream_ != nullptr; }, kSoon));
  }

  void send(std::string bytes) {
    sent_.push_back(std::make_unique<std::string>(std::move(bytes)));
    const std::string_view piece = *sent_.back();
    bool written = false;
    stream_->write({&piece, 1}, [&written](const Status&) { written = true; });
    REQUIRE(world_.world.run_until([&written] { return written; }, kSoon));
  }
  void end() { stream_->shutdown_send(); }
  bool closed() const { return closed_; }

  /// The answers that have come so far.
  std::vector<Message> answers() const {
    std::vector<Message> messages;
    const Bytes all = bytes_of(received_);
    for (std::size_t at = 0; at + 2 <= all.size();) {
      const std::size_t size = static_cast<std::size_t>(all[at]) << 8 | all[at + 1];
      if (at + 2 + size > all.size()) break;
      messages.push_back(*decode(all.subspan(at + 2, size)));
      at += 2 + size;
    }
    return messages;
  }
  std::vector<Message> wait_for(std::size_t count) {
    world_.world.run_until([&] { return whole_frames() >= count; }, kSoon);
    return answers();
  }

 private:
  /// How many answers are there. Asked after each event, so it goes on from where it was.
  std::size_t whole_frames() {
    while (received_.size() >= frames_end_ + 2) {
      const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(received_[at]); };
      const std::size_t size = byte(frames_end_) * 256U + byte(frames_end_ + 1);
      if (received_.size() < frames_end_ + 2 + size) break;
      frames_end_ += 2 + size;
      ++frames_;
    }
    return frames_;
  }
  void read() {
    stream_->read_some(buffer_, [this](const Result<std::size_t>& size) {
      if (!size.ok() || *size == 0) {
        closed_ = true;
        return;
      }
      received_.append(buffer_.data(), *size);
      read();
    });
  }

  World& world_;
  std::unique_ptr<env::Stream> stream_;
  std::array<char, 4096> buffer_;
  std::vector<std::unique_ptr<std::string>> sent_;
  std::string received_;
  std::size_t frames_ = 0;
  std::size_t frames_end_ = 0;
  bool closed_ = false;
};

}  // namespace

TEST_CASE("UDP in the simulated world", "[dns][sim]") {
  World world;
  auto socket = *world.client_env.bind({"10.0.0.2", 0}, {});
  std::vector<Message> answers;
  socket->start([&](env::Datagram& datagram) { answers.push_back(*decode(bytes_of(datagram.bytes))); });
  const auto ask = [&](const char* qname, std::uint16_t id) {
    socket->send({"10.0.0.1", 53}, make_query(qname, Type::kA, {.id = id}));
  };
  ask("web.service.consul", 1);
  REQUIRE(world.world.run_until([&] { return answers.size() == 1; }, kSoon));
  CHECK(answers[0].answers.size() == 1);
  world.backend.set_mode(FakeBackend::Mode::kDeferred);
  ask("none.service.consul", 2);
  REQUIRE(world.world.run_until([&] { return world.udp.counters().waiting == 1; }, kSoon));
  world.backend.complete();
  REQUIRE(world.world.run_until([&] { return answers.size() == 2; }, kSoon));
  CHECK(answers[1].id == 2);
  CHECK(answers[1].rcode() == Rcode::kNameError);
}

TEST_CASE("many queries on a TCP connection", "[dns][tcp]") {
  World world;
  // Byte by byte, so that frames come in every number of pieces.
  env::LinkOptions link;
  const bool slow = GENERATE(false, true);
  if (slow) link.segment_bytes = 1;
  world.world.set_link(link);
  TcpClient client(world);
  std::string queries;
  for (std::uint16_t i = 0; i < 100; ++i) {
    queries +=
        framed(make_query(i % 2 == 0 ? "web.service.consul" : "none.service.consul", Type::kA, {.id = i}));
  }
  client.send(queries);
  const auto answers = client.wait_for(100);
  REQUIRE(answers.size() == 100);
  for (std::uint16_t i = 0; i < 100; ++i) {
    CHECK(answers[i].id == i);
    CHECK(answers[i].rcode() == (i % 2 == 0 ? Rcode::kNoError : Rcode::kNameError));
  }
  CHECK_FALSE(client.closed());
  CHECK(world.tcp.counters().open == 1);
  client.end();
  CHECK(world.world.run_until([&] { return client.closed(); }, kSoon));
  CHECK(world.tcp.counters().open == 0);
}

TEST_CASE("TCP answers that come later, also to a client that has said all", "[dns][tcp]") {
  World world;
  world.backend.set_mode(FakeBackend::Mode::kDeferred);
  TcpClient client(world);
  std::string queries;
  for (std::uint16_t i = 0; i < 2 * TcpServer::kMaxWaiting; ++i) {
    queries += framed(make_query("web.service.consul", Type::kA, {.id = i}));
  }
  client.send(queries);
  client.end();
  world.world.run_for(kSoon);
  // No more are taken than may wait.
  CHECK(world.tcp.counters().responder.waiting == TcpServer::kMaxWaiting);
  CHECK_FALSE(client.closed());
  world.backend.complete();
  CHECK(client.wait_for(2 * TcpServer::kMaxWaiting).size() == 2 * TcpServer::kMaxWaiting);
  CHECK(world.world.run_until([&] { return client.closed(); }, kSoon));
}

TEST_CASE("TCP connections that are quiet, broken or abusive end", "[dns][tcp]") {
  World world;
  SECTION("quiet") {
    TcpClient client(world);
    client.send(framed(make_query("web.service.consul", Type::kA)).substr(0, 10));
    world.world.run_for(std::chrono::seconds(9));
    CHECK_FALSE(client.closed());
    world.world.run_for(std::chrono::seconds(2));
    CHECK(client.closed());
    CHECK(world.tcp.counters().timed_out == 1);
  }
  SECTION("quiet, but waiting for us") {
    world.backend.set_mode(FakeBackend::Mode::kDeferred);
    TcpClient client(world);
    client.send(framed(make_query("web.service.consul", Type::kA)));
    world.world.run_for(std::chrono::seconds(60));
    CHECK_FALSE(client.closed());
    world.backend.complete();
    CHECK(client.wait_for(1).size() == 1);
  }
  SECTION("gone before its answer") {
    world.backend.set_mode(FakeBackend::Mode::kDeferred);
    {
      TcpClient client(world);
      client.send(framed(make_query("web.service.consul", Type::kA)));
      world.world.run_for(kSoon);
    }
    world.world.run_for(kSoon);
    world.backend.complete();
    world.world.run_for(kSoon);
    CHECK(world.tcp.counters().open == 0);
    CHECK(world.tcp.counters().responder.waiting == 0);
  }
  SECTION("with a query that is too long") {
    TcpClient client(world);
    client.send(framed(std::string(TcpServer::kMaxQueryBytes + 1, 'x')));
    CHECK(world.world.run_until([&] { return client.closed(); }, kSoon));
    CHECK(world.tcp.counters().too_long == 1);
  }
  SECTION("with garbage of the right length nothing happens") {
    TcpClient client(world);
    client.send(framed("garbage") + framed("") + framed(make_query("web.service.consul", Type::kA)));
    CHECK(client.wait_for(1).size() == 1);
  }
}

TEST_CASE("a client that takes no answers is not answered on and on", "[dns][tcp]") {
  World world;
  for (int i = 0; i < 250; ++i) {
    world.backend.add("big", "b" + std::to_string(i), "10.0.0." + std::to_string(i));
  }
  env::LinkOptions link;
  link.window_bytes = 4096;
  world.world.set_link(link);
  std::unique_ptr<env::Stream> stream;
  world.client_env.connect({"10.0.0.1", 53}, kSoon,
                           [&](Result<std::unique_ptr<env::Stream>> result) { stream = std::move(*result); });
  REQUIRE(world.world.run_until([&] { return stream != nullptr; }, kSoon));
  std::string queries;
  for (int i = 0; i < 1000; ++i) queries += framed(make_query("big.service.consul", Type::kA));
  const std::string_view piece = queries;
  stream->write({&piece, 1}, [](const Status&) {});
  world.world.run_for(std::chrono::seconds(8));
  CHECK(world.tcp.counters().responder.queries < 200);  // of 4 KB each
  CHECK(world.tcp.counters().open == 1);
  world.world.run_for(std::chrono::seconds(8));
  CHECK(world.tcp.counters().open == 0);
  CHECK(world.tcp.counters().timed_out == 1);
}

TEST_CASE("a limit to TCP connections", "[dns][tcp]") {
  World world(TcpServer::Limits{.max_connections = 2});
  TcpClient one(world);
  TcpClient two(world);
  one.send(framed(make_query("web.service.consul", Type::kA)));
  one.wait_for(1);
  // The second one was quiet for longer.
  TcpClient three(world);
  CHECK(world.world.run_until([&] { return two.closed(); }, kSoon));
  CHECK_FALSE(one.closed());
  CHECK(world.tcp.counters().pushed_out == 1);
  world.backend.set_mode(FakeBackend::Mode::kDeferred);
  one.send(framed(make_query("other.service.consul", Type::kA)));
  three.send(framed(make_query("other.service.consul", Type::kA)));
  world.world.run_for(kSoon);
  TcpClient four(world);
  CHECK(world.world.run_until([&] { return four.closed(); }, kSoon));
  CHECK(world.tcp.counters().open == 2);
  CHECK_FALSE(one.closed());
  CHECK_FALSE(three.closed());
}

}  // namespace discovery::dns
