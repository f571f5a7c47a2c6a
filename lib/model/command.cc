#include "lib/model/command.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <utility>

#include "lib/base/duration.h"
#include "lib/codec/msgpack.h"
#include "lib/model/complete.h"
#include "lib/model/describe_txn.h"

namespace discovery::model {
namespace {

constexpr char kVersion = 1;
/// The version byte and the type byte.
constexpr std::size_t kHeaderSize = 2;
/// What the names and small fields of a command take at most, beside a key and a value.
constexpr std::size_t kKvOverhead = 128;

/// Consul's types of log entries; snapshots use the same numbers.
enum MessageType : char {
  kRegister = 0,
  kDeregister = 1,
  kKvs = 2,
  kSession = 3,
  kTombstone = 5,
  kCoordinateBatch = 6,
  kTxn = 8,
};

/// By KvVerb.
constexpr std::array<std::string_view, 7> kVerbNames{"set",         "cas",  "delete", "delete-cas",
                                                     "delete-tree", "lock", "unlock"};
/// By SessionVerb.
constexpr std::array<std::string_view, 2> kSessionVerbNames{"create", "destroy"};

/// A KvCommand, or a const one, in the shape of Consul's log: {Op, DirEnt{Key, Flags, Value, Session,
/// ModifyIndex}}.
template <class C>
struct KvsRequest {
  C& command;
  std::string op;
};
/// The inner part of a KvsRequest.
template <class C>
struct DirEnt {
  C& command;
};

template <class T>
inline constexpr bool kIsKvsRequest = false;
template <class C>
inline constexpr bool kIsKvsRequest<KvsRequest<C>> = true;
template <class T>
inline constexpr bool kIsDirEnt = false;
template <class C>
inline constexpr bool kIsDirEnt<DirEnt<C>> = true;

template <class Archive, class R>
requires kIsDirEnt<std::remove_const_t<R>>
void describe(Archive& archive, R& entry) {
  archive.field("Key", entry.command.key);
  archive.field("Flags", entry.command.flags);
  archive.bytes("Value", entry.command.value);
  archive.field("Session", entry.command.session);
  archive.field("ModifyIndex", entry.command.index);
}

template <class Archive, class R>
requires kIsKvsRequest<std::remove_const_t<R>>
void describe(Archive& archive, R& request) {
  DirEnt<std::remove_reference_t<decltype(request.command)>> entry{request.command};
  archive.field("Op", request.op);
  archive.field("DirEnt", entry);
}

/// A SessionCommand, or a const one: {Op, Session}.
template <class S>
struct SessionRequest {
  S& session;
  std::string op;
};
template <class T>
inline constexpr bool kIsSessionRequest = false;
template <class S>
inline constexpr bool kIsSessionRequest<SessionRequest<S>> = true;

template <class Archive, class R>
requires kIsSessionRequest<std::remove_const_t<R>>
void describe(Archive& archive, R& request) {
  archive.field("Op", request.op);
  archive.field("Session", request.session);
}

/// An operation on a key that is read from the log: {Verb, DirEnt}.
struct LoggedKv {
  KvOperation operation;
};

template <class Archive>
void describe(Archive& archive, LoggedKv& logged) {
  DirEnt<KvOperation> entry{logged.operation};
  archive.field("Verb", logged.operation.verb);
  archive.field("DirEnt", entry);
}

/// The same of one that is written.
struct KvToLog {
  const KvOperation& operation;
};

template <class Archive>
void describe(Archive& archive, const KvToLog& logged) {
  archive.field("Verb", logged.operation.verb);
  archive.field("DirEnt", DirEnt<const KvOperation>{logged.operation});
}

/// One operation that is written: {KV: {...}}.
struct OperationToLog {
  const TxnOperation& operation;
};

template <class Archive>
void describe(Archive& archive, const OperationToLog& logged) {
  const std::string_view kind = kTxnKinds[logged.operation.index()];
  std::visit(
      [&]<class Operation>(const Operation& operation) {
        if constexpr (std::same_as<Operation, KvOperation>) {
          archive.field(kind, KvToLog{operation});
        } else {
          archive.field(kind, operation);
        }
      },
      logged.operation);
}

Status validate_node(const RegisterCommand& command) {
  // Of an ID is spoken last.
  if (Status status = check_node(command.node, {}); !status.ok()) return status;
  if (command.address.empty() && !command.skip_node_update) {
    return invalid_argument("Must provide address if SkipNodeUpdate is not set");
  }
  return check_node(command.node, command.id);
}

Status check_names(const RegisterCommand& command) {
  Status status = refuse_zero_bytes({command.node});
  if (status.ok() && command.service)
    status = refuse_zero_bytes({command.service->id, command.service->name});
  for (const HealthCheck& check : command.checks) {
    if (status.ok()) status = refuse_zero_bytes({check.check_id, check.service_id});
  }
  return status;
}

Status complete_check_of(HealthCheck& check, const std::string& node) {
  if (check.node.empty()) check.node = node;
  if (check.node != node) {
    return invalid_argument("check node \"" + check.node + "\" does not match node \"" + node + "\"");
  }
  complete_check(check);
  return {};
}

/// A whole transaction: {Ops}.
struct TxnToLog {
  std::vector<OperationToLog> operations;
};
struct LoggedTxn {
  std::vector<TxnOperationForm<LoggedKv, true>> operations;
};

template <class Archive>
void describe(Archive& archive, const TxnToLog& request) {
  archive.field("Ops", request.operations);
}
template <class Archive>
void describe(Archive& archive, LoggedTxn& request) {
  archive.field("Ops", request.operations);
}

/// Appends the log's form of a command behind the version byte.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  void operator()(const RegisterCommand& command) { append(kRegister, command); }
  void operator()(const DeregisterCommand& command) { append(kDeregister, command); }
  void operator()(const KvCommand& command) {
    out_.reserve(kKvOverhead + command.key.size() + command.value.size());
    const std::string op(kVerbNames[static_cast<std::size_t>(command.verb)]);
    append(kKvs, KvsRequest<const KvCommand>{command, op});
  }
  void operator()(const ReapTombstonesCommand& command) { append(kTombstone, command); }
  void operator()(const UpdateCoordinatesCommand& command) { append(kCoordinateBatch, command); }
  void operator()(const TxnCommand& command) {
    TxnToLog request;
    request.operations.reserve(command.operations.size());
    for (const TxnOperation& operation : command.operations) request.operations.push_back({operation});
    append(kTxn, request);
  }
  void operator()(const SessionCommand& command) {
    const std::string op(kSessionVerbNames[static_cast<std::size_t>(command.verb)]);
    append(kSession, SessionRequest<const Session>{command.session, op});
  }

