#pragma once

/// \file
/// Calls to a service: a Resolver picks an instance of the latest view by a Balancer, tells it how the call
/// ended, and tries the next instance where that may help.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <discovery/async.h>
#include <discovery/balance.h>
#include <discovery/env.h>
#include <discovery/export.h>
#include <discovery/instance.h>
#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::inline v0 {

/// How a Resolver calls.
struct ResolverOptions {
  unsigned attempts = 3;     ///< of one call in all, 1 to 16; each at another instance while there are others
  Duration timeout{};        ///< of a call with all its attempts, unless it brings its own; 0: none
  double retry_ratio = 0.2;  ///< retries a call earns, so that retries don't double a service's load
  double min_retries_per_second = 10;  ///< beside those; unused ones are kept for up to 10 s
  /// kUnavailable is retried always, this if whoever is called bears to be asked twice.
  bool retry_deadline_exceeded = false;
  std::uint64_t seed = 0;          ///< for the balancer; 0 draws one from the system
  std::shared_ptr<Clock> clock{};  ///< null: the system's
};

/// What goes with one call.
struct Routing {
  std::uint64_t hash = 0;  ///< of its key, for consistent_hash(); hash_of() makes one
  Duration timeout{};      ///< with all attempts; 0: the resolver's
  std::stop_token stop{};  ///< no attempt begins once it is requested: kCancelled
};

/// What a Resolver has done so far.
struct ResolverStats {
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;  ///< calls that ended in the instances' failure, or found none
  std::uint64_t retries = 0;
  std::uint64_t refused_retries = 0;  ///< there was no budget for them
};

/// Binds a source of views, e.g. a Watch's latest(), to a Balancer.
///
/// A failed attempt is tried again at an instance that the call has not been at, while there is one, if its
/// code says that another may serve it, there are attempts, time and budget left. The budget is a bucket of
/// retries that calls and time fill. To the balancer an attempt has failed with kUnavailable,
/// kDeadlineExceeded, kResourceExhausted, kUnknownOutcome or kInternal; all else is the caller's affair.
///
/// Threads: safe; all share what the balancer learns, under a lock that is held for a pick (below a
/// microsecond). Blocks: where it says so. No exception leaves it: what a function throws is kInternal, and
/// not retried.
class DISCOVERY_EXPORT Resolver {
 public:
  /// The latest view; called for each attempt, on any thread.
  using Source = std::function<View<Instances>()>;

  /// `balancer` serves as a pattern (Balancer::fresh) and may be null: eject_outliers(least_loaded()).
  explicit Resolver(Source source, BalancerPtr balancer = nullptr, ResolverOptions options = {});

  /// An instance that was picked for a call of one's own. What becomes of the call is told by done(), or,
  /// without it, nothing but that it is over when this goes. Threads: one at a time.
  class DISCOVERY_EXPORT Lease {
   public:
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();
    /// Valid as long as the lease.
    const Instance& operator*() const noexcept { return *pick_.instance; }
    const Instance* operator->() const noexcept { return pick_.instance; }
    /// The call has ended; its latency is the time since the pick. Once.
    void done(bool ok) noexcept;

   private:
    friend class Resolver;
    struct Owner;
    Lease() = default;
    std::shared_ptr<Owner> owner_;
    std::shared_ptr<const Instances> view_;
    Pick pick_;
    Duration began_{};
  };
  /// Picks an instance, or nothing if there is none. Blocks: never.
  std::optional<Lease> pick(const Routing& routing = {});

  /// Runs `function(instance)`, or `function(instance, left)` with the time that is left (0: no end is set),
  /// which returns a Status or a Result<T>, and returns what it returned last. kUnavailable where there is no
  /// instance; kCancelled; kDeadlineExceeded if time ran out before the first attempt. Blocks: as the
  /// function does.
  template <class Function>
  auto call(Function&& function, const Routing& routing = {}) {
    using R = decltype(invoke(function, std::declval<const Instance&>(), Duration()));
    if constexpr (std::is_same_v<R, Status>) {
      return run([&](const Instance& at, Duration left) { return invoke(function, at, left); }, routing);
    } else {
      std::optional<R> result;
      Status status = run(
          [&](const Instance& at, Duration left) {
            result.emplace(invoke(function, at, left));
            return result->status();
          },
          routing);
      return status.ok() ? *std::move(result) : R(std::move(status));
    }
  }

  /// The same for a function that returns an Async<T>: it begins when what is returned is consumed, and the
  /// next attempt begins where the last one has completed. The instance is valid until the attempt's Async
  /// completes. The operation may outlive the resolver. Blocks: never.
  template <class Function>
  auto call_async(Function function, Routing routing = {}) {
    using Operation = decltype(invoke(function, std::declval<const Instance&>(), Duration()));
    using T = typename OperationValue<Operation>::type;
    return Async<T>::pending([owner = owner_, function = std::move(function),
                              routing = std::move(routing)](typename Async<T>::Callback done) mutable {
      auto result = std::make_shared<std::optional<Result<T>>>();
      auto attempt = [function = std::move(function), result](const Instance& at, Duration left,
                                                              StatusDone ended) mutable {
        invoke(function, at, left).then([result, ended = std::move(ended)](Result<T> value) mutable {
          Status status = value.status();
          result->emplace(std::move(value));
          ended(std::move(status));
        });
      };
      run_async(owner, std::move(attempt), routing, [result, done = std::move(done)](Status status) mutable {
        done(status.ok() ? std::move(**result) : Result<T>(std::move(status)));
      });
    });
  }

  /// Blocks: never.
  ResolverStats stats() const;

 private:
  using Owner = Lease::Owner;
  using StatusDone = UniqueFunction<void(Status)>;
  using Attempt = std::function<Status(const Instance&, Duration left)>;
  using AsyncAttempt = UniqueFunction<void(const Instance&, Duration left, StatusDone)>;
  struct AsyncCall;

  template <class Operation>
  struct OperationValue;
  template <class T>
  struct OperationValue<Async<T>> {
    using type = T;
  };

  template <class Function>
  static auto invoke(Function& function, const Instance& at, Duration left) {
    if constexpr (std::is_invocable_v<Function&, const Instance&, Duration>) {
      return function(at, left);
    } else {
      return function(at);
    }
  }

  Status run(const Attempt& attempt, const Routing& routing);
  static void run_async(std::shared_ptr<Owner> owner, AsyncAttempt attempt, const Routing& routing,
                        StatusDone done);

  std::shared_ptr<Owner> owner_;
};

}  // namespace discovery::inline v0
