#pragma once

/// \file
/// Everything that anybody can change, as values. A Command is deterministic to apply: what depends on time,
/// chance or configuration was decided before it was proposed. Its MessagePack form (Consul's message types
/// and field names) is what a replicated log holds; a token never reaches it.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <discovery/status.h>

#include "lib/codec/describe.h"
#include "lib/model/describe_records.h"
#include "lib/model/records.h"
#include "lib/model/session.h"
#include "lib/model/txn.h"

namespace discovery::model {

/// Makes or changes a node, and with it a service instance and checks
/// (https://developer.hashicorp.com/consul/api-docs/catalog#register-entity).
struct RegisterCommand {
  std::string datacenter;
  std::string id;
  std::string node;
  std::string address;
  Labels tagged_addresses;
  Labels node_meta;
  std::optional<ServiceInstance> service;
  std::optional<HealthCheck> check;
  std::vector<HealthCheck> checks;
  bool skip_node_update = false;
};

/// Removes a node with all it has, or one instance with its checks, or one check.
struct DeregisterCommand {
  std::string datacenter;
  std::string node;
  std::string service_id;
  std::string check_id;
  std::string address;  ///< accepted and ignored, as Consul does
};

/// What to do with one key. The names are those of Consul's log.
enum class KvVerb : std::uint8_t {
  kSet,
  kCas,
  kDelete,
  kDeleteCas,
  kDeleteTree,
  kLock,    ///< sets it too; it loses where another session holds the lock, or a lock-delay is not over
  kUnlock,  ///< sets it too; it loses where the session does not hold the lock
};

/// Changes a key, or all keys below a prefix.
struct KvCommand {
  KvVerb verb = KvVerb::kSet;
  std::string key;
  std::string value;
  std::uint64_t flags = 0;
  Index index = 0;        ///< what kCas and kDeleteCas compare with; 0: the key must be absent
  std::string session{};  ///< who locks or unlocks
};

enum class SessionVerb : std::uint8_t { kCreate, kDestroy };

/// Makes a session, or ends one (by its id; fine if there is none). The id of a new one is chosen by the
/// server, whatever is asked for, before the command goes to the log, and is in the outcome. Renewing is no
/// command: see Backend::renew_session().
struct SessionCommand {
  SessionVerb verb = SessionVerb::kCreate;
  Session session;
};

/// Forgets the tombstones of deletions up to an index; the leader decides when.
struct ReapTombstonesCommand {
  Index up_to = 0;
};

/// Sets nodes' network coordinates; those of unknown nodes are dropped.
struct UpdateCoordinatesCommand {
  std::vector<NodeCoordinate> updates;
};

/// Does several things, or none of them.
struct TxnCommand {
  TxnOperations operations;
};

using Command = std::variant<RegisterCommand, DeregisterCommand, KvCommand, ReapTombstonesCommand,
                             UpdateCoordinatesCommand, TxnCommand, SessionCommand>;

/// Checks what Consul's servers check before a write goes to the log, and fills in defaults (service ID,
/// check names). kInvalidArgument with Consul's text.
Status validate(RegisterCommand& command);
Status validate(const DeregisterCommand& command);
Status validate(const KvCommand& command);
/// `ttl_min` is the shortest TTL that may be asked for.
Status validate(SessionCommand& command, Duration ttl_min);

/// The log's form of a command: a version byte, Consul's message type byte, then MessagePack.
std::string encode(const Command& command);
/// kDataLoss if the bytes are no command, or of a version that is not known here.
Result<Command> decode_command(std::string_view bytes);

template <class Archive, codec::Described<RegisterCommand> R>
void describe(Archive& archive, R& command) {
  archive.field("Datacenter", command.datacenter);
  archive.field("ID", command.id);
  archive.field("Node", command.node);
  archive.field("Address", command.address);
  archive.field("TaggedAddresses", command.tagged_addresses);
  archive.field("NodeMeta", command.node_meta);
  archive.field("Service", command.service);
  archive.field("Check", command.check);
  archive.field("Checks", command.checks);
  archive.field("SkipNodeUpdate", command.skip_node_update);
}

template <class Archive, codec::Described<DeregisterCommand> R>
void describe(Archive& archive, R& command) {
  archive.field("Datacenter", command.datacenter);
  archive.field("Node", command.node);
  archive.field("ServiceID", command.service_id);
  archive.field("CheckID", command.check_id);
  archive.field("Address", command.address);
}

template <class Archive, codec::Described<ReapTombstonesCommand> R>
void describe(Archive& archive, R& command) {
  archive.field("ReapIndex", command.up_to);
}

template <class Archive, codec::Described<UpdateCoordinatesCommand> R>
void describe(Archive& archive, R& command) {
  archive.field("Updates", command.updates);
}

}  // namespace discovery::model
