#include "lib/dns/options.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lib/base/strings.h"

namespace discovery::dns {
namespace {

std::uint32_t to_seconds(Duration ttl) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
  // RFC 2181, section 8: a TTL has 31 bits.
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(seconds, 0, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

Result<Zone> Zone::make(Options options) {
  Zone zone;
  const auto domain = DomainName::parse(base::to_lower(options.domain));
  if (!domain || domain->is_root())
    return invalid_argument("domain: \"" + options.domain + "\" is no domain name");
  const auto alt_domain = DomainName::parse(base::to_lower(options.alt_domain));
  if (!alt_domain) return invalid_argument("alt_domain: \"" + options.alt_domain + "\" is no domain name");
  zone.domain_ = *domain;
  zone.alt_domain_ = *alt_domain;
  zone.domain_text_ = domain->to_text();
  options.datacenter = base::to_lower(options.datacenter);
  zone.options_ = std::move(options);
  return zone;
}

std::uint32_t Zone::node_ttl() const noexcept { return to_seconds(options_.node_ttl); }

std::uint32_t Zone::service_ttl(std::string_view service) const {
  const auto exact = options_.service_ttl.find(std::string(service));
  if (exact != options_.service_ttl.end() && !service.ends_with('*')) return to_seconds(exact->second);
  Duration best{};
  std::size_t best_size = 0;
  for (const auto& [key, ttl] : options_.service_ttl) {
    if (!key.ends_with('*') || key.size() <= best_size) continue;
    if (!service.starts_with(std::string_view(key).substr(0, key.size() - 1))) continue;
    best = ttl;
    best_size = key.size();
  }
  return to_seconds(best);
}

}  // namespace discovery::dns
