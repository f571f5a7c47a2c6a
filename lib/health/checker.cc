#include "lib/health/checker.h"

#include <algorithm>

namespace discovery::health {

Checker::Checker(env::Env& env, const Options& options, Reported reported)
    : env_(env),
      min_interval_(options.min_interval),
      reported_(std::move(reported)),
      dialer_(env),
      world_{env, dialer_, options.tls, options.tls_unverified},
      timer_(env.make_timer()) {}

Checker::~Checker() = default;

Status Checker::add(const model::CheckSpec& spec, std::size_t max_output) {
  auto probe = make_probe(world_, spec, max_output);
  if (!probe.ok()) return probe.status();
  insert(spec.id, *std::move(probe), spec.interval, Thresholds(spec),
         spec.kind() == model::CheckKind::kScript);
  return {};
}

void Checker::add(CallSpec spec, std::size_t max_output) {
  auto probe = make_call_probe(world_, std::move(spec.probe), spec.timeout, max_output);
  insert(spec.id, std::move(probe), spec.interval, spec.counts, true);
}

void Checker::set_tls(std::shared_ptr<const tls::ClientContext> verified,
                      std::shared_ptr<const tls::ClientContext> unverified) {
  world_.tls = std::move(verified);
  world_.tls_unverified = std::move(unverified);
}

void Checker::insert(const std::string& id, std::unique_ptr<Probe> probe, Duration interval,
                     const Thresholds& counts, bool is_heavy) {
  remove(id);
  const auto added = checks_.try_emplace(id).first;
  Entry& entry = added->second;
  entry.id = &added->first;
  entry.probe = std::move(probe);
  entry.interval = std::max(interval, min_interval_);
  entry.counts = counts;
  entry.is_heavy = is_heavy;
  const Duration first = now() + env_.random().below(entry.interval);
  schedule(entry, first - first % kSlot);
  arm();
}

void Checker::remove(std::string_view id) {
  const auto found = checks_.find(id);
  if (found == checks_.end()) return;
  Entry& entry = found->second;
  due_.erase(entry);
  if (entry.phase == Phase::kRunning) {
    --running_;
    if (entry.is_heavy) --running_heavy_;
  }
  checks_.erase(found);
  start_waiting();
}

std::optional<Checker::State> Checker::state(std::string_view id) const {
  const auto found = checks_.find(id);
  if (found == checks_.end()) return std::nullopt;
  const Entry& entry = found->second;
  State state{std::nullopt, entry.counts};
  if (entry.phase == Phase::kScheduled) state.next_run = entry.at;
  return state;
}

void Checker::schedule(Entry& entry, Duration at) {
  entry.phase = Phase::kScheduled;
  due_.set(entry, at);
}

void Checker::arm() {
  const Timed* const next = due_.first();
  if (next == nullptr || (armed_ && *armed_ <= next->at)) return;
  armed_ = next->at;
  // Once it is time, what the answers to the runs before have led to goes first: a change is told by way of
  // tasks that are posted.
  timer_->start(std::max(next->at - now(), Duration::zero()), [this] {
    env_.post([this, life = std::weak_ptr(life_)] {
      if (!life.expired()) run_due();
    });
  });
}

void Checker::run_due() {
  armed_.reset();
  const Duration until = now();
  for (std::size_t i = 0; i < kMaxStarts; ++i) {
    Timed* const next = due_.first();
    if (next == nullptr || next->at > until) break;
    due_.erase(*next);
    begin(static_cast<Entry&>(*next));
  }
  arm();
}

bool Checker::may_start(const Entry& entry) const {
  return running_ < kMaxRunning && (!entry.is_heavy || running_heavy_ < kMaxHeavy);
}

void Checker::begin(Entry& entry) {
  if (may_start(entry)) return start(entry);
  entry.phase = Phase::kWaiting;
  (entry.is_heavy ? waiting_heavy_ : waiting_).push_back(*entry.id);
}

void Checker::start(Entry& entry) {
  entry.phase = Phase::kRunning;
  entry.began = now();
  ++running_;
  if (entry.is_heavy) ++running_heavy_;
  entry.probe->start([this, &entry](ProbeResult result) { finish(entry, std::move(result)); });
}

void Checker::finish(Entry& entry, ProbeResult result) {
  --running_;
  if (entry.is_heavy) --running_heavy_;
  const Duration ended = now();
  const Duration latency = ended - entry.began;
  schedule(entry, std::max(entry.at + entry.interval, ended));
  const std::optional<Health> health = entry.counts.count(result.health);
  const Thresholds counts = entry.counts;
  const std::string id = *entry.id;  // the check may be gone when it has been told
  reported_({id, health, result, latency, counts});
  start_waiting();
  arm();
}

void Checker::start_waiting() {
  start_waiting(waiting_);
  start_waiting(waiting_heavy_);
}

void Checker::start_waiting(std::deque<std::string>& ids) {
  while (!ids.empty()) {
    const auto found = checks_.find(ids.front());
    const bool waits = found != checks_.end() && found->second.phase == Phase::kWaiting;
    if (waits && !may_start(found->second)) return;
    ids.pop_front();
    if (waits) start(found->second);
  }
}

}  // namespace discovery::health
