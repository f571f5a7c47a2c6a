#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <discovery/watch.h>

namespace discovery::inline v0::detail {

namespace {

constexpr std::uint64_t kIdle = ~std::uint64_t{0};

}  // namespace

/// What one reader may hold: the view `held`, and while it looks for another one all that was not taken out
/// before `epoch`. An idle reader keeps one view from being freed, however long it sleeps.
struct alignas(64) Channel::Slot {
  std::atomic<std::uint64_t> epoch{kIdle};
  std::atomic<const Published*> held{nullptr};
};

struct Channel::Impl {
  struct Retired {
    std::uint64_t epoch;  ///< readers that began to look at this or later don't find it
    View view;
  };

  std::shared_ptr<Executor> executor;
  View first;
  std::atomic<std::uint64_t> epoch{1};

  std::mutex slots_mutex;  ///< guards the slots' list, what readers find and what was taken out
  std::vector<std::unique_ptr<Slot>> slots;
  View shown;
  std::vector<Retired> retired;

  std::mutex mutex;  ///< guards what is delivered, down to `cancelled`
  View newest;       ///< null: nothing has been published
  View delivered;
  bool has_news = false;
  std::optional<Status> trouble;
  std::optional<Status> closed;
  Next waiting;
  std::shared_ptr<const OnChange> callback;
  bool posted = false;
  bool cancelled = false;

  /// Held while a callback of on_change() runs: who cancels waits for it, unless it is the callback itself.
  std::recursive_mutex running;

  void show(View view, std::atomic<const Published*>& current);
  void free_unheld();
  Next take_waiting();
  bool wants_delivery() const { return !posted && !cancelled && (callback != nullptr || waiting); }
  Result<Delivery> take();
};

/// Lets readers find `view`, and frees what none of them has any more.
void Channel::Impl::show(View view, std::atomic<const Published*>& current) {
  const std::lock_guard lock(slots_mutex);
  current.store(view.get(), std::memory_order_seq_cst);
  const std::uint64_t now = epoch.fetch_add(1, std::memory_order_seq_cst) + 1;
  retired.push_back({now, std::exchange(shown, std::move(view))});
  free_unheld();
}

void Channel::Impl::free_unheld() {
  std::erase_if(retired, [this](const Retired& old) {
    return std::none_of(slots.begin(), slots.end(), [&](const std::unique_ptr<Slot>& slot) {
      // In this order: who is idle has said before what it holds.
      return slot->epoch.load(std::memory_order_seq_cst) < old.epoch ||
             slot->held.load(std::memory_order_seq_cst) == old.view.get();
    });
  });
}

/// The news, which count as delivered then.
Result<Channel::Delivery> Channel::Impl::take() {
  if (closed) return *closed;
  if (trouble) {
    Status status = *std::move(trouble);
    trouble.reset();
    return status;
  }
  has_news = false;
  return Delivery{newest, std::exchange(delivered, newest)};
}

Channel::Channel(std::shared_ptr<Executor> executor, View first)
    : current_(first.get()), impl_(std::make_unique<Impl>()) {
  impl_->executor = std::move(executor);
  impl_->shown = std::move(first);
}

Channel::~Channel() {
  if (impl_->waiting) impl_->waiting(Status(Code::kCancelled, "the watch has ended"));
}

const std::shared_ptr<Executor>& Channel::executor() const noexcept { return impl_->executor; }

Channel::Slot* Channel::add_reader() {
  const std::lock_guard lock(impl_->slots_mutex);
  impl_->slots.push_back(std::make_unique<Slot>());
  return impl_->slots.back().get();
}

void Channel::remove_reader(Slot* slot) noexcept {
  const std::lock_guard lock(impl_->slots_mutex);
  std::erase_if(impl_->slots, [&](const auto& mine) { return mine.get() == slot; });
  impl_->free_unheld();
}

const Published* Channel::move_on(Slot& slot) noexcept {
  slot.epoch.store(impl_->epoch.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
  const Published* latest = current_.load(std::memory_order_seq_cst);
  slot.held.store(latest, std::memory_order_seq_cst);
  slot.epoch.store(kIdle, std::memory_order_seq_cst);
  return latest;
}

Channel::View Channel::shared() const {
  const std::lock_guard lock(impl_->slots_mutex);
  return impl_->shown;
}

void Channel::publish(View view) {
  impl_->show(view, current_);
  const std::lock_guard lock(impl_->mutex);
  impl_->newest = std::move(view);
  impl_->has_news = true;
  impl_->trouble.reset();
  post_delivery();
}

void Channel::fail(Status status) {
  const std::lock_guard lock(impl_->mutex);
  impl_->trouble = std::move(status);
  post_delivery();
}

void Channel::close(Status status) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->closed) return;
  impl_->closed = std::move(status);
  post_delivery();
}

/// Lets a delivery come, if somebody waits for one. With the mutex held.
void Channel::post_delivery() {
  if (!impl_->wants_delivery() || !(impl_->has_news || impl_->trouble || impl_->closed)) return;
  impl_->posted = true;
  impl_->executor->post([channel = shared_from_this()] { channel->deliver(); });
}

void Channel::deliver() {
  const std::lock_guard running(impl_->running);
  std::unique_lock lock(impl_->mutex);
  impl_->posted = false;
  if (!impl_->wants_delivery() || !(impl_->has_news || impl_->trouble || impl_->closed)) return;
  const Result<Delivery> delivery = impl_->take();
  Next waiting = std::move(impl_->waiting);
  impl_->waiting = nullptr;
  const std::shared_ptr<const OnChange> callback = impl_->callback;
  if (impl_->closed) impl_->callback.reset();
  lock.unlock();
  if (callback) {
    (*callback)(delivery);
  } else {
    waiting(delivery);
  }
  lock.lock();
  post_delivery();
}

void Channel::next(Next done) {
  std::unique_lock lock(impl_->mutex);
  Status refusal;
  if (impl_->cancelled) {
    refusal = Status(Code::kCancelled, "the watch has ended");
  } else if (impl_->closed) {
    refusal = *impl_->closed;  // at once: nobody may be left to bring it
  } else if (impl_->waiting || impl_->callback) {
    refusal = Status(Code::kFailedPrecondition, "the watch has somebody who waits for its next view already");
  }
  if (!refusal.ok()) {
    lock.unlock();
    return done(std::move(refusal));
  }
  impl_->waiting = std::move(done);
  post_delivery();
}

void Channel::on_change(OnChange callback) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->cancelled) return;
  impl_->callback = std::make_shared<const OnChange>(std::move(callback));
  impl_->has_news = impl_->newest != nullptr;  // what is there is news to this one
  post_delivery();
}

void Channel::cancel() noexcept {
  std::unique_lock lock(impl_->mutex);
  impl_->cancelled = true;
  Next waiting = std::move(impl_->waiting);
  impl_->waiting = nullptr;
  auto callback = std::exchange(impl_->callback, nullptr);
  lock.unlock();
  if (waiting) {
    auto done = std::make_shared<Next>(std::move(waiting));
    impl_->executor->post([done] { (*done)(Status(Code::kCancelled, "the watch has ended")); });
  }
  const std::lock_guard running(impl_->running);
}

}  // namespace discovery::inline v0::detail
