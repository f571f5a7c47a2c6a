#pragma once

/// \file
/// A server in a simulated world, with clients that speak raw bytes.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/env/sim_env.h"
#include "lib/http1/server.h"

namespace discovery::http1 {

/// A request that outlives its handler.
struct SeenRequest {
  std::string method;
  std::string target;
  std::string host;
  std::string body;
  std::string remote_address;
  int version = 0;
  bool body_too_large = false;
  bool keep_alive = false;
  std::optional<std::uint64_t> content_length;
  std::vector<std::pair<std::string, std::string>> fields;
};

/// Notes the requests and answers as the test says; by default with what it got.
class TestHandler final : public Handler {
 public:
  std::uint64_t body_limit(const Request& head) override {
    body_empty_at_limit = head.body.empty();
    if (limit_fails) throw std::bad_alloc();
    return limit;
  }
  void handle(Request& request, Responder responder) override {
    SeenRequest seen;
    seen.method = request.method;
    seen.target = request.target;
    seen.host = request.host;
    seen.body = request.body;
    seen.remote_address = request.remote_address;
    seen.version = request.version;
    seen.body_too_large = request.body_too_large;
    seen.keep_alive = request.keep_alive;
    seen.content_length = request.content_length;
    for (const Header& field : request.headers) seen.fields.emplace_back(field.name, field.value);
    requests.push_back(std::move(seen));
    if (answer) {
      answer(request, std::move(responder));
    } else {
      std::move(responder).send(text_response(200, std::string(request.target)));
    }
  }

  std::uint64_t limit = 1000;
  bool limit_fails = false;
  bool body_empty_at_limit = false;
  std::vector<SeenRequest> requests;
  std::function<void(Request&, Responder)> answer;
};

/// A connection of raw bytes.
class RawClient {
 public:
  RawClient(env::Env& env, const env::Endpoint& to) {
    env.connect(to, std::chrono::seconds(5), [this](Result<std::unique_ptr<env::Stream>> result) {
      failed = !result.ok();
      if (failed) return;
      stream = std::move(*result);
      read();
      flush();
    });
  }

  /// Sends, after what was sent before.
  void send(std::string_view bytes) {
    waiting_ += bytes;
    flush();
  }
  void shutdown_send() { stream->shutdown_send(); }
  /// Goes away.
  void drop() { stream.reset(); }

  std::unique_ptr<env::Stream> stream;
  std::string received;
  bool ended = false;  ///< the server has closed
  bool failed = false;
  bool read_on = true;

 private:
  void flush() {
    if (!stream || waiting_.empty() || !sending_.empty()) return;
    sending_.swap(waiting_);
    const std::array<std::string_view, 1> pieces = {sending_};
    stream->write(pieces, [this](Status) {
      sending_.clear();
      flush();
    });
  }
  void read() {
    if (!read_on) return;
    stream->read_some(buffer_, [this](Result<std::size_t> size) {
      ended = !size || *size == 0;
      failed = !size;
      if (ended) return;
      received.append(buffer_.data(), *size);
      read();
    });
  }

  std::string waiting_;
  std::string sending_;
  std::array<char, 4096> buffer_{};
};

/// One server machine and one for the clients.
struct ServerWorld {
  explicit ServerWorld(ServerOptions options = {}, std::uint64_t seed = 1)
      : world(seed), server(std::make_unique<Server>(machine, options, handler)) {
    server->serve(std::move(*machine.listen({machine.address(), 8500}, {})));
  }

  std::unique_ptr<RawClient> connect() {
    return std::make_unique<RawClient>(clients, env::Endpoint{machine.address(), 8500});
  }
  void run(Duration span = std::chrono::milliseconds(100)) { world.run_for(span); }
  /// Sends in one connection and returns what came within a second.
  std::string exchange(std::string_view bytes) {
    const auto client = connect();
    client->send(bytes);
    run(std::chrono::seconds(1));
    return client->received;
  }
  /// Makes everything come byte by byte.
  void byte_by_byte() {
    env::LinkOptions link;
    link.segment_bytes = 1;
    world.set_link(link);
  }

  env::Simulation world;
  env::SimEnv& machine = world.add_env("server");
  env::SimEnv& clients = world.add_env("clients");
  TestHandler handler;
  std::unique_ptr<Server> server;
};

/// The answers in what a connection has received, cut by their Content-Length.
inline std::vector<std::string> bodies(std::string_view received) {
  std::vector<std::string> result;
  while (!received.empty()) {
    const std::size_t head = received.find("\r\n\r\n");
    const std::size_t field = received.find("Content-Length: ");
    if (head == std::string_view::npos || field == std::string_view::npos || field > head) break;
    const std::size_t size = std::stoul(std::string(received.substr(field + 16, 20)));
    result.emplace_back(received.substr(head + 4, size));
    received.remove_prefix(std::min(head + 4 + size, received.size()));
  }
  return result;
}

}  // namespace discovery::http1
