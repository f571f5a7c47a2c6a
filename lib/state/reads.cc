#include "lib/state/reads.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "lib/state/kv_rows.h"
#include "lib/state/sessions.h"
#include "lib/state/txn.h"

namespace discovery::state {
namespace {

using model::CheckPtr;
using model::HealthCheck;
using model::Labels;
using model::NodePtr;
using model::ServiceInstance;
using model::ServicePtr;

NodePtr find_node(const Snapshot& snapshot, std::string_view name) {
  const auto* leaf = snapshot.table<NodeTable>().find(lower(name));
  return leaf == nullptr ? nullptr : leaf->value();
}

/// The node part of a table key, "node\0...": keys carry it in lower case already.
std::string_view node_part(std::string_view key) { return key.substr(0, key.find('\0')); }

bool has_tags(const ServiceInstance& service, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& tag) {
    return std::any_of(service.tags.begin(), service.tags.end(),
                       [&](const model::Text& own) { return own.size() == tag.size() && lower(own) == tag; });
  });
}

struct Selection {
  std::vector<model::ServiceNode> rows;
  IndexRule index;
  Touched touched;
};

/// The instances that count as a service's in a role, with their nodes, in order of node and id.
template <class Query>
Selection select_instances(const Query& query, const Snapshot& snapshot, std::uint8_t rows_if_unknown) {
  Selection selection;
  const std::string service = lower(query.service);
  std::vector<std::string> tags;
  for (const std::string& tag : query.tags) tags.push_back(lower(tag));

  const auto nodes = snapshot.table<NodeTable>();
  const auto take = [&](std::string_view node_key, const ServicePtr& instance) {
    if (!has_tags(*instance, tags)) return;
    const auto* node = nodes.find(node_key);
    if (node == nullptr || !node->value()->meta.contains_all(query.node_meta)) return;
    selection.rows.push_back({node->value(), instance});
  };

  selection.index = {0, rows_if_unknown, service};
  switch (query.role) {
    case model::ServiceRole::kPlain: {
      const std::string prefix = table_key({service, ""});
      snapshot.table<InstanceTable>().scan(prefix, [&](const InstanceTable::Leaf& leaf) {
        take(node_part(leaf.key().substr(prefix.size())), leaf.value());
      });
      selection.touched.add(Topic::kService, service);
      break;
    }
    case model::ServiceRole::kConnect: {
      const std::string prefix = table_key({service, ""});
      std::set<std::string> names;
      snapshot.table<ConnectTable>().scan(prefix, [&](const ConnectTable::Leaf& leaf) {
        names.insert(lower(leaf.value()->name));
        take(node_part(leaf.key().substr(prefix.size())), leaf.value());
      });
      selection.touched.add(Topic::kMeshService, service);
      if (!names.empty()) selection.index = {};
      for (const std::string& name : names) {
        selection.touched.add(Topic::kService, name);
        selection.index.fixed = std::max(selection.index.fixed, snapshot.index(service_row(name)));
      }
      break;
    }
    case model::ServiceRole::kIngress:
      selection.touched.add(Topic::kMeshService, service);
      selection.index = {};
      break;
  }
  return selection;
}

void append_checks(const Snapshot& snapshot, std::string_view node, std::string_view service_id,
                   std::vector<CheckPtr>& out) {
  snapshot.table<ServiceCheckTable>().scan(
      table_key({node, service_id, ""}),
      [&](const ServiceCheckTable::Leaf& leaf) { out.push_back(leaf.value()); });
}

Evaluation read(const model::GetKey& query, const Snapshot& snapshot) { return read_key(query, snapshot); }
Evaluation read(const model::ListKeysWithValues& query, const Snapshot& snapshot) {
  return read_entries(query, snapshot);
}
Evaluation read(const model::ListKeys& query, const Snapshot& snapshot) {
  return read_key_names(query, snapshot);
}

