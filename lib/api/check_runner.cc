#include "lib/api/check_runner.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lib/api/service_form.h"
#include "lib/health/ttl_check.h"
#include "lib/health/url.h"
#include "lib/tls/client.h"

namespace discovery::api {
namespace {

constexpr std::int64_t kSteps = 1'000'000;  // of thresholds

std::uint64_t number(const std::string& key) {
  std::uint64_t id = 0;
  std::from_chars(key.data(), key.data() + key.size(), id);
  return id;
}

Health public_health(health::Health health) {
  switch (health) {
    case health::Health::kPassing:
      return Health::kPassing;
    case health::Health::kWarning:
      return Health::kWarning;
    case health::Health::kCritical:
      break;
  }
  return Health::kCritical;
}

Status too_short(const char* what) {
  return invalid_argument(std::string("CheckSpec: ") + what + " must be at least 1 ms");
}

Status validate_times(Duration interval, Duration timeout) {
  if (interval < CheckRunner::kMinInterval) return too_short("interval");
  if (timeout < CheckRunner::kMinInterval) return too_short("timeout");
  return {};
}

Status validate_probe(const TtlCheck& probe) {
  return probe.ttl < CheckRunner::kMinInterval ? too_short("ttl") : Status();
}

Status validate_probe(const TcpCheck& probe) {
  if (const auto target = health::split_host_port(probe.address); !target.ok())
    return invalid_argument("TcpCheck: " + std::string(target.status().message()));
  return validate_times(probe.interval, probe.timeout);
}

Status validate_probe(const HttpCheck& probe) {
  if (const auto url = health::parse_url(probe.url); !url.ok())
    return invalid_argument("HttpCheck: " + std::string(url.status().message()));
  return validate_times(probe.interval, probe.timeout);
}

Status validate_probe(const CallCheck& probe) {
  if (!probe.probe) return invalid_argument("CallCheck: there is no function to call");
  return validate_times(probe.interval, probe.timeout);
}

}  // namespace

Status validate(const CheckSpec& check) {
  if (check.passes_to_recover < 1 || check.passes_to_recover > kSteps || check.failures_to_trip < 1 ||
      check.failures_to_trip > kSteps) {
    return invalid_argument("CheckSpec: passes_to_recover and failures_to_trip must be 1 to 1,000,000");
  }
  if (check.initial == Health::kMaintenance)
    return invalid_argument("CheckSpec: a check cannot be in maintenance");
  return std::visit([](const auto& probe) { return validate_probe(probe); }, check.probe);
}

CheckRunner::CheckRunner(env::Env& env, Told told)
    : env_(env),
      told_(std::move(told)),
      timer_(env.make_timer()),
      checker_(env, {.min_interval = kMinInterval}, [this](const health::Report& report) {
        Seen seen{number(report.check_id), std::nullopt, std::move(report.seen.output), report.latency};
        if (report.health) seen.health = public_health(*report.health);
        told_(std::move(seen));
      }) {}

void CheckRunner::add(std::uint64_t id, const CheckSpec& check) {
  const std::string key = std::to_string(id);
  if (const auto* ttl = std::get_if<TtlCheck>(&check.probe)) {
    ttls_[key] = {ttl->ttl, {}};
    deadlines_.set(key, now() + ttl->ttl);
    return arm();
  }
  if (const auto* call = std::get_if<CallCheck>(&check.probe)) {
    const health::Thresholds counts(check.passes_to_recover, check.failures_to_trip, check.failures_to_trip);
    return checker_.add({key, call->probe, call->interval, call->timeout, counts}, health::kDefaultMaxOutput);
  }
  Result<model::CheckSpec> spec = to_model(check);
  if (!spec.ok()) return;
  spec->id = key;
  if (const auto url = health::parse_url(spec->http); url.ok() && url->tls) make_tls();
  (void)checker_.add(*spec, health::kDefaultMaxOutput);  // it is of a kind that runs
}

/// Only those who check by HTTPS pay for reading the system's certificates.
void CheckRunner::make_tls() {
  if (std::exchange(has_tls_, true)) return;
  std::shared_ptr<const tls::ClientContext> verified;
  std::shared_ptr<const tls::ClientContext> unverified;
  if (auto made = tls::ClientContext::create({}); made.ok()) verified = *std::move(made);
  if (auto made = tls::ClientContext::create({.verify = false}); made.ok()) unverified = *std::move(made);
  checker_.set_tls(std::move(verified), std::move(unverified));
}

void CheckRunner::remove(std::uint64_t id) {
  const std::string key = std::to_string(id);
  ttls_.erase(key);
  deadlines_.clear(key);
  checker_.remove(key);
}

void CheckRunner::report(std::uint64_t id, Health health, const std::string& output) {
  const std::string key = std::to_string(id);
  const auto found = ttls_.find(key);
  if (found == ttls_.end()) return;
  found->second.output = health::cut_output(output, health::kDefaultMaxOutput);
  deadlines_.set(key, now() + found->second.ttl);
  arm();
  told_({id, health, found->second.output, {}});
}

void CheckRunner::arm() {
  const auto next = deadlines_.next();
  if (!next) return timer_->cancel();
  timer_->start(std::max(*next - now(), Duration::zero()), [this] { expire(); });
}

void CheckRunner::expire() {
  const Duration until = now();
  while (const auto key = deadlines_.take_due(until)) {
    std::string output = health::expired_output(ttls_[*key].output);
    told_({number(*key), Health::kCritical, std::move(output), {}});
  }
  arm();
}

}  // namespace discovery::api
