#include "lib/remote/spelling.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "lib/base/duration.h"
#include "lib/base/percent.h"
#include "lib/base/strings.h"
#include "lib/codec/json_writer.h"
#include "lib/remote/lean_writer.h"

namespace discovery::remote {
namespace {

std::string path(std::string_view folder, std::string_view name) {
  return std::string(folder) + base::percent_encode(name);
}

std::string kv_path(std::string_view key) { return "/v1/kv/" + base::percent_encode(key, "/"); }

/// Whether a text is what an IP address looks like; anything else has no place in a filter.
bool looks_like_address(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == ':' || c == '-' || c == '%';
  });
}

/// Spells the path of a question and the parameters that belong to it alone.
class QuestionSpeller {
 public:
  using Spelled = Result<http1::ClientRequest>;

  QuestionSpeller(const model::Read& read, std::string_view datacenter)
      : read_(read), datacenter_(datacenter) {}

  Spelled operator()(const model::GetKey& query) const {
    if (query.key.empty()) return invalid_argument("Missing key name");
    return key(query.key, Target(kv_path(query.key)));
  }
  Spelled operator()(const model::ListKeysWithValues& query) const {
    return key(query.prefix, Target(kv_path(query.prefix)).add("recurse"));
  }
  Spelled operator()(const model::ListKeys& query) const {
    return key(query.prefix, Target(kv_path(query.prefix)).add("keys").add_if("separator", query.separator));
  }
  Spelled operator()(const model::ListNodes& query) const {
    return rows(Target("/v1/catalog/nodes"), query.node_meta);
  }
  Spelled operator()(const model::ListServices& query) const {
    return rows(Target("/v1/catalog/services"), query.node_meta);
  }
  Spelled operator()(const model::ListServiceInstances& query) const {
    if (query.role == model::ServiceRole::kIngress) {
      return invalid_argument("the gateways that expose a service are listed with their health only");
    }
    const bool plain = query.role == model::ServiceRole::kPlain;
    return tagged(Target(path(plain ? "/v1/catalog/service/" : "/v1/catalog/connect/", query.service)),
                  query);
  }
  Spelled operator()(const model::ListServiceHealth& query) const {
    std::string_view folder = "/v1/health/service/";
    if (query.role == model::ServiceRole::kConnect) folder = "/v1/health/connect/";
    if (query.role == model::ServiceRole::kIngress) folder = "/v1/health/ingress/";
    Target target(path(folder, query.service));
    if (query.passing_only) target.add("passing");
    return tagged(std::move(target), query);
  }
  Spelled operator()(const model::GetNodeServices& query) const {
    return rows(Target(path("/v1/catalog/node/", query.node)));
  }
  Spelled operator()(const model::FindNodeByAddress& query) const {
    if (!looks_like_address(query.address)) return invalid_argument("not an address: " + query.address);
    std::string filter = "Address == \"" + query.address + "\"";
    if (!read_.filter.empty()) filter += " and (" + read_.filter + ")";
    return finish(Target("/v1/catalog/nodes").add("filter", filter).add_if("near", read_.near));
  }
  Spelled operator()(const model::ListNodeChecks& query) const {
    return rows(Target(path("/v1/health/node/", query.node)));
  }
  Spelled operator()(const model::ListServiceChecks& query) const {
    return rows(Target(path("/v1/health/checks/", query.service)), query.node_meta);
  }
  Spelled operator()(const model::ListChecksInState& query) const {
    return rows(Target(path("/v1/health/state/", query.state)), query.node_meta);
  }
  Spelled operator()(const model::ListDatacenters&) const {
    return http1::ClientRequest{.target = "/v1/catalog/datacenters"};
  }
  Spelled operator()(const model::GetLeader&) const { return finish(Target("/v1/status/leader")); }
  Spelled operator()(const model::ListPeers&) const { return finish(Target("/v1/status/peers")); }
  Spelled operator()(const model::ListCoordinates& query) const {
    Target target(query.node.empty() ? "/v1/coordinate/nodes" : path("/v1/coordinate/node/", query.node));
    if (query.segment) target.add("segment", *query.segment);
    return finish(std::move(target));
  }
  Spelled operator()(const model::ReadTxn& query) const;
  Spelled operator()(const model::GetSession& query) const {
    if (const auto key = model::SessionKey::parse(query.id); !key.ok()) return key.status();
    return finish(Target(path("/v1/session/info/", query.id)));
  }
  Spelled operator()(const model::ListSessions&) const { return finish(Target("/v1/session/list")); }
  Spelled operator()(const model::ListNodeSessions& query) const {
    return finish(Target(path("/v1/session/node/", query.node)));
  }
  /// What has no endpoint.
  template <class Other>
  Spelled operator()(const Other&) const {
    return invalid_argument("this question cannot be asked over HTTP");
  }

