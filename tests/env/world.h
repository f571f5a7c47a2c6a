#pragma once

/// \file
/// The two worlds behind one interface, for tests that hold in both.

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/env/asio_env.h"
#include "lib/env/sim_env.h"

namespace discovery::env {

/// Asio and POSIX, on loopback.
class RealWorld {
 public:
  RealWorld() : env_(std::move(*AsioEnv::create({}))) {
    std::string pattern = (std::filesystem::temp_directory_path() / "discovery-env-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~RealWorld() { std::filesystem::remove_all(directory_); }

  Env& server() { return *env_; }
  Env& client() { return *env_; }
  std::string address() const { return "127.0.0.1"; }
  std::string directory() const { return directory_; }

  bool run_until(const std::function<bool()>& reached) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!reached() && std::chrono::steady_clock::now() < end)
      env_->run_some(std::chrono::milliseconds(100));
    return reached();
  }
  /// Lets everything happen that happens by itself.
  void settle() {
    while (env_->run_some(std::chrono::milliseconds(20))) {
    }
  }

 private:
  std::unique_ptr<AsioEnv> env_;
  std::string directory_;
};

/// Two simulated machines.
class SimWorld {
 public:
  Env& server() { return server_; }
  Env& client() { return client_; }
  std::string address() const { return server_.address(); }
  std::string directory() {
    (void)server_.files().make_directory("/data");
    return "/data";
  }
  bool run_until(const std::function<bool()>& reached) {
    return world_.run_until(reached, std::chrono::hours(1));
  }
  void settle() { world_.run_for(std::chrono::seconds(1)); }

 private:
  Simulation world_{7};
  SimEnv& server_ = world_.add_env("server");
  SimEnv& client_ = world_.add_env("client");
};

/// A listener that keeps the streams it accepts.
struct Acceptance {
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Stream>> streams;

  explicit Acceptance(Env& env, const Endpoint& at) {
    auto result = env.listen(at, {});
    if (!result) return;
    listener = std::move(*result);
    listener->start([this](std::unique_ptr<Stream> stream) { streams.push_back(std::move(stream)); });
  }
};

/// A connection with both its ends in the test's hands.
template <class World>
struct Connected {
  World world;
  Acceptance acceptance{world.server(), {world.address(), 0}};
  std::unique_ptr<Stream> client;

  Connected() {
    world.client().connect({world.address(), acceptance.listener->local().port}, std::chrono::seconds(5),
                           [this](Result<std::unique_ptr<Stream>> result) { client = std::move(*result); });
    world.run_until([this] { return client != nullptr && !acceptance.streams.empty(); });
  }
  Stream& server() { return *acceptance.streams.front(); }
};

/// Reads a stream to its end, or to its error.
struct Reader {
  std::string text;
  bool ended = false;
  Status failure;

  void read(Stream& stream) {
    stream.read_some(buffer, [this, &stream](Result<std::size_t> size) {
      if (!size) failure = size.status();
      ended = !size || *size == 0;
      if (ended) return;
      text.append(buffer.data(), *size);
      read(stream);
    });
  }

  std::array<char, 1000> buffer{};
};

}  // namespace discovery::env
