#pragma once

/// \file
/// How sessions begin and end, with Consul's rules
/// (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions). What ends a session in the
/// catalog (a node, a service or a check that goes, a check that turns critical) ends it in the same
/// transaction, and so are its keys released or deleted. Deterministic. Threads: the writer's.

#include <string>
#include <string_view>

#include <discovery/status.h>

#include "lib/model/session.h"
#include "lib/state/store.h"

namespace discovery::state {

/// Makes a session with an id that no session has. kFailedPrecondition with Consul's text: its node or one of
/// its checks is not there, or a check is critical.
Status create_session(Transaction& transaction, model::Session session);

/// Ends the session of this id; fine if there is none. kFailedPrecondition if the text is no id.
Status destroy_session(Transaction& transaction, std::string_view id);

/// Ends the sessions that live on a check.
void end_sessions_on_check(Transaction& transaction, std::string_view node, std::string_view check_id);
/// Ends all sessions of a node.
void end_sessions_on_node(Transaction& transaction, std::string_view node);

/// Whether there is a session of this id. kFailedPrecondition with Consul's text if not.
Status require_session(const Transaction& transaction, std::string_view id);

/// The key of a session in the tables: hexadecimal digits, so that the trees' branches stay narrow. (Random
/// bytes make branches of 256 children, which each commit copies.)
std::string session_row(const model::SessionKey& session);

/// The session of a key, or null. `Tables`: a Snapshot or a Transaction. Threads: as `Tables`.
template <class Tables>
model::SessionPtr find_session(const Tables& tables, const model::SessionKey& key) {
  const auto* leaf = tables.template table<SessionTable>().find(session_row(key));
  return leaf == nullptr ? nullptr : leaf->value();
}

/// The key in LockTable of what a session holds; with an empty `key` the prefix of all that it holds.
std::string lock_row(const model::SessionKey& session, std::string_view key);

}  // namespace discovery::state
