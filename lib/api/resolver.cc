#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <string>

#include <discovery/resolver.h>

#include "lib/balance/retry_budget.h"
#include "lib/env/random.h"
#include "lib/env/system_clock.h"

namespace discovery::inline v0 {
namespace {

constexpr unsigned kMaxAttempts = 16;

/// Whether an instance has failed, rather than whoever called it.
bool blames_instance(Code code) noexcept {
  return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kResourceExhausted ||
         code == Code::kUnknownOutcome || code == Code::kInternal;
}

std::uint64_t seed_of(const ResolverOptions& options) {
  return options.seed != 0 ? options.seed : env::SystemRandom().next();
}

Status thrown(std::string what) { return {Code::kInternal, "exception: " + std::move(what)}; }

}  // namespace

/// What all calls of one resolver share.
struct Resolver::Lease::Owner {
  Owner(Source from, BalancerPtr pattern, ResolverOptions given)
      : source(std::move(from)),
        options(std::move(given)),
        clock(options.clock ? options.clock : env::make_system_clock()),
        balancer((pattern ? std::move(pattern) : eject_outliers(least_loaded()))->fresh(seed_of(options))),
        budget(options.retry_ratio, options.min_retries_per_second) {
    options.attempts = std::clamp(options.attempts, 1U, kMaxAttempts);
  }

  struct Picked {
    std::shared_ptr<const Instances> view;
    Pick pick;
    Duration began{};
  };

  Duration now() const { return clock->monotonic(); }

  /// kUnavailable, kInternal.
  Result<Picked> pick(std::uint64_t hash, std::span<const std::uint64_t> avoid) {
    View<Instances> view;
    try {
      view = source();
    } catch (const std::exception& error) {
      return thrown(error.what());
    } catch (...) {
      return thrown("of an unknown type");
    }
    const Duration began = now();
    const std::lock_guard lock(mutex);
    const auto found = balancer->pick(view.value, {.hash = hash, .now = began, .avoid = avoid});
    if (!found) return Status(Code::kUnavailable, "there is no instance to call");
    return Picked{std::move(view.value), *found, began};
  }

  void done(std::uint64_t ticket, const CallOutcome& outcome) noexcept {
    const std::lock_guard lock(mutex);
    balancer->done(ticket, outcome);
  }

  void done(const Picked& picked, const Status& status) noexcept {
    const Duration ended = now();
    done(picked.pick.ticket,
         {.latency = ended - picked.began, .ok = !blames_instance(status.code()), .now = ended});
  }

  const Source source;
  ResolverOptions options;
  const std::shared_ptr<Clock> clock;
  mutable std::mutex mutex;  ///< guards all below
  const BalancerPtr balancer;
  balance::RetryBudget budget;
  ResolverStats stats;
};

namespace {

/// Where one call has been, and whether it goes on. Owner is Resolver's.
template <class Owner>
class Journey {
 public:
  Journey(Owner& owner, const Routing& routing) : owner_(owner), hash_(routing.hash), stop_(routing.stop) {
    const Duration timeout = routing.timeout > Duration::zero() ? routing.timeout : owner.options.timeout;
    if (timeout > Duration::zero()) deadline_ = owner.now() + timeout;
    const std::lock_guard lock(owner.mutex);
    ++owner.stats.calls;
    owner.budget.earn();
  }

  /// The next instance to be at.
  Result<typename Owner::Picked> next() {
    if (stop_.stop_requested()) return Status(Code::kCancelled, "the caller has given up");
    if (deadline_ && owner_.now() >= *deadline_)
      return Status(Code::kDeadlineExceeded, "the time of the call was over before it could be made");
    auto picked = owner_.pick(hash_, std::span(been_at_).first(count_));
    if (picked.ok()) been_at_[count_++] = picked->pick.ticket;
    return picked;
  }

  /// What is left for the next attempt; 0: no end is set.
  Duration left() const { return deadline_ ? std::max(*deadline_ - owner_.now(), Duration(1)) : Duration(); }

  /// Whether another attempt is made after one that ended so.
  bool goes_on(Code code) {
    const bool may_help = code == Code::kUnavailable ||
                          (code == Code::kDeadlineExceeded && owner_.options.retry_deadline_exceeded);
    const Duration now = owner_.now();
    if (!may_help || count_ >= owner_.options.attempts || stop_.stop_requested()) return false;
    if (deadline_ && now >= *deadline_) return false;
    const std::lock_guard lock(owner_.mutex);
    const bool affordable = owner_.budget.spend(now);
    ++(affordable ? owner_.stats.retries : owner_.stats.refused_retries);
    return affordable;
  }