 private:
  Spelled finish(Target target) const {
    target.add_if("dc", datacenter_);
    if (read_.consistency == Consistency::kConsistent) target.add("consistent");
    if (read_.consistency == Consistency::kStale) target.add("stale");
    if (read_.min_index > 0) {
      target.add("index", std::to_string(read_.min_index));
      if (read_.wait > Duration::zero()) {
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(read_.wait).count();
        target.add("wait", std::to_string(wait) + "ms");
      }
    }
    return http1::ClientRequest{.target = std::move(target).take()};
  }
  /// Keys are not filtered, nor are they near to anything.
  Spelled key(std::string_view name, Target target) const {
    if (Status status = check_key(name); !status.ok()) return status;
    return finish(std::move(target));
  }
  Spelled rows(Target target, const model::Labels& node_meta = {}) const {
    for (const auto& [name, value] : node_meta) target.add("node-meta", name + ":" + value);
    return finish(std::move(target.add_if("near", read_.near).add_if("filter", read_.filter)));
  }
  template <class Tagged>
  Spelled tagged(Target target, const Tagged& query) const {
    if (query.service.empty()) return invalid_argument("Missing service name");
    for (const std::string& tag : query.tags) target.add("tag", tag);
    return rows(std::move(target), query.node_meta);
  }

  const model::Read& read_;
  const std::string_view datacenter_;
};

/// The operations of a transaction, as its body lists them.
struct OperationWriter {
  codec::JsonWriter& writer;

  void operator()(const model::KvOperation& operation) const {
    writer.begin_object();
    writer.field("Verb", operation.verb);
    writer.field("Key", operation.key);
    writer.bytes("Value", operation.value, {.omit_empty = true});
    writer.field("Flags", operation.flags, {.omit_empty = true});
    writer.field("Index", operation.index, {.omit_empty = true});
    writer.field("Session", operation.session, {.omit_empty = true});
    writer.end_object();
  }
  template <class Record>
  void operator()(const Record& operation) const {
    LeanWriter(writer).value(operation);
  }
};

std::string txn_body(const model::TxnOperations& operations) {
  std::string body;
  codec::JsonWriter writer(body);
  writer.begin_array();
  for (const model::TxnOperation& operation : operations) {
    writer.element();
    writer.begin_object();
    writer.key(model::kTxnKinds[operation.index()]);
    std::visit(OperationWriter{writer}, operation);
    writer.end_object();
  }
  writer.end_array();
  return body;
}

Status check_operations(const model::TxnOperations& operations, std::size_t limit) {
  if (operations.size() > limit) {
    return {Code::kResourceExhausted, "Transaction contains too many operations (" +
                                          std::to_string(operations.size()) + " > " + std::to_string(limit) +
                                          ")"};
  }
  for (const model::TxnOperation& operation : operations) {
    if (std::holds_alternative<model::SessionOperation>(operation)) {
      return invalid_argument("a transaction over HTTP has no operations on sessions");
    }
  }
  return {};
}

QuestionSpeller::Spelled QuestionSpeller::operator()(const model::ReadTxn& query) const {
  Spelled message = finish(Target("/v1/txn"));
  message->method = "PUT";
  message->body = txn_body(query.operations);
  return message;
}

/// A session, as its endpoint takes it.
struct SessionBody {
  const model::Session& session;
};

template <class Archive>
void describe(Archive& archive, const SessionBody& body) {
  const model::Session& session = body.session;
  archive.field("Node", session.node);
  archive.field("Name", session.name);
  archive.field("LockDelay", base::format_go_duration(session.lock_delay));  // none at all differs from "0s"
  archive.field("Behavior", session.behavior);
  archive.field("TTL", session.ttl);
  archive.field("NodeChecks", session.node_checks);  // so does no list from an empty one
  archive.field("ServiceChecks", session.service_checks);
  archive.field("Checks", session.checks);
}

/// One coordinate, as its endpoint takes it.
struct CoordinateBody {
  std::string_view datacenter;
  const model::NodeCoordinate& update;
};

template <class Archive>
void describe(Archive& archive, const CoordinateBody& body) {
  archive.field("Datacenter", body.datacenter);
  archive.field("Node", body.update.node);
  archive.field("Segment", body.update.segment);
  archive.field("Coord", body.update.coordinate);
}

class CommandSpeller {
 public:
  using Spelled = Result<SpelledCommand>;

  CommandSpeller(std::string_view datacenter, std::size_t max_operations)
      : datacenter_(datacenter), max_operations_(max_operations) {}

