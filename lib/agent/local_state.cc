#include "lib/agent/local_state.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "lib/base/duration.h"
#include "lib/base/strings.h"
#include "lib/codec/json_writer.h"
#include "lib/model/describe_records.h"
#include "lib/model/validation.h"

namespace discovery::agent {

using model::CheckSpec;
using model::HealthCheck;
using model::ServiceInstance;
using model::ServiceSpec;

namespace {

Duration later(Duration now, Duration span) {
  return span > Duration::max() - now ? Duration::max() : now + span;
}

/// A stable digest of a definition (FNV-1a), as 16 hexadecimal digits.
std::string content_hash(const ServiceInstance& service) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : codec::to_json(service)) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; hash >>= 4) text[i] = kHex[hash & 0xF];
  return text;
}

/// A service with an IP address is reached there by all who ask for addresses of that family.
void tag_address(ServiceInstance& service) {
  in6_addr bytes{};
  const std::string address = service.address.str();
  const bool v6 = inet_pton(AF_INET6, address.c_str(), &bytes) == 1;
  const bool v4 = v6 ? IN6_IS_ADDR_V4MAPPED(&bytes) : inet_pton(AF_INET, address.c_str(), &bytes) == 1;
  if (!v4 && !v6) return;
  for (const char* tag : v4 ? std::array{"lan_ipv4", "wan_ipv4"} : std::array{"lan_ipv6", "wan_ipv6"}) {
    service.tagged_addresses.try_emplace(tag, model::ServiceAddress{address, service.port});
  }
}

/// What an upstream leads to unless it says so.
void complete_upstreams(ServiceInstance& service) {
  if (!service.proxy || service.proxy->upstreams.empty()) return;
  model::ConnectProxy proxy = *service.proxy;
  for (auto& upstream : proxy.upstreams) {
    if (upstream.destination_type.empty()) upstream.destination_type = "service";
  }
  service.proxy = std::make_shared<const model::ConnectProxy>(std::move(proxy));
}

bool is_status_or_empty(std::string_view status) { return status.empty() || model::is_check_status(status); }

HealthCheck make_record(const CheckSpec& spec, LocalState::Shape shape, const AgentIdentity& identity) {
  using Shape = LocalState::Shape;
  HealthCheck record;
  record.node = identity.self.node_name;
  record.check_id = spec.id;
  record.name = spec.name;
  record.status = spec.status.empty() ? std::string(model::kCritical) : spec.status;
  record.notes = spec.notes;
  const auto kind = shape == Shape::kMaintenance ? model::CheckKind::kMaintenance : spec.kind();
  if (shape != Shape::kConfigured) record.type = model::type_name(kind);
  if (shape == Shape::kOwn || shape == Shape::kConfigured) {
    record.interval = base::format_go_duration(spec.interval);
    record.timeout = base::format_go_duration(spec.timeout);
  }
  return record;
}

/// What a caller's word counts as in a row of words.
model::Evidence evidence_of(const OwnCheck& check, std::string_view status) {
  model::Evidence evidence;
  evidence.consecutive = status == model::kCritical ? check.failures : check.successes;
  return evidence;
}

}  // namespace

LocalState::LocalState(const AgentIdentity& identity, Options options)
    : identity_(identity), options_(std::move(options)) {}

SyncUnit& LocalState::unit(std::string_view id) {
  const auto found = units_.find(id);
  if (found != units_.end()) return found->second;
  SyncUnit& added = units_[std::string(id)];
  added.id = id;
  return added;
}

Status LocalState::complete(ServiceSpec& spec) const {
  ServiceInstance& service = spec.service;
  if (service.name.empty()) return invalid_argument("Missing service name");
  if (service.id.empty()) service.id = service.name;
  if (model::is_any_address(service.address)) return invalid_argument("Invalid service address");
  if (const Status status = model::validate_weights(service.weights); !status.ok()) {
    return invalid_argument("Invalid Weights: " + std::string(status.message()));
  }
  if (const Status status = model::validate_meta(service.meta); !status.ok()) {
    return invalid_argument("Invalid Service Meta: " + std::string(status.message()));
  }
  if (Status status = model::validate_service(service); !status.ok()) return status;
  if (spec.sidecar) {
    const model::SidecarSpec& nested = *spec.sidecar;
    Status status = model::validate_sidecar(service.kind, !nested.service.id.empty(), nested.has_sidecar);
    if (!status.ok()) return status;
  }
  for (const auto& check : spec.checks) {
    if (const Status status = validate(check); !status.ok()) {
      return invalid_argument("Invalid check: " + std::string(status.message()));
    }
  }
  for (std::size_t i = 0; i < spec.checks.size(); ++i) {
    CheckSpec& check = spec.checks[i];
    if (!is_status_or_empty(check.status)) {
      return invalid_argument("Status for checks must 'passing', 'warning', 'critical'");
    }
    if (check.token.empty()) check.token = spec.token;
    if (check.name.empty()) check.name = "Service '" + service.name + "' check";
    if (check.id.empty()) {
      check.id = "service:" + service.id;
      if (spec.checks.size() > 1) check.id += ":" + std::to_string(i + 1);
    }
    check.service_id = service.id;
    check.origin = spec.origin;
  }
  tag_address(service);
  complete_upstreams(service);
  service.index = {};
  return {};
}

