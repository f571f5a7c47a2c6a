// Values on their way to statsd, statsite and DogStatsD, in the simulated world.

#include "lib/metrics/pusher.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/sim_env.h"

namespace discovery::metrics {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 8125;

struct World {
  env::Simulation world{1};
  env::SimEnv& agent = world.add_env("agent");
  env::SimEnv& receiver = world.add_env("receiver");
  Registry registry{agent.clock(), {.host_name = "box"}};
  std::vector<std::string> packets;
  std::unique_ptr<env::DatagramSocket> socket;
  std::string streamed;
  std::unique_ptr<env::Listener> listener;
  std::unique_ptr<env::Stream> stream;
  std::vector<char> buffer = std::vector<char>(4096);
  int connections = 0;

  void receive_datagrams() {
    auto bound = receiver.bind({receiver.address(), kPort}, {});
    REQUIRE(bound.ok());
    socket = *std::move(bound);
    socket->start([this](env::Datagram& datagram) { packets.push_back(datagram.bytes); });
  }
  void receive_streams(bool reads = true) {
    auto bound = receiver.listen({receiver.address(), kPort}, {});
    REQUIRE(bound.ok());
    listener = *std::move(bound);
    listener->start([this, reads](std::unique_ptr<env::Stream> accepted) {
      ++connections;
      stream = std::move(accepted);
      if (reads) read();
    });
  }
  void read() {
    stream->read_some(buffer, [this](const Result<std::size_t>& size) {
      if (!size.ok() || *size == 0) return;
      streamed.append(buffer.data(), *size);
      read();
    });
  }
  double dropped(const std::string& sink) {
    const Series* const series = registry.series(Kind::kCounter, "telemetry.dropped", {{"sink", sink}});
    return series->total.sum;
  }
  std::vector<std::string> log() const {
    std::vector<std::string> lines;
    for (const auto& line : agent.log_lines()) lines.push_back(line.message);
    return lines;
  }
};

Pusher::Options to(std::optional<Pusher::Target> statsd, std::optional<Pusher::Target> statsite = {}) {
  return {.statsd = std::move(statsd), .statsite = std::move(statsite)};
}

TEST_CASE("values reach statsd soon, in packets of no more than 1400 bytes") {
  World w;
  w.receive_datagrams();
  Pusher pusher(w.agent, w.registry, to(Pusher::Target{w.receiver.address(), kPort}));
  Series* const before = w.registry.series(Kind::kCounter, "before");
  w.registry.add(before);
  pusher.start();
  w.registry.set(w.registry.series(Kind::kGauge, "state.nodes"), 3);
  w.registry.add(w.registry.series(Kind::kCounter, "rpc.query"));
  w.registry.add(w.registry.series(Kind::kSample, "kvs.apply"), 0.25);
  w.world.run_for(200ms);
  REQUIRE(w.packets.size() == 1);
  CHECK(w.packets[0] ==
        "consul.box.state.nodes:3.000000|g\nconsul.rpc.query:1.000000|c\nconsul.kvs.apply:0.250000|ms\n");

  w.packets.clear();
  Series* const many = w.registry.series(Kind::kSample, "api.http", {{"path", "v1_kv_"}});
  for (int i = 0; i < 1000; ++i) w.registry.add(many, i);
  w.world.run_for(200ms);
  std::size_t lines = 0;
  for (const std::string& packet : w.packets) {
    CHECK(packet.size() <= 1400);
    CHECK(packet.ends_with('\n'));
    lines += static_cast<std::size_t>(std::count(packet.begin(), packet.end(), '\n'));
  }
  CHECK(lines == 1000);
  CHECK(w.packets.size() < 40);
  w.packets.clear();
  w.world.run_for(5s);
  CHECK(w.packets.empty());  // nothing new, nothing sent
  CHECK(w.dropped("statsd") == 0);
}

TEST_CASE("only what the filter lets pass is sent") {
  World w;
  w.receive_datagrams();
  Pusher pusher(w.agent, w.registry, to(Pusher::Target{w.receiver.address(), kPort}));
  pusher.start();
  w.registry.set_filter({"-consul.a", "+consul.a.b"}, true);
  for (const char* name : {"a", "a.b", "c"}) w.registry.add(w.registry.series(Kind::kCounter, name));
  w.world.run_for(200ms);
  REQUIRE(w.packets.size() == 1);
  CHECK(w.packets[0] == "consul.a.b:1.000000|c\nconsul.c:1.000000|c\n");
}

TEST_CASE("several sinks are sent the same, each in its form; what is left goes out at the end") {
  World w;
  w.receive_datagrams();
  w.receive_streams();
  auto options = to({}, Pusher::Target{"receiver", kPort});
  options.dogstatsd = Pusher::Target{"receiver", kPort};
  options.global_tags = {"dc:east"};
  auto pusher = std::make_unique<Pusher>(w.agent, w.registry, options);
  pusher->start();
  w.world.run_for(300ms);  // names are looked up, connections made
  w.registry.set(w.registry.series(Kind::kGauge, "version"), 1);
  w.world.run_for(300ms);
  CHECK(w.streamed == "consul.box.version:1.000000|g\n");
  CHECK(w.packets == std::vector<std::string>{"consul.version:1.000000|g|#dc:east\n"});
  w.registry.add(w.registry.series(Kind::kCounter, "last"), 2);
  pusher.reset();
  w.world.run_for(100ms);
  CHECK(w.packets.back() == "consul.last:2|c|#dc:east\n");
}

TEST_CASE("a statsite that goes is tried again, and what comes meanwhile is dropped and counted") {
  World w;
  Pusher pusher(w.agent, w.registry, to({}, Pusher::Target{w.receiver.address(), kPort}));
  pusher.start();
  Series* const counter = w.registry.series(Kind::kCounter, "n");
  w.world.run_for(1s);
  w.registry.add(counter, 1);
  w.world.run_for(1s);
  CHECK(w.dropped("statsite") == 1);
  w.receive_streams();
  w.world.run_for(6s);
  w.registry.add(counter, 2);
  w.world.run_for(1s);
  // What was dropped is told as well.
  CHECK(w.streamed.find("consul.n:2.000000|c\n") != std::string::npos);
  CHECK(w.connections == 1);

  w.stream.reset();  // it is restarted
  w.world.run_for(1s);
  w.registry.add(counter, 3);
  w.world.run_for(6s);
  CHECK(w.connections == 2);
  CHECK(w.dropped("statsite") == 2);
  w.registry.add(counter, 4);
  w.world.run_for(1s);
  CHECK(w.streamed.find("consul.n:4.000000|c\n") != std::string::npos);
  CHECK(w.streamed.find("consul.n:3.") == std::string::npos);
  const auto log = w.log();
  REQUIRE(log.size() == 4);  // gone, back, gone, back
  CHECK(
      log[0].starts_with("cannot reach statsite at 10.0.0.2:8125, metrics are dropped until it is there: "));
  CHECK(log[1] == "statsite is reached again");
}

TEST_CASE("a statsite that does not read holds nothing up, and what it may take is bounded") {
  World w;
  w.receive_streams(false);
  Pusher pusher(w.agent, w.registry, to({}, Pusher::Target{w.receiver.address(), kPort}));
  pusher.start();
  w.world.run_for(1s);
  Series* const sample = w.registry.series(Kind::kSample, "api.http");
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 1000; ++k) w.registry.add(sample, k);
    w.world.run_for(200ms);
  }
  CHECK(w.dropped("statsite") > 50000);
  CHECK(w.connections == 1);
  w.read();
  w.world.run_for(10s);
  CHECK(w.streamed.size() > 256U << 10);
  CHECK(w.streamed.size() < 1U << 20);
  w.streamed.clear();
  w.registry.add(sample, 7);
  w.world.run_for(1s);
  CHECK(w.streamed.find("consul.api.http:7.000000|ms\n") != std::string::npos);
}

TEST_CASE("values that come too fast are counted instead of kept") {
  World w;
  w.receive_datagrams();
  Pusher pusher(w.agent, w.registry, to(Pusher::Target{w.receiver.address(), kPort}));
  pusher.start();
  Series* const counter = w.registry.series(Kind::kCounter, "n");
  for (std::size_t i = 0; i < Registry::kMaxEvents + 5; ++i) w.registry.add(counter);
  w.world.run_for(500ms);
  CHECK(w.dropped("all") == 5);
}

TEST_CASE("a name that nobody knows is looked up again, and complained of once") {
  World w;
  Pusher pusher(w.agent, w.registry, to(Pusher::Target{"nowhere", kPort}, Pusher::Target{"nowhere", kPort}));
  pusher.start();
  Series* const counter = w.registry.series(Kind::kCounter, "n");
  for (int i = 0; i < 10; ++i) {
    w.registry.add(counter);
    w.world.run_for(10s);
  }
  CHECK(w.dropped("statsd") == 10);
  CHECK(w.dropped("statsite") == 10);
  CHECK(w.log().size() == 2);
}

}  // namespace
}  // namespace discovery::metrics
