#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "lib/api/held_lock.h"

namespace discovery::api {

/// A try to get hold of something: asks, waits, and begins again, until it has it or its caller gives up.
/// Threads: the loop's. Held by what it waits for.
class Acquisition : public Attached, public std::enable_shared_from_this<Acquisition> {
 public:
  Acquisition(std::shared_ptr<OpenSession> session, const AgentCore::Parts& parts, bool wait,
              Completion<std::shared_ptr<HeldLock>> done)
      : session_(std::move(session)), parts_(parts), wait_(wait), done_(std::move(done)) {}
  Acquisition(const Acquisition&) = delete;
  Acquisition& operator=(const Acquisition&) = delete;
  ~Acquisition() override;

  void end() override;

  /// `reserved` is what the session may hold only once.
  void begin(const std::string& reserved);

 protected:
  /// Looks how things stand, once they have moved beyond an index, and goes on from there.
  virtual void look(Index beyond) = 0;
  /// How to let go of what was taken so far, or what is held; empty: nothing was.
  virtual LettingGo::Release release() const = 0;

  const std::string& session_id() const noexcept { return session_->state()->id(); }
  const std::string& token() const noexcept { return session_->token(); }
  const AgentCore::Parts& parts() const noexcept { return parts_; }
  bool wait() const noexcept { return wait_; }

  /// `next(Result<model::Answer>)` is called unless it is over by then.
  template <class Next>
  void ask(model::Query query, Index beyond, Consistency consistency, Next next) {
    model::Read read;
    read.min_index = beyond;
    read.consistency = consistency;
    read.call = {.token = session_->token(), .stop = stop_.get_token()};
    parts_.backend->query(std::move(query), std::move(read))
        .then(
            [self = shared_from_this(), next = std::move(next)](const Result<model::Answer>& answer) mutable {
              if (!self->over_) next(answer);
            });
  }

  /// The same for a command.
  template <class Next>
  void apply(model::Command command, Next next) {
    applying_ = true;
    parts_.backend->apply(std::move(command), {.token = session_->token()})
        .then([self = shared_from_this(),
               next = std::move(next)](const Result<model::Outcome>& outcome) mutable {
          self->applying_ = false;
          self->over_ ? self->undo() : next(outcome);
        });
  }

  void look_after_pause();
  void reset_pause() { pause_length_ = kFirstPause; }

  /// Servers that cannot be asked now may be later; all else stays as it is.
  void fail_or_retry(const Status& status);
  void fail(const Status& status);
  /// It is held, and stays so until the answer's end.
  void succeed(std::uint64_t fence, model::Query watched, std::function<bool(const model::Value&)> is_held);

 private:
  /// Begins, once the key is free of what was before.
  void take(const std::string& reserved);
  /// Ends it without success.
  void abandon();
  /// Takes back what was done, unless the session's end has; then the key may be taken again.
  void undo();
  void finish();

  const std::shared_ptr<OpenSession> session_;
  const AgentCore::Parts& parts_;
  const bool wait_;
  Completion<std::shared_ptr<HeldLock>> done_;
  std::string reserved_;
  std::stop_source stop_;
  std::unique_ptr<env::Timer> pause_;
  Duration pause_length_ = kFirstPause;
  bool applying_ = false;  // a command is under way; what it comes to must be known before it is taken back
  bool over_ = false;
};

/// Takes the lock at a key, waiting for it or not. Errors as Lock's. Threads: any.
Async<std::shared_ptr<HeldLock>> acquire_lock(const std::shared_ptr<OpenSession>& session, std::string key,
                                              std::string value, bool wait, const Call& call);
/// Takes a place in a semaphore. Errors as Semaphore's. Threads: any.
Async<std::shared_ptr<HeldLock>> acquire_permit(const std::shared_ptr<OpenSession>& session,
                                                std::string prefix, unsigned permits, bool wait,
                                                const Call& call);

}  // namespace discovery::api
