// What a real Consul answered: the recordings in tests/conformance, replayed against the responder alone.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include <catch2/catch.hpp>
#include <rapidjson/document.h>

#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

using Json = rapidjson::Value;

constexpr const char* kAgentNode = "agent-one";

rapidjson::Document load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  REQUIRE_FALSE(document.HasParseError());
  return document;
}

std::string text_of(const Json& object, const char* key, const std::string& otherwise = {}) {
  const auto member = object.FindMember(key);
  return member != object.MemberEnd() && member->value.IsString() ? member->value.GetString() : otherwise;
}

int number_of(const Json& object, const char* key, int otherwise) {
  const auto member = object.FindMember(key);
  return member != object.MemberEnd() && member->value.IsInt() ? member->value.GetInt() : otherwise;
}

bool flag_of(const Json& object, const char* key, bool otherwise) {
  const auto member = object.FindMember(key);
  return member != object.MemberEnd() && member->value.IsBool() ? member->value.GetBool() : otherwise;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what)) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// --- the catalog
// -----------------------------------------------------------------------------------------------------

void register_service(FakeBackend& backend, const std::string& node, const Json& json) {
  model::ServiceInstance service;
  service.name = text_of(json, "Service");
  service.id = text_of(json, "ID", service.name.str());
  service.address = text_of(json, "Address");
  service.port = number_of(json, "Port", 0);
  if (json.HasMember("Tags")) {
    for (const Json& tag : json["Tags"].GetArray()) service.tags.emplace_back(tag.GetString());
  }
  if (json.HasMember("Weights")) {
    service.weights = {number_of(json["Weights"], "Passing", 1), number_of(json["Weights"], "Warning", 1)};
  }
  if (json.HasMember("TaggedAddresses")) {
    for (const auto& tagged : json["TaggedAddresses"].GetObject()) {
      service.tagged_addresses[tagged.name.GetString()] = {text_of(tagged.value, "Address"),
                                                           number_of(tagged.value, "Port", 0)};
    }
  }
  backend.put_service(node, std::move(service));
}

void register_check(FakeBackend& backend, const std::string& node, const Json& json) {
  model::HealthCheck check;
  check.node = node;
  check.check_id = text_of(json, "CheckID");
  check.service_id = text_of(json, "ServiceID");
  check.status = text_of(json, "Status");
  backend.put_check(std::move(check));
}

void register_entity(FakeBackend& backend, const Json& json) {
  model::Node node;
  node.name = text_of(json, "Node");
  node.address = text_of(json, "Address");
  for (const auto& [key, labels] :
       {std::pair{"NodeMeta", &node.meta}, {"TaggedAddresses", &node.tagged_addresses}}) {
    if (!json.HasMember(key)) continue;
    for (const auto& pair : json[key].GetObject()) labels->set(pair.name.GetString(), pair.value.GetString());
  }
  const std::string name = node.name.str();
  // A later registration without metadata leaves what there is.
  if (json.HasMember("Service") || !node.meta.empty()) backend.put_node(std::move(node));
  if (json.HasMember("Service")) register_service(backend, name, json["Service"]);
  if (json.HasMember("Check")) register_check(backend, name, json["Check"]);
  if (json.HasMember("Checks")) {
    for (const Json& check : json["Checks"].GetArray()) register_check(backend, name, check);
  }
}

/// What a server registers for itself.
void register_server(FakeBackend& backend) {
  model::Node node;
  node.name = kAgentNode;
  node.address = "127.0.0.1";
  node.meta.set("consul-network-segment", "");
  node.tagged_addresses = {{"lan", "127.0.0.1"}, {"lan_ipv4", "127.0.0.1"}, {"wan", "127.0.0.1"}};
  backend.put_node(std::move(node));
  model::ServiceInstance service;
  service.name = std::string(model::kConsulService);
  service.port = 8300;
  backend.put_service(kAgentNode, std::move(service));
  backend.set_status(kAgentNode, "", "passing");
}

// --- answers
// ---------------------------------------------------------------------------------------------------------

Type type_of(const Json& json) {
  static const std::map<std::string, Type> kTypes{
      {"A", Type::kA},     {"AAAA", Type::kAaaa},  {"ANY", Type::kAny}, {"SRV", Type::kSrv},
      {"TXT", Type::kTxt}, {"SOA", Type::kSoa},    {"NS", Type::kNs},   {"MX", Type::kMx},
      {"PTR", Type::kPtr}, {"CNAME", Type::kCname}};
  if (json.IsInt()) return static_cast<Type>(json.GetInt());
  return kTypes.at(json.GetString());
}

std::string data_text(const Json& record) {
  const Json& data = record["data"];
  if (data.IsString()) return data.GetString();
  if (data.IsArray()) {
    std::string text;
    for (const Json& part : data.GetArray()) {
      text += (text.empty() ? "\"" : " \"") + std::string(part.GetString()) + "\"";
    }
    return text;
  }
  const auto number = [&data](const char* key) {
    return data[key].IsString() ? "8300" : std::to_string(data[key].GetInt());  // the server's port is masked
  };
  if (data.HasMember("target")) {
    return number("priority") + " " + number("weight") + " " + number("port") + " " + text_of(data, "target");
  }
  return text_of(data, "mname") + " " + text_of(data, "rname") + " " + std::to_string(FixedClock::kUnixTime) +
         " " + number("refresh") + " " + number("retry") + " " + number("expire") + " " + number("minimum");
}

