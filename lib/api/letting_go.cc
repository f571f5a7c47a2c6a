#include "lib/api/letting_go.h"

#include <algorithm>
#include <utility>

namespace discovery::api {

bool may_pass(const Status& failure) noexcept {
  return failure.code() == Code::kUnavailable || failure.code() == Code::kDeadlineExceeded ||
         failure.code() == Code::kUnknownOutcome;
}

LettingGo::LettingGo(std::shared_ptr<OpenSession> session, std::string key, Release release)
    : session_(std::move(session)), key_(std::move(key)), release_(std::move(release)) {}

void LettingGo::begin(std::shared_ptr<OpenSession> session, std::string key, Release release,
                      std::optional<Completion<Unit>> done) {
  session->state()->begin_leaving(key);
  std::make_shared<LettingGo>(std::move(session), std::move(key), std::move(release))
      ->attempt(std::move(done));
}

void LettingGo::attempt(std::optional<Completion<Unit>> done) {
  AgentCore& core = *session_->state()->core();
  auto ended = [self = shared_from_this(), done = std::move(done)](const Result<Unit>& result) mutable {
    if (done) (*done)(result);
    SessionState& session = *self->session_->state();
    // A session that has ended has let go of everything; and then there may be nobody to ask any more.
    if (!may_pass(result.status()) || !session.alive()) return session.leave_key(self->key_);
    AgentCore& loop = *session.core();
    loop.add(*self);
    if (!self->pause_) self->pause_ = loop.parts().env->make_timer();
    self->pause_->start(self->pause_length_, [self, &loop] {
      loop.remove(*self);
      self->attempt(std::nullopt);
    });
    self->pause_length_ = std::min(self->pause_length_ * 2, kLongestPause);
  };
  release_(core.parts(), Completion<Unit>(nullptr, nullptr, std::move(ended)));
}

}  // namespace discovery::api
