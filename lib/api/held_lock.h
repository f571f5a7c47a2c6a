#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "lib/api/letting_go.h"
#include "lib/api/open_session.h"

namespace discovery::api {

/// What is behind a Held: a key that is watched for its loss. Threads: the loop's, but for what is said to be
/// any's. Its end lets go of what is held.
class HeldLock {
 public:
  /// How it is let go, and whether an answer to `watched` shows that it still is held.
  struct Kind {
    model::Query watched;
    std::function<bool(const model::Value&)> is_held;
    LettingGo::Release release;
  };

  /// `key` is what the session has taken for it.
  HeldLock(std::shared_ptr<OpenSession> session, std::string key, std::uint64_t fence, Kind kind);
  ~HeldLock();
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;

  /// Threads: any.
  std::uint64_t fence() const noexcept { return fence_; }
  bool alive() const;
  std::stop_token lost() const noexcept;
  Async<Unit> release();

 private:
  class Guard;
  const std::shared_ptr<OpenSession> session_;
  const std::uint64_t fence_;
  std::shared_ptr<Guard> guard_;
};

}  // namespace discovery::api
