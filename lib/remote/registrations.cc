#include "lib/remote/registrations.h"

#include <utility>

#include "lib/base/percent.h"
#include "lib/remote/agent_forms.h"
#include "lib/remote/answers.h"

namespace discovery::remote {
namespace {

Request put(std::string target, std::string body = {}) {
  Request request;
  request.message.method = "PUT";
  request.message.target = std::move(target);
  request.message.body = std::move(body);
  return request;
}

template <class Item, class Id>
Result<std::set<std::string>> ids_of(const Result<std::vector<Item>>& items, Id id) {
  if (!items.ok()) return items.status();
  std::set<std::string> ids;
  for (const Item& item : *items) ids.emplace(id(item));
  return ids;
}

}  // namespace

Request register_request(const model::ServiceSpec& spec) {
  std::string target = "/v1/agent/service/register";
  if (spec.replace_existing_checks) target += "?replace-existing-checks=true";
  return put(std::move(target), service_body(spec));
}

Request register_request(const model::CheckSpec& spec) {
  return put("/v1/agent/check/register", check_body(spec));
}

Request deregister_request(bool is_service, const std::string& id) {
  return put((is_service ? "/v1/agent/service/deregister/" : "/v1/agent/check/deregister/") +
             base::percent_encode(id));
}

Request report_request(const std::string& check, std::string_view status, std::string_view output) {
  return put("/v1/agent/check/update/" + base::percent_encode(check), check_update_body(status, output));
}

std::vector<std::string> check_ids(const model::ServiceSpec& spec) {
  const std::string service = spec.service.id.empty() ? spec.service.name.str() : spec.service.id.str();
  std::vector<std::string> ids;
  for (const model::CheckSpec& check : spec.checks) {
    std::string id = check.id;
    if (id.empty()) {
      id = "service:" + service;
      if (spec.checks.size() > 1) id += ":" + std::to_string(ids.size() + 1);
    }
    ids.push_back(std::move(id));
  }
  return ids;
}

/// One comparison. It is over when nothing that it has begun holds it any more.
struct Registrations::Round {
  explicit Round(std::weak_ptr<Registrations*> registrations) : owner(std::move(registrations)) {}
  ~Round() {
    if (const auto alive = owner.lock()) (*alive)->finish(*this);
  }
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

