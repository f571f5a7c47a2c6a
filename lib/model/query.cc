#include "lib/model/query.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/strings.h"

namespace discovery::model {
namespace {

/// Builds the spelling. Every part says its length or is of a fixed one, so no two different queries share a
/// spelling.
class Speller {
 public:
  explicit Speller(std::string& out) : out_(out) {}

  void text(std::string_view part) {
    number(part.size());
    out_ += part;
  }
  void number(std::uint64_t value) {
    out_ += std::to_string(value);
    out_ += ':';
  }
  void labels(const Labels& labels) {
    number(labels.size());
    for (const auto& [key, value] : labels) {
      text(key);
      text(value);
    }
  }
  /// All of the tags must match, in any case: their order, case and repetition mean nothing.
  void tags(const std::vector<std::string>& tags) {
    std::vector<std::string> canonical;
    canonical.reserve(tags.size());
    for (const auto& tag : tags) canonical.push_back(base::to_lower(tag));
    std::sort(canonical.begin(), canonical.end());
    canonical.erase(std::unique(canonical.begin(), canonical.end()), canonical.end());
    number(canonical.size());
    for (const auto& tag : canonical) text(tag);
  }

  void operator()(const GetKey& query) { text(query.key); }
  void operator()(const ListKeysWithValues& query) { text(query.prefix); }
  void operator()(const ListKeys& query) {
    text(query.prefix);
    text(query.separator);
  }
  void operator()(const ListNodes& query) { labels(query.node_meta); }
  void operator()(const ListServices& query) { labels(query.node_meta); }
  void operator()(const ListServiceInstances& query) {
    text(base::to_lower(query.service));
    tags(query.tags);
    labels(query.node_meta);
    number(static_cast<std::uint64_t>(query.role));
  }
  void operator()(const ListServiceHealth& query) {
    text(base::to_lower(query.service));
    tags(query.tags);
    labels(query.node_meta);
    number(query.passing_only ? 1 : 0);
    number(static_cast<std::uint64_t>(query.role));
  }
  void operator()(const GetNodeServices& query) { text(query.node); }
  void operator()(const FindNodeByAddress& query) { text(query.address); }
  void operator()(const FindServiceByAddress& query) { text(query.address); }
  void operator()(const ListNodeChecks& query) { text(query.node); }
  void operator()(const ListServiceChecks& query) {
    text(base::to_lower(query.service));
    labels(query.node_meta);
  }
  void operator()(const ListChecksInState& query) {
    text(query.state);
    labels(query.node_meta);
  }
  void operator()(const ListDatacenters&) {}
  void operator()(const GetLeader&) {}
  void operator()(const ListPeers&) {}
  void operator()(const ListCoordinates& query) {
    text(query.node);
    number(query.segment ? 1 : 0);
    text(query.segment.value_or(""));
  }
  void operator()(const ReadTxn& query) {
    number(query.operations.size());
    for (const TxnOperation& operation : query.operations) {
      number(operation.index());
      std::visit([this](const auto& kind) { spell(kind); }, operation);
    }
  }

  void operator()(const GetSession& query) { text(query.id); }
  void operator()(const ListSessions&) {}
  void operator()(const ListNodeSessions& query) { text(base::to_lower(query.node)); }

 private:
  /// What reading looks at.
  void spell(const KvOperation& operation) {
    text(operation.verb);
    text(operation.key);
    number(operation.index);
    text(operation.session);
  }
  void spell(const NodeOperation& operation) {
    text(operation.verb);
    text(operation.node.id);
    text(operation.node.name);
  }
  void spell(const ServiceOperation& operation) {
    text(operation.verb);
    text(operation.node);
    text(operation.service.id);
  }
  void spell(const CheckOperation& operation) {
    text(operation.verb);
    text(operation.check.node);
    text(operation.check.check_id);
  }
  void spell(const SessionOperation& operation) {
    text(operation.verb);
    text(operation.session.id);
  }

  std::string& out_;
};

}  // namespace

std::string canonical(const Query& query, const Read& read) {
  std::string out;
  out.reserve(96);
  Speller speller(out);
  speller.number(query.index());
  std::visit(speller, query);
  speller.text(read.near);
  speller.text(read.filter);
  return out;
}

}  // namespace discovery::model