  Spelled operator()(const model::RegisterCommand& command) const { return body("register", command); }
  Spelled operator()(const model::DeregisterCommand& command) const { return body("deregister", command); }
  Spelled operator()(const model::KvCommand& command) const {
    if (command.key.empty() && command.verb != model::KvVerb::kDeleteTree) {
      return invalid_argument("Missing key name");
    }
    if (Status status = check_key(command.key); !status.ok()) return status;
    Target target(kv_path(command.key));
    const bool erases = command.verb == model::KvVerb::kDelete || command.verb == model::KvVerb::kDeleteCas ||
                        command.verb == model::KvVerb::kDeleteTree;
    const bool compares = command.verb == model::KvVerb::kCas || command.verb == model::KvVerb::kDeleteCas;
    if (!erases && command.flags != 0) target.add("flags", std::to_string(command.flags));
    if (compares) target.add("cas", std::to_string(command.index));
    if (command.verb == model::KvVerb::kDeleteTree) target.add("recurse");
    if (command.verb == model::KvVerb::kLock) target.add("acquire", command.session);
    if (command.verb == model::KvVerb::kUnlock) target.add("release", command.session);
    target.add_if("dc", datacenter_);
    http1::ClientRequest message{.method = erases ? "DELETE" : "PUT", .target = std::move(target).take()};
    if (!erases) message.body = command.value;
    // Who does these again may lose against itself.
    const bool repeatable = !compares && command.verb != model::KvVerb::kUnlock;
    return SpelledCommand{std::move(message), repeatable};
  }
  Spelled operator()(const model::SessionCommand& command) const {
    const bool creates = command.verb == model::SessionVerb::kCreate;
    Target target(creates ? "/v1/session/create" : path("/v1/session/destroy/", command.session.id));
    target.add_if("dc", datacenter_);
    // To a Consul it means nothing; a discoveryd lets the session end with the connection.
    if (creates) target.add("while-connected");
    http1::ClientRequest message{.method = "PUT", .target = std::move(target).take()};
    if (creates) message.body = to_lean_json(SessionBody{command.session});
    return SpelledCommand{std::move(message), !creates};
  }
  Spelled operator()(const model::UpdateCoordinatesCommand& command) const {
    if (command.updates.size() != 1) return invalid_argument("coordinates are set one at a time over HTTP");
    http1::ClientRequest message{
        .method = "PUT",
        .target = std::move(Target("/v1/coordinate/update").add_if("dc", datacenter_)).take()};
    message.body = to_lean_json(CoordinateBody{datacenter_, command.updates.front()});
    return SpelledCommand{std::move(message), true};
  }
  Spelled operator()(const model::TxnCommand& command) const {
    if (Status status = check_operations(command.operations, max_operations_); !status.ok()) return status;
    http1::ClientRequest message{.method = "PUT",
                                 .target = std::move(Target("/v1/txn").add_if("dc", datacenter_)).take()};
    message.body = txn_body(command.operations);
    return SpelledCommand{std::move(message), false};
  }
  /// What servers decide themselves.
  template <class Other>
  Spelled operator()(const Other&) const {
    return invalid_argument("this change cannot be made over HTTP");
  }

 private:
  template <class Entity>
  Spelled body(std::string_view verb, const Entity& command) const {
    http1::ClientRequest message{.method = "PUT", .target = "/v1/catalog/" + std::string(verb)};
    if (command.datacenter.empty() && !datacenter_.empty()) {
      Entity named = command;
      named.datacenter = datacenter_;
      message.body = to_lean_json(named);
    } else {
      message.body = to_lean_json(command);
    }
    return SpelledCommand{std::move(message), true};
  }

  const std::string_view datacenter_;
  const std::size_t max_operations_;
};

}  // namespace

Status check_key(std::string_view key) {
  const std::vector<std::string_view> parts = base::split(key, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool is_last = i + 1 == parts.size();
    if ((parts[i].empty() && !is_last) || parts[i] == "." || parts[i] == "..") {
      return invalid_argument("a key with an empty part, \".\" or \"..\" cannot be named over HTTP: " +
                              base::go_quote(key));
    }
  }
  return {};
}

void Target::separate() { text_ += std::exchange(has_query_, true) ? '&' : '?'; }

Target& Target::add(std::string_view name) {
  separate();
  text_ += name;
  return *this;
}

Target& Target::add(std::string_view name, std::string_view value) {
  add(name);
  text_ += '=';
  text_ += base::percent_encode(value);
  return *this;
}

Target& Target::add_if(std::string_view name, std::string_view value) {
  return value.empty() ? *this : add(name, value);
}

Result<http1::ClientRequest> spell(const model::Query& query, const model::Read& read,
                                   std::string_view datacenter) {
  return std::visit(QuestionSpeller(read, datacenter), query);
}

bool can_wait(const model::Query& query) noexcept {
  return !std::holds_alternative<model::ListDatacenters>(query) &&
         !std::holds_alternative<model::GetLeader>(query) &&
         !std::holds_alternative<model::ListPeers>(query) && !std::holds_alternative<model::ReadTxn>(query);
}

Result<SpelledCommand> spell(const model::Command& command, std::string_view datacenter,
                             std::size_t max_operations) {
  return std::visit(CommandSpeller(datacenter, max_operations), command);
}

Result<http1::ClientRequest> spell_renewal(std::string_view session, std::string_view datacenter) {
  if (session.empty()) return invalid_argument("Missing session");
  return http1::ClientRequest{
      .method = "PUT",
      .target = std::move(Target(path("/v1/session/renew/", session)).add_if("dc", datacenter)).take()};
}

}  // namespace discovery::remote