  std::weak_ptr<Registrations*> owner;
  bool failed = false;
};

Registrations::Registrations(Link& link) : link_(link), timer_(link.env().make_timer()) {}

Registrations::~Registrations() {
  self_.reset();
  if (observing_) link_.forget(*this);
  for (auto& done : std::exchange(waiting_, {})) done();
}

void Registrations::look_after() {
  if (nothing_to_do() == !observing_) return;
  observing_ = !observing_;
  if (observing_) {
    link_.observe(*this);
  } else {
    link_.forget(*this);
    timer_->cancel();
  }
}

void Registrations::keep(const model::ServiceSpec& spec, const Caller& caller) {
  const std::string id = spec.service.id.empty() ? spec.service.name.str() : spec.service.id.str();
  if (const auto former = services_.find(id); former != services_.end()) {
    for (const std::string& check : check_ids(former->second.spec)) owners_.erase(check);
  }
  for (const std::string& check : check_ids(spec)) {
    owners_[check] = id;
    reports_.erase(check);  // it begins anew
  }
  removed_services_.erase(id);
  services_.insert_or_assign(id, Service{spec, caller});
  look_after();
}

void Registrations::keep(const model::CheckSpec& spec, const Caller& caller) {
  const std::string id = spec.id.empty() ? spec.name : spec.id;
  owners_[id] = spec.service_id;
  reports_.erase(id);
  removed_checks_.erase(id);
  checks_.insert_or_assign(id, Check{spec, caller});
  look_after();
}

void Registrations::keep_report(const std::string& check, const std::string& status,
                                const std::string& output) {
  if (knows_check(check)) reports_.insert_or_assign(check, Report{status, output});
}

void Registrations::forget_service(const std::string& id) {
  services_.erase(id);
  std::erase_if(checks_, [&](const auto& entry) { return entry.second.spec.service_id == id; });
  std::erase_if(owners_, [&](const auto& entry) {
    if (entry.second != id) return false;
    reports_.erase(entry.first);
    return true;
  });
  look_after();
}

void Registrations::forget_check(const std::string& id) {
  checks_.erase(id);
  owners_.erase(id);
  reports_.erase(id);
  look_after();
}

void Registrations::owe_removal_of_service(const std::string& id, const Caller& caller) {
  removed_services_.insert_or_assign(id, caller);
  look_after();
}

void Registrations::owe_removal_of_check(const std::string& id, const Caller& caller) {
  removed_checks_.insert_or_assign(id, caller);
  look_after();
}

void Registrations::on_up() { verify_soon(Duration::zero()); }

void Registrations::verify_soon(Duration delay) {
  timer_->start(delay, [this] { verify([] {}); });
}

void Registrations::verify(UniqueFunction<void()> done) {
  waiting_.push_back(std::move(done));
  if (!round_.expired()) return;
  const auto round = std::make_shared<Round>(self_);
  round_ = round;
  // Whoever may register something may see it.
  const Caller caller = !services_.empty() ? services_.begin()->second.caller
                        : !checks_.empty() ? checks_.begin()->second.caller
                                           : Caller();
  Request request;
  request.message.target = "/v1/agent/services";
  link_.call(std::move(request), {.token = caller}, [round, caller](Ending listed) {
    const auto alive = round->owner.lock();
    if (!alive) return;
    const auto services = listed.response.ok() && listed.response->status == 200
                              ? ids_of(read_services(listed.response->body),
                                       [](const auto& item) { return item.service->id.str(); })
                              : Result<std::set<std::string>>(Status(Code::kUnavailable, "no list"));
    if (!services.ok()) {
      round->failed = true;
      return;
    }
    Request more;
    more.message.target = "/v1/agent/checks";
    (*alive)->link_.call(
        std::move(more), {.token = caller}, [round, services = *services](Ending listed_checks) {
          const auto still = round->owner.lock();
          if (!still) return;
          const auto checks = listed_checks.response.ok() && listed_checks.response->status == 200
                                  ? ids_of(read_checks(listed_checks.response->body),
                                           [](const auto& item) { return item->check_id.str(); })
                                  : Result<std::set<std::string>>(Status(Code::kUnavailable, "no list"));
          if (checks.ok()) return (*still)->compare(round, services, *checks);
          round->failed = true;
        });
  });
}

void Registrations::compare(const std::shared_ptr<Round>& round, std::set<std::string> services,
                            std::set<std::string> checks) {
  std::size_t forgotten = 0;
  for (const auto& [id, service] : services_) {
    if (services.contains(id)) continue;
    ++forgotten;
    put_service(round, id);
  }
  for (const auto& [id, check] : checks_) {
    const std::string& owner = check.spec.service_id;
    // One of a service that is put goes after it.
    if (checks.contains(id) || (services_.contains(owner) && !services.contains(owner))) continue;
    ++forgotten;
    put_check(round, id);
  }
  for (const auto& [id, caller] : removed_services_) {
    if (services.contains(id)) remove(round, true, id, caller);
  }
  for (const auto& [id, caller] : removed_checks_) {
    if (checks.contains(id)) remove(round, false, id, caller);
  }
  std::erase_if(removed_services_, [&](const auto& entry) { return !services.contains(entry.first); });
  std::erase_if(removed_checks_, [&](const auto& entry) { return !checks.contains(entry.first); });
  if (forgotten > 0) {
    link_.env().log().write(
        Level::kInfo, "remote",
        "the agent has forgotten " + std::to_string(forgotten) + " registrations, which it is given again");
  }
}

void Registrations::send(const std::shared_ptr<Round>& round, Request request, const Caller& caller,
                         UniqueFunction<void(bool done)> then) {
  link_.call(std::move(request), {.token = caller},
             [round, then = std::move(then)](const Ending& ending) mutable {
               const bool done = ending.response.ok() && ending.response->status == 200;
               if (!done) round->failed = true;
               if (round->owner.lock()) then(done);
             });
}

void Registrations::put_service(const std::shared_ptr<Round>& round, const std::string& id) {
  const Service& service = services_.at(id);
  send(round, register_request(service.spec), service.caller,
       [this, round, id, caller = service.caller](bool done) {
         if (!done) return;
         const auto found = services_.find(id);
         if (found == services_.end()) return remove(round, true, id, caller);  // deregistered meanwhile
         put_reports(round, check_ids(found->second.spec), caller);
         for (const auto& [check, kept] : checks_) {
           if (kept.spec.service_id == id) put_check(round, check);
         }
       });
}

void Registrations::put_check(const std::shared_ptr<Round>& round, const std::string& id) {
  const Check& check = checks_.at(id);
  send(round, register_request(check.spec), check.caller,
       [this, round, id, caller = check.caller](bool done) {
         if (!done) return;
         if (!checks_.contains(id)) return remove(round, false, id, caller);
         put_reports(round, {id}, caller);
       });
}

void Registrations::put_reports(const std::shared_ptr<Round>& round, const std::vector<std::string>& checks,
                                const Caller& caller) {
  for (const std::string& check : checks) {
    const auto report = reports_.find(check);
    if (report == reports_.end()) continue;
    send(round, report_request(check, report->second.status, report->second.output), caller, [](bool) {});
  }
}

void Registrations::remove(const std::shared_ptr<Round>& round, bool is_service, const std::string& id,
                           const Caller& caller) {
  send(round, deregister_request(is_service, id), caller, [this, is_service, id](bool done) {
    if (done) (is_service ? removed_services_ : removed_checks_).erase(id);
    look_after();
  });
}

void Registrations::finish(Round& round) {
  const auto waiting = std::make_shared<std::vector<UniqueFunction<void()>>>(std::exchange(waiting_, {}));
  if (round.failed) {
    verify_soon(link_.retry_delay(failures_++));
  } else {
    failures_ = 0;
  }
  for (auto& done : *waiting) done();
}

}  // namespace discovery::remote
