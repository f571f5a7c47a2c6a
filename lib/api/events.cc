#include <deque>
#include <mutex>
#include <utility>

#include <discovery/events.h>

#include "lib/api/agent_core.h"
#include "lib/model/event.h"

namespace discovery::api {

/// Brings the events of one subscription from the loop to the executor.
class EventFeed final : public Attached, public std::enable_shared_from_this<EventFeed> {
 public:
  using Callback = std::function<void(const Event&)>;

  EventFeed(std::shared_ptr<AgentCore> core, Callback callback)
      : core_(std::move(core)), callback_(std::move(callback)) {}

  /// Threads: the loop's, all three.
  void begin(const std::string& name) {
    core_->add(*this);
    subscription_ =
        core_->parts().events->subscribe(name, [this](const model::UserEventPtr& event) { push(event); });
  }
  void stop() {
    if (!subscription_) return;
    subscription_.reset();
    core_->remove(*this);
  }
  void end() override { subscription_.reset(); }

  /// No callback runs after this, nor is one running, unless it is the caller. Threads: any.
  void cancel() {
    const std::lock_guard running(running_);
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    waiting_.clear();
  }

  const std::shared_ptr<AgentCore>& core() const noexcept { return core_; }

 private:
  static constexpr std::size_t kMaxWaiting = 256;

  void push(const model::UserEventPtr& event) {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return;
    if (waiting_.size() == kMaxWaiting) waiting_.pop_front();
    waiting_.push_back(event);
    if (!std::exchange(posted_, true))
      core_->executor()->post([self = shared_from_this()] { self->deliver(); });
  }

  void deliver() {
    const std::lock_guard running(running_);
    while (true) {
      std::unique_lock lock(mutex_);
      if (cancelled_ || waiting_.empty()) {
        posted_ = false;
        return;
      }
      const model::UserEventPtr event = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      callback_({event->id, event->name, event->payload, event->node_filter, event->service_filter,
                 event->tag_filter});
    }
  }

  const std::shared_ptr<AgentCore> core_;
  const Callback callback_;
  std::unique_ptr<model::EventBus::Subscription> subscription_;
  std::recursive_mutex running_;  ///< held while the callback runs
  std::mutex mutex_;              ///< guards all below
  std::deque<model::UserEventPtr> waiting_;
  bool posted_ = false;
  bool cancelled_ = false;
};

}  // namespace discovery::api

namespace discovery::inline v0 {

using api::AgentCore;
using api::EventFeed;

Subscription::Subscription(std::shared_ptr<EventFeed> feed) : feed_(std::move(feed)) {}
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&& other) noexcept {
  std::swap(feed_, other.feed_);
  return *this;
}
Subscription::~Subscription() {
  if (!feed_) return;
  feed_->cancel();
  const std::shared_ptr<AgentCore> core = feed_->core();
  (void)core->post([feed = std::move(feed_)] { feed->stop(); });
}

Events::Events(std::shared_ptr<AgentCore> core) : core_(std::move(core)) {}

Async<std::string> Events::fire(Event event, const Call& call) {
  model::UserEvent fired;
  fired.name = std::move(event.name);
  fired.payload = std::move(event.payload);
  fired.node_filter = std::move(event.node_filter);
  fired.service_filter = std::move(event.service_filter);
  fired.tag_filter = std::move(event.tag_filter);
  return core_->ask<std::string>(
      call, api::CallKind::kWrite,
      [fired = std::make_unique<model::UserEvent>(std::move(fired)), call](
          const AgentCore::Parts& parts, api::Completion<std::string> done) mutable {
        parts.events->fire(std::move(*fired), call)
            .then([done = std::move(done)](Result<model::UserEvent> result) mutable {
              result.ok() ? done(std::move(result->id)) : done(result.status());
            });
      });
}

Subscription Events::subscribe(std::string name, std::function<void(const Event&)> callback) {
  auto feed = std::make_shared<EventFeed>(core_, std::move(callback));
  (void)core_->post([feed, name = std::move(name)] { feed->begin(name); });
  return Subscription(std::move(feed));
}

}  // namespace discovery::inline v0
