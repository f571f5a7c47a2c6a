#include <algorithm>
#include <utility>

#include <discovery/registry.h>

#include "lib/api/agent_core.h"
#include "lib/api/instances.h"
#include "lib/api/registered_service.h"
#include "lib/api/service_form.h"
#include "lib/api/watch_source.h"

namespace discovery::api {

RegisteredService::RegisteredService(std::shared_ptr<AgentCore> core, std::string id,
                                     std::vector<std::string> ttl_checks, std::vector<Function> functions,
                                     std::string token)
    : core_(std::move(core)),
      id_(std::move(id)),
      ttl_checks_(std::move(ttl_checks)),
      functions_(std::move(functions)),
      token_(std::move(token)) {}

RegisteredService::~RegisteredService() {
  if (running_.empty()) return;
  (void)core_->post([core = core_.get(), self = core_, running = std::move(running_)] {
    for (const std::uint64_t number : running) core->function_checks().remove(number);
  });
}

void RegisteredService::begin() {
  for (const Function& function : functions_)
    running_.push_back(core_->function_checks().add(function.check_id, function.check, token_));
}

Status RegisteredService::report(Health health, std::string text, std::string_view check_id) {
  std::string check(check_id);
  if (check.empty()) {
    if (ttl_checks_.size() != 1)
      return invalid_argument("\"" + id_ + "\" has " + std::to_string(ttl_checks_.size()) +
                              " TTL checks: say by its id which one is reported on");
    check = ttl_checks_.front();
  } else if (std::find(ttl_checks_.begin(), ttl_checks_.end(), check) == ttl_checks_.end()) {
    return invalid_argument("\"" + id_ + "\" has no TTL check \"" + check + "\"");
  }
  const bool begun = core_->post([core = core_, check = std::move(check), health, text = std::move(text),
                                  call = Call{.token = token_}]() mutable {
    core->parts()
        .local
        ->update_check(std::move(check), std::string(status_word(health)), std::move(text), std::move(call))
        .then([](const Result<Unit>&) {});  // a report that is lost is made good by the next one
  });
  return begun ? Status() : Status(Code::kCancelled, "the agent has stopped");
}

Async<Unit> RegisteredService::deregister() {
  const Call call{.token = token_};
  return core_->ask<Unit>(
      call, CallKind::kWrite, [id = id_, call](const AgentCore::Parts& parts, Completion<Unit> done) mutable {
        parts.local->deregister_service(std::move(id), call)
            .then([done = std::move(done)](Result<Unit> result) mutable { done(std::move(result)); });
      });
}

}  // namespace discovery::api

