#include "lib/dns/instance.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "lib/base/strings.h"

namespace discovery::dns {
namespace {

/// Addresses that nodes and services are tagged with.
constexpr std::string_view kLanV4 = "lan_ipv4";
constexpr std::string_view kLanV6 = "lan_ipv6";
constexpr std::string_view kWan = "wan";
constexpr std::string_view kWanV4 = "wan_ipv4";
constexpr std::string_view kWanV6 = "wan_ipv6";

constexpr std::string_view kNodeMaintenance = "_node_maintenance";
constexpr std::string_view kServiceMaintenance = "_service_maintenance:";
constexpr std::string_view kPlainTextKey = "rfc1035-";
constexpr std::size_t kMaxTextString = 255;

/// The address that counts, of those an object is tagged with. `tagged(tag)` is empty where there is none.
template <class Tagged>
std::string translate(std::string_view address, Type type, bool wan, Tagged&& tagged) {
  const auto pick = [wan, &tagged](std::string_view lan_tag, std::string_view wan_tag) -> std::string {
    if (wan) {
      std::string found = tagged(wan_tag);
      if (!found.empty()) return found;
    }
    return lan_tag.empty() ? std::string() : tagged(lan_tag);
  };
  if (type != Type::kA) {
    std::string v6 = pick(kLanV6, kWanV6);
    if (!v6.empty()) return v6;
  }
  if (type != Type::kAaaa) {
    std::string v4 = pick(kLanV4, kWanV4);
    if (!v4.empty()) return v4;
  }
  std::string any = pick({}, kWan);
  return any.empty() ? std::string(address) : any;
}

bool is_far(std::string_view datacenter, const Options& options) {
  return options.translate_wan_addrs && datacenter != options.datacenter;
}

std::string node_address_text(const model::Node& node, Type type, const Options& options) {
  return translate(node.address, type, is_far(node.datacenter, options), [&node](std::string_view tag) {
    const model::Text* found = node.tagged_addresses.find(tag);
    return found != nullptr ? found->str() : std::string();
  });
}

std::string service_address_text(const model::ServiceInstance& service, Type type,
                                 const std::string& datacenter, const Options& options) {
  return translate(service.address, type, is_far(datacenter, options), [&service](std::string_view tag) {
    const auto found = service.tagged_addresses.find(std::string(tag));
    return found != service.tagged_addresses.end() ? found->second.address : std::string();
  });
}

InstanceAddress host(const std::string& text) {
  const auto name = DomainName::parse(text);
  if (!name || name->is_root()) return {};
  return {InstanceAddress::Kind::kOther, *name};
}

bool is_maintenance(const model::HealthCheck& check) {
  return check.check_id == kNodeMaintenance || check.check_id.view().starts_with(kServiceMaintenance);
}

std::uint16_t clamp_to_16_bits(std::int64_t value) {
  return static_cast<std::uint16_t>(
      std::clamp<std::int64_t>(value, 0, std::numeric_limits<std::uint16_t>::max()));
}

/// RFC 1464: a backquote quotes itself, "=" in keys, and spaces at both ends of keys.
std::string quote_pair(std::string_view key, std::string_view value) {
  const std::size_t first = std::min(key.find_first_not_of(' '), key.size());
  const std::size_t last = key.find_last_not_of(' ') + 1;  // 0 for a key of spaces only: all of them lead
  std::string text;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] == '`' || key[i] == '=' || i < first || i >= last) text += '`';
    text += key[i];
  }
  text += '=';
  for (const char c : value) {
    if (c == '`') text += '`';
    text += c;
  }
  return text;
}

Txt split_text(std::string_view text) {
  Txt txt;
  do {
    txt.strings.emplace_back(text.substr(0, kMaxTextString));
    text.remove_prefix(txt.strings.back().size());
  } while (!text.empty());
  return txt;
}

}  // namespace

Address node_address(const model::Node& node, Type type, const Options& options) {
  if (const auto ip = IpAddress::parse(node_address_text(node, type, options))) return *ip;
  return DomainName::parse(node.address).value_or(DomainName());
}

InstanceAddress instance_address(const model::CheckServiceNode& instance, Type type,
                                 const DomainName& question, const std::string& datacenter,
                                 const Options& options) {
  const model::Node& node = *instance.node;
  const std::string own = service_address_text(*instance.service, type, datacenter, options);
  if (const auto ip = IpAddress::parse(own)) return {InstanceAddress::Kind::kOther, *ip};
  const std::string nodes = node_address_text(node, type, options);
  const auto node_ip = IpAddress::parse(nodes);
  if (own.empty()) {
    if (!node_ip) return host(nodes);
    // The node's name stands for its untranslated address only.
    return {nodes == node.address ? InstanceAddress::Kind::kNode : InstanceAddress::Kind::kOther, *node_ip};
  }
  InstanceAddress at = host(own);
  const auto* name = std::get_if<DomainName>(&at.address);
  if (at.kind == InstanceAddress::Kind::kOther && node_ip && name->lower() == question.lower()) {
    return {InstanceAddress::Kind::kNode, *node_ip};  // it would point to itself
  }
  return at;
}

std::string service_address_text(const model::ServiceInstance& service, const std::string& datacenter,
                                 const Options& options) {
  return service_address_text(service, Type::kAny, datacenter, options);
}

std::uint16_t service_port(const model::ServiceInstance& service, const std::string& datacenter,
                           const Options& options) {
  if (is_far(datacenter, options)) {
    const auto wan = service.tagged_addresses.find(std::string(kWan));
    if (wan != service.tagged_addresses.end() && wan->second.port != 0)
      return clamp_to_16_bits(wan->second.port);
  }
  return clamp_to_16_bits(service.port);
}

bool is_usable(const model::CheckServiceNode& instance, bool only_passing) {
  return std::none_of(
      instance.checks.begin(), instance.checks.end(), [only_passing](const model::CheckPtr& check) {
        return check->status == model::kCritical || (only_passing && check->status != model::kPassing);
      });
}

std::uint16_t srv_weight(const model::CheckServiceNode& instance) {
  const model::Weights& weights = instance.service->weights;
  bool maintenance = false;
  bool warning = false;
  bool critical = false;
  for (const model::CheckPtr& check : instance.checks) {
    if (is_maintenance(*check)) {
      maintenance = true;
    } else if (check->status == model::kWarning) {
      warning = true;
    } else if (check->status == model::kCritical) {
      critical = true;
    } else if (check->status != model::kPassing) {
      return 1;  // a word that the catalog took, but that means nothing
    }
  }
  if (maintenance || critical) return 0;
  return clamp_to_16_bits(warning ? weights.warning : weights.passing);
}

std::vector<Record> node_text_records(const model::Node& node, const DomainName& owner, std::uint32_t ttl) {
  std::vector<Record> records;
  records.reserve(node.meta.size());
  for (const auto& [key, value] : node.meta) {
    const bool plain =
        base::equal_ignoring_case(std::string_view(key).substr(0, kPlainTextKey.size()), kPlainTextKey);
    Txt txt = split_text(plain ? value : quote_pair(key, value));
    records.push_back({owner, Type::kTxt, kClassInternet, ttl, std::move(txt)});
  }
  return records;
}

}  // namespace discovery::dns