Evaluation read(const model::ListNodes& query, const Snapshot& snapshot) {
  Evaluation result{model::Nodes{}, {0, IndexRule::kNodes}, {}};
  auto& nodes = std::get<model::Nodes>(result.value);
  snapshot.table<NodeTable>().scan("", [&](const NodeTable::Leaf& leaf) {
    if (leaf.value()->meta.contains_all(query.node_meta)) nodes.push_back(leaf.value());
  });
  result.touched.add(Topic::kNodes);
  return result;
}

/// With metadata the nodes decide, so their services are walked; without, the summaries tell it all.
Evaluation read(const model::ListServices& query, const Snapshot& snapshot) {
  Evaluation result{model::ServiceTags{}, {0, IndexRule::kServices}, {}};
  auto& services = std::get<model::ServiceTags>(result.value);
  result.touched.add(Topic::kServices);
  if (query.node_meta.empty()) {
    snapshot.table<ServiceNameTable>().scan("", [&](const ServiceNameTable::Leaf& leaf) {
      auto& row = services.emplace_back(leaf.value()->name, model::Tags());
      for (const auto& [tag, count] : leaf.value()->tags) row.second.push_back(tag);
    });
    return result;
  }
  result.touched.add(Topic::kNodes);
  result.index.rows |= IndexRule::kNodes;
  std::map<model::Text, std::set<model::Text>> found;
  snapshot.table<NodeTable>().scan("", [&](const NodeTable::Leaf& node) {
    if (!node.value()->meta.contains_all(query.node_meta)) return;
    snapshot.table<ServiceTable>().scan(table_key({node.key(), ""}), [&](const ServiceTable::Leaf& leaf) {
      found[leaf.value()->name].insert(leaf.value()->tags.begin(), leaf.value()->tags.end());
    });
  });
  for (auto& [name, tags] : found) services.emplace_back(name, model::Tags(tags.begin(), tags.end()));
  return result;
}

Evaluation read(const model::ListServiceInstances& query, const Snapshot& snapshot) {
  Selection selection = select_instances(query, snapshot, IndexRule::kNodes | IndexRule::kServices);
  return {std::move(selection.rows), std::move(selection.index), std::move(selection.touched)};
}

Evaluation read(const model::ListServiceHealth& query, const Snapshot& snapshot) {
  Selection selection =
      select_instances(query, snapshot, IndexRule::kNodes | IndexRule::kServices | IndexRule::kChecks);
  model::CheckServiceNodes rows;
  rows.reserve(selection.rows.size());
  for (model::ServiceNode& row : selection.rows) {
    std::vector<CheckPtr> checks;
    append_checks(snapshot, row.node->name, "", checks);
    append_checks(snapshot, row.node->name, row.service->id, checks);
    const bool passing = std::all_of(checks.begin(), checks.end(),
                                     [](const CheckPtr& check) { return check->status == model::kPassing; });
    if (query.passing_only && !passing) continue;
    rows.push_back({std::move(row.node), std::move(row.service), std::move(checks)});
  }
  return {std::move(rows), std::move(selection.index), std::move(selection.touched)};
}

Evaluation read(const model::GetNodeServices& query, const Snapshot& snapshot) {
  Evaluation result{model::NodeServices{}, {}, {}};
  auto& value = std::get<model::NodeServices>(result.value);
  result.touched.add(Topic::kNode, lower(query.node));
  value.node = find_node(snapshot, query.node);
  if (!value.node) return result;
  result.index.rows = IndexRule::kNodes | IndexRule::kServices;
  snapshot.table<ServiceTable>().scan(table_key({query.node, ""}), [&](const ServiceTable::Leaf& leaf) {
    value.services.push_back(leaf.value());
  });
  return result;
}

