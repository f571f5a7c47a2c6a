#include "lib/model/command.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "lib/base/uuid.h"
#include "lib/codec/msgpack.h"
#include "lib/model/validation.h"

namespace discovery::model {
namespace {

constexpr std::size_t kUuidSize = 36;

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
  kTombstone = 5,
  kCoordinateBatch = 6,
};

/// By KvVerb.
constexpr std::array<std::string_view, 5> kVerbNames{"set", "cas", "delete", "delete-cas", "delete-tree"};

/// A KvCommand, or a const one, in the shape of Consul's log: {Op, DirEnt{Key, Flags, Value, ModifyIndex}}.
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
  archive.field("ModifyIndex", entry.command.index);
}

template <class Archive, class R>
requires kIsKvsRequest<std::remove_const_t<R>>
void describe(Archive& archive, R& request) {
  DirEnt<std::remove_reference_t<decltype(request.command)>> entry{request.command};
  archive.field("Op", request.op);
  archive.field("DirEnt", entry);
}

Status validate_node(const RegisterCommand& command) {
  if (command.node.empty()) return invalid_argument("Must provide node");
  if (command.address.empty() && !command.skip_node_update) {
    return invalid_argument("Must provide address if SkipNodeUpdate is not set");
  }
  if (command.id.empty() || base::is_uuid(command.id)) return {};
  return invalid_argument(command.id.size() != kUuidSize ? "Bad node ID: uuid string is wrong length"
                                                         : "Bad node ID: uuid is improperly formatted");
}

Status complete_service(ServiceInstance& service) {
  if (Status status = validate_service(service); !status.ok()) return status;
  if (service.id.empty()) service.id = service.name;
  if (service.name.empty() && !service.id.empty())
    return invalid_argument("Must provide service name with ID");
  if (is_any_address(service.address)) return invalid_argument("Invalid service address");
  // Weights that mean nothing count as not given, as Consul has it.
  if (!validate_weights(service.weights).ok()) service.weights = {};
  return {};
}

/// The state's keys set names apart by zero bytes.
Status refuse_zero_bytes(const RegisterCommand& command) {
  const auto has_zero = [](std::string_view name) { return name.find('\0') != std::string_view::npos; };
  bool found = has_zero(command.node);
  if (command.service) found = found || has_zero(command.service->id) || has_zero(command.service->name);
  for (const HealthCheck& check : command.checks)
    found = found || has_zero(check.check_id) || has_zero(check.service_id);
  return found ? invalid_argument("Names and IDs must not contain a zero byte") : Status();
}

Status complete_check(HealthCheck& check, const std::string& node) {
  if (check.node.empty()) check.node = node;
  if (check.node != node) {
    return invalid_argument("check node \"" + check.node + "\" does not match node \"" + node + "\"");
  }
  if (check.check_id.empty()) check.check_id = check.name;
  if (check.status.empty()) check.status = kCritical;
  return {};
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
    case kTombstone:
      return decode_as<ReapTombstonesCommand>(bytes);
    case kCoordinateBatch:
      return decode_as<UpdateCoordinatesCommand>(bytes);
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
    if (Status status = complete_check(check, command.node); !status.ok()) return status;
  }
  return refuse_zero_bytes(command);
}

Status validate(const DeregisterCommand& command) {
  return command.node.empty() ? invalid_argument("Must provide node") : Status();
}

Status validate(const KvCommand& command) {
  return command.key.empty() && command.verb != KvVerb::kDeleteTree ? invalid_argument("Must provide key")
                                                                    : Status();
}

}  // namespace discovery::model
