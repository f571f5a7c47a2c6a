#include "lib/model/txn.h"

#include <array>
#include <utility>

#include "lib/model/complete.h"

namespace discovery::model {
namespace {

constexpr std::array<std::pair<std::string_view, TxnVerb>, 12> kVerbs{{
    {"set", TxnVerb::kSet},
    {"cas", TxnVerb::kCas},
    {"get", TxnVerb::kGet},
    {"get-tree", TxnVerb::kGetTree},
    {"check-index", TxnVerb::kCheckIndex},
    {"check-not-exists", TxnVerb::kCheckNotExists},
    {"check-session", TxnVerb::kCheckSession},
    {"lock", TxnVerb::kLock},
    {"unlock", TxnVerb::kUnlock},
    {"delete", TxnVerb::kDelete},
    {"delete-cas", TxnVerb::kDeleteCas},
    {"delete-tree", TxnVerb::kDeleteTree},
}};

bool is_get(const std::string& verb) { return parse_txn_verb(verb) == TxnVerb::kGet; }

Status check(const KvOperation& operation) {
  if (!operation.key.empty() || parse_txn_verb(operation.verb) == TxnVerb::kDeleteTree) return {};
  return invalid_argument("Must provide key");
}

/// What only reads is looked for as it is.
Status complete(NodeOperation& operation) {
  if (is_get(operation.verb)) return {};
  const Node& node = operation.node;
  if (Status status = check_node(node.name, node.id); !status.ok()) return status;
  return refuse_zero_bytes({node.name});
}

Status complete(ServiceOperation& operation) {
  if (is_get(operation.verb)) return {};
  ServiceInstance& service = operation.service;
  if (Status status = complete_service(service); !status.ok()) return status;
  return refuse_zero_bytes({operation.node, service.id, service.name});
}

Status complete(CheckOperation& operation) {
  if (is_get(operation.verb)) return {};
  HealthCheck& check = operation.check;
  complete_check(check);
  return refuse_zero_bytes({check.node, check.check_id, check.service_id, check.status});
}

Status complete(KvOperation& operation) { return check(operation); }
Status complete(SessionOperation&) { return {}; }

void note(std::vector<TxnError>& errors, std::size_t at, const Status& status) {
  if (!status.ok()) errors.push_back({at, std::string(status.message())});
}

}  // namespace

TxnVerb parse_txn_verb(std::string_view name) noexcept {
  for (const auto& [known, verb] : kVerbs) {
    if (known == name) return verb;
  }
  return TxnVerb::kUnknown;
}

bool only_reads(const TxnOperation& operation) noexcept {
  const TxnVerb verb = std::visit([](const auto& kind) { return parse_txn_verb(kind.verb); }, operation);
  switch (verb) {
    case TxnVerb::kSet:
    case TxnVerb::kCas:
    case TxnVerb::kDelete:
    case TxnVerb::kDeleteCas:
    case TxnVerb::kDeleteTree:
    case TxnVerb::kLock:
    case TxnVerb::kUnlock:
      return false;
    case TxnVerb::kGet:
      return true;
    default:
      return std::holds_alternative<KvOperation>(operation);
  }
}

bool reads_tree(const TxnOperation& operation) noexcept {
  const auto* kv = std::get_if<KvOperation>(&operation);
  return kv != nullptr && parse_txn_verb(kv->verb) == TxnVerb::kGetTree;
}

std::vector<TxnError> find_missing_keys(const TxnOperations& operations) {
  std::vector<TxnError> errors;
  for (std::size_t at = 0; at < operations.size(); ++at) {
    if (const auto* kv = std::get_if<KvOperation>(&operations[at])) note(errors, at, check(*kv));
  }
  return errors;
}

std::vector<TxnError> complete(TxnOperations& operations) {
  std::vector<TxnError> errors;
  for (std::size_t at = 0; at < operations.size(); ++at) {
    note(errors, at, std::visit([](auto& kind) { return complete(kind); }, operations[at]));
  }
  return errors;
}

}  // namespace discovery::model
