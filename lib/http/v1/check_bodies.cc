#include "lib/http/v1/check_bodies.h"

namespace discovery::http::v1 {

std::string_view CheckBody::unavailable_kind() const {
  if (!http.empty()) return "HTTP";
  if (!tcp.empty()) return "TCP";
  if (!grpc.empty()) return "GRPC";
  if (!h2ping.empty()) return "H2PING";
  if (is_alias()) return "alias";
  return {};
}

Status validate(const CheckBody& check) {
  const bool runs = check.is_script() || !check.http.empty() || !check.tcp.empty() || !check.grpc.empty() ||
                    !check.h2ping.empty();
  if (check.interval > Duration::zero() && check.ttl > Duration::zero()) {
    return invalid_argument("Interval and TTL cannot both be specified");
  }
  if (runs && check.interval <= Duration::zero()) {
    return invalid_argument("Interval must be > 0 for Script, HTTP, H2PING, or TCP checks");
  }
  if (runs && check.is_alias()) return invalid_argument("Interval cannot be set for Alias checks");
  if (check.is_alias() && check.ttl > Duration::zero()) {
    return invalid_argument("TTL must be not be set for Alias checks");
  }
  if (!runs && !check.is_alias() && check.ttl <= Duration::zero()) {
    return invalid_argument("TTL must be > 0 for TTL checks");
  }
  if (check.output_max_size < 0) return invalid_argument("MaxOutputMaxSize must be positive");
  return {};
}

model::CheckSpec to_spec(const CheckBody& check) {
  model::CheckSpec spec;
  spec.id = check.id;
  spec.name = check.name;
  spec.notes = check.notes;
  spec.status = check.status;
  spec.ttl = check.ttl;
  spec.timeout = check.timeout;
  spec.deregister_critical_service_after = check.deregister_critical_service_after;
  spec.output_max_size = check.output_max_size;
  return spec;
}

}  // namespace discovery::http::v1