  void end(Code code) {
    if (!blames_instance(code)) return;
    const std::lock_guard lock(owner_.mutex);
    ++owner_.stats.failures;
  }

 private:
  Owner& owner_;
  const std::uint64_t hash_;
  const std::stop_token stop_;
  std::optional<Duration> deadline_;
  std::array<std::uint64_t, kMaxAttempts> been_at_{};  // tickets
  std::size_t count_ = 0;
};

}  // namespace

Resolver::Resolver(Source source, BalancerPtr balancer, ResolverOptions options)
    : owner_(std::make_shared<Owner>(std::move(source), std::move(balancer), std::move(options))) {}

Resolver::Lease& Resolver::Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  if (owner_) owner_->done(pick_.ticket, {.known = false});
  owner_ = std::move(other.owner_);
  view_ = std::move(other.view_);
  pick_ = other.pick_;
  began_ = other.began_;
  return *this;
}

Resolver::Lease::~Lease() {
  if (owner_) owner_->done(pick_.ticket, {.known = false});
}

void Resolver::Lease::done(bool ok) noexcept {
  if (!owner_) return;
  const Duration ended = owner_->now();
  std::exchange(owner_, nullptr)->done(pick_.ticket, {.latency = ended - began_, .ok = ok, .now = ended});
}

std::optional<Resolver::Lease> Resolver::pick(const Routing& routing) {
  auto picked = owner_->pick(routing.hash, {});
  if (!picked.ok()) return std::nullopt;
  Lease lease;
  lease.owner_ = owner_;
  lease.view_ = std::move(picked->view);
  lease.pick_ = picked->pick;
  lease.began_ = picked->began;
  return lease;
}

Status Resolver::run(const Attempt& attempt, const Routing& routing) {
  Journey<Owner> journey(*owner_, routing);
  Status last;
  bool first = true;
  while (true) {
    auto picked = journey.next();
    if (!picked.ok()) {
      if (first) last = picked.status();
      break;
    }
    first = false;
    try {
      last = attempt(*picked->pick.instance, journey.left());
    } catch (const std::exception& error) {
      last = thrown(error.what());
    } catch (...) {
      last = thrown("of an unknown type");
    }
    owner_->done(*picked, last);
    if (!journey.goes_on(last.code())) break;
  }
  journey.end(last.code());
  return last;
}

/// An asynchronous call. It holds itself by what the attempt under way will call.
struct Resolver::AsyncCall : std::enable_shared_from_this<AsyncCall> {
  AsyncCall(std::shared_ptr<Owner> of, AsyncAttempt what, const Routing& routing, StatusDone then)
      : owner(std::move(of)), attempt(std::move(what)), journey(*owner, routing), done(std::move(then)) {}

  void next() {
    auto found = journey.next();
    if (!found.ok()) return end(number == 0 ? found.status() : last);
    picked = *std::move(found);
    const unsigned mine = ++number;
    std::string what;
    try {
      return attempt(*picked.pick.instance, journey.left(), [self = shared_from_this(), mine](Status status) {
        self->ended(mine, std::move(status));
      });
    } catch (const std::exception& error) {
      what = error.what();
    } catch (...) {
      what = "of an unknown type";
    }
    ended(mine, thrown(std::move(what)));
  }

  void ended(unsigned which, Status status) {
    if (which != number || over == number) return;  // it had thrown, and yet it calls
    over = number;
    owner->done(picked, status);
    last = std::move(status);
    if (!journey.goes_on(last.code())) return end(last);
    next();
  }

  void end(Status status) {
    journey.end(status.code());
    done(std::move(status));
  }

  const std::shared_ptr<Owner> owner;
  AsyncAttempt attempt;
  Journey<Owner> journey;
  StatusDone done;
  Owner::Picked picked;
  Status last;
  unsigned number = 0;  // of the attempt
  unsigned over = 0;    // the attempt that has ended
};

void Resolver::run_async(std::shared_ptr<Owner> owner, AsyncAttempt attempt, const Routing& routing,
                         StatusDone done) {
  std::make_shared<AsyncCall>(std::move(owner), std::move(attempt), routing, std::move(done))->next();
}

ResolverStats Resolver::stats() const {
  const std::lock_guard lock(owner_->mutex);
  return owner_->stats;
}

}  // namespace discovery::inline v0
