#include <utility>

#include <discovery/lock.h>

#include "lib/api/acquisition.h"
#include "lib/api/watch_source.h"
#include "lib/model/lock_layout.h"

namespace discovery::api {
namespace {

/// The only entry of an answer, or null.
const model::KvEntry* entry_of(const model::Value& value) {
  const auto& entries = std::get<model::KvEntries>(value);
  return entries.empty() ? nullptr : entries.front().get();
}

class LockAcquisition final : public Acquisition {
 public:
  LockAcquisition(std::shared_ptr<OpenSession> session, const AgentCore::Parts& parts, std::string key,
                  std::string value, bool wait, Completion<std::shared_ptr<HeldLock>> done)
      : Acquisition(std::move(session), parts, wait, std::move(done)),
        key_(std::move(key)),
        value_(std::move(value)) {}

 private:
  void look(Index beyond) override {
    ask(model::GetKey{key_}, beyond, Consistency::kDefault, [this](const Result<model::Answer>& answer) {
      if (!answer.ok()) return fail_or_retry(answer.status());
      const model::KvEntry* entry = entry_of(answer->value());
      if (entry != nullptr && entry->flags() != model::kLockFlags)
        return fail({Code::kFailedPrecondition, "the key \"" + key_ + "\" is in use for something else"});
      const bool mine = entry != nullptr && entry->session() == session_id();
      if (mine && tried_) return hold(entry->modify_index());  // the try whose outcome was not known
      // Ours without a holder: it could not be let go. Taken anew it has a fence of its own.
      if (mine || entry == nullptr || entry->session().empty()) return attempt();
      if (!wait()) return fail({Code::kConflict, "somebody else holds the lock \"" + key_ + "\""});
      reset_pause();
      look(answer->meta.index);
    });
  }

  /// The lock is free, or was a moment ago.
  void attempt() {
    tried_ = true;
    apply(command(model::KvVerb::kLock), [this](const Result<model::Outcome>& outcome) {
      if (!outcome.ok()) return fail_or_retry(outcome.status());
      if (outcome->result) return outcome->index != 0 ? hold(outcome->index) : look(0);
      tried_ = false;
      if (!wait()) return fail({Code::kConflict, "\"" + key_ + "\" is held, or its lock-delay is not over"});
      look_after_pause();
    });
  }

  void hold(Index fence) {
    succeed(fence, model::GetKey{key_}, [session = session_id()](const model::Value& value) {
      const model::KvEntry* entry = entry_of(value);
      return entry != nullptr && entry->session() == session;
    });
  }

  LettingGo::Release release() const override {
    if (!tried_) return nullptr;
    return [unlock = command(model::KvVerb::kUnlock), token = token()](const AgentCore::Parts& parts,
                                                                       Completion<Unit> done) {
      parts.backend->apply(unlock, {.token = token})
          .then([done = std::move(done)](const Result<model::Outcome>& outcome) mutable {
            if (!outcome.ok()) return done(outcome.status());
            outcome->result ? done(Unit{}) : done(Status(Code::kNotFound, "the lock was lost before"));
          });
    };
  }

  model::KvCommand command(model::KvVerb verb) const {
    model::KvCommand command;
    command.verb = verb;
    command.key = key_;
    command.value = value_;
    command.flags = model::kLockFlags;
    command.session = session_id();
    return command;
  }

  const std::string key_;
  const std::string value_;
  bool tried_ = false;  // the lock may be ours
};

}  // namespace

Async<std::shared_ptr<HeldLock>> acquire_lock(const std::shared_ptr<OpenSession>& session, std::string key,
                                              std::string value, bool wait, const Call& call) {
  using Lock = std::shared_ptr<HeldLock>;
  return session->state()->core()->ask<Lock>(
      call, CallKind::kRead,
      [session, key = std::move(key), value = std::move(value), wait](const AgentCore::Parts& parts,
                                                                      Completion<Lock> done) mutable {
        std::make_shared<LockAcquisition>(session, parts, key, std::move(value), wait, std::move(done))
            ->begin(key);
      });
}

}  // namespace discovery::api

namespace discovery::inline v0 {
namespace {

/// Who holds the key, if it is held.
std::shared_ptr<const std::optional<Leader>> to_leader(const model::Value& value) {
  const model::KvEntry* entry = api::entry_of(value);
  if (entry == nullptr || entry->session().empty()) return std::make_shared<const std::optional<Leader>>();
  return std::make_shared<const std::optional<Leader>>(
      Leader{std::string(entry->value()), std::string(entry->session()), entry->modify_index()});
}

}  // namespace

Held::Held(std::shared_ptr<api::HeldLock> lock) : lock_(std::move(lock)) {}
Held::Held(Held&&) noexcept = default;
Held& Held::operator=(Held&& other) noexcept {
  std::swap(lock_, other.lock_);
  return *this;
}
Held::~Held() = default;

std::uint64_t Held::fence() const noexcept { return lock_->fence(); }
bool Held::alive() const noexcept { return lock_->alive(); }
std::stop_token Held::lost() const noexcept { return lock_->lost(); }
Async<Unit> Held::release() && { return lock_->release(); }

Async<Held> Held::hold(Async<std::shared_ptr<api::HeldLock>> acquired) {
  std::shared_ptr<Executor> executor = acquired.executor();
  return Async<Held>::pending(
      [acquired = std::move(acquired)](Async<Held>::Callback done) mutable {
        std::move(acquired).then(
            [done = std::move(done)](Result<std::shared_ptr<api::HeldLock>> lock) mutable {
              if (!lock.ok()) return done(lock.status());
              done(Held(*std::move(lock)));
            });
      },
      std::move(executor));
}

Lock::Lock(Session session, std::string key, std::string value)
    : session_(std::move(session)), key_(std::move(key)), value_(std::move(value)) {}
Async<Held> Lock::acquire(const Call& call) {
  return Held::hold(api::acquire_lock(session_.session_, key_, value_, true, call));
}
Async<Held> Lock::try_acquire(const Call& call) {
  return Held::hold(api::acquire_lock(session_.session_, key_, value_, false, call));
}

Semaphore::Semaphore(Session session, std::string prefix, unsigned permits)
    : session_(std::move(session)), prefix_(std::move(prefix)), permits_(permits) {}
Async<Held> Semaphore::acquire(const Call& call) {
  return Held::hold(api::acquire_permit(session_.session_, prefix_, permits_, true, call));
}
Async<Held> Semaphore::try_acquire(const Call& call) {
  return Held::hold(api::acquire_permit(session_.session_, prefix_, permits_, false, call));
}

LeaderElection::LeaderElection(Session session, std::string key, std::string value)
    : session_(std::move(session)), key_(std::move(key)), value_(std::move(value)) {}
Async<Held> LeaderElection::campaign(const Call& call) {
  return Held::hold(api::acquire_lock(session_.session_, key_, value_, true, call));
}
Watch<std::optional<Leader>> LeaderElection::leader() const {
  Read read;
  read.call.token = session_.session_->token();
  return api::make_watch<std::optional<Leader>>(session_.session_->state()->core(), model::GetKey{key_},
                                                api::to_model(std::move(read)), to_leader);
}
Watch<std::optional<Leader>> LeaderElection::observe(const KVStore& kv, std::string key, Read read) {
  return api::make_watch<std::optional<Leader>>(kv.core_, model::GetKey{std::move(key)},
                                                api::to_model(std::move(read)), to_leader);
}

}  // namespace discovery::inline v0
