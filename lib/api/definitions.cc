#include "lib/api/definitions.h"

#include <string_view>
#include <utility>

#include "lib/agent/identity.h"
#include "lib/agent/local_state.h"
#include "lib/api/definition_form.h"
#include "lib/base/strings.h"
#include "lib/codec/json_reader.h"
#include "lib/health/probe.h"
#include "lib/http/v1/agent_bodies.h"
#include "lib/http/v1/check_bodies.h"
#include "lib/model/validation.h"

namespace discovery::api {
namespace {

using http::v1::CheckDefinitionBody;
using http::v1::ServiceBody;
using http::v1::ServiceCheckBody;

/// Decodes the body that the API would take for the same definition.
template <class Body>
Status decode(const agent::Definition& definition, Body& body) {
  return codec::from_json(to_json(to_api_form(definition.value)), body, {.ignore_unknown_fields = true});
}

Status mistake(const std::string& what, const Status& cause, const agent::Definition& definition) {
  return invalid_argument(what + ": " + std::string(cause.message()) + " (" + definition.where + ")");
}

/// The reader of one configuration.
class Reader {
 public:
  explicit Reader(const agent::Config& config)
      : scripts_(config.enable_script_checks || config.enable_local_script_checks),
        trial_(identity_, trial_options(config)) {
    identity_.self.node_name = config.node_name;
  }

  Status add_service(const agent::Definition& definition) {
    ServiceBody body;
    if (Status status = decode(definition, body); !status.ok()) {
      return mistake("Failed to decode a service", status, definition);
    }
    const std::string what = "Failed to register service " + base::go_quote(body.name);
    if (body.name.empty()) return mistake(what, invalid_argument("Service name missing"), definition);
    if (Status status = check_service(body); !status.ok()) {
      return invalid_argument(std::string(status.message()) + " (" + definition.where + ")");
    }
    std::vector<ServiceCheckBody> checks = std::move(body.checks);
    if (definition.value.find("check") != nullptr) checks.insert(checks.begin(), std::move(body.check));
    model::ServiceSpec spec;
    spec.replace_existing_checks = true;
    spec.token = std::move(body.token);
    spec.origin = model::Origin::kConfig;
    for (ServiceCheckBody& one : checks) {
      model::CheckSpec check = to_spec(std::move(one));
      if (Status status = model::validate(check); !status.ok()) {
        return mistake("Failed to validate checks for service " + base::go_quote(body.name), status,
                       definition);
      }
      const Result<bool> runs = can_run(check, check.id.empty() ? body.name : check.id, definition);
      if (!runs.ok()) return runs.status();
      if (*runs) spec.checks.push_back(std::move(check));
    }
    spec.sidecar = http::v1::to_sidecar(body.connect);
    if (Status status = check_sidecar(spec, definition); !status.ok()) return status;
    spec.service = to_instance(std::move(body));
    if (Status status = try_out(spec); !status.ok()) return mistake(what, status, definition);
    out.services.push_back(std::move(spec));
    return {};
  }

  Status add_check(const agent::Definition& definition) {
    CheckDefinitionBody body;
    if (Status status = decode(definition, body); !status.ok()) {
      return mistake("Failed to decode a check", status, definition);
    }
    model::CheckSpec spec = to_spec(std::move(body));
    const std::string name = spec.id.empty() ? spec.name : spec.id;
    const std::string what = "Failed to register check '" + name + "'";
    if (name.empty()) {
      return mistake(what, invalid_argument("CheckID missing: give the check an id or a name"), definition);
    }
    if (Status status = model::validate(spec); !status.ok()) return mistake(what, status, definition);
    const Result<bool> runs = can_run(spec, name, definition);
    if (!runs.ok()) return runs.status();
    if (!*runs) return {};
    if (spec.name.empty()) spec.name = name;
    spec.origin = model::Origin::kConfig;
    if (auto tried = trial_.register_check(spec, {}); !tried.ok())
      return mistake(what, tried.status(), definition);
    out.checks.push_back(std::move(spec));
    return {};
  }

