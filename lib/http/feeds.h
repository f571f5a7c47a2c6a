#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/http1/handler.h"

namespace discovery::http {

/// Answers without an end: of each, a piece is sent now and then, as fast as its client takes them.
/// Threads: the loop's. Blocks: never. Owns: the answers; the env outlives it.
class Feeds {
 public:
  /// Appends what there is to send now, perhaps nothing.
  using Fill = std::function<void(std::string& out)>;
  /// So many at once.
  static constexpr std::size_t kMaxFeeds = 64;

  explicit Feeds(env::Env& env) : env_(env) {}
  ~Feeds() = default;
  Feeds(const Feeds&) = delete;
  Feeds& operator=(const Feeds&) = delete;

  bool full() const noexcept { return feeds_.size() >= kMaxFeeds; }
  /// Sends what `fill` gives, each `interval` from now on, until the client goes; `fill` goes with it.
  /// REQUIRES: not full().
  void add(http1::ResponseStream stream, Duration interval, Fill fill);
  /// Breaks all of them off.
  void clear() { feeds_.clear(); }

 private:
  struct Feed {
    http1::ResponseStream stream;
    Duration interval;
    Fill fill;
    std::unique_ptr<env::Timer> timer;
    bool writing = false;
  };
  void arm(std::uint64_t id, Feed& feed);
  void send(std::uint64_t id);

  env::Env& env_;
  std::map<std::uint64_t, std::unique_ptr<Feed>> feeds_;
  std::uint64_t last_id_ = 0;
};

}  // namespace discovery::http
