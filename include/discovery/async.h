#pragma once

/// \file
/// One asynchronous operation, taken by callback, by future, or by `co_await`.

#include <coroutine>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <discovery/env.h>
#include <discovery/status.h>

namespace discovery::inline v0 {

template <class Signature>
class UniqueFunction;

/// A move-only `std::function`: it may own what cannot be copied, and small targets (up to six pointers) need
/// no allocation. Calling an empty one is undefined. Threads: a value; distinct objects may be used by
/// distinct threads.
template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() noexcept = default;
  UniqueFunction(std::nullptr_t) noexcept {}  // NOLINT: implicit by design

  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, UniqueFunction> &&
                                              std::is_invocable_r_v<R, std::decay_t<F>&, Args...>>>
  UniqueFunction(F&& target) {  // NOLINT: implicit by design
    using Target = std::decay_t<F>;
    if constexpr (fits<Target>()) {
      ::new (static_cast<void*>(storage_)) Target(std::forward<F>(target));
      ops_ = &kInline<Target>;
    } else {
      ::new (static_cast<void*>(storage_)) Target*(new Target(std::forward<F>(target)));
      ops_ = &kOnHeap<Target>;
    }
  }

  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~UniqueFunction() { reset(); }

  explicit operator bool() const noexcept { return ops_ != nullptr; }
  R operator()(Args... args) { return ops_->call(storage_, std::forward<Args>(args)...); }

 private:
  static constexpr std::size_t kCapacity = 6 * sizeof(void*);
  struct Ops {
    R (*call)(void*, Args&&...);
    void (*relocate)(void* to, void* from) noexcept;
    void (*destroy)(void*) noexcept;
  };

  template <class F>
  static constexpr bool fits() {
    return sizeof(F) <= kCapacity && alignof(F) <= alignof(std::max_align_t) &&
           std::is_nothrow_move_constructible_v<F>;
  }
  template <class F>
  static constexpr Ops kInline = {
      [](void* at, Args&&... args) -> R { return (*static_cast<F*>(at))(std::forward<Args>(args)...); },
      [](void* to, void* from) noexcept {
        ::new (to) F(std::move(*static_cast<F*>(from)));
        static_cast<F*>(from)->~F();
      },
      [](void* at) noexcept { static_cast<F*>(at)->~F(); }};
  template <class F>
  static constexpr Ops kOnHeap = {
      [](void* at, Args&&... args) -> R { return (**static_cast<F**>(at))(std::forward<Args>(args)...); },
      [](void* to, void* from) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
      [](void* at) noexcept { delete *static_cast<F**>(at); }};

  void take(UniqueFunction& other) noexcept {
    if (other.ops_ == nullptr) return;
    other.ops_->relocate(storage_, other.storage_);
    ops_ = std::exchange(other.ops_, nullptr);
  }
  void reset() noexcept {
    if (ops_ != nullptr) std::exchange(ops_, nullptr)->destroy(storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kCapacity];
  const Ops* ops_ = nullptr;
};

/// One operation and its result. It starts when it is consumed (then, future, get, co_await) and completes
/// exactly once, on the instance's executor; an operation whose result was there at once is completed where
/// it is consumed. Destroying an Async that was never consumed means that the operation never happens.
/// Threads: consume it on any thread, once.
template <class T>
class [[nodiscard]] Async {
 public:
  using Callback = UniqueFunction<void(Result<T>)>;
  using Start = UniqueFunction<void(Callback)>;

  /// An operation that is done already.
  Async(Result<T> result) : ready_(std::move(result)) {}          // NOLINT: implicit by design
  Async(T value) : ready_(Result<T>(std::move(value))) {}         // NOLINT: implicit by design
  Async(Status status) : ready_(Result<T>(std::move(status))) {}  // NOLINT: implicit by design
  /// An operation that `start` begins; `start` calls its argument exactly once, on `executor` if there is
  /// one.
  static Async pending(Start start, std::shared_ptr<Executor> executor = {}) {
    return Async(Pending{}, std::move(start), std::move(executor));
  }

  Async(Async&&) noexcept = default;
  Async& operator=(Async&&) noexcept = default;

  /// Whether the result is there without waiting.
  bool ready() const noexcept { return ready_.has_value(); }

  /// Where its result will come; null: where it is consumed, or not known.
  const std::shared_ptr<Executor>& executor() const noexcept { return executor_; }

  /// Consumes the operation: `callback` gets the result. Blocks: never.
  void then(Callback callback) && {
    if (ready_) {
      callback(std::move(*ready_));
    } else {
      start_(std::move(callback));
    }
  }

  /// Consumes the operation into a future. Blocks: never; the future's get() does.
  std::future<Result<T>> future() && {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto result = promise->get_future();
    std::move(*this).then([promise](Result<T> value) { promise->set_value(std::move(value)); });
    return result;
  }

  /// Consumes the operation and waits for its result. Blocks: yes. kFailedPrecondition on a thread of the
  /// instance's executor, which would wait for itself; the operation does not happen then.
  Result<T> get() && {
    if (!ready_ && executor_ && executor_->running_in_this_thread()) {
      return Status(Code::kFailedPrecondition,
                    "get() on a thread that brings results would wait for itself: use then() or co_await");
    }
    return std::move(*this).future().get();
  }

  /// What `co_await` uses: resumes the coroutine where the operation completes.
  class Awaiter {
   public:
    explicit Awaiter(Async operation) : operation_(std::move(operation)) {}
    bool await_ready() const noexcept { return operation_.ready(); }
    void await_suspend(std::coroutine_handle<> waiter) {
      std::move(operation_).then([this, waiter](Result<T> result) {
        result_.emplace(std::move(result));
        waiter.resume();
      });
    }
    Result<T> await_resume() { return result_ ? std::move(*result_) : std::move(*operation_.ready_); }

   private:
    Async operation_;
    std::optional<Result<T>> result_;
  };
  Awaiter operator co_await() && { return Awaiter(std::move(*this)); }

 private:
  struct Pending {};
  Async(Pending, Start start, std::shared_ptr<Executor> executor)
      : start_(std::move(start)), executor_(std::move(executor)) {}

  std::optional<Result<T>> ready_;
  Start start_;
  std::shared_ptr<Executor> executor_;
};

}  // namespace discovery::inline v0