  Definitions out;

 private:
  static agent::LocalState::Options trial_options(const agent::Config& config) {
    agent::LocalState::Options options;
    options.sidecar_ports = {config.ports.sidecar_min_port, config.ports.sidecar_max_port};
    return options;
  }

  /// What Consul checks of services in files in words of their own.
  static Status check_service(const ServiceBody& body) {
    if (body.weights) {
      const model::Weights weights{.passing = body.weights->passing, .warning = body.weights->warning};
      if (Status status = model::validate_weights(weights); !status.ok()) {
        return invalid_argument("Invalid weight definition for service " + body.name + ": " +
                                std::string(status.message()));
      }
    }
    if (Status status = model::validate_meta(body.meta); !status.ok()) {
      return invalid_argument("invalid meta for service " + body.name + ": " + std::string(status.message()));
    }
    return {};
  }

  /// The same of the sidecar inside of a service. Checks that do not run here are left out.
  Status check_sidecar(model::ServiceSpec& spec, const agent::Definition& definition) {
    if (!spec.sidecar) return {};
    const auto refuse = [&](const char* what) {
      return invalid_argument("sidecar_service can't " + std::string(what) + " (" + definition.where + ")");
    };
    if (!spec.sidecar->service.id.empty()) return refuse("specify an ID");
    if (spec.sidecar->has_sidecar) return refuse("have a nested sidecar_service");
    std::vector<model::CheckSpec> kept;
    for (model::CheckSpec& check : spec.sidecar->checks) {
      const Result<bool> runs = can_run(check, check.id.empty() ? check.name : check.id, definition);
      if (!runs.ok()) return runs.status();
      if (*runs) kept.push_back(std::move(check));
    }
    spec.sidecar->checks = std::move(kept);
    return {};
  }

  /// Registers a service, and the sidecar inside of it, to see whether that works.
  Status try_out(const model::ServiceSpec& spec) {
    model::ServiceSpec whole = spec;
    if (Status status = trial_.complete(whole); !status.ok()) return status;
    if (auto tried = trial_.register_service(whole, {}); !tried.ok()) return tried.status();
    auto sidecar = trial_.sidecar_of(whole);
    if (!sidecar.ok()) return sidecar.status();
    if (!*sidecar) return {};
    return trial_.register_service(**std::move(sidecar), {}).status();
  }

  /// Whether this agent runs checks of that kind; an error where it must not.
  Result<bool> can_run(const model::CheckSpec& check, const std::string& name,
                       const agent::Definition& definition) {
    if (!check.args.empty() && !scripts_) {
      return mistake("Failed to register check '" + name + "'",
                     invalid_argument("Scripts are disabled on this agent; to enable, configure "
                                      "'enable_script_checks' or 'enable_local_script_checks' to true"),
                     definition);
    }
    const model::CheckKind kind = check.kind();
    if (kind == model::CheckKind::kTtl || kind == model::CheckKind::kAlias || health::has_probe(kind))
      return true;
    warn("check '" + name + "' does not run: " + std::string(model::type_name(kind)) +
             " checks are not available yet",
         definition);
    return false;
  }

  void warn(const std::string& what, const agent::Definition& definition) {
    out.warnings.push_back(what + " (" + definition.where + ")");
  }

  const bool scripts_;
  agent::AgentIdentity identity_;
  agent::LocalState trial_;
};

}  // namespace

Result<Definitions> read_definitions(const agent::Config& config) {
  Reader reader(config);
  for (const agent::Definition& service : config.services) {
    if (Status status = reader.add_service(service); !status.ok()) return status;
  }
  for (const agent::Definition& check : config.checks) {
    if (Status status = reader.add_check(check); !status.ok()) return status;
  }
  return std::move(reader.out);
}

}  // namespace discovery::api
