#pragma once

/// \file
/// Transactions: several operations of which all happen or none
/// (https://developer.hashicorp.com/consul/api-docs/txn). One that only reads is a Query, any other a
/// Command; both give TxnResults. A further kind of operation is a further alternative of TxnOperation.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <discovery/types.h>

#include "lib/codec/describe.h"
#include "lib/model/describe_records.h"
#include "lib/model/kv_entry.h"
#include "lib/model/records.h"
#include "lib/model/session.h"

namespace discovery::model {

/// What an operation does. Catalog records know kSet, kCas, kGet, kDelete and kDeleteCas; sessions kDelete.
enum class TxnVerb : std::uint8_t {
  kUnknown,
  kSet,
  kCas,
  kGet,
  kGetTree,
  kCheckIndex,
  kCheckNotExists,
  kCheckSession,
  kLock,
  kUnlock,
  kDelete,
  kDeleteCas,
  kDeleteTree,
};

/// The verb of this name; kUnknown for any other text. Pure.
TxnVerb parse_txn_verb(std::string_view name) noexcept;

/// Something done with a key, or with all keys below it.
struct KvOperation {
  std::string verb;  ///< a name; one that is not known makes the transaction fail
  std::string key;
  std::string value;
  std::uint64_t flags = 0;
  Index index = 0;  ///< what cas, delete-cas and check-index compare with; with cas 0: it must be absent
  std::string session{};  ///< who locks or unlocks, or who is to hold the lock
};

/// Something done with a node, which is found by its id when it is read, else by its name. Its modify index
/// is what cas and delete-cas compare with.
struct NodeOperation {
  std::string verb;
  Node node;
};

/// Something done with an instance on a node, which is found by its id.
struct ServiceOperation {
  std::string verb;
  std::string node;
  ServiceInstance service;
};

/// Something done with a check, which is found by its node and its id.
struct CheckOperation {
  std::string verb;
  HealthCheck check;
};

/// Something done with a session, which is found by its id. Consul's log has it, its HTTP API does not.
struct SessionOperation {
  std::string verb;
  Session session;
};

using TxnOperation =
    std::variant<KvOperation, NodeOperation, ServiceOperation, CheckOperation, SessionOperation>;
using TxnOperations = std::vector<TxnOperation>;

/// What the operations are called where they are written down; by the alternatives of TxnOperation.
inline constexpr std::string_view kTxnKinds[] = {"KV", "Node", "Service", "Check", "Session"};
static_assert(std::size(kTxnKinds) == std::variant_size_v<TxnOperation>);

/// A key as a transaction shows it.
struct TxnKey {
  KvEntryRef entry;
  bool shows_value = true;  ///< who has written it knows it
};

/// What one operation has found or made.
using TxnRow = std::variant<TxnKey, NodePtr, ServicePtr, CheckPtr>;

/// Why an operation failed.
struct TxnError {
  std::size_t operation = 0;  ///< its place in the transaction
  std::string what;           ///< Consul's text
  friend bool operator==(const TxnError&, const TxnError&) = default;
};

/// What a transaction came to: rows in the order of its operations or, if any failed, all errors and nothing
/// else; then nothing was changed.
struct TxnResults {
  std::vector<TxnRow> rows;
  std::vector<TxnError> errors;
};

/// Whether an operation changes nothing. A verb that is not known counts as reading a key, and as changing a
/// record of the catalog, as Consul has it.
bool only_reads(const TxnOperation& operation) noexcept;

/// Whether an operation shows all keys below a prefix.
bool reads_tree(const TxnOperation& operation) noexcept;

/// Which operations ask for a key without naming one.
std::vector<TxnError> find_missing_keys(const TxnOperations& operations);

/// Checks what Consul's servers check before a transaction goes to the log, fills in defaults (service ID,
/// check ID, status), and returns what is wrong.
std::vector<TxnError> complete(TxnOperations& operations);

template <class Archive, codec::Described<NodeOperation> R>
void describe(Archive& archive, R& operation) {
  archive.field("Verb", operation.verb);
  archive.field("Node", operation.node);
}

template <class Archive, codec::Described<ServiceOperation> R>
void describe(Archive& archive, R& operation) {
  archive.field("Verb", operation.verb);
  archive.field("Node", operation.node);
  archive.field("Service", operation.service);
}

template <class Archive, codec::Described<CheckOperation> R>
void describe(Archive& archive, R& operation) {
  archive.field("Verb", operation.verb);
  archive.field("Check", operation.check);
}

template <class Archive, codec::Described<SessionOperation> R>
void describe(Archive& archive, R& operation) {
  archive.field("Verb", operation.verb);
  archive.field("Session", operation.session);
}

}  // namespace discovery::model