Status LocalState::complete(CheckSpec& spec) const {
  if (spec.name.empty()) return invalid_argument("Missing check name");
  if (!is_status_or_empty(spec.status)) return invalid_argument("Bad check status");
  if (const Status status = validate(spec); !status.ok()) {
    return invalid_argument("Invalid check: " + std::string(status.message()));
  }
  if (spec.id.empty()) spec.id = spec.name;
  const auto found = units_.find(spec.service_id);
  if (!spec.service_id.empty() && (found == units_.end() || !found->second.service)) {
    return {Code::kNotFound, "ServiceID " + base::go_quote(spec.service_id) + " does not exist"};
  }
  return {};
}

Result<std::optional<ServiceSpec>> LocalState::sidecar_of(const ServiceSpec& parent) const {
  if (!parent.sidecar) return std::optional<ServiceSpec>();
  const auto wrong = [](const Status& status) {
    return invalid_argument("Invalid SidecarService: " + std::string(status.message()));
  };
  if (const Status status = model::validate_meta(parent.sidecar->service.meta); !status.ok())
    return wrong(status);
  ServiceSpec sidecar = expand_sidecar(parent);
  ServiceInstance& service = sidecar.service;
  if (service.port < 1) {
    std::optional<int> former;
    std::set<std::int64_t> used;
    for (const auto& [id, unit] : units_) {
      if (!unit.service) continue;
      if (service.id == id) former = static_cast<int>(unit.service->port);
      used.insert(unit.service->port);
    }
    const auto port = choose_sidecar_port(options_.sidecar_ports, former,
                                          [&](int candidate) { return used.contains(candidate); });
    if (!port.ok()) return wrong(port.status());
    service.port = *port;
  }
  add_default_checks(sidecar, parent.service.id);
  if (const Status status = complete(sidecar); !status.ok()) return wrong(status);
  return std::optional(std::move(sidecar));
}

SyncUnit* LocalState::take_orphan() {
  while (!orphans_.empty()) {
    const std::string id = std::move(orphans_.back());
    orphans_.pop_back();
    if (SyncUnit* unit = deregister_service(id)) return unit;
  }
  return nullptr;
}

Result<SyncUnit*> LocalState::register_service(ServiceSpec spec, Duration now) {
  if (Status status = complete(spec); !status.ok()) return status;
  SyncUnit& unit = this->unit(spec.service.id);
  const bool renamed =
      unit.service && (unit.service->name != spec.service.name || unit.service->tags != spec.service.tags);
  unit.service = std::make_shared<const ServiceInstance>(std::move(spec.service));
  unit.token = std::move(spec.token);
  unit.origin = spec.origin;
  unit.sidecar = spec.is_sidecar;
  mark_dirty(unit);

  std::set<std::string, std::less<>> unwanted;
  if (spec.replace_existing_checks) unwanted = unit.checks;
  for (const CheckSpec& check : spec.checks) {
    unwanted.erase(check.id);
    add_check(unit, check, Shape::kEmbedded, now);
  }
  for (const auto& id : unwanted) remove_check(unit, id);
  if (renamed) rename_checks(unit);
  touch_aliases_of(unit.id);
  options_.service_changed(unit.id);
  return &unit;
}

SyncUnit* LocalState::deregister_service(std::string_view id) {
  const auto found = units_.find(id);
  if (found == units_.end() || !found->second.service) return nullptr;
  SyncUnit& unit = found->second;
  unit.service = nullptr;
  const auto beside = units_.find(sidecar_id(id));
  // One of the same name that was registered by itself stays.
  if (beside != units_.end() && beside->second.service && beside->second.sidecar)
    orphans_.push_back(beside->first);
  mark_dirty(unit);
  options_.service_removed(unit.id);
  for (const auto& check : unit.checks) remove_check(unit, check);
  touch_aliases_of(unit.id);
  options_.service_changed(unit.id);
  return &unit;
}