namespace discovery::inline v0 {

using api::AgentCore;
using api::CallKind;
using api::Completion;
using api::RegisteredService;

namespace {

/// A service on its way to the agent, and what its Registration will hold.
struct Prepared {
  model::ServiceSpec spec;
  std::shared_ptr<RegisteredService> held;
};

Result<Prepared> prepare(const std::shared_ptr<AgentCore>& core, const ServiceSpec& service,
                         const Call& call) {
  Result<model::ServiceSpec> spec = api::to_model(service);
  if (!spec.ok()) return spec.status();
  spec->token = call.token;
  std::vector<std::string> ttl_checks;
  std::vector<RegisteredService::Function> functions;
  for (std::size_t i = 0; i < service.checks.size(); ++i) {
    const CheckSpec& check = service.checks[i];
    if (std::holds_alternative<TtlCheck>(check.probe)) ttl_checks.push_back(spec->checks[i].id);
    if (std::holds_alternative<CallCheck>(check.probe)) functions.push_back({spec->checks[i].id, check});
  }
  auto held = std::make_shared<RegisteredService>(core, spec->service.id.str(), std::move(ttl_checks),
                                                  std::move(functions), call.token);
  return Prepared{*std::move(spec), std::move(held)};
}

model::ListServiceHealth to_query(std::string service, const Lookup& lookup) {
  model::ListServiceHealth query;
  query.service = std::move(service);
  query.tags = lookup.tags;
  query.passing_only = lookup.passing_only;
  return query;
}

model::Read to_read(Lookup lookup) {
  model::Read read = api::to_model(std::move(lookup.read));
  read.near = std::move(lookup.near);
  read.accept_last_known = true;
  return read;
}

}  // namespace

Registration::Registration(std::shared_ptr<RegisteredService> service) : service_(std::move(service)) {}
Registration::Registration(Registration&&) noexcept = default;
Registration& Registration::operator=(Registration&& other) noexcept {
  std::swap(service_, other.service_);
  return *this;
}
Registration::~Registration() {
  if (service_) service_->deregister().then([](const Result<Unit>&) {});
}

const std::string& Registration::id() const noexcept {
  static const std::string none;
  return service_ ? service_->id() : none;
}

Status Registration::report(Health health, std::string text, std::string_view check_id) {
  if (!service_) return {Code::kFailedPrecondition, "the registration was released"};
  return service_->report(health, std::move(text), check_id);
}

Async<Unit> Registration::deregister() && {
  if (!service_) return Status(Code::kFailedPrecondition, "the registration was released");
  return std::exchange(service_, nullptr)->deregister();
}

void Registration::release() noexcept { service_.reset(); }

Registry::Registry(std::shared_ptr<AgentCore> core) : core_(std::move(core)) {}

Async<Registration> Registry::add(const ServiceSpec& service, const Call& call) {
  Result<Prepared> prepared = prepare(core_, service, call);
  if (!prepared.ok()) return prepared.status();
  return core_->ask<Registration>(call, CallKind::kWrite,
                                  [prepared = std::make_unique<Prepared>(*std::move(prepared)), call](
                                      const AgentCore::Parts& parts, Completion<Registration> done) mutable {
                                    parts.local->register_service(std::move(prepared->spec), call)
                                        .then([held = std::move(prepared->held),
                                               done = std::move(done)](const Result<Unit>& result) mutable {
                                          if (!result.ok()) return done(result.status());
                                          held->begin();
                                          done(Registration(std::move(held)));
                                        });
                                  });
}

Async<std::vector<Registration>> Registry::add_all(const std::vector<ServiceSpec>& services,
                                                   const Call& call) {
  struct Batch {
    std::vector<model::ServiceSpec> specs;
    std::vector<std::shared_ptr<RegisteredService>> held;
  };
  auto batch = std::make_unique<Batch>();
  for (const ServiceSpec& service : services) {
    Result<Prepared> prepared = prepare(core_, service, call);
    if (!prepared.ok()) {
      return Status(prepared.status().code(),
                    "\"" + service.name + "\": " + std::string(prepared.status().message()));
    }
    batch->specs.push_back(std::move(prepared->spec));
    batch->held.push_back(std::move(prepared->held));
  }
  return core_->ask<std::vector<Registration>>(
      call, CallKind::kWrite,
      [batch = std::move(batch), call](const AgentCore::Parts& parts,
                                       Completion<std::vector<Registration>> done) mutable {
        parts.local->register_services(std::move(batch->specs), call)
            .then(
                [held = std::move(batch->held), done = std::move(done)](const Result<Unit>& result) mutable {
                  if (!result.ok()) return done(result.status());
                  std::vector<Registration> registrations;
                  registrations.reserve(held.size());
                  for (auto& service : held) {
                    service->begin();
                    registrations.push_back(Registration(std::move(service)));
                  }
                  done(std::move(registrations));
                });
      });
}

Async<View<Instances>> Registry::find(std::string service, Lookup lookup) {
  const Call call = lookup.read.call;
  model::ListServiceHealth query = to_query(std::move(service), lookup);
  return core_->ask<View<Instances>>(
      call, CallKind::kRead,
      [query = std::move(query), read = to_read(std::move(lookup))](
          const AgentCore::Parts& parts, Completion<View<Instances>> done) mutable {
        parts.backend->query(std::move(query), std::move(read))
            .then([done = std::move(done)](const Result<model::Answer>& answer) mutable {
              if (!answer.ok()) return done(answer.status());
              const auto& rows = std::get<model::CheckServiceNodes>(answer->value());
              done(View<Instances>{answer->meta, api::InstanceViews().next(rows)});
            });
      });
}

Watch<Instances> Registry::watch(std::string service, Lookup lookup) {
  auto convert = [views = api::InstanceViews()](const model::Value& value) mutable {
    return views.next(std::get<model::CheckServiceNodes>(value));
  };
  model::ListServiceHealth query = to_query(std::move(service), lookup);
  return api::make_watch<Instances>(core_, std::move(query), to_read(std::move(lookup)), std::move(convert));
}

Async<View<std::map<std::string, std::vector<std::string>>>> Registry::services(Read read) {
  using Services = std::map<std::string, std::vector<std::string>>;
  const Call call = read.call;
  return core_->ask<View<Services>>(
      call, CallKind::kRead,
      [read = api::to_model(std::move(read))](const AgentCore::Parts& parts,
                                              Completion<View<Services>> done) mutable {
        parts.backend->query(model::ListServices{}, std::move(read))
            .then([done = std::move(done)](const Result<model::Answer>& answer) mutable {
              if (!answer.ok()) return done(answer.status());
              auto services = std::make_shared<Services>();
              for (const auto& [name, tags] : std::get<model::ServiceTags>(answer->value())) {
                std::vector<std::string>& list = (*services)[name.str()];
                for (const model::Text& tag : tags) list.push_back(tag.str());
              }
              done(View<Services>{answer->meta, std::move(services)});
            });
      });
}

}  // namespace discovery::inline v0
