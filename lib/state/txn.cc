#include "lib/state/txn.h"

#include <optional>
#include <utility>

#include "lib/state/catalog_edit.h"
#include "lib/state/kv.h"
#include "lib/state/sessions.h"
#include "lib/state/txn_reader.h"

namespace discovery::state {
namespace {

using model::TxnVerb;

/// Whether the index that an operation names is that of the record; 0 names one that is not there.
template <class Record>
bool index_fits(const std::shared_ptr<const Record>& record, Index wanted) {
  return wanted == 0 ? record == nullptr : record != nullptr && record->index.modify == wanted;
}

/// What a comparison that was lost is told with.
std::string stale(std::string_view doing, const std::string& what) {
  return "failed to " + std::string(doing) + " " + what + ", index is stale";
}

/// What the catalog refuses, with nothing before it.
TxnFailure failure_of(const Status& status) { return std::string(status.message()); }

constexpr const char* kNoNode = "Missing node registration";

/// Carries out operations.
class Writer {
 public:
  Writer(Transaction& tx, std::vector<model::TxnRow>& rows) : tx_(tx), reader_(tx, kMaxWriteTxnRows, rows) {}

  TxnFailure operator()(const model::KvOperation& operation);
  TxnFailure operator()(const model::NodeOperation& operation);
  TxnFailure operator()(const model::ServiceOperation& operation);
  TxnFailure operator()(const model::CheckOperation& operation);
  TxnFailure operator()(const model::SessionOperation& operation);

 private:
  TxnFailure write(const model::KvOperation& operation, model::KvVerb verb);
  TxnFailure set(const model::Node& node);
  TxnFailure set(const std::string& node, const model::ServiceInstance& service);
  TxnFailure set(const model::HealthCheck& check);

  Transaction& tx_;
  TxnReader<Transaction> reader_;
};

std::optional<model::KvVerb> writing_verb(TxnVerb verb) {
  switch (verb) {
    case TxnVerb::kSet:
      return model::KvVerb::kSet;
    case TxnVerb::kCas:
      return model::KvVerb::kCas;
    case TxnVerb::kDelete:
      return model::KvVerb::kDelete;
    case TxnVerb::kDeleteCas:
      return model::KvVerb::kDeleteCas;
    case TxnVerb::kDeleteTree:
      return model::KvVerb::kDeleteTree;
    case TxnVerb::kLock:
      return model::KvVerb::kLock;
    case TxnVerb::kUnlock:
      return model::KvVerb::kUnlock;
    default:
      return std::nullopt;
  }
}

TxnFailure Writer::operator()(const model::KvOperation& operation) {
  const auto verb = writing_verb(model::parse_txn_verb(operation.verb));
  return verb ? write(operation, *verb) : reader_(operation);
}

/// What a write that lost is told with.
TxnFailure lost(model::KvVerb verb, std::string_view key) {
  const std::string quoted = "key " + base::go_quote(key);
  switch (verb) {
    case model::KvVerb::kLock:
      return "failed to lock " + quoted + ", lock is already held";
    case model::KvVerb::kUnlock:
      return "failed to unlock " + quoted + ", lock isn't held, or is held by another session";
    case model::KvVerb::kDeleteCas:
      return stale("delete", quoted);
    default:
      return stale("set", quoted);
  }
}

bool deletes(model::KvVerb verb) {
  return verb == model::KvVerb::kDelete || verb == model::KvVerb::kDeleteCas ||
         verb == model::KvVerb::kDeleteTree;
}

TxnFailure Writer::write(const model::KvOperation& operation, model::KvVerb verb) {
  const Result<bool> won = write_key(
      tx_, {verb, operation.key, operation.value, operation.flags, operation.index, operation.session});
  if (!won.ok()) return failure_of(won.status());
  if (!*won) return lost(verb, operation.key);
  if (deletes(verb)) return {};
  return reader_.show(model::TxnKey{model::KvEntryRef::share(reader_.key(operation.key)), false});
}

TxnFailure Writer::set(const model::Node& node) {
  if (const Status status = ensure_node(tx_, node); !status.ok()) return failure_of(status);
  return reader_.show(reader_.node(node.name));
}

TxnFailure Writer::operator()(const model::NodeOperation& operation) {
  const model::Node& node = operation.node;
  const auto quoted = [&] { return "node " + base::go_quote(node.name); };
  switch (model::parse_txn_verb(operation.verb)) {
    case TxnVerb::kGet:
      return reader_(operation);
    case TxnVerb::kSet:
      return set(node);
    case TxnVerb::kCas:
      return index_fits(reader_.node(node.name), node.index.modify) ? set(node) : stale("set", quoted());
    case TxnVerb::kDelete:
      if (const auto before = reader_.node(node.name)) delete_node(tx_, *before);
      return {};
    case TxnVerb::kDeleteCas: {
      const auto before = reader_.node(node.name);
      if (!before || before->index.modify != node.index.modify) return stale("delete", quoted());
      delete_node(tx_, *before);
      return {};
    }
    default:
      return unknown_verb("Node", operation.verb);
  }
}

TxnFailure Writer::set(const std::string& node, const model::ServiceInstance& service) {
  const auto on = reader_.node(node);
  if (!on) return kNoNode;
  ensure_service(tx_, *on, service);
  return reader_.show(reader_.service(node, service.id));
}

TxnFailure Writer::operator()(const model::ServiceOperation& operation) {
  const model::ServiceInstance& service = operation.service;
  const auto before = [&] { return reader_.service(operation.node, service.id); };
  const auto quoted = [&] {
    return "service " + base::go_quote(service.id) + " on node " + base::go_quote(operation.node);
  };
  switch (model::parse_txn_verb(operation.verb)) {
    case TxnVerb::kGet:
      return reader_(operation);
    case TxnVerb::kSet:
      return set(operation.node, service);
    case TxnVerb::kCas:
      return index_fits(before(), service.index.modify) ? set(operation.node, service)
                                                        : stale("set", quoted());
    case TxnVerb::kDelete:
      if (const auto found = before()) delete_service(tx_, operation.node, *found);
      return {};
    case TxnVerb::kDeleteCas: {
      const auto found = before();
      if (!found || found->index.modify != service.index.modify) return stale("delete", quoted());
      delete_service(tx_, operation.node, *found);
      return {};
    }
    default:
      return unknown_verb("Service", operation.verb);
  }
}

TxnFailure Writer::set(const model::HealthCheck& check) {
  const auto on = reader_.node(check.node);
  if (!on) return kNoNode;
  if (const Status status = ensure_check(tx_, *on, check); !status.ok()) return failure_of(status);
  return reader_.show(reader_.check(check.node, check.check_id));
}

TxnFailure Writer::operator()(const model::CheckOperation& operation) {
  const model::HealthCheck& check = operation.check;
  const auto before = [&] { return reader_.check(check.node, check.check_id); };
  const auto quoted = [&] {
    return "check " + base::go_quote(check.check_id) + " on node " + base::go_quote(check.node);
  };
  switch (model::parse_txn_verb(operation.verb)) {
    case TxnVerb::kGet:
      return reader_(operation);
    case TxnVerb::kSet:
      return set(check);
    case TxnVerb::kCas:
      return index_fits(before(), check.index.modify) ? set(check) : stale("set", quoted());
    case TxnVerb::kDelete:
      delete_check(tx_, check.node, check.check_id);
      return {};
    case TxnVerb::kDeleteCas: {
      const auto found = before();
      if (!found || found->index.modify != check.index.modify) return stale("delete", quoted());
      delete_check(tx_, check.node, check.check_id);
      return {};
    }
    default:
      return unknown_verb("Check", operation.verb);
  }
}

TxnFailure Writer::operator()(const model::SessionOperation& operation) {
  if (model::parse_txn_verb(operation.verb) != TxnVerb::kDelete) return reader_(operation);
  return failure_of(destroy_session(tx_, operation.session.id));
}

/// Carries out all operations, also behind one that fails: all errors are told.
template <class Each>
void run(const model::TxnOperations& operations, model::TxnResults& results, Each&& each) {
  for (std::size_t at = 0; at < operations.size(); ++at) {
    TxnFailure failure = std::visit(each, operations[at]);
    if (!failure.empty()) results.errors.push_back({at, std::move(failure)});
  }
  if (!results.errors.empty()) results.rows.clear();
}

/// What an operation that only reads depends on.
struct Interest {
  Touched& touched;

