#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <discovery/status.h>

#include "daemon/cli/api_client.h"
#include "daemon/cli/lock_layout.h"
#include "lib/env/unique_fd.h"

namespace discovery::cli {

/// Gets a lock and keeps it: a session of its own, which one thread renews, and another that waits for the
/// lock and then watches it.
///
/// Threads: one, beside its own two. Blocks: start(), stop(), release() and clean_up(), on the network. Owns:
/// the session, which ends with it.
class LockHolder {
 public:
  enum class State {
    kTrying,
    kHeld,
    kGaveUp,  ///< not had within the limit
    kFailed,  ///< failure() says why
    kLost,    ///< held no more, or not known to be
  };
  struct Options {
    std::string session_name;
    int monitor_retries = 3;  ///< so many failures in a row of the agent are borne while the lock is watched
    std::optional<std::chrono::milliseconds> limit{};  ///< how long to try; none: for ever
  };
  using Connect = std::function<Result<ApiClient>()>;
  /// After so long without a renewal the session may be gone.
  static constexpr std::chrono::seconds kTtl{15};

  /// Creates the session and begins to try. `layout` outlives it. Errors: those of `connect` and of the
  /// agent.
  static Result<std::unique_ptr<LockHolder>> start(const LockLayout& layout, const Connect& connect,
                                                   Options options);
  ~LockHolder();
  LockHolder(const LockHolder&) = delete;
  LockHolder& operator=(const LockHolder&) = delete;

  /// Readable once the state has changed since it was asked for last.
  int fd() const noexcept { return changed_.get(); }
  /// Also kLost, once the session may have ended for want of a renewal.
  State state();
  Status failure() const;
  /// When state() will be kLost if nothing happens.
  std::chrono::milliseconds left() const;

  /// Ends the threads: the lock is neither watched nor renewed from now on. Once, also implied by the
  /// destructor.
  void stop();
  /// Gives the lock up, if it is or was held, and ends the session. After stop().
  Status release();
  /// Removes the key if nobody uses it; whether it did, or there was none. After release().
  Result<bool> clean_up() { return layout_.clean_up(client_); }

 private:
  LockHolder(const LockLayout& layout, ApiClient client, ApiClient worker, ApiClient renewer,
             Options options);

  Status create_session();
  void begin();
  void renew();
  bool renew_once();
  void work();
  bool acquire();
  void watch();
  void set(State state, Status failure = {});
  /// Waits so long, or until all is to end; whether it is.
  bool pause(std::chrono::milliseconds time);
  bool stopping() const;

  const LockLayout& layout_;
  const Options options_;
  ApiClient client_, work_client_, renew_client_;
  std::string session_;
  env::UniqueFd changed_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  State state_ = State::kTrying;
  Status failure_;
  std::chrono::nanoseconds renewed_at_{};  // when the last renewal that succeeded was begun
  bool was_held_ = false;
  bool stopping_ = false;
  int running_ = 0;  // threads

  std::thread worker_, renewer_;
};

}  // namespace discovery::cli
