#include "lib/remote/answers.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "lib/base/strings.h"
#include "lib/model/describe_records.h"

namespace discovery::remote {
namespace {

/// How much of a failure's text is passed on.
constexpr std::size_t kMaxFailureText = 1024;

/// \name Rows, as they are read
/// @{
struct KeyForm {
  std::string key;
  std::string value;
  std::string session;
  model::KvEntry::Attributes attributes{};
};
template <class Archive>
void describe(Archive& archive, KeyForm& form) {
  archive.field("LockIndex", form.attributes.lock_index);
  archive.field("Key", form.key);
  archive.field("Flags", form.attributes.flags);
  archive.bytes("Value", form.value);
  archive.field("Session", form.session);
  archive.field("CreateIndex", form.attributes.create_index);
  archive.field("ModifyIndex", form.attributes.modify_index);
}

struct ServiceNodeForm {
  model::Node node;
  model::ServiceInstance service;
};
template <class Archive>
void describe(Archive& archive, ServiceNodeForm& form) {
  model::describe_service_node(archive, form.node, form.service);
}

struct HealthForm {
  model::NodePtr node;
  model::ServicePtr service;
  std::vector<model::CheckPtr> checks;
};
template <class Archive>
void describe(Archive& archive, HealthForm& form) {
  archive.field("Node", form.node);
  archive.field("Service", form.service);
  archive.field("Checks", form.checks);
}

struct NodeForm {
  model::NodePtr node;
  std::map<std::string, model::ServicePtr> services;
};
template <class Archive>
void describe(Archive& archive, NodeForm& form) {
  archive.field("Node", form.node);
  archive.field("Services", form.services);
}

struct TxnRowForm {
  std::optional<KeyForm> key;
  model::NodePtr node;
  model::ServicePtr service;
  model::CheckPtr check;
};
template <class Archive>
void describe(Archive& archive, TxnRowForm& form) {
  archive.field("KV", form.key);
  archive.field("Node", form.node);
  archive.field("Service", form.service);
  archive.field("Check", form.check);
}

struct TxnErrorForm {
  std::uint64_t operation = 0;
  std::string what;
};
template <class Archive>
void describe(Archive& archive, TxnErrorForm& form) {
  archive.field("OpIndex", form.operation);
  archive.field("What", form.what);
}

struct TxnForm {
  std::vector<TxnRowForm> rows;
  std::vector<TxnErrorForm> errors;
};
template <class Archive>
void describe(Archive& archive, TxnForm& form) {
  archive.field("Results", form.rows);
  archive.field("Errors", form.errors);
}
/// @}

model::KvEntryRef to_entry(const KeyForm& form) {
  model::KvEntry::Attributes attributes = form.attributes;
  attributes.session = form.session;
  return model::KvEntry::make(form.key, form.value, attributes);
}

/// \name What a record cannot do without
/// @{
bool is_whole(const KeyForm& form) { return !form.key.empty(); }
bool is_whole(const model::NodePtr& node) { return node && !node->name.empty(); }
bool is_whole(const model::ServicePtr& service) { return service && !service->name.empty(); }
bool is_whole(const model::CheckPtr& check) { return check && !check->check_id.empty(); }
bool is_whole(const ServiceNodeForm& form) { return !form.node.name.empty() && !form.service.name.empty(); }
bool is_whole(const HealthForm& form) {
  return is_whole(form.node) && is_whole(form.service) &&
         std::all_of(form.checks.begin(), form.checks.end(),
                     [](const auto& check) { return is_whole(check); });
}
bool is_whole(const model::CoordinatePtr& row) { return row && !row->node.empty(); }
bool is_whole(const model::SessionPtr& session) { return session && !session->id.empty(); }
bool is_whole(const std::string&) { return true; }
/// @}

template <class T>
Status read(std::string_view body, T& out) {
  const Status status = codec::from_json(body, out, kTolerant);
  return status.ok() ? Status() : makes_no_sense(status.message());
}

/// A list, each row made into what the answer holds.
template <class Form, class Make>
auto read_list(std::string_view body, Make make)
    -> Result<std::vector<decltype(make(std::declval<Form&>()))>> {
  std::vector<Form> forms;
  if (Status status = read(body, forms); !status.ok()) return status;
  std::vector<decltype(make(std::declval<Form&>()))> rows;
  rows.reserve(forms.size());
  for (Form& form : forms) {
    if (!is_whole(form)) return makes_no_sense("a row lacks its name");
    rows.push_back(make(form));
  }
  return rows;
}

template <class List>
Result<model::Value> as_value(Result<List> list) {
  if (!list.ok()) return list.status();
  return model::Value(*std::move(list));
}

template <class Row>
Result<model::Value> read_rows(std::string_view body) {
  return as_value(read_list<Row>(body, [](Row& row) { return std::move(row); }));
}

class Decoder {
 public:
  using Decoded = Result<model::Value>;

