// What a real Consul answered: the recordings in tests/conformance, read as answers.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/http/v1/kv_bodies.h"
#include "lib/http/v1/txn_bodies.h"
#include "lib/model/describe_records.h"
#include "lib/remote/agent_forms.h"
#include "lib/remote/answers.h"

namespace discovery::remote {
namespace {

/// One recorded step, as far as it matters here.
struct Recorded {
  std::int64_t status = 0;
  codec::Opaque json;
  std::string text;
};
template <class Archive>
void describe(Archive& archive, Recorded& answer) {
  archive.field("status", answer.status);
  archive.field("json", answer.json);
  archive.field("text", answer.text);
}
struct Step {
  std::string what;
  std::optional<Recorded> result;
};
template <class Archive>
void describe(Archive& archive, Step& step) {
  archive.field("what", step.what);
  archive.field("result", step.result);
}
struct Golden {
  std::vector<Step> steps;
};
template <class Archive>
void describe(Archive& archive, Golden& golden) {
  archive.field("steps", golden.steps);
}

/// In one order of members, so that equal values are equal texts.
std::string canonical_json(const std::string& text) {
  codec::Opaque value;
  REQUIRE(codec::from_json(text, value).ok());
  return value.json;
}

/// Writes a value as the API shows it.
struct Writer {
  std::string operator()(const model::KvEntries& entries) const {
    std::string out;
    codec::JsonWriter writer(out);
    writer.begin_array();
    for (const auto& entry : entries) {
      writer.element();
      http::v1::write_entry(writer, *entry, entry->value());
    }
    writer.end_array();
    return out;
  }
  std::string operator()(const model::ServiceTags& services) const {
    std::map<std::string, model::Tags> named;
    for (const auto& [name, tags] : services) named.emplace(name.str(), tags);
    return codec::to_json(named);
  }
  std::string operator()(const model::NodeServices&) const { return {}; }
  std::string operator()(const model::TxnResults& results) const {
    std::string out;
    http::v1::render_txn(out, results, codec::JsonStyle::kCompact);
    return out;
  }
  template <class Rows>
  std::string operator()(const Rows& rows) const {
    return codec::to_json(rows);
  }
};

/// The question that a recorded request asks, if it is one.
std::optional<model::Query> question_of(const std::string& what) {
  if (what == "PUT /v1/txn") return model::ReadTxn{};
  if (!what.starts_with("GET ")) return std::nullopt;
  const std::string target = what.substr(4);
  const auto below = [&](const char* folder) { return target.starts_with(folder); };
  const bool keys = target.find("keys") != std::string::npos;
  if (target.find("raw") != std::string::npos) return std::nullopt;
  if (below("/v1/kv/"))
    return keys ? model::Query(model::ListKeys{}) : model::Query(model::ListKeysWithValues{});
  if (below("/v1/catalog/nodes")) return model::ListNodes{};
  if (below("/v1/catalog/services")) return model::ListServices{};
  if (below("/v1/catalog/service/") || below("/v1/catalog/connect/")) return model::ListServiceInstances{};
  if (below("/v1/catalog/node/")) return model::GetNodeServices{};
  if (below("/v1/catalog/datacenters")) return model::ListDatacenters{};
  if (below("/v1/health/node/")) return model::ListNodeChecks{};
  if (below("/v1/health/checks/")) return model::ListServiceChecks{};
  if (below("/v1/health/state/")) return model::ListChecksInState{};
  if (below("/v1/health/")) return model::ListServiceHealth{};
  if (below("/v1/status/leader")) return model::GetLeader{};
  if (below("/v1/status/peers")) return model::ListPeers{};
  if (below("/v1/coordinate/node")) return model::ListCoordinates{};
  if (below("/v1/session/info/") || below("/v1/session/list") || below("/v1/session/node/"))
    return model::ListSessions{};
  return std::nullopt;
}

/// With numbers and nothings where the recording has marks for what differs from run to run.
std::string without_marks(std::string text) {
  const auto replace = [&text](const std::string& what, const std::string& with) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
      text.replace(at, what.size(), with);
    }
  };
  replace(R"("\u003cignored\u003e")", "null");
  for (const char* port : {"serf_lan_port", "serf_wan_port", "server_port"}) {
    replace(R"("\u003c)" + std::string(port) + R"(\u003e")", "8301");
  }
  return text;
}

