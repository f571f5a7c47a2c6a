#include "tests/dns/dns_test.h"

#include <algorithm>

namespace discovery::dns {
namespace {

std::string type_text(Type type) {
  switch (type) {
    case Type::kA:
      return "A";
    case Type::kNs:
      return "NS";
    case Type::kCname:
      return "CNAME";
    case Type::kSoa:
      return "SOA";
    case Type::kPtr:
      return "PTR";
    case Type::kTxt:
      return "TXT";
    case Type::kAaaa:
      return "AAAA";
    case Type::kSrv:
      return "SRV";
    case Type::kOpt:
      return "OPT";
    default:
      return std::to_string(static_cast<int>(type));
  }
}

std::string data_text(const RecordData& data) {
  if (const auto* address = std::get_if<IpAddress>(&data)) return address->to_text();
  if (const auto* target = std::get_if<DomainName>(&data)) return target->to_text();
  if (const auto* srv = std::get_if<Srv>(&data)) {
    return std::to_string(srv->priority) + " " + std::to_string(srv->weight) + " " +
           std::to_string(srv->port) + " " + srv->target.to_text();
  }
  if (const auto* soa = std::get_if<Soa>(&data)) {
    std::string text = soa->server.to_text() + " " + soa->contact.to_text();
    for (const auto number : {soa->serial, soa->refresh, soa->retry, soa->expire, soa->minimum}) {
      text += " " + std::to_string(number);
    }
    return text;
  }
  std::string text;
  if (const auto* txt = std::get_if<Txt>(&data)) {
    for (const std::string& part : txt->strings) text += (text.empty() ? "\"" : " \"") + part + "\"";
  }
  return text;
}

}  // namespace

std::string to_text(const Record& record) {
  return record.owner.to_text() + " " + std::to_string(record.ttl) + " " + type_text(record.type) + " " +
         data_text(record.data);
}

std::vector<std::string> to_texts(const std::vector<Record>& section) {
  std::vector<std::string> texts;
  for (const Record& record : section) texts.push_back(to_text(record));
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace discovery::dns
