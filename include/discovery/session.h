#pragma once

/// \file
/// Sessions: what locks are held by. A session ends with its holder, and with it everything that it holds is
/// let go (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions).

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include <discovery/async.h>
#include <discovery/export.h>
#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::api {
class OpenSession;
}  // namespace discovery::api

namespace discovery::inline v0 {

/// What a session is. All may be left out.
struct SessionSpec {
  std::string name{};  ///< for people
  /// How long a remote session lives without a word of its holder: it is renewed at a third of it, and taken
  /// for lost here when so much time has passed since the last renewal that was answered. 10 s to a day. An
  /// embedded session lives in its holder's process and needs none.
  Duration ttl = std::chrono::seconds(15);
  /// For so long nobody gets a lock that the session has lost by its end. Consul's default of 15 s protects
  /// resources that trust a former holder; a resource that checks fences needs none, hence the short one.
  Duration lock_delay = std::chrono::seconds(1);
  bool delete_keys = false;  ///< when it ends, the keys that it holds are deleted instead of released
};

/// An open session, shared by all copies of this handle and by the locks that were made with it; it is closed
/// when the last of them goes.
///
/// Threads: safe. Blocks: never. May outlive its Agent; it is lost then.
class DISCOVERY_EXPORT Session {
 public:
  /// A UUID.
  const std::string& id() const noexcept;

  /// Whether the session may still be trusted: until the server says that it has ended, or its TTL has passed
  /// since the last renewal that was answered, by this process's monotonic clock. Exact also where lost()
  /// has had no chance to be told yet, e.g. after the process was stopped for a while.
  bool alive() const noexcept;

  /// Is requested when the session is lost, at the earlier of the two. Its callbacks run on the instance's
  /// executor and must not block. Closing the session counts as losing it.
  std::stop_token lost() const noexcept;

  /// Ends the session now. What it holds is let go as if it was lost, with the lock-delay: release locks
  /// before, then others get them at once. kUnknownOutcome: it ends by its TTL at the latest.
  Async<Unit> close();

 private:
  friend class Agent;
  friend class Lock;
  friend class Semaphore;
  friend class LeaderElection;
  explicit Session(std::shared_ptr<api::OpenSession> session);
  std::shared_ptr<api::OpenSession> session_;
};

}  // namespace discovery::inline v0
