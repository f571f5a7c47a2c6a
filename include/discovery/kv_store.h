#pragma once

/// \file
/// The replicated key/value store (https://developer.hashicorp.com/consul/docs/dynamic-app-config/kv).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <discovery/async.h>
#include <discovery/export.h>
#include <discovery/status.h>
#include <discovery/types.h>
#include <discovery/watch.h>

namespace discovery::api {
class AgentCore;
}  // namespace discovery::api

namespace discovery::inline v0 {

/// One key with its value.
struct KvPair {
  std::string key{};
  std::string value{};
  std::uint64_t flags = 0;  ///< the user's own
  Index created = 0;        ///< when the key came to be
  Index modified = 0;       ///< when it last changed: what a compare-and-set compares with
  std::uint64_t locks = 0;  ///< how often it was locked
  std::string session{};    ///< who holds its lock; empty: nobody

  friend bool operator==(const KvPair&, const KvPair&) = default;
};
/// Keys in order.
using KvPairs = std::vector<KvPair>;

/// Sets a key. Keys are any bytes but zero, at most 4 KiB; values at most 512 KiB unless configured
/// otherwise.
struct Put {
  std::string key{};
  std::string value{};
  std::uint64_t flags = 0;
  std::optional<Index>
      if_modified{};  ///< only if the key was last modified at this index; 0: if it is absent
};

/// Removes a key, or all keys that begin with it.
struct Erase {
  std::string key{};
  bool prefix = false;                 ///< all keys that begin with `key`
  std::optional<Index> if_modified{};  ///< only if the key was last modified at this index; not with `prefix`
};

/// What must be so for a commit to happen.
struct Require {
  std::string key{};
  /// An index: the key was last modified at it (0: it is absent). Text: this session holds its lock.
  std::variant<Index, std::string> expected{};
};

/// One operation of a commit.
using KvOperation = std::variant<Put, Erase, Require>;

/// The key/value store of an agent. A cheap handle; copies are the same store. May outlive its Agent: then
/// calls end with kCancelled.
///
/// Threads: safe. Blocks: never. Every call may end with kInvalidArgument (an empty key, a value that is too
/// large), kCancelled, kDeadlineExceeded (Call::timeout, of reads), kUnknownOutcome (of writes: it may still
/// happen, so read before repeating it), kPermissionDenied, kUnavailable (no leader, or not reached).
class DISCOVERY_EXPORT KVStore {
 public:
  /// A key; nothing if it is absent.
  Async<View<std::optional<KvPair>>> get(std::string key, Read read = {});
  /// All keys that begin with `prefix`, with their values.
  Async<View<KvPairs>> list(std::string prefix, Read read = {});
  /// Their names only; with a separator, each is cut behind the first one past the prefix.
  Async<View<std::vector<std::string>>> keys(std::string prefix, std::string separator = {}, Read read = {});

  /// Sets a key, and returns the index at which that happened. kConflict: Put::if_modified was not so, and
  /// nothing was changed.
  Async<Index> put(Put put, const Call& call = {});
  /// Removes; fine if there is nothing. kConflict, as put().
  Async<Index> erase(Erase erase, const Call& call = {});
  /// All operations in order, or none of them. At most 64, unless configured otherwise. kConflict: the
  /// message names the operation that failed, and why. kResourceExhausted: too many operations.
  Async<Index> commit(std::vector<KvOperation> operations, const Call& call = {});

  /// A key, now and after each change.
  Watch<std::optional<KvPair>> watch_key(std::string key, Read read = {});
  /// All keys that begin with `prefix`, now and after each change.
  Watch<KvPairs> watch(std::string prefix, Read read = {});

 private:
  friend class Agent;
  friend class LeaderElection;
  explicit KVStore(std::shared_ptr<api::AgentCore> core);
  std::shared_ptr<api::AgentCore> core_;
};

/// How `after` differs from `before`, by key. Pure, O(n); both in the order of their keys.
DISCOVERY_EXPORT Changes<KvPair> diff(const KvPairs& before, const KvPairs& after);

}  // namespace discovery::inline v0