 private:
  template <class C>
  void append(MessageType type, const C& command) {
    out_ += static_cast<char>(type);
    codec::append_msgpack(out_, command);
  }

  std::string& out_;
};

Status damaged(std::string_view what) { return {Code::kDataLoss, "damaged log entry: " + std::string(what)}; }

template <class C>
Result<Command> decode_as(std::string_view bytes) {
  C command;
  if (Status status = codec::from_msgpack(bytes, command); !status.ok()) return damaged(status.message());
  return Command(std::move(command));
}

Result<Command> decode_kv(std::string_view bytes) {
  KvCommand command;
  KvsRequest<KvCommand> request{command, {}};
  if (Status status = codec::from_msgpack(bytes, request); !status.ok()) return damaged(status.message());
  const auto* verb = std::find(kVerbNames.begin(), kVerbNames.end(), request.op);
  if (verb == kVerbNames.end()) return damaged("unknown operation on a key");
  command.verb = static_cast<KvVerb>(verb - kVerbNames.begin());
  return Command(std::move(command));
}

Result<Command> decode_session(std::string_view bytes) {
  SessionCommand command;
  SessionRequest<Session> request{command.session, {}};
  if (Status status = codec::from_msgpack(bytes, request); !status.ok()) return damaged(status.message());
  const auto* verb = std::find(kSessionVerbNames.begin(), kSessionVerbNames.end(), request.op);
  if (verb == kSessionVerbNames.end()) return damaged("unknown operation on a session");
  command.verb = static_cast<SessionVerb>(verb - kSessionVerbNames.begin());
  return Command(std::move(command));
}

Result<Command> decode_txn(std::string_view bytes) {
  LoggedTxn request;
  if (Status status = codec::from_msgpack(bytes, request); !status.ok()) return damaged(status.message());
  TxnCommand command;
  command.operations.reserve(request.operations.size());
  for (auto& form : request.operations) {
    if (!form.operation) return damaged("unknown operation of a transaction");
    command.operations.push_back(*std::move(form.operation));
  }
  return Command(std::move(command));
}

}  // namespace

