#include "lib/server/evaluation.h"

#include <new>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "lib/server/rows.h"
#include "lib/state/tables.h"

namespace discovery::server {
namespace {

using state::Snapshot;

/// What may be spent on the loop, and what a row costs, in nanoseconds; measured, and rounded up.
constexpr std::size_t kBudget = 200'000;
constexpr std::size_t kVisit = 50;         ///< to pass by, or to take one record
constexpr std::size_t kCopied = 4;         ///< bytes in one nanosecond
constexpr std::size_t kInstance = 400;     ///< an instance with its node
constexpr std::size_t kHealth = 1'200;     ///< and with its checks
constexpr std::size_t kFilter = 1'000;     ///< to ask a filter about a row
constexpr std::size_t kPattern = 200'000;  ///< if that has a regular expression, which may take any time
constexpr std::size_t kDistance = 400;     ///< to find out how far a row is, and to sort it in

/// The leaves below a prefix, counted up to where the budget ends anyhow.
template <class Table>
std::size_t count_below(const Snapshot& snapshot, std::string_view prefix) {
  constexpr std::size_t kMost = kBudget / kVisit + 1;
  const auto table = snapshot.table<Table>();
  if (prefix.empty() || table.size() < kMost / 16) return table.size();
  std::size_t count = 0;
  table.scan(prefix, [&](const auto&) { return ++count < kMost; });
  return count;
}

template <class Table>
std::size_t count_all(const Snapshot& snapshot) {
  return snapshot.table<Table>().size();
}

/// How many rows a question has, and what each costs.
struct Cost {
  std::size_t rows = 0;
  std::size_t each = kVisit;
};

std::size_t instances(const Snapshot& snapshot, const std::string& service) {
  const auto* summary = snapshot.table<state::ServiceNameTable>().find(state::lower(service));
  return summary == nullptr ? 0 : summary->value()->instances;
}

template <class Query>
Cost cost_of_service(const Query& query, const Snapshot& snapshot, std::size_t each) {
  switch (query.role) {
    case model::ServiceRole::kPlain:
      return {instances(snapshot, query.service), each};
    case model::ServiceRole::kConnect:
      return {count_below<state::ConnectTable>(snapshot, state::table_key({query.service, ""})), each};
    case model::ServiceRole::kIngress:
      break;
  }
  return {};
}

struct CostOf {
  const Snapshot& snapshot;

