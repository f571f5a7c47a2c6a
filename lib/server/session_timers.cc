#include "lib/server/session_timers.h"

#include <algorithm>
#include <utility>

namespace discovery::server {
namespace {

std::uint32_t milliseconds_up(Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

}  // namespace

SessionTimers::SessionTimers(env::Env& env, UniqueFunction<void(const model::SessionKey&)> expire)
    : env_(env), expire_(std::move(expire)), timer_(env.make_timer()) {}

Duration SessionTimers::due_from_now(const Entry& entry) const {
  return env_.clock().monotonic() + model::kSessionTtlMultiplier * std::chrono::milliseconds(entry.ttl_ms);
}

void SessionTimers::add(const model::Session& session) {
  const Duration ttl = std::min(model::ttl_of(session), model::kMaxSessionTtl);
  if (ttl <= Duration::zero()) return;
  const auto key = model::SessionKey::parse(session.id);
  if (!key.ok()) return;
  Entry& entry = sessions_[*key];
  entry = {.due = {}, .ttl_ms = milliseconds_up(ttl), .slot = 0, .ending = 0};
  file(*key, entry, due_from_now(entry));
  arm();
}

void SessionTimers::remove(const model::Session& session) {
  if (const auto key = model::SessionKey::parse(session.id); key.ok()) sessions_.erase(*key);
}

bool SessionTimers::renew(const model::SessionKey& key) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end()) return true;
  if (found->second.ending != 0) return false;
  found->second.due = due_from_now(found->second);
  return true;
}

/// The slot is the one before its time is over, so that no session ends late.
void SessionTimers::file(const model::SessionKey& key, Entry& entry, Duration due) {
  constexpr std::uint32_t kMask = 0x7fffffff;
  entry.due = due;
  entry.slot = std::max<std::uint32_t>(static_cast<std::uint32_t>(due / kTick), 1) & kMask;
  slots_[entry.slot].push_back(key);
}

void SessionTimers::arm() {
  if (slots_.empty()) return;
  const std::uint32_t first = slots_.begin()->first;
  if (armed_ != 0 && armed_ <= first) return;
  armed_ = first;
  timer_->start(std::max(Duration::zero(), first * kTick - env_.clock().monotonic()), [this] { on_timer(); });
}

void SessionTimers::on_timer() {
  armed_ = 0;
  const auto now = static_cast<std::uint32_t>(env_.clock().monotonic() / kTick);
  while (!slots_.empty() && slots_.begin()->first <= now) {
    const auto slot = slots_.extract(slots_.begin());
    for (const model::SessionKey& key : slot.mapped()) look_at(slot.key(), key);
  }
  arm();
}

void SessionTimers::look_at(std::uint32_t slot, const model::SessionKey& key) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end() || found->second.slot != slot) return;  // ended, or filed anew
  Entry& entry = found->second;
  const Duration now = env_.clock().monotonic();
  if (entry.due >= now + kTick) return file(key, entry, entry.due);
  entry.ending = 1;
  file(key, entry, now + kRetry);
  expire_(key);
}

}  // namespace discovery::server