  Decoder(bool missing, std::string_view body) : missing_(missing), body_(body) {}

  Decoded operator()(const model::GetKey&) const { return entries(); }
  Decoded operator()(const model::ListKeysWithValues&) const { return entries(); }
  Decoded operator()(const model::ListKeys&) const { return names(); }
  Decoded operator()(const model::ListNodes&) const { return read_rows<model::NodePtr>(body_); }
  Decoded operator()(const model::FindNodeByAddress&) const {
    auto nodes = read_list<model::NodePtr>(body_, [](model::NodePtr& node) { return std::move(node); });
    if (nodes.ok() && nodes->size() > 1) nodes->resize(1);
    return as_value(std::move(nodes));
  }
  Decoded operator()(const model::ListServices&) const {
    std::map<std::string, model::Tags> services;
    if (Status status = read(body_, services); !status.ok()) return status;
    model::ServiceTags rows;
    rows.reserve(services.size());
    for (auto& [name, tags] : services) {
      std::sort(tags.begin(), tags.end());
      tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
      rows.emplace_back(model::Text(name), std::move(tags));
    }
    return model::Value(std::move(rows));
  }
  Decoded operator()(const model::ListServiceInstances&) const {
    return as_value(read_list<ServiceNodeForm>(body_, [](ServiceNodeForm& form) {
      return model::ServiceNode{std::make_shared<const model::Node>(std::move(form.node)),
                                std::make_shared<const model::ServiceInstance>(std::move(form.service))};
    }));
  }
  Decoded operator()(const model::ListServiceHealth&) const {
    return as_value(read_list<HealthForm>(body_, [](HealthForm& form) {
      return model::CheckServiceNode{std::move(form.node), std::move(form.service), std::move(form.checks)};
    }));
  }
  Decoded operator()(const model::GetNodeServices&) const {
    NodeForm form;
    if (!missing_) {
      if (Status status = read(body_, form); !status.ok()) return status;
    }
    model::NodeServices found;
    if (!form.node) return model::Value(std::move(found));
    if (!is_whole(form.node)) return makes_no_sense("the node lacks its name");
    found.node = std::move(form.node);
    for (auto& [id, service] : form.services) {
      if (!is_whole(service)) return makes_no_sense("a service lacks its name");
      found.services.push_back(std::move(service));
    }
    return model::Value(std::move(found));
  }
  Decoded operator()(const model::ListNodeChecks&) const { return read_rows<model::CheckPtr>(body_); }
  Decoded operator()(const model::ListServiceChecks&) const { return read_rows<model::CheckPtr>(body_); }
  Decoded operator()(const model::ListChecksInState&) const { return read_rows<model::CheckPtr>(body_); }
  Decoded operator()(const model::ListDatacenters&) const { return names(); }
  Decoded operator()(const model::GetLeader&) const {
    std::string leader;
    if (Status status = read(body_, leader); !status.ok()) return status;
    model::Names found;
    if (!leader.empty()) found.push_back(std::move(leader));
    return model::Value(std::move(found));
  }
  Decoded operator()(const model::ListPeers&) const { return names(); }
  Decoded operator()(const model::ListCoordinates&) const {
    return missing_ ? Decoded(model::Value(model::Coordinates())) : read_rows<model::CoordinatePtr>(body_);
  }
  Decoded operator()(const model::GetSession&) const { return read_rows<model::SessionPtr>(body_); }
  Decoded operator()(const model::ListSessions&) const { return read_rows<model::SessionPtr>(body_); }
  Decoded operator()(const model::ListNodeSessions&) const { return read_rows<model::SessionPtr>(body_); }
  Decoded operator()(const model::ReadTxn&) const { return as_value(decode_txn(body_)); }
  template <class Other>
  Decoded operator()(const Other&) const {
    return invalid_argument("this question cannot be asked over HTTP");
  }

 private:
  Decoded entries() const {
    if (missing_) return model::Value(model::KvEntries());
    return as_value(read_list<KeyForm>(body_, [](const KeyForm& form) { return to_entry(form); }));
  }
  Decoded names() const {
    return missing_ ? Decoded(model::Value(model::Names())) : read_rows<std::string>(body_);
  }

  const bool missing_;
  const std::string_view body_;
};

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool says(std::string_view text, std::initializer_list<std::string_view> phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](std::string_view phrase) { return text.find(phrase) != std::string_view::npos; });
}

