#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/env/sim_env.h"
#include "lib/health/probe.h"

namespace discovery::health {

/// A machine that answers each connection with what a test wants, and one that looks at it.
struct Target {
  explicit Target(env::SimEnv& machine, std::uint16_t port = 80)
      : listener(std::move(*machine.listen({machine.address(), port}, {}))) {
    listener->start([this](std::unique_ptr<env::Stream> stream) {
      connections.push_back(std::make_unique<Connection>());
      Connection& connection = *connections.back();
      connection.stream = std::move(stream);
      read(connection);
    });
  }

  struct Connection {
    std::unique_ptr<env::Stream> stream;
    std::array<char, 4096> buffer{};
    std::string asked;
    std::string answer;
  };

  /// What is answered to a request; asked once its head is there. Empty: nothing ever.
  std::function<std::string(const std::string& request)> answer = [](const std::string&) {
    return std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  };
  std::vector<std::unique_ptr<Connection>> connections;
  std::unique_ptr<env::Listener> listener;

 private:
  void read(Connection& connection) {
    connection.stream->read_some(connection.buffer, [this, &connection](Result<std::size_t> size) {
      if (!size || *size == 0) return;
      connection.asked.append(connection.buffer.data(), *size);
      if (connection.asked.find("\r\n\r\n") == std::string::npos) return read(connection);
      connection.answer = answer(connection.asked);
      if (connection.answer.empty()) return;
      const std::array<std::string_view, 1> pieces = {connection.answer};
      connection.stream->write(pieces, [&connection](Status) { connection.stream->shutdown_send(); });
    });
  }
};

struct ProbeFixture {
  /// The result of one run.
  ProbeResult run(const model::CheckSpec& spec, std::size_t max_output = 4096) {
    ProbeWorld probes{client, dialer, nullptr, nullptr};
    auto probe = make_probe(probes, spec, max_output);
    REQUIRE(probe.ok());
    return run(**probe);
  }
  ProbeResult run(Probe& probe) {
    std::optional<ProbeResult> result;
    probe.start([&](ProbeResult seen) { result = std::move(seen); });
    CHECK_FALSE(result.has_value());
    REQUIRE(world.run_until([&] { return result.has_value(); }, std::chrono::minutes(2)));
    return *result;
  }

  env::Simulation world{5};
  env::SimEnv& server = world.add_env("server");
  env::SimEnv& client = world.add_env("client");
  Dialer dialer{client};
};

inline model::CheckSpec http_check(std::string url) {
  model::CheckSpec spec;
  spec.id = "c";
  spec.http = std::move(url);
  spec.interval = std::chrono::seconds(10);
  return spec;
}

}  // namespace discovery::health
