#include "tests/dns/fake_backend.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace discovery::dns {
namespace {

bool has_tags(const model::ServiceInstance& service, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&service](const std::string& tag) {
    return std::any_of(service.tags.begin(), service.tags.end(),
                       [&tag](const model::Text& own) { return base::equal_ignoring_case(own, tag); });
  });
}

bool plays(const model::ServiceInstance& service, const model::ListServiceHealth& query) {
  switch (query.role) {
    case model::ServiceRole::kPlain:
      return base::equal_ignoring_case(service.name, query.service);
    case model::ServiceRole::kConnect:
      return (service.proxy &&
              base::equal_ignoring_case(service.proxy->destination_service_name, query.service)) ||
             (service.connect.native && base::equal_ignoring_case(service.name, query.service));
    case model::ServiceRole::kIngress:
      return false;
  }
  return false;
}

}  // namespace

Async<model::SessionPtr> FakeBackend::renew_session(std::string, Call) {
  return Status(Code::kInternal, "not expected");
}

Async<model::Outcome> FakeBackend::apply(model::Command, Call) {
  return Status(Code::kInternal, "not for this test");
}

std::unique_ptr<model::WatchHandle> FakeBackend::watch(model::Query, model::Read, model::Sink&) {
  return nullptr;
}

Async<model::Answer> FakeBackend::query(model::Query query, model::Read read) {
  const std::lock_guard lock(mutex_);
  reads_.push_back(read);
  Result<model::Answer> result = Status(Code::kUnavailable, "No path to datacenter");
  const bool local = read.call.datacenter.empty() || read.call.datacenter == datacenter_;
  if (!failure_.ok()) {
    result = failure_;
  } else if (local) {
    SharedPtr& shared = answers_[model::canonical(query, {})];
    if (shared == nullptr || shared->superseded()) {
      shared = std::make_shared<const model::SharedAnswer>(evaluate(query));
    }
    model::Answer answer;
    answer.meta.index = index_;
    answer.meta.known_leader = true;
    if (read.consistency == Consistency::kStale) answer.meta.last_contact = last_contact_;
    answer.shared = shared;
    result = answer;
  }
  switch (mode_) {
    case Mode::kAtOnce:
      break;
    case Mode::kInside:
      return Async<model::Answer>::pending(
          [result = std::move(result)](Async<model::Answer>::Callback done) mutable {
            done(std::move(result));
          });
    case Mode::kDeferred:
      return Async<model::Answer>::pending(
          [this, result = std::move(result)](Async<model::Answer>::Callback done) mutable {
            const std::lock_guard inner(mutex_);
            waiting_.emplace_back(std::move(done), std::move(result));
          });
  }
  return result;
}

void FakeBackend::put_node(model::Node node) {
  const std::lock_guard lock(mutex_);
  if (node.datacenter.empty()) node.datacenter = datacenter_;
  const std::string key = base::to_lower(node.name);
  nodes_[key].node = std::make_shared<const model::Node>(std::move(node));
  changed();
}

void FakeBackend::put_service(const std::string& node, model::ServiceInstance service) {
  const std::lock_guard lock(mutex_);
  if (service.id.empty()) service.id = service.name;
  const std::string id = service.id.str();
  nodes_[base::to_lower(node)].services[id] =
      std::make_shared<const model::ServiceInstance>(std::move(service));
  changed();
}

void FakeBackend::put_check(model::HealthCheck check) {
  const std::lock_guard lock(mutex_);
  const std::string id = check.check_id.str();
  nodes_[base::to_lower(check.node)].checks[id] = std::make_shared<const model::HealthCheck>(check);
  changed();
}

void FakeBackend::remove_service(const std::string& node, const std::string& id) {
  const std::lock_guard lock(mutex_);
  nodes_[base::to_lower(node)].services.erase(id);
  changed();
}

void FakeBackend::add(const std::string& service, const std::string& node, const std::string& node_address,
                      std::int64_t port, const std::string& service_address, const model::Tags& tags) {
  model::Node record;
  record.name = node;
  record.address = node_address;
  put_node(std::move(record));
  model::ServiceInstance instance;
  instance.name = service;
  instance.port = port;
  instance.address = service_address;
  instance.tags = tags;
  put_service(node, std::move(instance));
}

void FakeBackend::set_status(const std::string& node, const std::string& service_id,
                             const std::string& status) {
  model::HealthCheck check;
  check.node = node;
  check.check_id = service_id.empty() ? "node-check" : "check-" + service_id;
  check.service_id = service_id;
  check.status = status;
  put_check(std::move(check));
}

void FakeBackend::set_mode(Mode mode) {
  const std::lock_guard lock(mutex_);
  mode_ = mode;
}

void FakeBackend::set_failure(Status status) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(status);
  changed();
}

void FakeBackend::set_last_contact(Duration age) {
  const std::lock_guard lock(mutex_);
  last_contact_ = age;
}

std::size_t FakeBackend::complete() {
  decltype(waiting_) waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
  }
  for (auto& [done, result] : waiting) done(std::move(result));
  return waiting.size();
}

std::size_t FakeBackend::queries() const {
  const std::lock_guard lock(mutex_);
  return reads_.size();
}

std::vector<model::Read> FakeBackend::reads() const {
  const std::lock_guard lock(mutex_);
  return reads_;
}

void FakeBackend::changed() {
  ++index_;
  for (const auto& [key, answer] : answers_) answer->supersede();
  answers_.clear();
}

model::CheckServiceNodes FakeBackend::health(const model::ListServiceHealth& query) const {
  model::CheckServiceNodes found;
  for (const auto& [name, of_node] : nodes_) {
    for (const auto& [id, service] : of_node.services) {
      if (!plays(*service, query) || !has_tags(*service, query.tags)) continue;
      model::CheckServiceNode row{of_node.node, service, {}};
      for (const auto& [check_id, check] : of_node.checks) {
        if (check->service_id.empty() || check->service_id == id) row.checks.push_back(check);
      }
      found.push_back(std::move(row));
    }
  }
  return found;
}

model::Value FakeBackend::evaluate(const model::Query& query) const {
  if (const auto* health_query = std::get_if<model::ListServiceHealth>(&query)) return health(*health_query);
  if (const auto* node_query = std::get_if<model::GetNodeServices>(&query)) {
    model::NodeServices services;
    const auto found = nodes_.find(base::to_lower(node_query->node));
    if (found != nodes_.end()) services.node = found->second.node;
    return services;
  }
  if (const auto* by_address = std::get_if<model::FindNodeByAddress>(&query)) {
    model::Nodes nodes;
    for (const auto& [name, of_node] : nodes_) {
      if (nodes.empty() && of_node.node->address == by_address->address) nodes.push_back(of_node.node);
    }
    return nodes;
  }
  model::ServiceNodes services;
  if (const auto* by_address = std::get_if<model::FindServiceByAddress>(&query)) {
    for (const auto& [name, of_node] : nodes_) {
      for (const auto& [id, service] : of_node.services) {
        if (services.empty() && service->address == by_address->address)
          services.push_back({of_node.node, service});
      }
    }
  }
  return services;
}

}  // namespace discovery::dns