Result<SyncUnit*> LocalState::register_check(CheckSpec spec, Duration now) {
  const Shape shape = spec.origin == model::Origin::kConfig ? Shape::kConfigured : Shape::kOwn;
  return register_check(std::move(spec), shape, now);
}

Result<SyncUnit*> LocalState::register_check(CheckSpec spec, Shape shape, Duration now) {
  if (Status status = complete(spec); !status.ok()) return status;
  SyncUnit& unit = this->unit(spec.service_id);
  add_check(unit, spec, shape, now);
  return &unit;
}

SyncUnit* LocalState::deregister_check(std::string_view id) {
  const auto found = checks_.find(id);
  if (found == checks_.end() || !found->second.record) return nullptr;
  SyncUnit& unit = this->unit(found->second.service_id);
  remove_check(unit, found->first);
  return &unit;
}

Result<SyncUnit*> LocalState::update_check(std::string_view id, std::string_view status,
                                           std::string_view output, Duration now) {
  if (!model::is_check_status(status)) {
    return invalid_argument("Invalid check status: '" + std::string(status) + "'");
  }
  const auto found = checks_.find(id);
  if (found == checks_.end() || !found->second.record || found->second.ttl == Duration::zero()) {
    return Status(Code::kNotFound, "CheckID " + base::go_quote(id) + " does not have associated TTL");
  }
  OwnCheck& check = found->second;
  check.last_report = options_.discard_output ? std::string() : health::cut_output(output, check.max_output);
  expiry_.set(found->first, later(now, check.ttl));
  const bool failure = status == model::kCritical;
  check.failures = failure ? check.failures + 1 : 0;
  check.successes = failure ? 0 : check.successes + 1;
  return set_state(check, status, check.last_report, now, evidence_of(check, status));
}

Result<model::AgentService> LocalState::service(std::string_view id) {
  const auto found = units_.find(id);
  if (found == units_.end() || !found->second.service) {
    return Status(Code::kNotFound, "unknown service ID: " + std::string(id));
  }
  SyncUnit& unit = found->second;
  if (unit.hash.empty()) unit.hash = content_hash(*unit.service);
  return model::AgentService{unit.service, unit.hash};
}

SyncUnit* LocalState::node_changed() {
  node_in_sync_ = false;
  SyncUnit& node = unit("");
  mark_dirty(node);
  return &node;
}

std::optional<Duration> LocalState::next_deadline() const {
  std::optional<Duration> earliest;
  for (const auto* deadlines : {&expiry_, &reaping_, &deferred_}) {
    const auto next = deadlines->next();
    if (next && (!earliest || *next < *earliest)) earliest = next;
  }
  return earliest;
}

std::optional<DueChange> LocalState::take_due(Duration now) {
  while (const auto id = expiry_.take_due(now)) {
    OwnCheck& check = checks_.find(*id)->second;
    ++check.failures;
    check.successes = 0;
    SyncUnit* unit = set_state(check, model::kCritical, health::expired_output(check.last_report), now,
                               evidence_of(check, model::kCritical));
    if (unit != nullptr) return DueChange{unit, "check " + *id + " missed its TTL and is critical"};
  }
  if (const auto id = reaping_.take_due(now)) {
    const std::string service = checks_.find(*id)->second.service_id.str();
    return DueChange{deregister_service(service), "service " + service + " is removed, since its check " +
                                                      *id + " was critical for too long"};
  }
  if (const auto id = deferred_.take_due(now)) {
    OwnCheck& check = checks_.find(*id)->second;
    SyncUnit& unit = this->unit(check.service_id);
    mark_dirty(unit, *id, check);
    return DueChange{&unit, {}};
  }
  return std::nullopt;
}