Evaluation read(const model::FindNodeByAddress& query, const Snapshot& snapshot) {
  Evaluation result{model::Nodes{}, {0, IndexRule::kNodes}, {}};
  snapshot.table<NodeTable>().scan("", [&](const NodeTable::Leaf& leaf) {
    if (leaf.value()->address != query.address) return true;
    std::get<model::Nodes>(result.value).push_back(leaf.value());
    return false;
  });
  result.touched.add(Topic::kNodes);
  return result;
}

Evaluation read(const model::FindServiceByAddress& query, const Snapshot& snapshot) {
  Evaluation result{model::ServiceNodes{}, {0, IndexRule::kNodes | IndexRule::kServices}, {}};
  snapshot.table<ServiceTable>().scan("", [&](const ServiceTable::Leaf& leaf) {
    if (leaf.value()->address != query.address) return true;
    const auto* node = snapshot.table<NodeTable>().find(node_part(leaf.key()));
    if (node == nullptr) return true;
    std::get<model::ServiceNodes>(result.value).push_back({node->value(), leaf.value()});
    return false;
  });
  result.touched.add(Topic::kServices);
  result.touched.add(Topic::kNodes);
  return result;
}

Evaluation read(const model::ListNodeChecks& query, const Snapshot& snapshot) {
  Evaluation result{model::Checks{}, {0, IndexRule::kChecks}, {}};
  snapshot.table<CheckTable>().scan(table_key({query.node, ""}), [&](const CheckTable::Leaf& leaf) {
    std::get<model::Checks>(result.value).push_back(leaf.value());
  });
  result.touched.add(Topic::kNodeChecks, lower(query.node));
  return result;
}

bool node_matches(const Snapshot& snapshot, const HealthCheck& check, const Labels& wanted) {
  if (wanted.empty()) return true;
  const NodePtr node = find_node(snapshot, check.node);
  return node && node->meta.contains_all(wanted);
}

Evaluation read(const model::ListServiceChecks& query, const Snapshot& snapshot) {
  Evaluation result{model::Checks{}, {0, IndexRule::kChecks}, {}};
  auto& out = std::get<model::Checks>(result.value);
  const std::string prefix = table_key({query.service, ""});
  snapshot.table<InstanceTable>().scan(prefix, [&](const InstanceTable::Leaf& leaf) {
    std::vector<CheckPtr> checks;
    append_checks(snapshot, node_part(leaf.key().substr(prefix.size())), leaf.value()->id, checks);
    for (CheckPtr& check : checks) {
      if (node_matches(snapshot, *check, query.node_meta)) out.push_back(std::move(check));
    }
  });
  result.touched.add(Topic::kServiceChecks, lower(query.service));
  result.touched.add(Topic::kService, lower(query.service));
  return result;
}

Evaluation read(const model::ListChecksInState& query, const Snapshot& snapshot) {
  Evaluation result{model::Checks{}, {0, IndexRule::kChecks}, {}};
  auto& out = std::get<model::Checks>(result.value);
  const std::string state = lower(query.state);
  const auto take = [&](const CheckPtr& check) {
    if (node_matches(snapshot, *check, query.node_meta)) out.push_back(check);
  };
  if (state == "any") {
    snapshot.table<CheckTable>().scan("", [&](const CheckTable::Leaf& leaf) { take(leaf.value()); });
    result.touched.add(Topic::kChecks);
    return result;
  }
  result.touched.add(Topic::kCheckState, state);
  if (state == model::kPassing) {
    snapshot.table<CheckTable>().scan("", [&](const CheckTable::Leaf& leaf) {
      if (leaf.value()->status == model::kPassing) take(leaf.value());
    });
  } else {
    snapshot.table<FailingCheckTable>().scan(
        table_key({state, ""}), [&](const FailingCheckTable::Leaf& leaf) { take(leaf.value()); });
  }
  return result;
}

Evaluation read(const model::ReadTxn& query, const Snapshot& snapshot) {
  return evaluate_txn(query, snapshot);
}

