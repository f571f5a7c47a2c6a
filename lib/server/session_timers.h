#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/model/session.h"

namespace discovery::server {

/// A leader's duty: sessions with a TTL that nobody renews end. A session ends at twice its TTL after its
/// latest renewal, or at most kTick before that: its end is due in one of many coarse slots of time, which
/// one timer serves. A renewal only notes the new time; the session moves to its new slot when the old one
/// comes, so that one that is renewed all the time costs a look at a table, and nothing while it waits.
///
/// Threads: the loop's. The session's end itself goes through the log; a session that should have ended and
/// has not is tried again.
class SessionTimers {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(100);
  static constexpr Duration kRetry = std::chrono::seconds(10);

  /// `expire` proposes that a session be ended; it may end at once, or later, or not.
  SessionTimers(env::Env& env, UniqueFunction<void(const model::SessionKey&)> expire);

  /// A session began, or a new leader counts anew; one without a TTL is not kept.
  void add(const model::Session& session);
  /// A session ended; fine if it was not kept.
  void remove(const model::Session& session);
  /// Counts anew. False if the session is about to end: then nothing helps it any more. True for one that is
  /// not kept.
  bool renew(const model::SessionKey& key);

  /// How many sessions are kept.
  std::size_t size() const noexcept { return sessions_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const model::SessionKey& key) const noexcept {
      return absl::Hash<std::string_view>()(key.view());
    }
  };
  struct Entry {
    Duration due;             ///< when it ends; beyond its slot's time if it was renewed meanwhile
    std::uint32_t ttl_ms;     ///< rounded up
    std::uint32_t slot : 31;  ///< where it is looked at next
    std::uint32_t ending : 1;
  };

  Duration due_from_now(const Entry& entry) const;
  void file(const model::SessionKey& key, Entry& entry, Duration due);
  void arm();
  void on_timer();
  void look_at(std::uint32_t slot, const model::SessionKey& key);

  env::Env& env_;
  UniqueFunction<void(const model::SessionKey&)> expire_;
  absl::flat_hash_map<model::SessionKey, Entry, Hash> sessions_;
  std::map<std::uint32_t, std::vector<model::SessionKey>>
      slots_;                ///< may name sessions that are elsewhere now
  std::uint32_t armed_ = 0;  ///< for this slot; 0: not
  std::unique_ptr<env::Timer> timer_;
};

}  // namespace discovery::server