void LocalState::add_check(SyncUnit& unit, const CheckSpec& spec, Shape shape, Duration now) {
  HealthCheck record = make_record(spec, shape, identity_);
  const auto [entry, added] = checks_.try_emplace(spec.id);
  auto& [id, check] = *entry;
  if (!added && check.service_id != unit.id) {
    if (check.record) touch_aliases(check);  // those of the service that loses it
    this->unit(check.service_id).checks.erase(id);
    check.dirty = false;
  }
  if (!added) forget_alias(id, check);
  const bool known = check.record != nullptr;
  if (known) {  // what is known of the health outlives a new definition
    record.status = check.record->status;
    record.output = check.record->output;
  }
  record.service_id = unit.id;
  if (unit.service) {
    record.service_name = unit.service->name;
    record.service_tags = unit.service->tags;
  }
  check.kind = shape == Shape::kMaintenance ? model::CheckKind::kMaintenance : spec.kind();
  check.origin = spec.origin;
  check.service_id = record.service_id;
  check.token = spec.token;
  check.ttl = check.kind == model::CheckKind::kTtl ? spec.ttl : Duration::zero();
  check.interval = spec.interval;
  check.reap_after = spec.deregister_critical_service_after;
  if (check.reap_after > Duration::zero()) check.reap_after = std::max(check.reap_after, kMinReapAfter);
  check.max_output = options_.max_output;
  if (spec.output_max_size > 0) {
    check.max_output = std::min(check.max_output, static_cast<std::size_t>(spec.output_max_size));
  }
  check.last_report.clear();
  if (check.ttl > Duration::zero() && !known) {
    if (const auto last = options_.recall(id)) {
      record.status = last->status;
      record.output = last->output;
      check.last_report = last->output;
    }
  }
  if (!known) {
    check.history = {};
    check.successes = check.failures = 0;
    check.history.add(
        {.at = now, .to = health::History::index_of(record.status), .output = record.output.str()});
  }
  check.record = std::make_shared<const HealthCheck>(std::move(record));
  unit.checks.insert(id);
  reaping_.clear(id);
  watch_critical(id, check, now);
  expiry_.clear(id);
  if (check.ttl > Duration::zero()) expiry_.set(id, later(now, check.ttl));
  mark_dirty(unit, id, check);
  if (check.kind == model::CheckKind::kAlias && spec.alias_node.empty()) {
    check.alias_of = spec.alias_service;
    aliases_[spec.alias_service].insert(id);
    stale_aliases_.insert(id);
  }
  touch_aliases(check);
  options_.check_added(spec, check.max_output);
}

void LocalState::remove_check(SyncUnit& unit, const std::string& id) {
  OwnCheck& check = checks_.find(id)->second;
  if (!check.record) return;
  touch_aliases(check);
  forget_alias(id, check);
  check.record = nullptr;
  options_.check_removed(id);
  expiry_.clear(id);
  reaping_.clear(id);
  mark_dirty(unit, id, check);
}

void LocalState::rename_checks(SyncUnit& unit) {
  for (const auto& id : unit.checks) {
    OwnCheck& check = checks_.find(id)->second;
    if (!check.record) continue;
    HealthCheck record = *check.record;
    record.service_name = unit.service->name;
    record.service_tags = unit.service->tags;
    check.record = std::make_shared<const HealthCheck>(std::move(record));
    mark_dirty(unit, id, check);
  }
}

SyncUnit* LocalState::set_state(OwnCheck& check, std::string_view status, std::string_view output,
                                Duration now, const model::Evidence& evidence) {
  if (options_.discard_output) output = {};
  if (check.record->status == status && check.record->output == output) return nullptr;
  const bool output_only = check.record->status == status;
  if (!output_only) {
    check.history.add({.at = now,
                       .latency = evidence.latency,
                       .code = evidence.code,
                       .consecutive = evidence.consecutive,
                       .from = health::History::index_of(check.record->status),
                       .to = health::History::index_of(status),
                       .output = std::string(output.substr(0, 2 * health::History::kMaxOutput))});
  }
  // An alias's output follows from others; letting it touch aliases in turn would have no end in a circle.
  if (!output_only || check.kind != model::CheckKind::kAlias) touch_aliases(check);
  HealthCheck record = *check.record;
  record.status = status;
  record.output = output;
  check.record = std::make_shared<const HealthCheck>(std::move(record));
  const std::string id = check.record->check_id.str();
  watch_critical(id, check, now);
  if (output_only && options_.defer_output) {
    if (!deferred_.contains(id) && !check.dirty) deferred_.set(id, later(now, options_.output_delay()));
    return nullptr;
  }
  SyncUnit& unit = this->unit(check.service_id);
  mark_dirty(unit, id, check);
  return &unit;
}

void LocalState::watch_critical(const std::string& id, const OwnCheck& check, Duration now) {
  if (check.reap_after <= Duration::zero() || check.service_id.empty()) return;
  if (check.record->status != model::kCritical) {
    reaping_.clear(id);
  } else if (!reaping_.contains(id)) {
    reaping_.set(id, later(now, check.reap_after));
  }
}

void LocalState::mark_dirty(SyncUnit& unit) {
  unit.version = ++version_;
  unit.hash.clear();
  unit.dirty = true;
}

void LocalState::mark_dirty(SyncUnit& unit, const std::string& id, OwnCheck& check) {
  check.version = ++version_;
  deferred_.clear(id);
  if (check.dirty) return;
  check.dirty = true;
  unit.dirty_checks.push_back(id);
}

}  // namespace discovery::agent
