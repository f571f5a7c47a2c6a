#include "lib/api/held_lock.h"

#include <atomic>
#include <utility>

namespace discovery::api {

/// Hears when the key is lost. What belongs to the loop ends by detach().
class HeldLock::Guard final : public Attached, private model::Sink {
 public:
  Guard(std::shared_ptr<OpenSession> session, std::string key, Kind kind)
      : session_(std::move(session)),
        key_(std::move(key)),
        kind_(std::move(kind)),
        self_(std::make_shared<Guard*>(this)),
        session_lost_(session_->state()->lost(), [lost = lost_]() mutable { lost.request_stop(); }) {
    core().add(*this);
    model::Read read;
    read.call.token = session_->token();
    handle_ = core().parts().backend->watch(kind_.watched, std::move(read), *this);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() override { *self_ = nullptr; }

  bool alive() const { return !ended_.load(std::memory_order_acquire) && session_->state()->alive(); }
  std::stop_token lost() const noexcept { return lost_.get_token(); }
  void end() override { lose(); }

  /// Lets it go; kNotFound if it was lost before.
  void release(Completion<Unit> done) {
    if (!handle_) return done(Status(Code::kNotFound, "the lock was lost before"));
    end_watch();
    LettingGo::begin(session_, key_, kind_.release, std::move(done));
  }

 private:
  AgentCore& core() const { return *session_->state()->core(); }

  void lose() {
    if (!handle_) return;
    end_watch();
    session_->state()->leave_key(key_);
  }

  void end_watch() {
    handle_.reset();
    core().remove(*this);
    ended_.store(true, std::memory_order_release);
    core().executor()->post([lost = lost_]() mutable { lost.request_stop(); });
  }

  void on_answer(const model::Answer& answer) override {
    if (!answer.meta.live || kind_.is_held(answer.value())) return;
    // Not in here: this call comes from what lose() destroys.
    core().parts().env->post([self = self_] {
      if (*self != nullptr) (*self)->lose();
    });
  }
  void on_error(const Status&) override {}

  const std::shared_ptr<OpenSession> session_;
  const std::string key_;
  const Kind kind_;
  const std::shared_ptr<Guard*> self_;
  std::unique_ptr<model::WatchHandle> handle_;
  std::atomic<bool> ended_{false};
  std::stop_source lost_;
  std::stop_callback<std::function<void()>> session_lost_;
};

HeldLock::HeldLock(std::shared_ptr<OpenSession> session, std::string key, std::uint64_t fence, Kind kind)
    : session_(session),
      fence_(fence),
      guard_(std::make_shared<Guard>(std::move(session), std::move(key), std::move(kind))) {}

HeldLock::~HeldLock() {
  if (guard_) release().then([](const Result<Unit>&) {});
}

bool HeldLock::alive() const { return guard_ && guard_->alive(); }
std::stop_token HeldLock::lost() const noexcept { return guard_->lost(); }

Async<Unit> HeldLock::release() {
  const Call call{.token = session_->token()};
  return session_->state()->core()->ask<Unit>(
      call, CallKind::kWrite,
      [guard = guard_](const AgentCore::Parts&, Completion<Unit> done) { guard->release(std::move(done)); });
}

}  // namespace discovery::api
