#pragma once

#include <memory>
#include <string>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/model/answer.h"
#include "lib/model/command.h"
#include "lib/model/query.h"

namespace discovery::model {

/// Receives what a watch sees. Calls come one after another, on the backend's executor, never inside watch().
class Sink {
 public:
  virtual ~Sink() = default;
  /// The first whole answer, then one after each change; a slow sink is shown the latest only.
  virtual void on_answer(const Answer& answer) = 0;
  /// The watch met an error and goes on trying.
  virtual void on_error(const Status& status) = 0;
};

/// A running watch; destroying it ends the watch, and no call comes after that.
class WatchHandle {
 public:
  virtual ~WatchHandle() = default;
};

/// The one interface below the front ends: everything replicated is changed by apply() and seen by query()
/// and watch(). A server answers from its own state, a client agent forwards, a remote one speaks HTTP; a
/// caller can't tell. Forwarding to another datacenter is a decorator around one of these.
///
/// Threads: safe. Results come on the backend's executor, or at once where the caller is on it already.
/// Blocking: never.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Validates, authorises, replicates and applies a command.
  /// kInvalidArgument, kPermissionDenied, kUnavailable (no leader, or "No path to datacenter"),
  /// kResourceExhausted, kUnknownOutcome (it may still happen), kInternal (the state refused it: "failed
  /// inserting check: ...").
  virtual Async<Outcome> apply(Command command, Call call) = 0;

  /// Evaluates a query, at once or, with read.min_index, when its answer moves beyond that index or the wait
  /// is over. kInvalidArgument (bad filter), kUnavailable (no leader, or "No path to datacenter"),
  /// kCancelled.
  virtual Async<Answer> query(Query query, Read read) = 0;

  /// Puts off the end of a session by its TTL, counted anew, and returns it; of one without a TTL it does
  /// nothing. Not a command, since it changes no state: when a session ends for want of renewal is known to
  /// the leader alone, by its own monotonic clock, and a leader that is new counts anew for all of them.
  /// For want of a renewal a session ends when one was answered twice its TTL ago, or a tenth of a second
  /// earlier. kNotFound ("Session id '...' not found"), kInvalidArgument (no id), kUnavailable.
  virtual Async<SessionPtr> renew_session(std::string id, Call call) = 0;

  /// Shows `sink`, which must outlive the handle, the answer now and after each change of it.
  virtual std::unique_ptr<WatchHandle> watch(Query query, Read read, Sink& sink) = 0;
};

}  // namespace discovery::model
