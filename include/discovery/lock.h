#pragma once

/// \file
/// Locks, semaphores and leader election on keys of the replicated store, in the layout of `consul lock` and
/// Consul's Go client, so that both kinds of holders respect each other
/// (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions/application-leader-election).
///
/// A lock is advice: a holder that was stopped for a while may act after it has lost the lock. A resource
/// that remembers the highest fence it has seen, and refuses lower ones, is safe from that.

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <discovery/async.h>
#include <discovery/export.h>
#include <discovery/kv_store.h>
#include <discovery/session.h>
#include <discovery/status.h>
#include <discovery/types.h>
#include <discovery/watch.h>

namespace discovery::api {
class HeldLock;
}  // namespace discovery::api

namespace discovery::inline v0 {

/// A lock, or a place in a semaphore, that is held: it is let go when this goes.
/// Threads: a handle, one thread at a time; lost() from any. Blocks: never.
class [[nodiscard]] DISCOVERY_EXPORT Held {
 public:
  Held(Held&&) noexcept;
  Held& operator=(Held&&) noexcept;
  ~Held();

  /// Greater than the fence of everybody who has held the same key before.
  std::uint64_t fence() const noexcept;
  /// Whether it may still be trusted: see Session::alive(). False also once it is known that the key was
  /// deleted, or taken by somebody else.
  bool alive() const noexcept;
  /// Is requested when it is lost: with its session, or because its key was deleted or released by others.
  std::stop_token lost() const noexcept;
  /// Lets it go, and says how that went. kNotFound: it was lost before. kUnavailable, kUnknownOutcome: it is
  /// let go with its session at the latest.
  Async<Unit> release() &&;

 private:
  friend class Lock;
  friend class Semaphore;
  friend class LeaderElection;
  explicit Held(std::shared_ptr<api::HeldLock> lock);
  static Async<Held> hold(Async<std::shared_ptr<api::HeldLock>> acquired);
  std::shared_ptr<api::HeldLock> lock_;
};

/// Mutual exclusion by a key. Threads: safe. Blocks: never.
class DISCOVERY_EXPORT Lock {
 public:
  /// `value` is what the key holds meanwhile, for people. The key is the lock's own: nobody else writes it.
  Lock(Session session, std::string key, std::string value = {});

  /// Waits until the lock is held, and says so. kCancelled: Call::stop was requested or the agent has
  /// stopped; kDeadlineExceeded: Call::timeout; in neither case the lock is held, or kept.
  /// kFailedPrecondition: the session is lost, it holds this lock already, or the key is in use for something
  /// else.
  Async<Held> acquire(const Call& call = {});
  /// Takes the lock if it is free. kConflict: somebody else holds it, or a lock-delay is not over.
  Async<Held> try_acquire(const Call& call = {});

 private:
  Session session_;
  std::string key_;
  std::string value_;
};

/// At most so many holders at a time, of all who agree on prefix and number. Threads: safe. Blocks: never.
class DISCOVERY_EXPORT Semaphore {
 public:
  /// The keys below `prefix` are the semaphore's own: "<prefix>/.lock" says who holds it, and each contender
  /// has a key there. A session holds one permit at a time; take a session for each.
  Semaphore(Session session, std::string prefix, unsigned permits);

  /// As Lock::acquire(). kFailedPrecondition also if the others have agreed on another number. Fences grow
  /// with each change of the holders.
  Async<Held> acquire(const Call& call = {});
  /// As Lock::try_acquire().
  Async<Held> try_acquire(const Call& call = {});

 private:
  Session session_;
  std::string prefix_;
  unsigned permits_;
};

/// Who leads.
struct Leader {
  std::string value{};      ///< what the leader has said of itself when it campaigned
  std::string session{};    ///< by which it holds the key
  std::uint64_t fence = 0;  ///< of everything that it does
  friend bool operator==(const Leader&, const Leader&) = default;
};

/// Elects one of several candidates. Threads: safe. Blocks: never.
class DISCOVERY_EXPORT LeaderElection {
 public:
  /// `value` is what the others see of this candidate when it leads, e.g. its address.
  LeaderElection(Session session, std::string key, std::string value);

  /// Waits until this candidate leads, as Lock::acquire(). It leads until the Held goes or is lost.
  Async<Held> campaign(const Call& call = {});

  /// Who leads, now and after each change; nobody while there is no leader. Who only watches needs no
  /// session: see observe().
  Watch<std::optional<Leader>> leader() const;
  /// The same for those who are no candidates.
  static Watch<std::optional<Leader>> observe(const KVStore& kv, std::string key, Read read = {});

 private:
  Session session_;
  std::string key_;
  std::string value_;
};

}  // namespace discovery::inline v0