std::string encode(const Command& command) {
  std::string out(1, kVersion);
  std::visit(Encoder(out), command);
  return out;
}

Result<Command> decode_command(std::string_view bytes) {
  if (bytes.size() < kHeaderSize) return damaged("cut off");
  if (bytes[0] != kVersion) return damaged("version " + std::to_string(int{bytes[0]}) + " is not known");
  const char type = bytes[1];
  bytes.remove_prefix(kHeaderSize);
  switch (type) {
    case kRegister:
      return decode_as<RegisterCommand>(bytes);
    case kDeregister:
      return decode_as<DeregisterCommand>(bytes);
    case kKvs:
      return decode_kv(bytes);
    case kSession:
      return decode_session(bytes);
    case kTombstone:
      return decode_as<ReapTombstonesCommand>(bytes);
    case kCoordinateBatch:
      return decode_as<UpdateCoordinatesCommand>(bytes);
    case kTxn:
      return decode_txn(bytes);
    default:
      return damaged("type " + std::to_string(int{type}) + " is not known");
  }
}

Status validate(RegisterCommand& command) {
  if (Status status = validate_node(command); !status.ok()) return status;
  if (command.service) {
    if (Status status = complete_service(*command.service); !status.ok()) return status;
  }
  if (command.check) {
    command.checks.push_back(std::move(*command.check));
    command.check.reset();
  }
  for (auto& check : command.checks) {
    if (Status status = complete_check_of(check, command.node); !status.ok()) return status;
  }
  return check_names(command);
}

Status validate(const DeregisterCommand& command) {
  return command.node.empty() ? invalid_argument("Must provide node") : Status();
}

Status validate(const KvCommand& command) {
  return command.key.empty() && command.verb != KvVerb::kDeleteTree ? invalid_argument("Must provide key")
                                                                    : Status();
}

namespace {

Status check_ttl(std::string_view text, Duration ttl_min) {
  if (text.empty()) return {};
  const auto ttl = base::parse_go_duration(text);
  if (!ttl.ok()) {
    return invalid_argument("Session TTL '" + std::string(text) +
                            "' invalid: " + std::string(ttl.status().message()));
  }
  if (*ttl == Duration::zero() || (*ttl >= ttl_min && *ttl <= kMaxSessionTtl)) return {};
  return invalid_argument("Invalid Session TTL '" + std::to_string(ttl->count()) + "', must be between [" +
                          base::format_go_duration(ttl_min) + "=" + base::format_go_duration(kMaxSessionTtl) +
                          "]");
}

Status check_session_names(const Session& session) {
  Status status = refuse_zero_bytes({session.node});
  for_each_check(session, [&](const Text& id) {
    if (status.ok()) status = refuse_zero_bytes({id});
  });
  return status;
}

}  // namespace

Status validate(SessionCommand& command, Duration ttl_min) {
  Session& session = command.session;
  if (command.verb == SessionVerb::kDestroy) {
    return session.id.empty() ? invalid_argument("Must provide ID") : Status();
  }
  if (session.node.empty()) return invalid_argument("Must provide Node");
  if (session.behavior.empty()) session.behavior = kReleaseKeys;
  if (session.behavior != kReleaseKeys && session.behavior != kDeleteKeys) {
    return invalid_argument("Invalid Behavior setting '" + session.behavior.str() + "'");
  }
  if (Status status = check_ttl(session.ttl, ttl_min); !status.ok()) return status;
  return check_session_names(session);
}

}  // namespace discovery::model
