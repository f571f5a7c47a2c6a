#include "lib/api/service_form.h"

#include <string>
#include <utility>

#include "lib/api/check_runner.h"

namespace discovery::api {
namespace {

/// How long the reports of a check that is a function may stay away, in intervals.
constexpr int kMissedRuns = 3;

void set_probe(const TtlCheck& probe, model::CheckSpec& spec) { spec.ttl = probe.ttl; }

void set_probe(const TcpCheck& probe, model::CheckSpec& spec) {
  spec.tcp = probe.address;
  spec.interval = probe.interval;
  spec.timeout = probe.timeout;
}

void set_probe(const HttpCheck& probe, model::CheckSpec& spec) {
  spec.http = probe.url;
  spec.method = probe.method;
  spec.header = probe.headers;
  spec.body = probe.body;
  spec.interval = probe.interval;
  spec.timeout = probe.timeout;
  spec.tls_server_name = probe.tls_server_name;
  spec.tls_skip_verify = probe.tls_skip_verify;
}

void set_probe(const CallCheck& probe, model::CheckSpec& spec) {
  spec.ttl = probe.interval * kMissedRuns + probe.timeout;
}

}  // namespace

std::string_view status_word(Health health) noexcept {
  switch (health) {
    case Health::kPassing:
      return model::kPassing;
    case Health::kWarning:
      return model::kWarning;
    case Health::kCritical:
    case Health::kMaintenance:
      return model::kCritical;
  }
  return model::kCritical;
}

Result<model::CheckSpec> to_model(const CheckSpec& check) {
  if (Status status = validate(check); !status.ok()) return status;
  model::CheckSpec spec;
  spec.id = check.id;
  spec.name = check.name;
  spec.notes = check.notes;
  spec.status = status_word(check.initial);
  std::visit([&](const auto& probe) { set_probe(probe, spec); }, check.probe);
  // Functions have their thresholds where they are called.
  if (!std::holds_alternative<CallCheck>(check.probe)) {
    spec.success_before_passing = check.passes_to_recover;
    spec.failures_before_critical = check.failures_to_trip;
  }
  spec.deregister_critical_service_after = check.deregister_after;
  return spec;
}

Result<model::ServiceSpec> to_model(const ServiceSpec& service) {
  model::ServiceSpec spec;
  model::ServiceInstance& instance = spec.service;
  instance.name = service.name;
  instance.id = service.id.empty() ? service.name : service.id;
  instance.address = service.address;
  instance.port = service.port;
  for (const std::string& tag : service.tags) instance.tags.emplace_back(tag);
  for (const auto& [name, value] : service.meta) instance.meta.set(name, value);
  for (const auto& [name, tagged] : service.tagged_addresses)
    instance.tagged_addresses[name] = {tagged.address, tagged.port};
  instance.weights = {service.weight, service.warning_weight};
  instance.enable_tag_override = service.enable_tag_override;
  spec.replace_existing_checks = true;
  for (const CheckSpec& check : service.checks) {
    Result<model::CheckSpec> made = to_model(check);
    if (!made.ok()) return made.status();
    if (made->id.empty()) {
      made->id = "service:" + instance.id.str();
      if (service.checks.size() > 1) made->id += ":" + std::to_string(spec.checks.size() + 1);
    }
    spec.checks.push_back(*std::move(made));
  }
  return spec;
}

}  // namespace discovery::api
