#pragma once

/// \file
/// How locks and semaphores lie in the key/value store: the layout of `consul lock` and of Consul's Go client
/// (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions,
/// https://developer.hashicorp.com/consul/tutorials/developer-configuration/distributed-semaphore), so that
/// all of them respect each other.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <discovery/status.h>

#include "daemon/cli/api_client.h"
#include "lib/model/lock_layout.h"

namespace discovery::cli {

using model::kLockFlags;
using model::kSemaphoreFlags;

/// One lock or semaphore, as one contender sees it. Threads: one at a time for each client; the object itself
/// does not change. Blocks: every call, on the network.
class LockLayout {
 public:
  /// What came of an attempt.
  enum class Outcome {
    kHeld,
    kTaken,    ///< by others: wait beyond `index`
    kRefused,  ///< though nobody has it: a lock-delay is in effect, try again soon
    kLost,     ///< it was held, and is not any more
  };
  struct Answer {
    Outcome outcome = Outcome::kTaken;
    std::string index{};
  };

  virtual ~LockLayout() = default;
  /// What becomes of the session's keys when it ends.
  virtual std::string_view behavior() const = 0;
  /// Once, before the first attempt.
  virtual Status prepare(ApiClient& client, const std::string& session) const = 0;
  /// Looks, waiting beyond `index` for at most `wait` if there is one, and takes it if it is free. Errors:
  /// kConflict if the key is of another kind, or has another limit; those of ApiClient.
  virtual Result<Answer> attempt(ApiClient& client, const std::string& session, const std::string& index,
                                 std::chrono::milliseconds wait) const = 0;
  /// Waits beyond `index` and says whether it is still held. Errors: those of ApiClient.
  virtual Result<Answer> check(ApiClient& client, const std::string& session,
                               const std::string& index) const = 0;
  virtual Status release(ApiClient& client, const std::string& session) const = 0;
  /// Removes the key if nobody uses it; whether it did, or there was none.
  virtual Result<bool> clean_up(ApiClient& client) const = 0;
};

/// The lock at `prefix`/.lock.
std::unique_ptr<LockLayout> make_lock_layout(const std::string& prefix);
/// The semaphore below `prefix` with so many places; its contenders must agree on that.
std::unique_ptr<LockLayout> make_semaphore_layout(const std::string& prefix, int limit);

/// Parts of a key joined by one slash, without what cancels out: "a//b/../c" is "a/c". Pure.
std::string join_key(std::string_view prefix, std::string_view name);

}  // namespace discovery::cli