/// What an internal error is about, as far as its text tells.
Code code_of_internal_error(std::string_view text, bool writes) {
  // The leader was lost while it had the change in hand.
  if (says(text, {"leadership lost", "timed out enqueuing", "raft is already shutdown", "rpc error: EOF"}) ||
      (says(text, {"rpc error"}) && says(text, {": EOF", "i/o timeout", "connection reset"}))) {
    return writes ? Code::kUnknownOutcome : Code::kUnavailable;
  }
  if (says(text, {"No cluster leader", "No path to datacenter", "No known Consul servers",
                  "rpc error getting client"})) {
    return Code::kUnavailable;
  }
  if (says(text, {"ACL not found"})) return Code::kUnauthenticated;
  if (says(text, {"Permission denied"})) return Code::kPermissionDenied;
  if (says(text, {"Failed to create boolean expression", "Invalid Session TTL", "Session TTL '",
                  "Invalid Behavior"}))
    return Code::kInvalidArgument;
  if (says(text, {"rate limit"})) return Code::kResourceExhausted;
  return Code::kInternal;
}

Code code_of(int status, std::string_view text, bool writes) {
  switch (status) {
    case 400:
    case 405:
    case 422:
      return Code::kInvalidArgument;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return says(text, {"ACL not found"}) ? Code::kUnauthenticated : Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kConflict;
    case 413:
    case 429:
      return Code::kResourceExhausted;
    case 412:
      return Code::kFailedPrecondition;
    case 500:
      return code_of_internal_error(text, writes);
    case 502:
    case 504:  // of something between, which does not know what became of a change
      return writes ? Code::kUnknownOutcome : Code::kUnavailable;
    case 501:
    case 503:
      return Code::kUnavailable;
    default:
      return status / 100 == 4 ? Code::kInvalidArgument : Code::kUnavailable;
  }
}

}  // namespace

Status makes_no_sense(std::string_view why) {
  return {Code::kUnavailable, "the answer makes no sense: " + std::string(why)};
}

Result<model::Value> decode_answer(const model::Query& query, int status, std::string_view body) {
  return std::visit(Decoder(status == 404, body), query);
}

Result<model::TxnResults> decode_txn(std::string_view body) {
  TxnForm form;
  if (Status status = read(body, form); !status.ok()) return status;
  model::TxnResults results;
  for (TxnErrorForm& error : form.errors) {
    results.errors.push_back({static_cast<std::size_t>(error.operation), std::move(error.what)});
  }
  if (!results.errors.empty()) return results;
  for (TxnRowForm& row : form.rows) {
    if (row.key && is_whole(*row.key)) {
      results.rows.emplace_back(model::TxnKey{to_entry(*row.key)});
    } else if (is_whole(row.node)) {
      results.rows.emplace_back(std::move(row.node));
    } else if (is_whole(row.service)) {
      results.rows.emplace_back(std::move(row.service));
    } else if (is_whole(row.check)) {
      results.rows.emplace_back(std::move(row.check));
    } else {
      return makes_no_sense("a result is of no known kind");
    }
  }
  return results;
}

bool may_be_missing(const model::Query& query) noexcept {
  return std::holds_alternative<model::GetKey>(query) || std::holds_alternative<model::ListKeys>(query) ||
         std::holds_alternative<model::ListKeysWithValues>(query) ||
         std::holds_alternative<model::ListCoordinates>(query);
}

AnswerHead read_head(const http1::ClientResponse& response) {
  AnswerHead head;
  if (const auto index = read_number(response.header("X-Consul-Index"))) {
    head.has_index = true;
    head.meta.index = std::max<Index>(*index, 1);  // 0 would make the next question not wait
  }
  head.meta.known_leader = response.header("X-Consul-KnownLeader") != "false";
  constexpr std::uint64_t kMostMilliseconds = 1'000'000'000'000;
  if (const auto contact = read_number(response.header("X-Consul-LastContact"))) {
    head.meta.last_contact = std::chrono::milliseconds(std::min(*contact, kMostMilliseconds));
  }
  return head;
}

Status failure_of(const http1::ClientResponse& response, bool writes) {
  const std::string_view coding = response.header("Content-Encoding");
  if (!coding.empty() && !base::equal_ignoring_case(coding, "identity")) {
    return makes_no_sense("it is compressed, which nobody asked for");
  }
  if (response.status == 200) return {};
  std::string text(base::trim(std::string_view(response.body).substr(0, kMaxFailureText)));
  const Code code = code_of(response.status, text, writes);
  if (text.empty()) text = "the agent answers " + std::to_string(response.status) + " " + response.reason;
  return {code, std::move(text)};
}

Status failure_of(const Status& failure, bool sent, bool writes) {
  const Code code = failure.code();
  if (!writes || !sent || code == Code::kInvalidArgument) return failure;
  return {Code::kUnknownOutcome, std::string(failure.message()) + "; the change may have been made"};
}

}  // namespace discovery::remote
