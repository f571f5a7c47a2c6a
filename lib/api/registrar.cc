#include "lib/api/registrar.h"

#include <map>
#include <utility>
#include <vector>

#include "lib/agent/sidecar.h"

namespace discovery::api {
namespace {

using model::CheckPtr;
using model::CheckSpec;
using model::ServiceSpec;

/// The state that a check keeps, by id. The agent answers at once: it is called on its own loop.
std::map<std::string, CheckPtr> states_of(model::LocalAgent& agent) {
  std::map<std::string, CheckPtr> states;
  agent.checks({}, {}).then([&](Result<std::vector<CheckPtr>> checks) {
    if (!checks.ok()) return;
    for (CheckPtr& check : *checks) states.emplace(check->check_id, std::move(check));
  });
  return states;
}

/// The id of a service's check, as the agent makes it up where none is given.
std::string id_of(const ServiceSpec& service, std::size_t at) {
  const CheckSpec& check = service.checks[at];
  if (!check.id.empty()) return check.id;
  const std::string id = "service:" + std::string(service.service.id);
  return service.checks.size() == 1 ? id : id + ":" + std::to_string(at + 1);
}

}  // namespace

void Registrar::apply(Definitions definitions, bool drop_others) {
  if (drop_others) {
    agent_.services({}, {}).then([this](Result<std::vector<model::AgentService>> services) {
      if (!services.ok()) return;
      for (const model::AgentService& service : *services) services_.insert(std::string(service.service->id));
    });
    for (const auto& [id, check] : states_of(agent_)) checks_.insert(id);
  }
  for (const std::string& warning : definitions.warnings) env_.log().write(Level::kWarn, "agent", warning);
  std::set<std::string> services;
  std::set<std::string> checks;
  for (const ServiceSpec& service : definitions.services) {
    services.insert(std::string(service.service.id));
    if (service.sidecar) services.insert(agent::sidecar_id(service.service.id));
    for (std::string& id : agent::sidecar_check_ids(service)) checks.insert(std::move(id));
    // Those of a service stay or go with it.
    for (std::size_t i = 0; i < service.checks.size(); ++i) checks.insert(id_of(service, i));
  }
  for (const CheckSpec& check : definitions.checks) checks.insert(check.id.empty() ? check.name : check.id);
  register_all(std::move(definitions));
  remove_missing(services, checks);
  services_ = std::move(services);
  checks_ = std::move(checks);
}

void Registrar::register_all(Definitions definitions) {
  const std::map<std::string, CheckPtr> states = states_of(agent_);
  std::vector<CheckPtr> kept;
  const auto keep_state = [&](const std::string& id, CheckSpec& check) {
    const auto at = states.find(id);
    if (at == states.end()) return;
    check.status = at->second->status;
    if (check.ttl > Duration::zero()) kept.push_back(at->second);
  };
  const auto log_failure = [this](const std::string& what) {
    return [this, what](const Result<Unit>& done) {
      if (done.ok()) return;
      env_.log().write(Level::kError, "agent", what + ": " + std::string(done.status().message()));
    };
  };
  for (ServiceSpec& service : definitions.services) {
    for (std::size_t i = 0; i < service.checks.size(); ++i) keep_state(id_of(service, i), service.checks[i]);
    const std::string what = "cannot register the service " + std::string(service.service.id);
    agent_.register_service(std::move(service), {}).then(log_failure(what));
  }
  for (CheckSpec& check : definitions.checks) {
    const std::string id = check.id.empty() ? check.name : check.id;
    keep_state(id, check);
    agent_.register_check(std::move(check), {}).then(log_failure("cannot register the check " + id));
  }
  // A TTL check has its output from whoever reported last.
  for (const CheckPtr& check : kept) {
    agent_
        .update_check(std::string(check->check_id), std::string(check->status), std::string(check->output),
                      {})
        .then([](const Result<Unit>&) {});
  }
}

void Registrar::remove_missing(const std::set<std::string>& services, const std::set<std::string>& checks) {
  for (const std::string& id : services_) {
    if (services.count(id) == 0) agent_.deregister_service(id, {}).then([](const Result<Unit>&) {});
  }
  for (const std::string& id : checks_) {
    if (checks.count(id) == 0) agent_.deregister_check(id, {}).then([](const Result<Unit>&) {});
  }
}

}  // namespace discovery::api