template <class Visit>
void for_each_step(Visit visit) {
  for (const auto& entry : std::filesystem::directory_iterator("tests/conformance/golden/visible")) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    Golden golden;
    const Status status = codec::from_json(text, golden, {.ignore_unknown_fields = true});
    CAPTURE(entry.path().string(), status.message());
    REQUIRE(status.ok());
    for (Step& step : golden.steps) {
      if (!step.result || step.result->json.empty()) continue;
      step.result->json.json = without_marks(std::move(step.result->json.json));
      visit(entry.path().stem().string(), step);
    }
  }
}

TEST_CASE("all recorded answers to questions are read, and say the same when they are written again") {
  std::map<std::size_t, int> seen;  // by the sort of question
  std::size_t same = 0;
  for_each_step([&](const std::string& name, const Step& step) {
    const auto query = question_of(step.what);
    const bool answers =
        step.result->status == 200 || (step.result->status == 409 && query && step.what[0] == 'P');
    if (!query || !answers) return;
    CAPTURE(name, step.what, step.result->json.json);
    const auto value = decode_answer(*query, 200, step.result->json.json);
    CAPTURE(value.status().message());
    REQUIRE(value.ok());
    ++seen[query->index()];
    const std::string written = std::visit(Writer{}, *value);
    // Tags come in any order; what only reads shows more than its results; a leader is a text of its own.
    const bool comparable = !std::holds_alternative<model::ListServices>(*query) &&
                            !std::holds_alternative<model::GetNodeServices>(*query) &&
                            !std::holds_alternative<model::GetLeader>(*query) &&
                            !(std::holds_alternative<model::ReadTxn>(*query) &&
                              step.result->json.json.find("KnownLeader") != std::string::npos) &&
                            step.result->json.json != "null";
    if (!comparable) return;
    CHECK(canonical_json(written) == canonical_json(step.result->json.json));
    ++same;
  });
  CHECK(seen.size() >= 15);
  CHECK(same > 200);
}

TEST_CASE("all recorded answers of the agent are read") {
  std::map<std::string, int> seen;
  for_each_step([&](const std::string& name, const Step& step) {
    if (!step.what.starts_with("GET /v1/agent/")) return;
    const std::string target = step.what.substr(4);
    const std::string path = target.substr(0, target.find('?'));
    const std::string& json = step.result->json.json;
    const auto status = step.result->status;
    CAPTURE(name, step.what, json);
    const auto holds = [&](const char* what, const Status& read) {
      CAPTURE(read.message());
      CHECK(read.ok());
      ++seen[what];
    };
    if (json.starts_with('"')) return;  // a text that was asked for
    if (path == "/v1/agent/services" && status == 200) holds("services", read_services(json).status());
    if (path == "/v1/agent/checks" && status == 200) holds("checks", read_checks(json).status());
    if (path == "/v1/agent/self" && status == 200) holds("self", read_self(json).status());
    if (path == "/v1/agent/members" && status == 200) holds("members", read_members(json).status());
    if (path.starts_with("/v1/agent/service/") && status == 200)
      holds("service", read_service(json, "").status());
    if (path.starts_with("/v1/agent/health/service/id/")) holds("health", read_health(json).status());
    if (path.starts_with("/v1/agent/health/service/name/"))
      holds("health list", read_health_list(json).status());
  });
  CHECK(seen.size() == 7);
}

}  // namespace
}  // namespace discovery::remote
