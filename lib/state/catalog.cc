#include "lib/state/catalog.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "lib/state/catalog_edit.h"
#include "lib/state/sessions.h"

namespace discovery::state {
namespace {

using model::CheckPtr;
using model::HealthCheck;
using model::Node;
using model::NodePtr;
using model::ServiceInstance;
using model::ServicePtr;

Status refused(std::string message) { return {Code::kFailedPrecondition, std::move(message)}; }

std::vector<ServicePtr> services_of(const Transaction& tx, std::string_view node) {
  std::vector<ServicePtr> services;
  tx.table<ServiceTable>().scan(table_key({node, ""}),
                                [&](const ServiceTable::Leaf& leaf) { services.push_back(leaf.value()); });
  return services;
}

/// Moves a service's row and tells its watches, for a change of what its instances show.
void touch_service(Transaction& tx, const ServiceInstance& service) {
  tx.bump(service_row(service.name));
  tx.touched().add(Topic::kService, lower(service.name));
}

void touch_services_of(Transaction& tx, std::string_view node) {
  for (const ServicePtr& service : services_of(tx, node)) touch_service(tx, *service);
}

// --- checks
// ---------------------------------------------------------------------------------------------------------

void insert_check(Transaction& tx, const CheckPtr& check) {
  const std::string key = table_key({check->node, check->check_id});
  if (const auto* old = tx.table<CheckTable>().find(key); old != nullptr) {
    const CheckPtr before = old->value();
    if (before->service_id != check->service_id) {
      tx.erase<ServiceCheckTable>(table_key({before->node, before->service_id, before->check_id}));
    }
    if (before->status != model::kPassing && before->status != check->status) {
      tx.erase<FailingCheckTable>(table_key({before->status, before->node, before->check_id}));
    }
    tx.touched().add(Topic::kCheckState, before->status);
  }
  tx.put<CheckTable>(key, check);
  tx.put<ServiceCheckTable>(table_key({check->node, check->service_id, check->check_id}), check);
  if (check->status != model::kPassing) {
    tx.put<FailingCheckTable>(table_key({check->status, check->node, check->check_id}), check);
  }
}

void touch_check(Transaction& tx, const HealthCheck& check) {
  tx.bump(kChecksRow);
  Touched& touched = tx.touched();
  touched.add(Topic::kChecks);
  touched.add(Topic::kNodeChecks, lower(check.node));
  touched.add(Topic::kCheckState, check.status);
  if (!check.service_id.empty()) touched.add(Topic::kServiceChecks, lower(check.service_name));
}

/// A check counts for its service, or if it is the node's own for all services of the node.
void touch_services_behind(Transaction& tx, const HealthCheck& check) {
  if (check.service_id.empty()) {
    touch_services_of(tx, check.node);
  } else if (const auto* leaf = tx.table<ServiceTable>().find(table_key({check.node, check.service_id}))) {
    touch_service(tx, *leaf->value());
  }
}

}  // namespace

Status ensure_check(Transaction& tx, const Node& node, HealthCheck check) {
  check.node = node.name;
  if (check.status.empty()) check.status = model::kCritical;
  if (!check.service_id.empty()) {
    const auto* leaf = tx.table<ServiceTable>().find(table_key({check.node, check.service_id}));
    if (leaf == nullptr) return refused("Missing service registration");
    if (check.service_id == leaf->value()->id) check.service_id = leaf->value()->id;  // shares the bytes
    check.service_name = leaf->value()->name;
    check.service_tags = leaf->value()->tags;
  }
  // Also by one that was critical before.
  if (check.status == model::kCritical) end_sessions_on_check(tx, check.node, check.check_id);
  check.index = {tx.index(), tx.index()};
  if (const auto* leaf = tx.table<CheckTable>().find(table_key({check.node, check.check_id}));
      leaf != nullptr) {
    if (leaf->value()->same_content(check)) return {};
    check.index.create = leaf->value()->index.create;
  }
  tx.share_texts(check);
  const auto stored = std::make_shared<const HealthCheck>(std::move(check));
  insert_check(tx, stored);
  touch_services_behind(tx, *stored);
  touch_check(tx, *stored);
  return {};
}

namespace {

/// Takes a check out of its tables, and ends the sessions that live on it, without telling of the check.
void erase_check(Transaction& tx, const HealthCheck& check) {
  if (check.status != model::kPassing) {
    tx.erase<FailingCheckTable>(table_key({check.status, check.node, check.check_id}));
  }
  tx.erase<ServiceCheckTable>(table_key({check.node, check.service_id, check.check_id}));
  tx.erase<CheckTable>(table_key({check.node, check.check_id}));
  end_sessions_on_check(tx, check.node, check.check_id);
}

}  // namespace

void delete_check(Transaction& tx, std::string_view node, std::string_view check_id) {
  const auto* leaf = tx.table<CheckTable>().find(table_key({node, check_id}));
  if (leaf == nullptr) return;
  const CheckPtr check = leaf->value();
  touch_services_behind(tx, *check);
  if (check->service_id.empty()) {
    tx.bump(kServicesRow);
    tx.touched().add(Topic::kServices);
  }
  erase_check(tx, *check);
  touch_check(tx, *check);
}

// --- services
// -------------------------------------------------------------------------------------------------------

namespace {

/// Adds (`by` 1) or takes away (`by` -1) an instance in what its service keeps in common.
void count_instance(Transaction& tx, const ServiceInstance& service, int by) {
  const std::string_view key = service.name.view();
  const auto* leaf = tx.table<ServiceNameTable>().find(key);
  auto summary =
      leaf == nullptr ? std::make_shared<ServiceSummary>() : std::make_shared<ServiceSummary>(*leaf->value());
  if (summary->instances == 0) summary->name = service.name;
  summary->instances += static_cast<std::size_t>(by);
  for (const model::Text& tag : service.tags) {
    std::size_t& count = summary->tags[tag];
    count += static_cast<std::size_t>(by);
    if (count == 0) summary->tags.erase(tag);
  }
  if (summary->instances == 0) {
    tx.erase<ServiceNameTable>(key);
  } else {
    tx.put<ServiceNameTable>(key, std::shared_ptr<const ServiceSummary>(std::move(summary)));
  }
}

void touch_mesh(Transaction& tx, const ServiceInstance& service) {
  const std::string_view destination = mesh_destination(service);
  if (!destination.empty()) tx.touched().add(Topic::kMeshService, lower(destination));
}

void insert_service(Transaction& tx, std::string_view node, const ServicePtr& service) {
  tx.put<ServiceTable>(table_key({node, service->id}), service);
  tx.put<InstanceTable>(table_key({service->name, node, service->id}), service);
  const std::string_view destination = mesh_destination(*service);
  if (!destination.empty()) tx.put<ConnectTable>(table_key({destination, node, service->id}), service);
  touch_mesh(tx, *service);
}

/// Takes an instance out of its tables and its service's summary, and moves the service's row or, with the
/// last instance, removes it.
void erase_service(Transaction& tx, std::string_view node, const ServiceInstance& service) {
  tx.erase<ServiceTable>(table_key({node, service.id}));
  tx.erase<InstanceTable>(table_key({service.name, node, service.id}));
  const std::string_view destination = mesh_destination(service);
  if (!destination.empty()) tx.erase<ConnectTable>(table_key({destination, node, service.id}));
  count_instance(tx, service, -1);
  touch_mesh(tx, service);
  touch_service(tx, service);
  if (!tx.table<InstanceTable>().any(table_key({service.name, ""}))) {
    tx.drop(service_row(service.name));
    tx.bump(kExtinctionRow);
  }
}

void touch_services_table(Transaction& tx, std::string_view node) {
  tx.bump(kServicesRow);
  tx.touched().add(Topic::kServices);
  tx.touched().add(Topic::kNode, lower(node));
}

}  // namespace

void ensure_service(Transaction& tx, const Node& node, ServiceInstance service) {
  service.index = {tx.index(), tx.index()};
  ServicePtr before;
  if (const auto* leaf = tx.table<ServiceTable>().find(table_key({node.name, service.id})); leaf != nullptr) {
    before = leaf->value();
    if (before->same_content(service)) return;
    service.index.create = before->index.create;
  }
  tx.share_texts(service);
  const auto stored = std::make_shared<const ServiceInstance>(std::move(service));
  const bool same_service =
      before && before->tags == stored->tags && lower(before->name) == lower(stored->name);
  if (before && same_service) {
    const std::string_view destination = mesh_destination(*before);
    if (!destination.empty()) tx.erase<ConnectTable>(table_key({destination, node.name, before->id}));
    touch_mesh(tx, *before);
    if (before->name != stored->name) {
      count_instance(tx, *before, -1);
      count_instance(tx, *stored, 1);
    }
  } else {
    if (before) erase_service(tx, node.name, *before);
    count_instance(tx, *stored, 1);
  }
  insert_service(tx, node.name, stored);
  touch_service(tx, *stored);
  touch_services_table(tx, node.name);
}

void delete_service(Transaction& tx, std::string_view node, const ServiceInstance& service) {
  std::vector<CheckPtr> checks;
  tx.table<ServiceCheckTable>().scan(
      table_key({node, service.id, ""}),
      [&](const ServiceCheckTable::Leaf& leaf) { checks.push_back(leaf.value()); });
  for (const CheckPtr& check : checks) {
    erase_check(tx, *check);
    touch_check(tx, *check);
  }
  tx.bump(kChecksRow);  // always, whether there were checks or not
  erase_service(tx, node, service);
  touch_services_table(tx, node);
}

// --- nodes
// ----------------------------------------------------------------------------------------------------------

namespace {

void touch_node(Transaction& tx, const Node& node) {
  tx.bump(kNodesRow);
  tx.touched().add(Topic::kNodes);
  tx.touched().add(Topic::kNode, lower(node.name));
}

}  // namespace

void delete_node(Transaction& tx, const Node& node) {
  end_sessions_on_node(tx, node.name);
  for (const ServicePtr& service : services_of(tx, node.name)) delete_service(tx, node.name, *service);
  std::vector<CheckPtr> checks;
  tx.table<CheckTable>().scan(table_key({node.name, ""}),
                              [&](const CheckTable::Leaf& leaf) { checks.push_back(leaf.value()); });
  for (const CheckPtr& check : checks) {
    erase_check(tx, *check);
    touch_check(tx, *check);
  }
  if (tx.erase_prefix<CoordinateTable>(table_key({node.name, ""})) > 0) {
    tx.bump(kCoordinatesRow);
    tx.touched().add(Topic::kCoordinates);
  }
  if (!node.id.empty()) tx.erase<NodeIdTable>(lower(node.id));
  tx.erase<NodeTable>(lower(node.name));
  touch_node(tx, node);
}

namespace {

/// Whether a live member of the gossip pool holds the node's name under another ID.
Status refuse_taken_name(const Transaction& tx, const Node& node) {
  const NodePtr holder = find_node(tx, node.name);
  if (!holder || holder->id.empty() || holder->id == node.id) return {};
  const auto* alive = tx.table<CheckTable>().find(table_key({holder->name, model::kSerfHealth}));
  if (alive == nullptr || alive->value()->status == model::kCritical) return {};
  return refused("Error while renaming Node ID: \"" + node.id + "\": Node name " + node.name +
                 " is reserved by node " + holder->id + " with name " + holder->name + " (" +
                 holder->address + ")");
}

}  // namespace

NodePtr find_node(const Transaction& tx, std::string_view name) {
  const auto* leaf = tx.table<NodeTable>().find(lower(name));
  return leaf == nullptr ? nullptr : leaf->value();
}

Status ensure_node(Transaction& tx, Node node) {
  NodePtr before;
  if (!node.id.empty()) {
    const auto* by_id = tx.table<NodeIdTable>().find(lower(node.id));
    if (by_id != nullptr) before = by_id->value();
    if (!before || lower(before->name) != lower(node.name)) {
      if (Status taken = refuse_taken_name(tx, node); !taken.ok()) return taken;
      if (before) delete_node(tx, *before);
    }
  }
  const NodePtr namesake = find_node(tx, node.name);
  if (!before) before = namesake;
  node.index = {tx.index(), tx.index()};
  if (before) {
    if (before->same_content(node)) return {};
    node.index.create = before->index.create;
  }
  if (namesake && !namesake->id.empty()) tx.erase<NodeIdTable>(lower(namesake->id));
  tx.share_texts(node);
  const auto stored = std::make_shared<const Node>(std::move(node));
  if (!stored->id.empty()) tx.put<NodeIdTable>(lower(stored->id), stored);
  tx.put<NodeTable>(lower(stored->name), stored);
  touch_node(tx, *stored);
  touch_services_of(tx, stored->name);
  return {};
}

std::string_view mesh_destination(const ServiceInstance& service) {
  if (service.kind == "connect-proxy" && service.proxy) return service.proxy->destination_service_name;
  return service.connect.native ? std::string_view(service.name) : std::string_view();
}

namespace {

Status register_check(Transaction& tx, const Node& node, const HealthCheck& check) {
  if (lower(check.node) != lower(node.name)) {
    return refused("check node \"" + check.node + "\" does not match node \"" + node.name + "\"");
  }
  Status status = ensure_check(tx, node, check);
  if (status.ok()) return status;
  return refused("failed inserting check: " + std::string(status.message()) + " on node \"" + node.name +
                 "\"");
}

}  // namespace

Status register_entity(Transaction& tx, const model::RegisterCommand& command) {
  NodePtr node = find_node(tx, command.node);
  if (!node || !command.skip_node_update) {
    Node wanted{command.id,
                command.node,
                command.address,
                command.datacenter,
                command.tagged_addresses,
                command.node_meta,
                {}};
    if (const Status status = ensure_node(tx, std::move(wanted)); !status.ok())
      return refused("failed inserting node: " + std::string(status.message()));
    node = find_node(tx, command.node);
  }
  if (command.service) ensure_service(tx, *node, *command.service);
  if (command.check) {
    if (Status status = register_check(tx, *node, *command.check); !status.ok()) return status;
  }
  for (const HealthCheck& check : command.checks) {
    if (Status status = register_check(tx, *node, check); !status.ok()) return status;
  }
  return {};
}

void deregister_entity(Transaction& tx, const model::DeregisterCommand& command) {
  const NodePtr node = find_node(tx, command.node);
  if (!node) return;
  if (!command.service_id.empty()) {
    const auto* leaf = tx.table<ServiceTable>().find(table_key({node->name, command.service_id}));
    if (leaf == nullptr) return;
    const ServicePtr service = leaf->value();
    delete_service(tx, node->name, *service);
  } else if (!command.check_id.empty()) {
    delete_check(tx, node->name, command.check_id);
  } else {
    delete_node(tx, *node);
  }
}

void update_coordinates(Transaction& tx, const model::UpdateCoordinatesCommand& command) {
  for (const model::NodeCoordinate& update : command.updates) {
    if (!find_node(tx, update.node)) continue;
    tx.put<CoordinateTable>(table_key({update.node, update.segment}),
                            model::CoordinatePtr(std::make_shared<const model::NodeCoordinate>(update)));
    tx.bump(kCoordinatesRow);
    tx.touched().add(Topic::kCoordinates);
  }
}

}  // namespace discovery::state