  /// Tombstones are walked too, for the index.
  Cost keys(std::string_view prefix) const {
    return {count_below<state::KvTable>(snapshot, prefix) +
            count_below<state::TombstoneTable>(snapshot, prefix)};
  }
  Cost operator()(const model::ListKeysWithValues& query) const { return keys(query.prefix); }
  /// Names are copied, and may be long.
  Cost operator()(const model::ListKeys& query) const {
    Cost cost = keys(query.prefix);
    std::size_t bytes = 0;
    snapshot.table<state::KvTable>().scan(query.prefix, [&](const model::KvEntry& entry) {
      bytes += entry.key().size();
      return cost.rows * kVisit + bytes / kCopied <= kBudget;
    });
    cost.rows += bytes / kCopied / kVisit;
    return cost;
  }
  Cost operator()(const model::ListNodes&) const { return {count_all<state::NodeTable>(snapshot)}; }
  Cost operator()(const model::ListServices& query) const {
    if (query.node_meta.empty()) return {count_all<state::ServiceNameTable>(snapshot), kInstance};
    return {count_all<state::NodeTable>(snapshot) + count_all<state::ServiceTable>(snapshot), kInstance};
  }
  Cost operator()(const model::ListServiceInstances& query) const {
    return cost_of_service(query, snapshot, kInstance);
  }
  Cost operator()(const model::ListServiceHealth& query) const {
    return cost_of_service(query, snapshot, kHealth);
  }
  Cost operator()(const model::ListServiceChecks& query) const {
    return {instances(snapshot, query.service), kHealth};
  }
  Cost operator()(const model::GetNodeServices& query) const {
    return {count_below<state::ServiceTable>(snapshot, state::table_key({query.node, ""}))};
  }
  Cost operator()(const model::FindNodeByAddress&) const { return {count_all<state::NodeTable>(snapshot)}; }
  Cost operator()(const model::FindServiceByAddress&) const {
    return {count_all<state::ServiceTable>(snapshot)};
  }
  Cost operator()(const model::ListNodeChecks& query) const {
    return {count_below<state::CheckTable>(snapshot, state::table_key({query.node, ""}))};
  }
  Cost operator()(const model::ListChecksInState& query) const {
    const std::size_t each = query.node_meta.empty() ? kVisit : kInstance;
    const std::string in_state = state::lower(query.state);
    if (in_state == "any" || in_state == model::kPassing)
      return {count_all<state::CheckTable>(snapshot), each};
    return {count_below<state::FailingCheckTable>(snapshot, state::table_key({in_state, ""})), each};
  }
  Cost operator()(const model::ListCoordinates&) const {
    return {count_all<state::CoordinateTable>(snapshot)};
  }
  Cost operator()(const model::ListSessions&) const { return {count_all<state::SessionTable>(snapshot)}; }
  Cost operator()(const model::ListNodeSessions& query) const {
    return {count_below<state::SessionCheckTable>(snapshot, state::table_key({query.node, ""})), kInstance};
  }
  Cost operator()(const model::ReadTxn& query) const {
    Cost cost;
    for (const model::TxnOperation& operation : query.operations) {
      cost.rows += model::reads_tree(operation)
                       ? count_below<state::KvTable>(snapshot, std::get<model::KvOperation>(operation).key)
                       : 1;
      if (cost.rows * kVisit > kBudget) break;  // known well enough
    }
    return cost;
  }
  template <class Other>
  Cost operator()(const Other&) const {
    return {};
  }
};

}  // namespace

bool takes_long(const model::Query& query, const Snapshot& snapshot) {
  const Cost cost = std::visit(CostOf{snapshot}, query);
  return cost.rows * cost.each > kBudget;
}

bool takes_long(const Question& question, const Snapshot& snapshot) {
  Cost cost = std::visit(CostOf{snapshot}, question.query);
  if (!question.filter.empty()) cost.each += kFilter;
  if (question.filter.find("matches") != std::string::npos) cost.each += kPattern;
  if (!question.near.empty()) cost.each += kDistance;
  return cost.rows * cost.each > kBudget;
}

namespace {

Result<Evaluated> evaluate_with_memory(const Question& question, const Snapshot& snapshot,
                                       const std::atomic<bool>& stop) {
  std::optional<state::Evaluation> evaluation = state::evaluate(question.query, snapshot);
  if (!evaluation) return Status(Code::kInternal, "this query is not about the state");
  if (Status status = filter_rows(evaluation->value, question.filter, stop); !status.ok()) return status;
  if (!question.near.empty()) {
    sort_by_distance(evaluation->value, question.near, snapshot);
    evaluation->touched.add(state::Topic::kCoordinates);
  }
  Evaluated result;
  result.value = std::move(evaluation->value);
  result.index = std::move(evaluation->index);
  result.index_then = result.index.resolve(snapshot);
  result.touched = std::move(evaluation->touched);
  return result;
}

}  // namespace

Result<Evaluated> evaluate(const Question& question, const Snapshot& snapshot,
                           const std::atomic<bool>& stop) {
  try {
    return evaluate_with_memory(question, snapshot, stop);
  } catch (const std::bad_alloc&) {
    return Status(Code::kResourceExhausted, "There is no memory for this answer");
  }
}

state::Touched interests(const Question& question) {
  // Which subjects a query names does not depend on the state, with one exception: so an empty state is
  // asked.
  const state::Store nothing;
  state::Touched touched;
  if (auto evaluation = state::evaluate(question.query, nothing.snapshot()))
    touched = std::move(evaluation->touched);
  const bool mesh = std::visit(
      [](const auto& query) {
        if constexpr (requires { query.role; }) {
          return query.role == model::ServiceRole::kConnect;
        } else {
          return false;
        }
      },
      question.query);
  if (mesh) {  // the services that speak for it in the mesh, whichever they are
    touched.add(state::Topic::kNodes);
    touched.add(state::Topic::kServices);
    touched.add(state::Topic::kChecks);
  }
  if (!question.near.empty()) touched.add(state::Topic::kCoordinates);
  return touched;
}

}  // namespace discovery::server