Evaluation read(const model::ListCoordinates& query, const Snapshot& snapshot) {
  Evaluation result{model::Coordinates{}, {0, IndexRule::kCoordinates}, {}};
  const std::string prefix = query.node.empty() ? std::string() : table_key({query.node, ""});
  snapshot.table<CoordinateTable>().scan(prefix, [&](const CoordinateTable::Leaf& leaf) {
    if (query.segment && leaf.value()->segment != *query.segment) return;
    std::get<model::Coordinates>(result.value).push_back(leaf.value());
  });
  result.touched.add(Topic::kCoordinates);
  return result;
}

/// An id that is none is refused before it comes here.
Evaluation read(const model::GetSession& query, const Snapshot& snapshot) {
  Evaluation result{model::Sessions{}, {0, IndexRule::kSessions}, {}};
  const auto key = model::SessionKey::parse(query.id);
  if (!key.ok()) return result;
  if (model::SessionPtr session = find_session(snapshot, *key)) {
    std::get<model::Sessions>(result.value).push_back(std::move(session));
  }
  result.touched.add(Topic::kSession, key->view());
  return result;
}

Evaluation read(const model::ListSessions&, const Snapshot& snapshot) {
  Evaluation result{model::Sessions{}, {0, IndexRule::kSessions}, {}};
  auto& sessions = std::get<model::Sessions>(result.value);
  sessions.reserve(snapshot.table<SessionTable>().size());
  snapshot.table<SessionTable>().scan(
      "", [&](const SessionTable::Leaf& leaf) { sessions.push_back(leaf.value()); });
  result.touched.add(Topic::kSessions);
  return result;
}

Evaluation read(const model::ListNodeSessions& query, const Snapshot& snapshot) {
  Evaluation result{model::Sessions{}, {0, IndexRule::kSessions}, {}};
  auto& sessions = std::get<model::Sessions>(result.value);
  // A session has a row for each of its checks.
  snapshot.table<SessionCheckTable>().scan(
      table_key({query.node, ""}),
      [&](const SessionCheckTable::Leaf& leaf) { sessions.push_back(leaf.value()); });
  std::sort(sessions.begin(), sessions.end(), [](const auto& a, const auto& b) { return a->id < b->id; });
  sessions.erase(std::unique(sessions.begin(), sessions.end()), sessions.end());
  result.touched.add(Topic::kNodeSessions, lower(query.node));
  return result;
}

}  // namespace

Index IndexRule::resolve(const Snapshot& snapshot) const {
  if (!service.empty()) {
    if (const Index own = snapshot.index(service_row(service)); own != 0) return std::max(fixed, own);
    if (const Index extinction = snapshot.index(kExtinctionRow); extinction != 0)
      return std::max(fixed, extinction);
  }
  static constexpr std::pair<Rows, std::string_view> kRows[] = {
      {kNodes, kNodesRow},           {kServices, kServicesRow},       {kChecks, kChecksRow},    {kKv, kKvRow},
      {kTombstones, kTombstonesRow}, {kCoordinates, kCoordinatesRow}, {kSessions, kSessionsRow}};
  Index index = fixed;
  for (const auto& [bit, row] : kRows) {
    if ((rows & bit) != 0) index = std::max(index, snapshot.index(row));
  }
  return index;
}

std::optional<Evaluation> evaluate(const model::Query& query, const Snapshot& snapshot) {
  return std::visit(
      [&](const auto& asked) -> std::optional<Evaluation> {
        if constexpr (requires { read(asked, snapshot); }) {
          return read(asked, snapshot);
        } else {
          return std::nullopt;
        }
      },
      query);
}

model::CoordinatePtr find_coordinate(const Snapshot& snapshot, std::string_view node) {
  const auto* leaf = snapshot.table<CoordinateTable>().find(table_key({node, ""}));
  return leaf == nullptr ? nullptr : leaf->value();
}

}  // namespace discovery::state
