#pragma once

/// \file
/// Everything that anybody can ask, as values, and what the answers look like. A Query is evaluated on one
/// immutable snapshot of the state; front ends differ only in how they spell a Query and show its Answer.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <discovery/types.h>

#include "lib/model/kv_entry.h"
#include "lib/model/records.h"
#include "lib/model/session.h"
#include "lib/model/txn.h"

namespace discovery::model {

/// One key. Answer: KvEntries with at most one.
struct GetKey {
  std::string key;
};
/// All keys below a prefix, with values. Answer: KvEntries.
struct ListKeysWithValues {
  std::string prefix;
};
/// The names of keys below a prefix, cut behind the first separator past it. Answer: Names.
struct ListKeys {
  std::string prefix;
  std::string separator;  ///< empty: not cut
};

/// All nodes that carry the metadata. Answer: Nodes.
struct ListNodes {
  Labels node_meta;
};
/// All service names with the union of their tags. Answer: ServiceTags.
struct ListServices {
  Labels node_meta;
};

/// Which instances count as a service's.
enum class ServiceRole : std::uint8_t {
  kPlain,    ///< those registered under its name
  kConnect,  ///< those that speak for it in the mesh: its proxies, and native instances
  kIngress,  ///< the ingress gateways that expose it
};

/// The instances of a service. `tags` must all be there; without regard to case, as the service's name.
/// Answer: ServiceNodes.
struct ListServiceInstances {
  std::string service;
  std::vector<std::string> tags;
  Labels node_meta;
  ServiceRole role = ServiceRole::kPlain;
};
/// The instances of a service with their health. Answer: CheckServiceNodes.
struct ListServiceHealth {
  std::string service;
  std::vector<std::string> tags;
  Labels node_meta;
  bool passing_only = false;
  ServiceRole role = ServiceRole::kPlain;
};
/// A node and its instances. Answer: NodeServices; its node is null where there is none.
struct GetNodeServices {
  std::string node;
};
/// A node found by its address, for reverse lookups. Answer: Nodes with at most one.
struct FindNodeByAddress {
  std::string address;
};
/// An instance found by its own (not its node's) address, for reverse lookups. Answer: ServiceNodes with at
/// most one.
struct FindServiceByAddress {
  std::string address;
};

/// The checks of a node. Answer: Checks.
struct ListNodeChecks {
  std::string node;
};
/// The checks of all instances of a service. Answer: Checks.
struct ListServiceChecks {
  std::string service;
  Labels node_meta;
};
/// All checks in a state; "any" is all of them. Answer: Checks.
struct ListChecksInState {
  std::string state;
  Labels node_meta;
};

/// The known datacenters, this one first. Answer: Names.
struct ListDatacenters {};
/// Where the leader listens for RPC, or nothing. Answer: Names with at most one.
struct GetLeader {};
/// Where the servers listen for RPC. Answer: Names.
struct ListPeers {};
/// The network coordinates of all nodes, or of one, in all segments, or in one. Answer: Coordinates.
struct ListCoordinates {
  std::string node{};  ///< empty: all
  std::optional<std::string> segment{};
};

/// A transaction of operations that only read. Answer: TxnResults.
struct ReadTxn {
  TxnOperations operations;
};

/// One session. Answer: Sessions with at most one. kInvalidArgument if the id is none (SessionKey).
struct GetSession {
  std::string id;
};
/// All sessions, by id. Answer: Sessions.
struct ListSessions {};
/// The sessions of a node, by id. Answer: Sessions.
struct ListNodeSessions {
  std::string node;
};

using Query =
    std::variant<GetKey, ListKeysWithValues, ListKeys, ListNodes, ListServices, ListServiceInstances,
                 ListServiceHealth, GetNodeServices, FindNodeByAddress, ListNodeChecks, ListServiceChecks,
                 ListChecksInState, ListDatacenters, GetLeader, ListPeers, ListCoordinates,
                 FindServiceByAddress, ReadTxn, GetSession, ListSessions, ListNodeSessions>;

using KvEntries = std::vector<KvEntryRef>;
using Names = std::vector<std::string>;
using Nodes = std::vector<NodePtr>;
using Checks = std::vector<CheckPtr>;
using ServiceNodes = std::vector<ServiceNode>;
using CheckServiceNodes = std::vector<CheckServiceNode>;
using Coordinates = std::vector<CoordinatePtr>;
using Sessions = std::vector<SessionPtr>;
/// Service names in order, each with its distinct tags in order.
using ServiceTags = std::vector<std::pair<Text, Tags>>;
/// A node and its instances by id.
struct NodeServices {
  NodePtr node;
  std::vector<ServicePtr> services;
};

/// What an answer holds; which one follows from the query.
using Value = std::variant<KvEntries, Names, Nodes, ServiceTags, ServiceNodes, CheckServiceNodes,
                           NodeServices, Checks, Coordinates, TxnResults, Sessions>;

/// How a query is to be answered.
struct Read {
  Index min_index = 0;  ///< wait until the answer's index is beyond this; 0: answer at once
  Duration
      wait{};  ///< for at most this (plus up to a sixteenth, at random); 0: the instance's default, 5 minutes
  Consistency consistency = Consistency::kDefault;
  std::string near;    ///< sort by the estimated round trip from this node
  std::string filter;  ///< a filter expression on each row
  /// What was last seen will do where nobody can be asked; its Meta says that it is not live. Backends that
  /// hold the state themselves have nothing older to show.
  bool accept_last_known = false;
  /// Of a watch: answers come at most so often; who reads the latest only has nothing of those in between.
  Duration pace{};
  Call call{};
};

/// A spelling of the query and of what shapes its result (filter, near), equal for equal questions: what
/// shared evaluations are found by.
std::string canonical(const Query& query, const Read& read);

}  // namespace discovery::model
