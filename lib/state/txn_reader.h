#pragma once

/// \file
/// The reading operations of transactions, on a snapshot or in the middle of a transaction.

#include <string>
#include <utility>

#include "lib/base/strings.h"
#include "lib/model/txn.h"
#include "lib/state/store.h"

namespace discovery::state {

/// What went wrong with an operation; empty: nothing.
using TxnFailure = std::string;

/// Reads for operations and appends the rows that they show. `Tables` has table<T>(): a Snapshot or a
/// Transaction. Threads: as `Tables`.
template <class Tables>
class TxnReader {
 public:
  TxnReader(const Tables& tables, std::size_t max_rows, std::vector<model::TxnRow>& rows)
      : tables_(tables), max_rows_(max_rows), rows_(rows) {}

  TxnFailure operator()(const model::KvOperation& operation);
  TxnFailure operator()(const model::NodeOperation& operation);
  TxnFailure operator()(const model::ServiceOperation& operation);
  TxnFailure operator()(const model::CheckOperation& operation);
  /// Sessions are only ended.
  TxnFailure operator()(const model::SessionOperation& operation);

  /// \name What is there
  /// Null if there is none.
  /// @{
  const model::KvEntry* key(std::string_view key) const {
    return tables_.template table<KvTable>().find(key);
  }
  model::NodePtr node(std::string_view name) const { return find<NodeTable>(lower(name)); }
  model::NodePtr node_by_id(std::string_view id) const { return find<NodeIdTable>(lower(id)); }
  model::ServicePtr service(std::string_view node, std::string_view id) const {
    return find<ServiceTable>(table_key({node, id}));
  }
  model::CheckPtr check(std::string_view node, std::string_view id) const {
    return find<CheckTable>(table_key({node, id}));
  }
  /// @}

  /// Appends a row, if there is room for it.
  TxnFailure show(model::TxnRow row) {
    if (rows_.size() >= max_rows_) {
      return "transaction shows too many rows (limit " + std::to_string(max_rows_) + ")";
    }
    rows_.push_back(std::move(row));
    return {};
  }

 private:
  template <class Table>
  auto find(std::string_view key) const {
    const auto* leaf = tables_.template table<Table>().find(key);
    using Found = std::remove_cvref_t<decltype(leaf->value())>;
    return leaf == nullptr ? Found() : leaf->value();
  }
  TxnFailure show_tree(std::string_view prefix);

  const Tables& tables_;
  const std::size_t max_rows_;
  std::vector<model::TxnRow>& rows_;
};

/// What an operation fails with whose verb means nothing for its kind.
inline TxnFailure unknown_verb(std::string_view kind, std::string_view verb) {
  return "unknown " + std::string(kind) + " verb " + base::go_quote(verb);
}

template <class Tables>
TxnFailure TxnReader<Tables>::operator()(const model::KvOperation& operation) {
  const model::TxnVerb verb = model::parse_txn_verb(operation.verb);
  if (verb == model::TxnVerb::kGetTree) return show_tree(operation.key);
  const model::KvEntry* entry = key(operation.key);
  const auto quoted = [&] { return base::go_quote(operation.key); };
  switch (verb) {
    case model::TxnVerb::kGet:
      if (entry == nullptr) return "key " + quoted() + " doesn't exist";
      return show(model::TxnKey{model::KvEntryRef::share(entry)});
    case model::TxnVerb::kCheckNotExists:
      return entry == nullptr ? TxnFailure() : "key " + quoted() + " exists";
    case model::TxnVerb::kCheckIndex:
      if (entry == nullptr) return "failed to check index, key " + quoted() + " doesn't exist";
      if (entry->modify_index() != operation.index) {
        return "failed index check for key " + quoted() + ", current modify index " +
               std::to_string(entry->modify_index()) + " != " + std::to_string(operation.index);
      }
      return show(model::TxnKey{model::KvEntryRef::share(entry), false});
    case model::TxnVerb::kCheckSession:
      if (entry == nullptr) return "failed to check session, key " + quoted() + " doesn't exist";
      if (entry->session() != operation.session) {
        return "failed session check for key " + quoted() + ", current session " +
               base::go_quote(entry->session()) + " != " + base::go_quote(operation.session);
      }
      return show(model::TxnKey{model::KvEntryRef::share(entry), false});
    default:
      return unknown_verb("KV", operation.verb);
  }
}

template <class Tables>
TxnFailure TxnReader<Tables>::show_tree(std::string_view prefix) {
  TxnFailure failure;
  tables_.template table<KvTable>().scan(prefix, [&](const model::KvEntry& entry) {
    failure = show(model::TxnKey{model::KvEntryRef::share(&entry)});
    return failure.empty();
  });
  return failure;
}

template <class Tables>
TxnFailure TxnReader<Tables>::operator()(const model::NodeOperation& operation) {
  const model::Node& wanted = operation.node;
  model::NodePtr found = wanted.id.empty() ? node(wanted.name) : node_by_id(wanted.id);
  if (!found) return "node " + base::go_quote(wanted.name) + " doesn't exist";
  return show(std::move(found));
}

template <class Tables>
TxnFailure TxnReader<Tables>::operator()(const model::ServiceOperation& operation) {
  model::ServicePtr found = service(operation.node, operation.service.id);
  if (found) return show(std::move(found));
  return "service " + base::go_quote(operation.service.id) + " on node " + base::go_quote(operation.node) +
         " doesn't exist";
}

template <class Tables>
TxnFailure TxnReader<Tables>::operator()(const model::CheckOperation& operation) {
  model::CheckPtr found = check(operation.check.node, operation.check.check_id);
  if (found) return show(std::move(found));
  return "check " + base::go_quote(operation.check.check_id) + " on node " +
         base::go_quote(operation.check.node) + " doesn't exist";
}

template <class Tables>
TxnFailure TxnReader<Tables>::operator()(const model::SessionOperation& operation) {
  return unknown_verb("session", operation.verb);
}

}  // namespace discovery::state
