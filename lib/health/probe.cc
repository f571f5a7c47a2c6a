#include "lib/health/probe.h"

namespace discovery::health {

using model::CheckKind;

std::string_view to_string(Health health) {
  switch (health) {
    case Health::kPassing:
      return "passing";
    case Health::kWarning:
      return "warning";
    case Health::kCritical:
      break;
  }
  return "critical";
}

bool has_probe(CheckKind kind) {
  return kind == CheckKind::kHttp || kind == CheckKind::kTcp || kind == CheckKind::kScript;
}

Result<std::unique_ptr<Probe>> make_probe(ProbeWorld& world, const model::CheckSpec& spec,
                                          std::size_t max_output) {
  switch (spec.kind()) {
    case CheckKind::kHttp:
      return make_http_probe(world, spec, max_output);
    case CheckKind::kTcp:
      return make_tcp_probe(world, spec);
    case CheckKind::kScript:
      return make_script_probe(world, spec, max_output);
    default:
      return invalid_argument("checks of type " + std::string(model::type_name(spec.kind())) +
                              " are not run here");
  }
}

}  // namespace discovery::health
