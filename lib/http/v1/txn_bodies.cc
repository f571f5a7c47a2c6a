#include "lib/http/v1/txn_bodies.h"

#include <utility>

#include "lib/codec/json_reader.h"
#include "lib/http/v1/kv_bodies.h"
#include "lib/model/describe_txn.h"

namespace discovery::http::v1 {
namespace {

/// An operation on a key.
struct KvBody {
  model::KvOperation operation;
};

template <class Archive>
void describe(Archive& archive, KvBody& body) {
  archive.field("Verb", body.operation.verb);
  archive.field("Key", body.operation.key);
  archive.bytes("Value", body.operation.value);
  archive.field("Flags", body.operation.flags);
  archive.field("Index", body.operation.index);
  archive.field("Session", body.operation.session);
}

using OperationBody = model::TxnOperationForm<KvBody>;

Status too_large(std::string message) { return {Code::kResourceExhausted, std::move(message)}; }

/// Why an operation cannot be taken.
Status refuse(const model::TxnOperation& operation, const TxnLimits& limits) {
  const auto* kv = std::get_if<model::KvOperation>(&operation);
  if (kv == nullptr) return {};
  if (kv->value.size() > limits.max_value_size) {
    return too_large("Value for key \"" + kv->key + "\" is too large (" + std::to_string(kv->value.size()) +
                     " > " + std::to_string(limits.max_value_size) + " bytes)");
  }
  return {};
}

/// \name Rows
/// Lists of nothing are null here.
/// @{
struct ServiceRow {
  const model::ServiceInstance& service;
};
template <class Archive>
void describe(Archive& archive, const ServiceRow& row) {
  model::describe_service(archive, row.service, true);
}

struct CheckRow {
  const model::HealthCheck& check;
};
template <class Archive>
void describe(Archive& archive, const CheckRow& row) {
  model::describe_health_check(archive, row.check, true);
}

struct RowWriter {
  codec::JsonWriter& writer;

  void operator()(const model::TxnKey& row) const {
    writer.key("KV");
    write_entry(writer, *row.entry, row.shows_value ? row.entry->value() : std::string_view());
  }
  void operator()(const model::NodePtr& node) const { writer.field("Node", *node); }
  void operator()(const model::ServicePtr& service) const { writer.field("Service", ServiceRow{*service}); }
  void operator()(const model::CheckPtr& check) const { writer.field("Check", CheckRow{*check}); }
};
/// @}

/// About how much room a row takes, in any layout, beside its key and value.
constexpr std::size_t kRowOverhead = 320;

std::size_t size_of(const model::TxnRow& row) {
  const auto* key = std::get_if<model::TxnKey>(&row);
  if (key == nullptr) return 2 * kRowOverhead;
  const std::size_t value = key->shows_value ? key->entry->value().size() / 3 * 4 : 0;
  return kRowOverhead + key->entry->key().size() + value;
}

void write_rows(codec::JsonWriter& writer, const model::TxnResults& results) {
  if (!results.errors.empty()) return writer.null();
  writer.begin_array();
  for (const model::TxnRow& row : results.rows) {
    writer.element();
    writer.begin_object();
    std::visit(RowWriter{writer}, row);
    writer.end_object();
  }
  writer.end_array();
}

void write_errors(codec::JsonWriter& writer, const model::TxnResults& results) {
  if (results.errors.empty()) return writer.null();
  writer.begin_array();
  for (const model::TxnError& error : results.errors) {
    writer.element();
    writer.begin_object();
    writer.field("OpIndex", error.operation);
    writer.field("What", error.what);
    writer.end_object();
  }
  writer.end_array();
}

}  // namespace

Result<model::TxnOperations> read_operations(std::string_view body, const TxnLimits& limits) {
  const auto undecodable = [](const Status& status) {
    return invalid_argument("Failed to parse body: " + std::string(status.message()));
  };
  auto tree = codec::parse_json(body);
  if (!tree) return undecodable(tree.status());
  model::TxnOperations operations;
  const codec::Value list = tree->root();
  if (list.kind() == codec::Kind::kNull) return operations;
  if (list.kind() != codec::Kind::kArray) {
    return undecodable(invalid_argument("json: cannot unmarshal " + std::string(to_string(list.kind())) +
                                        " into Go value of type api.TxnOps"));
  }
  const std::size_t count = list.size();
  const bool too_many = count > limits.max_operations;  // but what is no list of operations is said first
  if (!too_many) operations.reserve(count);
  codec::Value element = count > 0 ? list.first() : list;
  for (std::size_t left = count; left > 0; --left, element = element.next()) {
    OperationBody one;
    if (Status status = codec::read_json(element, one); !status.ok()) return undecodable(status);
    if (!too_many && one.operation) operations.push_back(*std::move(one.operation));
  }
  if (too_many) {
    return too_large("Transaction contains too many operations (" + std::to_string(count) + " > " +
                     std::to_string(limits.max_operations) + ")");
  }
  for (const model::TxnOperation& operation : operations) {
    if (Status status = refuse(operation, limits); !status.ok()) return status;
  }
  return operations;
}

void render_txn(std::string& out, const model::Value& value, codec::JsonStyle style) {
  codec::JsonWriter writer(out, style);
  const auto* results = std::get_if<model::TxnResults>(&value);
  if (results == nullptr) return writer.null();
  std::size_t size = kRowOverhead;
  for (const model::TxnRow& row : results->rows) size += size_of(row);
  out.reserve(size);
  writer.begin_object();
  writer.key("Results");
  write_rows(writer, *results);
  writer.key("Errors");
  write_errors(writer, *results);
  writer.end_object();
}

void append_read_meta(std::string& json, const Meta& meta, codec::JsonStyle style) {
  std::string rest;
  codec::JsonWriter writer(rest, style);
  writer.begin_object();
  writer.field("Index", std::uint64_t{1});  // a transaction is not waited for
  writer.field("LastContact", std::int64_t{meta.last_contact.count()});
  writer.field("KnownLeader", meta.known_leader);
  writer.field("ConsistencyLevel", std::string_view());
  writer.field("NotModified", false);
  writer.field("Backend", std::uint64_t{0});
  writer.end_object();
  // Of two objects one: the end of the first goes, and the beginning of the second.
  json.resize(json.size() - (style == codec::JsonStyle::kPretty ? 2 : 1));
  json += ',';
  json.append(rest, 1);
}

}  // namespace discovery::http::v1
