#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include <discovery/watch.h>

#include "lib/api/agent_core.h"

namespace discovery::inline v0::detail {

/// Lets the library make watches.
struct WatchAccess {
  template <class T>
  static Watch<T> make(std::shared_ptr<Channel> channel, std::shared_ptr<void> source) {
    return Watch<T>(std::move(channel), std::move(source));
  }
};

}  // namespace discovery::inline v0::detail

namespace discovery::api {

/// Carries the answers of a backend's watch to a channel, as views of T. `Convert` makes a T of a
/// model::Value: it is called on the loop, with one after another.
template <class T, class Convert>
class WatchSource final : public Attached, private model::Sink {
 public:
  WatchSource(std::shared_ptr<AgentCore> core, std::shared_ptr<detail::Channel> channel, Convert convert)
      : core_(std::move(core)), channel_(std::move(channel)), convert_(std::move(convert)) {}
  WatchSource(const WatchSource&) = delete;
  WatchSource& operator=(const WatchSource&) = delete;

  /// Begins. Threads: the loop's.
  void begin(const model::Query& query, model::Read read) {
    core_->add(*this);
    read.pace = kPace;
    handle_ = core_->parts().backend->watch(query, std::move(read), *this);
  }
  /// Ends without a word. Threads: the loop's.
  void stop() {
    if (handle_) core_->remove(*this);
    handle_.reset();
  }
  void end() override {
    handle_.reset();
    channel_->close(Status(Code::kCancelled, "the agent has stopped"));
  }

 private:
  /// A view is made at most so often: readers see the latest only, and a view of a thousand instances costs
  /// some tens of microseconds.
  static constexpr Duration kPace = std::chrono::milliseconds(1);

  void on_answer(const model::Answer& answer) override {
    channel_->publish(
        std::make_shared<detail::PublishedView<T>>(View<T>{answer.meta, convert_(answer.value())}));
  }
  void on_error(const Status& status) override { channel_->fail(status); }

  const std::shared_ptr<AgentCore> core_;
  const std::shared_ptr<detail::Channel> channel_;
  Convert convert_;
  std::unique_ptr<model::WatchHandle> handle_;
};

/// Watches `query`: see WatchSource. Threads: any.
template <class T, class Convert>
Watch<T> make_watch(const std::shared_ptr<AgentCore>& core, model::Query query, model::Read read,
                    Convert convert) {
  View<T> nothing{{}, std::make_shared<const T>()};
  nothing.meta.live = false;
  auto channel = std::make_shared<detail::Channel>(
      core->executor(), std::make_shared<detail::PublishedView<T>>(std::move(nothing)));
  using Source = WatchSource<T, Convert>;
  auto source = std::make_shared<Source>(core, channel, std::move(convert));
  struct Question {
    model::Query query;
    model::Read read;
  };
  auto question = std::make_unique<Question>(Question{std::move(query), std::move(read)});
  const bool begun = core->post([source, question = std::move(question)]() mutable {
    source->begin(question->query, std::move(question->read));
  });
  if (!begun) channel->close(Status(Code::kCancelled, "the agent has stopped"));
  // The source lives on the loop: it is stopped there, in its turn.
  std::shared_ptr<void> guard(source.get(), [core, source](void*) mutable {
    (void)core->post([source = std::move(source)] { source->stop(); });
  });
  return detail::WatchAccess::make<T>(std::move(channel), std::move(guard));
}

/// A public read as the model has it.
inline model::Read to_model(Read read) {
  model::Read result;
  result.consistency = read.consistency;
  result.filter = std::move(read.filter);
  result.call = std::move(read.call);
  return result;
}

}  // namespace discovery::api
