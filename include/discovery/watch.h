#pragma once

/// \file
/// A stream of immutable views: what is watched as it is now, and again after each change.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <discovery/async.h>
#include <discovery/export.h>
#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::inline v0 {

/// How a list differs from an earlier one. Elements that only moved are in none of the three.
template <class Element>
struct Changes {
  std::vector<Element> added{};
  std::vector<Element> updated{};  ///< as they are now
  std::vector<Element> removed{};  ///< as they were

  bool empty() const noexcept { return added.empty() && updated.empty() && removed.empty(); }
};

/// A view together with the one that was delivered before it.
template <class T>
struct Update {
  View<T> view{};
  std::shared_ptr<const T> previous{};  ///< what the last delivery showed; null for the first one

  /// What is another since the last delivery; at the first one all is added. For the lists of this library.
  auto changes() const { return diff(previous ? *previous : T(), *view.value); }
};

namespace detail {

/// A view as it lies between its source and its readers.
struct Published {
  virtual ~Published() = default;
};
template <class T>
struct PublishedView final : Published {
  explicit PublishedView(View<T> published) : view(std::move(published)) {}
  const View<T> view;
};

/// Where a source puts its views and readers find them without a lock: a reader says in a slot of its own
/// what it holds (hazard pointers, Michael 2004; found by an epoch, so that no step is ever repeated), and
/// the source frees what nobody holds.
class DISCOVERY_EXPORT Channel : public std::enable_shared_from_this<Channel> {
 public:
  using View = std::shared_ptr<const Published>;
  struct Delivery {
    View view;
    View previous;
  };
  using Next = UniqueFunction<void(Result<Delivery>)>;
  using OnChange = std::function<void(const Result<Delivery>&)>;
  struct Slot;

  /// `first` is shown until something is published; it is not delivered.
  Channel(std::shared_ptr<Executor> executor, View first);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// \name The source's. Threads: one at a time.
  /// @{
  void publish(View view);
  /// Something keeps the source from showing what is true now.
  void fail(Status status);
  /// There is no more: who waits gets `status`.
  void close(Status status);
  /// @}

  /// \name The consumer's. Threads: any.
  /// @{
  void next(Next done);
  void on_change(OnChange callback);
  /// No callback runs after this, and none is running, unless it is the caller.
  void cancel() noexcept;
  const std::shared_ptr<Executor>& executor() const noexcept;
  /// @}

  /// \name The readers'. A slot belongs to one thread at a time.
  /// @{
  const Published* current() const noexcept { return current_.load(std::memory_order_acquire); }
  Slot* add_reader();
  void remove_reader(Slot* slot) noexcept;
  /// Lets go of what the slot had and takes the latest. Wait-free.
  const Published* move_on(Slot& slot) noexcept;
  /// The latest, kept by who takes it.
  View shared() const;
  /// @}

 private:
  struct Impl;
  void post_delivery();
  void deliver();

  std::atomic<const Published*> current_;
  std::unique_ptr<Impl> impl_;
};

struct WatchAccess;

}  // namespace detail

/// A running watch. Its first view is complete; the index never falls within an epoch; who is slow sees the
/// latest only (one view is kept, not a queue). Ends when it is destroyed.
///
/// Threads: latest() is one thread's at a time, others take a reader(); the rest any. Blocks: never, but for
/// cancel() and the destructor, which wait for a running callback unless that is their caller.
template <class T>
class [[nodiscard]] Watch {
 public:
  /// The latest view for one thread. Must not outlive its Watch.
  class Reader {
   public:
    explicit Reader(detail::Channel& channel)
        : channel_(&channel), slot_(channel.add_reader()), seen_(channel.move_on(*slot_)) {}
    Reader(Reader&& other) noexcept
        : channel_(other.channel_), slot_(std::exchange(other.slot_, nullptr)), seen_(other.seen_) {}
    Reader& operator=(Reader&& other) noexcept {
      std::swap(channel_, other.channel_);
      std::swap(slot_, other.slot_);
      std::swap(seen_, other.seen_);
      return *this;
    }
    ~Reader() {
      if (slot_ != nullptr) channel_->remove_reader(slot_);
    }

    /// What is true now; before the first answer an empty value, at index 0 and not live. The value is never
    /// null. Valid until the next call. Wait-free, no allocation: one load where nothing has changed.
    const View<T>& latest() noexcept {
      if (channel_->current() != seen_) [[unlikely]]
        seen_ = channel_->move_on(*slot_);
      return static_cast<const detail::PublishedView<T>*>(seen_)->view;
    }

   private:
    detail::Channel* channel_;
    detail::Channel::Slot* slot_;
    const detail::Published* seen_;
  };

  Watch(Watch&&) noexcept = default;
  Watch& operator=(Watch&& other) noexcept {
    cancel();
    std::swap(channel_, other.channel_);
    std::swap(own_, other.own_);
    std::swap(source_, other.source_);
    return *this;
  }
  ~Watch() { cancel(); }

  /// The first view, or the next one that is newer than what was delivered last. One at a time. kUnavailable:
  /// the source cannot be reached; the watch goes on, and the next call waits for what comes then (a view
  /// that is not live, if one is known). kCancelled: it has ended. kFailedPrecondition: a call waits already,
  /// or there is an on_change().
  Async<Update<T>> next() {
    return Async<Update<T>>::pending(
        [channel = channel_](typename Async<Update<T>>::Callback done) mutable {
          channel->next([done = std::move(done)](const Result<detail::Channel::Delivery>& delivery) mutable {
            done(typed(delivery));
          });
        },
        channel_->executor());
  }

  /// As Reader::latest(), for the thread that holds the watch.
  const View<T>& latest() noexcept { return own_.latest(); }

  /// Another thread's access to the latest view.
  Reader reader() const { return Reader(*channel_); }

  /// A function that returns the latest view, for any threads at once, e.g. for a Resolver. It may outlive
  /// the watch, and then shows the last view. Takes a lock for a moment.
  std::function<View<T>()> source() const {
    return [channel = channel_] {
      return static_cast<const detail::PublishedView<T>&>(*channel->shared()).view;
    };
  }

  /// Calls `callback` on the instance's executor with the first view, or the one that is there, and then
  /// after each change; what next() would fail with, it is called with as well. One call after another. It
  /// may destroy the watch.
  void on_change(std::function<void(const Result<Update<T>>&)> callback) {
    channel_->on_change([callback = std::move(callback)](const Result<detail::Channel::Delivery>& delivery) {
      callback(typed(delivery));
    });
  }

  /// Ends it: no call of on_change() comes after this; latest() goes on showing the last view.
  void cancel() noexcept {
    if (!channel_) return;
    channel_->cancel();
    source_.reset();
  }

 private:
  friend struct detail::WatchAccess;
  Watch(std::shared_ptr<detail::Channel> channel, std::shared_ptr<void> source)
      : channel_(std::move(channel)), own_(*channel_), source_(std::move(source)) {}

  static Result<Update<T>> typed(const Result<detail::Channel::Delivery>& delivery) {
    if (!delivery.ok()) return delivery.status();
    const auto view = [](const detail::Channel::View& erased) -> const View<T>& {
      return static_cast<const detail::PublishedView<T>&>(*erased).view;
    };
    Update<T> update{view(delivery->view), {}};
    if (delivery->previous) update.previous = view(delivery->previous).value;
    return update;
  }

  std::shared_ptr<detail::Channel> channel_;
  Reader own_;
  std::shared_ptr<void> source_;
};

}  // namespace discovery::inline v0
