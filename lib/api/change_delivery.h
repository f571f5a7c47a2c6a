#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include <discovery/async.h>
#include <discovery/env.h>
#include <discovery/health_checker.h>

namespace discovery::api {

/// Hands changes of checks to whom the host has named, one call after the other. Of each check only the
/// latest change waits, so that what waits is bounded by the number of checks.
///
/// Threads: safe. Blocks: close() only. Held by shared pointers; tasks that were posted hold one, too.
class ChangeDelivery : public std::enable_shared_from_this<ChangeDelivery> {
 public:
  using Changed = std::function<void(const CheckChange&)>;
  /// Brings a task to where calls are made; not called after close().
  using Post = std::function<void(std::function<void()> task)>;

  /// `log` may be null; what the host's function throws is told there.
  ChangeDelivery(Post post, std::shared_ptr<LogSink> log) : post_(std::move(post)), log_(std::move(log)) {}

  /// Whom to call from now on; null: nobody.
  void set(Changed changed);
  void push(CheckChange change);
  /// Forgets what waits of a check.
  void drop(std::uint64_t id);
  /// No call begins after this, and but for one that this is called from, none is under way.
  void close();

 private:
  void deliver();
  void call(const Changed& changed, const CheckChange& change) const;

  const Post post_;
  const std::shared_ptr<LogSink> log_;
  std::mutex mutex_;  ///< guards all below
  std::condition_variable idle_;
  std::shared_ptr<const Changed> changed_;
  std::deque<std::uint64_t> order_;  ///< of checks; some may have nothing waiting any more
  std::map<std::uint64_t, CheckChange> waiting_;
  std::thread::id runner_;
  bool posted_ = false;
  bool running_ = false;
  bool closed_ = false;
};

}  // namespace discovery::api
