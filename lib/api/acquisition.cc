#include "lib/api/acquisition.h"

#include <algorithm>

namespace discovery::api {

void Acquisition::begin(const std::string& reserved) {
  done_.on_given_up([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->abandon();
  });
  pause_ = parts_.env->make_timer();
  take(reserved);
}

void Acquisition::take(const std::string& reserved) {
  SessionState& session = *session_->state();
  if (over_) return;
  if (!session.alive()) return fail({Code::kFailedPrecondition, "the session is lost: open another one"});
  if (session.is_leaving(reserved)) {
    return session.when_left(reserved, [self = shared_from_this(), reserved] { self->take(reserved); });
  }
  if (!session.take_key(reserved)) {
    return fail(
        {Code::kFailedPrecondition, "the session holds \"" + reserved + "\" already, or is about to"});
  }
  reserved_ = reserved;
  look(0);
}

void Acquisition::look_after_pause() {
  pause_->start(pause_length_, [self = shared_from_this()] {
    if (!self->over_) self->look(0);
  });
  pause_length_ = std::min(pause_length_ * 2, kLongestPause);
}

void Acquisition::fail_or_retry(const Status& status) {
  if (!session_->state()->alive())
    return fail(Status(Code::kFailedPrecondition, "the session is lost: open another one"));
  const bool passes = status.code() == Code::kUnavailable || status.code() == Code::kDeadlineExceeded ||
                      status.code() == Code::kUnknownOutcome;
  if (!wait_ || !passes) return fail(status);
  look_after_pause();
}

void Acquisition::abandon() {
  if (over_) return;
  finish();
  if (reserved_.empty()) return;  // it never began
  session_->state()->begin_leaving(reserved_);
  if (!applying_) undo();
}

void Acquisition::undo() {
  // A session that has ended has let go of everything; and then there may be nobody to ask any more.
  if (!session_->state()->alive()) return session_->state()->leave_key(reserved_);
  take_back([session = session_, reserved = reserved_] { session->state()->leave_key(reserved); });
}

void Acquisition::fail(const Status& status) {
  if (over_) return;
  abandon();
  done_(status);
}

void Acquisition::succeed(std::uint64_t fence, HeldLock::Kind kind) {
  finish();
  done_(std::make_shared<HeldLock>(session_, reserved_, fence, std::move(kind)));
}

void Acquisition::finish() {
  over_ = true;
  stop_.request_stop();
  pause_.reset();
}

}  // namespace discovery::api
