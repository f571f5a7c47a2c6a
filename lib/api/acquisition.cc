#include "lib/api/acquisition.h"

#include <algorithm>

namespace discovery::api {

Acquisition::~Acquisition() {
  if (!over_) session_->state()->core()->remove(*this);  // what it waited for has gone without a word
}

void Acquisition::end() {
  const auto self = shared_from_this();  // what it waits for holds it, and is cancelled
  fail({Code::kCancelled, "the agent has stopped"});
}

void Acquisition::begin(const std::string& reserved) {
  done_.on_given_up([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->abandon();
  });
  pause_ = parts_.env->make_timer();
  session_->state()->core()->add(*this);
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
  if (!wait_ || !may_pass(status)) return fail(status);
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
  LettingGo::Release release = this->release();
  // A session that has ended has let go of everything; and then there may be nobody to ask any more.
  if (!release || !session_->state()->alive()) return session_->state()->leave_key(reserved_);
  LettingGo::begin(session_, reserved_, std::move(release));
}

void Acquisition::fail(const Status& status) {
  if (over_) return;
  abandon();
  done_(status);
}

void Acquisition::succeed(std::uint64_t fence, model::Query watched,
                          std::function<bool(const model::Value&)> is_held) {
  finish();
  done_(std::make_shared<HeldLock>(session_, reserved_, fence,
                                   HeldLock::Kind{std::move(watched), std::move(is_held), release()}));
}

void Acquisition::finish() {
  over_ = true;
  stop_.request_stop();
  pause_.reset();
  session_->state()->core()->remove(*this);
}

}  // namespace discovery::api
