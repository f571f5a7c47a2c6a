#pragma once

/// \file
/// Sessions: what locks on keys are held by
/// (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions). A session lives on a node and
/// on checks of that node; when one of these goes or turns critical, or when it is not renewed in time, it
/// ends, and what it holds is released or deleted.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/codec/describe.h"
#include "lib/model/records.h"

namespace discovery::model {

/// What becomes of the keys that a session holds when it ends.
inline constexpr std::string_view kReleaseKeys = "release";
inline constexpr std::string_view kDeleteKeys = "delete";

/// The bounds of a TTL (the lower one is what `session_ttl_min` is by default), and of a lock-delay: a longer
/// one may be asked for and is shown, but counts as this.
inline constexpr Duration kMinSessionTtl = std::chrono::seconds(10);
inline constexpr Duration kMaxSessionTtl = std::chrono::hours(24);
inline constexpr Duration kMaxLockDelay = std::chrono::seconds(60);
/// A session ends when it was not renewed for so many times its TTL.
inline constexpr int kSessionTtlMultiplier = 2;

/// A check of a service, as sessions name it.
struct ServiceCheckName {
  Text id;
  Text name_space;
  friend bool operator==(const ServiceCheckName&, const ServiceCheckName&) = default;
};

/// A session. In a command that makes one, `id` is filled in by the server; see SessionCommand.
struct Session {
  Text id;                                         ///< a UUID
  Text name;                                       ///< for people
  Text node;                                       ///< on which it lives
  Duration lock_delay = std::chrono::seconds(15);  ///< for so long nobody gets the keys that it has lost
  Text behavior = kReleaseKeys;                    ///< kReleaseKeys or kDeleteKeys
  Text ttl;  ///< as it was given, such as "15s"; empty or of no length: it need not be renewed
  std::optional<Tags> node_checks{};  ///< none and empty mean the same, but are shown as they were given
  std::optional<std::vector<ServiceCheckName>> service_checks{};
  Tags checks{};  ///< further checks, of either kind: the old way to name them
  RaftIndexes index;
};
using SessionPtr = std::shared_ptr<const Session>;

/// Calls `visit(const Text&)` with the id of each check that the session lives on; one may come twice.
template <class Visit>
void for_each_check(const Session& session, Visit&& visit) {
  for (const Text& id : session.checks) visit(id);
  if (session.node_checks) {
    for (const Text& id : *session.node_checks) visit(id);
  }
  if (session.service_checks) {
    for (const ServiceCheckName& check : *session.service_checks) visit(check.id);
  }
}

/// The time within which a session is to be renewed; none: it lives without. Of a `ttl` that is no duration
/// (validate() lets none through): none.
Duration ttl_of(const Session& session);

/// What a session is found by: the bytes that its id stands for, in either case of its letters. A value.
class SessionKey {
 public:
  /// Sessions are found by texts of 36 characters that are hexadecimal digits but for four hyphens at most.
  static constexpr std::size_t kMaxSize = 18;

  /// kInvalidArgument, "failed session lookup: index error: UUID must be 36 characters" and the like.
  static Result<SessionKey> parse(std::string_view id);

  std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  friend bool operator==(const SessionKey& a, const SessionKey& b) noexcept { return a.view() == b.view(); }

 private:
  std::array<char, kMaxSize> bytes_{};
  std::uint8_t size_ = 0;
};

template <class Archive, codec::Described<ServiceCheckName> R>
void describe(Archive& archive, R& check) {
  archive.field("ID", check.id);
  archive.field("Namespace", check.name_space);
}

/// The lock-delay is a number of nanoseconds in every form.
template <class Archive, codec::Described<Session> R>
void describe(Archive& archive, R& session) {
  archive.field("ID", session.id);
  archive.field("Name", session.name);
  archive.field("Node", session.node);
  std::int64_t lock_delay = session.lock_delay.count();
  archive.field("LockDelay", lock_delay);
  if constexpr (!std::is_const_v<R>) session.lock_delay = Duration(lock_delay);
  archive.field("Behavior", session.behavior);
  archive.field("TTL", session.ttl);
  archive.field("NodeChecks", session.node_checks);
  archive.field("ServiceChecks", session.service_checks);
  archive.field("Checks", session.checks, {.omit_empty = true});
  archive.field("CreateIndex", session.index.create);
  archive.field("ModifyIndex", session.index.modify);
}

}  // namespace discovery::model