std::string record_text(const Json& record) {
  const std::string type = text_of(record, "type");
  if (type == "OPT") return "OPT udp=" + std::to_string(record["udp"].GetInt());
  return replaced(text_of(record, "name") + " " + std::to_string(record["ttl"].GetInt()) + " " + type + " " +
                      data_text(record),
                  "<node>", kAgentNode);
}

std::string record_text(const Record& record) {
  if (record.type == Type::kOpt) return "OPT udp=" + std::to_string(record.record_class);
  return to_text(record);
}

/// Consul compares everything in these steps; only the numbers of records where it picked them at random.
struct Expected {
  std::string head;
  std::vector<std::string> sections[3];
};

Expected from_json(const Json& dns, bool counts) {
  static const std::map<std::string, int> kRcodes{
      {"NOERROR", 0}, {"SERVFAIL", 2}, {"NXDOMAIN", 3}, {"REFUSED", 5}};
  Expected expected;
  expected.head = "rcode " + std::to_string(kRcodes.at(text_of(dns, "rcode")));
  for (const char* flag : {"aa", "tc", "rd", "ra"}) expected.head += " " + std::to_string(dns[flag].GetInt());
  expected.head += " " + replaced(text_of(dns["question"][0], "name"), "<node>", kAgentNode);
  std::size_t index = 0;
  for (const char* section : {"answer", "authority", "additional"}) {
    auto& records = expected.sections[index++];
    for (const Json& record : dns[section].GetArray()) {
      records.push_back(counts ? text_of(record, "type") : record_text(record));
    }
    std::sort(records.begin(), records.end());
  }
  return expected;
}

Expected from_message(const Message& message, bool counts) {
  Expected found;
  const auto flag = [&message](std::uint16_t bit) { return (message.flags & bit) != 0 ? " 1" : " 0"; };
  found.head = "rcode " + std::to_string(static_cast<int>(message.rcode())) + flag(kAuthoritativeFlag) +
               flag(kTruncatedFlag) + flag(kRecursionDesiredFlag) + flag(kRecursionAvailableFlag) + " " +
               message.questions.at(0).name.to_text();
  std::size_t index = 0;
  for (const auto* section : {&message.answers, &message.authority, &message.additional}) {
    auto& records = found.sections[index++];
    for (const Record& record : *section) {
      std::string text = record_text(record);
      if (counts) {  // the type: behind the owner and the TTL, or first for OPT
        if (record.type != Type::kOpt) text.erase(0, text.find(' ', text.find(' ') + 1) + 1);
        text.erase(text.find(' '));
      }
      records.push_back(std::move(text));
    }
    std::sort(records.begin(), records.end());
  }
  return found;
}

void check_step(Service& service, const Json& step, const Json& golden) {
  const Json& dns = step["dns"];
  Asking how;
  if (flag_of(dns, "tcp", false)) how.transport = Transport::kTcp;
  if (!flag_of(dns, "rd", true)) how.flags = 0;
  if (dns.HasMember("edns")) how.edns = static_cast<std::uint16_t>(dns["edns"].GetInt());
  if (text_of(dns, "class") == "CH") how.question_class = 3;
  const bool counts = text_of(step, "compare") == "counts";
  const std::string qname = replaced(text_of(dns, "name"), "${node}", kAgentNode);
  const Type type = dns.HasMember("type") ? type_of(dns["type"]) : Type::kA;

  const Json& result = golden["result"];
  const Json& recorded = result.HasMember("answer") ? result["answer"]["dns"] : result["dns"];
  const Expected expected = from_json(recorded, counts);
  // Twice: as it is made, and as it is kept.
  for (int i = 0; i < 2; ++i) {
    INFO("step " << golden["step"].GetInt() << ": " << qname << " " << static_cast<int>(type));
    const Expected found = from_message(service.ask(qname, type, how), counts);
    CHECK(found.head == expected.head);
    for (std::size_t section = 0; section < 3; ++section)
      CHECK(found.sections[section] == expected.sections[section]);
  }
}

void replay(const std::string& name) {
  const auto test_case = load("tests/conformance/cases/visible/" + name + ".json");
  const auto golden = load("tests/conformance/golden/visible/" + name + ".json");
  Options options;
  if (test_case.HasMember("config")) {
    options.enable_truncate = flag_of(test_case["config"]["dns_config"], "enable_truncate", false);
  }
  Service service(options);
  register_server(service.backend);
  const auto steps = test_case["steps"].GetArray();
  const auto results = golden["steps"].GetArray();
  REQUIRE(steps.Size() == results.Size());
  for (rapidjson::SizeType i = 0; i < steps.Size(); ++i) {
    if (steps[i].HasMember("http")) register_entity(service.backend, steps[i]["http"]["json"]);
    if (steps[i].HasMember("dns")) check_step(service, steps[i], results[i]);
  }
}

}  // namespace

TEST_CASE("recorded: names, forms, types", "[dns][recorded]") { replay("dns-services"); }
TEST_CASE("recorded: health and addresses", "[dns][recorded]") { replay("dns-health"); }
TEST_CASE("recorded: sizes", "[dns][recorded]") { replay("dns-truncate"); }
TEST_CASE("recorded: sizes with enable_truncate", "[dns][recorded]") { replay("dns-tc"); }

}  // namespace discovery::dns