  void operator()(const model::KvOperation& operation) const {
    const bool tree = model::parse_txn_verb(operation.verb) == TxnVerb::kGetTree;
    touched.add(tree ? Topic::kKeyPrefix : Topic::kKey, operation.key);
  }
  void operator()(const model::NodeOperation& operation) const {
    // One that is found by its ID may be renamed.
    if (operation.node.id.empty()) {
      touched.add(Topic::kNode, lower(operation.node.name));
    } else {
      touched.add(Topic::kNodes);
    }
  }
  void operator()(const model::ServiceOperation& operation) const {
    touched.add(Topic::kNode, lower(operation.node));
  }
  void operator()(const model::CheckOperation& operation) const {
    touched.add(Topic::kNodeChecks, lower(operation.check.node));
  }
  void operator()(const model::SessionOperation&) const {}
};

}  // namespace

model::TxnResults apply_txn(Transaction& tx, const model::TxnCommand& command) {
  model::TxnResults results;
  results.rows.reserve(command.operations.size());
  run(command.operations, results, Writer(tx, results.rows));
  return results;
}

model::TxnResults read_txn(const model::ReadTxn& query, const Snapshot& snapshot) {
  model::TxnResults results;
  results.errors = model::find_missing_keys(query.operations);
  if (!results.errors.empty()) return results;
  run(query.operations, results, TxnReader<Snapshot>(snapshot, kMaxReadTxnRows, results.rows));
  return results;
}

Evaluation evaluate_txn(const model::ReadTxn& query, const Snapshot& snapshot) {
  Evaluation result{read_txn(query, snapshot), {}, {}};
  for (const model::TxnOperation& operation : query.operations)
    std::visit(Interest{result.touched}, operation);
  return result;
}

}  // namespace discovery::state
