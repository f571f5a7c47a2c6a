#include "lib/model/check_spec.h"

namespace discovery::model {

CheckKind CheckSpec::kind() const {
  if (!alias_node.empty() || !alias_service.empty()) return CheckKind::kAlias;
  if (!args.empty()) return docker_container_id.empty() ? CheckKind::kScript : CheckKind::kDocker;
  if (!http.empty()) return CheckKind::kHttp;
  if (!tcp.empty()) return CheckKind::kTcp;
  if (!udp.empty()) return CheckKind::kUdp;
  if (!grpc.empty()) return CheckKind::kGrpc;
  if (!h2ping.empty()) return CheckKind::kH2Ping;
  if (!os_service.empty()) return CheckKind::kOsService;
  return CheckKind::kTtl;
}

bool CheckSpec::runs() const {
  return !args.empty() || !http.empty() || !tcp.empty() || !udp.empty() || !grpc.empty() || !h2ping.empty() ||
         !os_service.empty();
}

std::string_view type_name(CheckKind kind) {
  switch (kind) {
    case CheckKind::kTtl:
      return "ttl";
    case CheckKind::kHttp:
      return "http";
    case CheckKind::kTcp:
      return "tcp";
    case CheckKind::kUdp:
      return "udp";
    case CheckKind::kScript:
      return "script";
    case CheckKind::kDocker:
      return "docker";
    case CheckKind::kAlias:
      return "alias";
    case CheckKind::kGrpc:
      return "grpc";
    case CheckKind::kH2Ping:
      return "h2ping";
    case CheckKind::kOsService:
      return "os_service";
    case CheckKind::kMaintenance:
      return "maintenance";
  }
  return {};
}

Status validate(const CheckSpec& spec) {
  const bool runs = spec.runs();
  const bool alias = spec.kind() == CheckKind::kAlias;
  if (spec.interval > Duration::zero() && spec.ttl > Duration::zero()) {
    return invalid_argument("Interval and TTL cannot both be specified");
  }
  if (runs && spec.interval <= Duration::zero()) {
    return invalid_argument("Interval must be > 0 for Script, HTTP, H2PING, or TCP checks");
  }
  if (runs && alias) return invalid_argument("Interval cannot be set for Alias checks");
  if (alias && spec.ttl > Duration::zero())
    return invalid_argument("TTL must be not be set for Alias checks");
  if (!runs && !alias && spec.ttl <= Duration::zero()) {
    return invalid_argument("TTL must be > 0 for TTL checks");
  }
  if (spec.output_max_size < 0) return invalid_argument("MaxOutputMaxSize must be positive");
  if (spec.failures_before_warning > spec.failures_before_critical) {
    return invalid_argument("FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
  }
  return {};
}

}  // namespace discovery::model
