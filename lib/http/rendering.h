#pragma once

/// \file
/// From an answer to the bytes of a body; and what takes long of it, off the loop.

#include <atomic>
#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <discovery/async.h>
#include <discovery/status.h>

#include "lib/env/env.h"
#include "lib/http/view.h"
#include "lib/http1/message.h"
#include "lib/model/answer.h"

namespace discovery::http {

/// What a client wants a body to be.
struct Format {
  bool pretty = false;
  bool gzip = false;  ///< if that is worth while
  friend bool operator<(Format a, Format b) {
    return std::tie(a.pretty, a.gzip) < std::tie(b.pretty, b.gzip);
  }
};

/// A body that many may send.
struct Rendered {
  std::shared_ptr<const std::string> bytes;
  bool compressed = false;
};

/// Renders an answer, or finds the bytes that were kept with it. kResourceExhausted: there is no memory.
/// Pure; any thread.
Result<Rendered> render(const model::SharedAnswer& answer, const View& view, Format format);

/// Whether render() would keep a loop from others, for more than about 200 µs; by an estimate.
bool takes_long(const model::SharedAnswer& answer, const View& view, Format format);

/// Compressing more than this takes long.
inline constexpr std::size_t kLongGzip = 32U << 10;

/// What is being rendered or compressed by workers. Those who want the same bytes share the work. Threads:
/// the loop's. Owns: all whom it is to answer; those who are left when it ends are dropped.
class Renderings {
 public:
  using Ready = UniqueFunction<void(Result<Rendered>)>;
  using Compressed = UniqueFunction<void(http1::Body body, bool compressed)>;

  explicit Renderings(env::Env& env);
  ~Renderings();
  Renderings(const Renderings&) = delete;
  Renderings& operator=(const Renderings&) = delete;

  /// Renders off the loop, then calls `ready` on it. kResourceExhausted: there is no memory; or too much is
  /// under way (kMaxUnderWay), then it is called at once.
  void start(std::shared_ptr<const model::SharedAnswer> answer, const View& view, Format format, Ready ready);
  /// Compresses a body off the loop, and calls `ready` with what came of it: the same body if there is no
  /// memory; and at once if too much is under way.
  void compress(http1::Body body, Compressed ready);

  /// Does other work for a body off the loop, then calls `done` on it; both at once if too much is under way.
  /// kResourceExhausted: the work has not been done, for there is no memory.
  void run(UniqueFunction<void()> work, UniqueFunction<void(Status)> done);

  /// The same bytes; if they are many, a worker frees them when the last who sends them lets go: that takes
  /// milliseconds. When the workers are behind with others, and it would be more than kMaxToFree in all, they
  /// are freed where they are let go.
  std::shared_ptr<const std::string> freed_by_worker(std::shared_ptr<const std::string> bytes);

  /// How many different bodies are in the making at most.
  static constexpr std::size_t kMaxUnderWay = 256;
  /// Bytes that wait to be freed, behind all that the workers have to do.
  static constexpr std::size_t kMaxToFree = 64U << 20;

 private:
  using Key = std::tuple<const model::SharedAnswer*, const View*, Format>;
  using Waiting = std::vector<Ready>;

  void deliver(Waiting waiting, const Result<Rendered>& rendered, std::size_t from = 0);
  void free_later(std::shared_ptr<const std::string> bytes);

  env::Env& env_;
  std::map<Key, Waiting> waiting_;
  std::shared_ptr<Renderings*> alive_;  ///< for posted tasks
  std::shared_ptr<std::atomic<std::size_t>> to_free_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::unique_ptr<env::Workers> workers_;
};

}  // namespace discovery::http
