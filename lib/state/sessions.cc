#include "lib/state/sessions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/base/strings.h"
#include "lib/state/kv.h"

namespace discovery::state {
namespace {

using model::Session;
using model::SessionKey;
using model::SessionPtr;

Status refused(std::string message) { return {Code::kFailedPrecondition, std::move(message)}; }

Result<SessionKey> parse(std::string_view id) {
  Result<SessionKey> key = SessionKey::parse(id);
  if (!key.ok()) return refused(std::string(key.status().message()));
  return key;
}

/// The key of a session that is in the state.
SessionKey key_of(const Session& session) {
  const auto key = SessionKey::parse(session.id);
  return key.ok() ? *key : SessionKey();
}

std::string check_row(std::string_view node, std::string_view check_id, const SessionKey& session) {
  std::string row = table_key({node, check_id, ""});
  row += session_row(session);
  return row;
}

/// Calls `visit` with each row of SessionCheckTable that a session has: one for each of its checks, or one
/// for none.
template <class Visit>
void for_each_row(const Session& session, const SessionKey& key, Visit&& visit) {
  bool any = false;
  for_each_check(session, [&](const model::Text& check) {
    any = true;
    visit(check_row(session.node, check, key));
  });
  if (!any) visit(check_row(session.node, "", key));
}

bool lives_on(const Session& session, std::string_view check_id) {
  bool found = false;
  for_each_check(session, [&](const model::Text& check) { found = found || lower(check) == check_id; });
  return found;
}

void touch(Transaction& tx, const Session& session, const SessionKey& key) {
  tx.bump(kSessionsRow);
  tx.touched().add(Topic::kSessions);
  tx.touched().add(Topic::kSession, key.view());
  tx.touched().add(Topic::kNodeSessions, lower(session.node));
}

Status check_checks(const Transaction& tx, const Session& session) {
  Status status;
  for_each_check(session, [&](const model::Text& id) {
    if (!status.ok()) return;
    const auto* leaf = tx.table<CheckTable>().find(table_key({session.node, id}));
    if (leaf == nullptr) {
      status = refused("Missing check '" + id.str() + "' registration");
    } else if (leaf->value()->status == model::kCritical) {
      status = refused("Check '" + id.str() + "' is in critical state");
    }
  });
  return status;
}

/// Releases or deletes what a session holds.
void let_go(Transaction& tx, const Session& session, const SessionKey& key) {
  std::vector<std::string> held;
  const std::string prefix = lock_row(key, "");
  tx.table<LockTable>().scan(
      prefix, [&](const LockTable::Leaf& leaf) { held.emplace_back(leaf.key().substr(prefix.size())); });
  const Duration delay = std::min(session.lock_delay, model::kMaxLockDelay);
  for (std::string& name : held) {
    if (session.behavior == model::kDeleteKeys) {
      delete_key(tx, name);
    } else {
      release_key(tx, name);
    }
    if (delay > Duration::zero()) tx.aftermath().delays.push_back({std::move(name), delay});
  }
}

void end_session(Transaction& tx, const SessionPtr& session) {
  const SessionKey key = key_of(*session);
  if (!tx.erase<SessionTable>(session_row(key))) return;
  for_each_row(*session, key, [&](const std::string& row) { tx.erase<SessionCheckTable>(row); });
  let_go(tx, *session, key);
  touch(tx, *session, key);
  tx.aftermath().ended.push_back(session);
}

/// The sessions with rows that begin with `prefix`.
std::vector<SessionPtr> sessions_below(const Transaction& tx, std::string_view prefix) {
  std::vector<SessionPtr> sessions;
  if (tx.table<SessionTable>().empty()) return sessions;
  tx.table<SessionCheckTable>().scan(
      prefix, [&](const SessionCheckTable::Leaf& leaf) { sessions.push_back(leaf.value()); });
  return sessions;
}

}  // namespace

Status create_session(Transaction& tx, Session session) {
  const auto key = parse(session.id);
  if (!key.ok()) return key.status();
  if (find_session(tx, *key)) return refused("session " + session.id + " exists");
  if (tx.table<NodeTable>().find(lower(session.node)) == nullptr) return refused("Missing node registration");
  if (Status status = check_checks(tx, session); !status.ok()) return status;
  session.index = {tx.index(), tx.index()};
  tx.share_texts(session);
  const auto stored = std::make_shared<const Session>(std::move(session));
  tx.put<SessionTable>(session_row(*key), stored);
  for_each_row(*stored, *key, [&](const std::string& row) { tx.put<SessionCheckTable>(row, stored); });
  touch(tx, *stored, *key);
  tx.aftermath().made.push_back(stored);
  return {};
}

Status destroy_session(Transaction& tx, std::string_view id) {
  const auto key = parse(id);
  if (!key.ok()) return key.status();
  if (const SessionPtr session = find_session(tx, *key)) end_session(tx, session);
  return {};
}

void end_sessions_on_check(Transaction& tx, std::string_view node, std::string_view check_id) {
  const std::string id = lower(check_id);
  for (const SessionPtr& session : sessions_below(tx, table_key({node, id, ""}))) {
    if (lives_on(*session, id)) end_session(tx, session);  // one without checks has a row, too
  }
}

void end_sessions_on_node(Transaction& tx, std::string_view node) {
  for (const SessionPtr& session : sessions_below(tx, table_key({node, ""}))) end_session(tx, session);
}

Status require_session(const Transaction& tx, std::string_view id) {
  if (id.empty()) return refused("missing session");
  const auto key = parse(id);
  if (!key.ok()) return key.status();
  return find_session(tx, *key) ? Status() : refused("invalid session " + base::go_quote(id));
}

std::string session_row(const SessionKey& session) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string row;
  row.reserve(2 * SessionKey::kMaxSize);
  for (const char c : session.view()) {
    const auto byte = static_cast<unsigned char>(c);
    row += kDigits[byte >> 4U];
    row += kDigits[byte & 15U];
  }
  return row;
}

std::string lock_row(const SessionKey& session, std::string_view key) {
  std::string row = session_row(session);
  row.reserve(row.size() + 1 + key.size());
  row += '/';  // no session's digits are the beginning of another row
  row += key;
  return row;
}

}  // namespace discovery::state
