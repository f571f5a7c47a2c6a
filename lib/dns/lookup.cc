#include "lib/dns/lookup.h"

#include <charconv>
#include <span>
#include <string_view>
#include <vector>

namespace discovery::dns {
namespace {

using Labels = std::span<const std::string_view>;

enum class Kind : std::uint8_t { kNone, kService, kConnect, kIngress, kNode, kQuery, kAddress };

/// A name of the zone in its parts: `parts` KIND `suffix`.
struct Split {
  Kind kind = Kind::kNone;
  Labels parts;
  Labels suffix;
};

Kind keyword(std::string_view label) {
  if (label == "service") return Kind::kService;
  if (label == "connect") return Kind::kConnect;
  if (label == "ingress") return Kind::kIngress;
  if (label == "node") return Kind::kNode;
  if (label == "query") return Kind::kQuery;
  if (label == "addr") return Kind::kAddress;
  return Kind::kNone;
}

/// The keyword furthest to the right decides; for SRV a label with an underscore stands for "service" as
/// well.
Split split(Labels labels, Type type) {
  for (std::size_t i = labels.size(); i-- > 0;) {
    const Kind kind = keyword(labels[i]);
    if (kind != Kind::kNone) return {kind, labels.first(i), labels.subspan(i + 1)};
    if (type == Type::kSrv && labels[i].starts_with('_')) {
      return {Kind::kService, labels.first(i + 1), labels.subspan(i + 1)};
    }
  }
  return {};
}

std::string join(Labels labels) {
  std::string text;
  for (const std::string_view label : labels) {
    if (!text.empty()) text += '.';
    text += label;
  }
  return text;
}

ServiceLookup service_lookup(Labels parts, std::string datacenter, bool multiple_tags) {
  ServiceLookup lookup;
  lookup.datacenter = std::move(datacenter);
  if (parts.size() == 2 && parts[0].starts_with('_') && parts[1].starts_with('_')) {  // RFC 2782
    lookup.service = parts[0].substr(1);
    if (parts[1] != "_tcp") lookup.tags.emplace_back(parts[1].substr(1));
    return lookup;
  }
  lookup.service = parts.back();
  const Labels tags = parts.first(parts.size() - 1);
  if (multiple_tags) {
    lookup.tags.assign(tags.begin(), tags.end());
  } else if (!tags.empty()) {
    lookup.tags.push_back(join(tags));
  }
  return lookup;
}

Lookup address_lookup(Labels parts) {
  if (parts.size() != 1) return NoSuchName{};
  const std::size_t bytes = parts[0].size() / 2;
  if (bytes != 4 && bytes != 16) return AddressLookup{};
  const auto address = IpAddress::from_hex(parts[0]);
  if (!address) return NoSuchName{};
  return AddressLookup{address};
}

/// "1.2.0.192" for in-addr, 32 digits for ip6: the address, from its end.
std::optional<IpAddress> reversed_address(Labels labels) {
  if (labels.size() == 5 && labels[4] == "in-addr") {
    std::array<std::uint8_t, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::string_view text = labels[3 - i];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes[i]);
      const bool padded = text.size() > 1 && text[0] == '0';
      if (error != std::errc() || end != text.data() + text.size() || padded) return std::nullopt;
    }
    return IpAddress::from_bytes(bytes);
  }
  if (labels.size() == 33 && labels[32] == "ip6") {
    std::string digits;
    for (std::size_t i = 32; i-- > 0;) {
      if (labels[i].size() != 1) return std::nullopt;
      digits += labels[i];
    }
    return IpAddress::from_hex(digits);
  }
  return std::nullopt;
}

Lookup zone_lookup(Labels labels, Type type, const Zone& zone) {
  const Split name = split(labels, type);
  if (name.kind == Kind::kNone || name.parts.empty() || name.suffix.size() > 1) return NoSuchName{};
  std::string datacenter = name.suffix.empty() ? zone.options().datacenter : std::string(name.suffix[0]);
  switch (name.kind) {
    case Kind::kService:
      return service_lookup(name.parts, std::move(datacenter), zone.options().multiple_tags);
    case Kind::kConnect:
      return ServiceLookup{
          std::string(name.parts.back()), {}, model::ServiceRole::kConnect, std::move(datacenter)};
    case Kind::kIngress:
      return ServiceLookup{
          std::string(name.parts.back()), {}, model::ServiceRole::kIngress, std::move(datacenter)};
    case Kind::kNode:
      return NodeLookup{join(name.parts), std::move(datacenter)};
    case Kind::kAddress:
      return address_lookup(name.parts);
    case Kind::kQuery:  // no prepared queries exist
    case Kind::kNone:
      break;
  }
  return NoSuchName{};
}

}  // namespace

Lookup parse_lookup(const DomainName& name, Type type, const Zone& zone) {
  static constexpr std::size_t kNotBelow = static_cast<std::size_t>(-1);
  const DomainName lower = name.lower();
  const auto labels_below = [&lower](const DomainName& domain) {
    return domain.is_root() || !lower.is_below(domain) ? kNotBelow : domain.labels().size();
  };
  const std::size_t domain = labels_below(zone.domain());
  const std::size_t alt_domain = labels_below(zone.alt_domain());
  const std::vector<std::string_view> labels = lower.labels();
  if (domain == kNotBelow && alt_domain == kNotBelow) {
    if (labels.empty() || labels.back() != "arpa") return ForeignName{};
    return ReverseLookup{reversed_address(Labels(labels).first(labels.size() - 1))};
  }
  // One domain may lie below the other: the longer one counts.
  const std::size_t cut = domain == kNotBelow       ? alt_domain
                          : alt_domain == kNotBelow ? domain
                                                    : std::max(domain, alt_domain);
  return zone_lookup(Labels(labels).first(labels.size() - cut), type, zone);
}

}  // namespace discovery::dns
