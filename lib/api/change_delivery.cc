#include "lib/api/change_delivery.h"

#include <exception>
#include <string>
#include <utility>

namespace discovery::api {

void ChangeDelivery::set(Changed changed) {
  auto next = changed ? std::make_shared<const Changed>(std::move(changed)) : nullptr;
  const std::lock_guard lock(mutex_);
  changed_.swap(next);  // what was there goes when the lock is released
  if (changed_ != nullptr) return;
  order_.clear();
  waiting_.clear();
}

void ChangeDelivery::push(CheckChange change) {
  const std::lock_guard lock(mutex_);
  if (closed_ || changed_ == nullptr) return;
  const std::uint64_t id = change.id;
  const auto found = waiting_.find(id);
  if (found != waiting_.end()) {
    change.from = found->second.from;
    found->second = std::move(change);
    return;
  }
  waiting_.emplace(id, std::move(change));
  order_.push_back(id);
  // Under the lock, since close() says that there is nowhere to post to after it.
  if (!std::exchange(posted_, true)) post_([self = shared_from_this()] { self->deliver(); });
}

void ChangeDelivery::drop(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (waiting_.erase(id) > 0) std::erase(order_, id);
}

void ChangeDelivery::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  order_.clear();
  waiting_.clear();
  idle_.wait(lock, [this] { return !running_ || runner_ == std::this_thread::get_id(); });
}

/// One at a time, so that others get their turn where calls are made.
void ChangeDelivery::deliver() {
  std::unique_lock lock(mutex_);
  posted_ = false;
  if (order_.empty()) return;
  const CheckChange change = std::move(waiting_.extract(order_.front()).mapped());
  order_.pop_front();
  auto changed = changed_;
  posted_ = running_ = true;
  runner_ = std::this_thread::get_id();
  lock.unlock();
  call(*changed, change);
  changed.reset();  // the last of it may go here; not under the lock
  lock.lock();
  running_ = posted_ = false;
  idle_.notify_all();
  if (closed_ || order_.empty()) return;
  posted_ = true;
  post_([self = shared_from_this()] { self->deliver(); });
}

void ChangeDelivery::call(const Changed& changed, const CheckChange& change) const {
  std::string what;
  try {
    return changed(change);
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
    what = "of an unknown type";
  }
  if (log_) log_->write(Level::kError, "health", "exception in on_change: " + what);
}

}  // namespace discovery::api
